//! One connection to APNs: a socket, TLS over it, a session over that. Moves bytes, decides nothing.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use apns_proto::now::Now;
use apns_proto::session::{self, Session};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::ClientConnection;

use crate::config::Endpoint;
use crate::event::Alarm;
use crate::queue::Origin;
use crate::stats::{Connection, ConnectionState, Stats};
use crate::{socket, tls};

/// A connection on its way up, or up.
#[derive(Debug)]
pub(crate) struct Link<R> {
    socket: TcpStream,
    tls: ClientConnection,
    phase: Phase<R>,
    address: SocketAddr,
    token: Token,
    opened: Instant,
    /// mio tells of an edge once; what it told is kept until an operation would block.
    readable: bool,
    writable: bool,
    /// Since the session's output last left as a whole, the socket has been full.
    was_full: bool,
    session_config: session::Config,
}

#[derive(Debug)]
enum Phase<R> {
    Connecting,
    Handshaking,
    Open(Box<Session<Origin<R>>>),
}

/// Why a connection ended or was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Down {
    /// In words for an operator.
    pub(crate) reason: String,
    /// What an operator has to act upon, if anything.
    pub(crate) alarm: Option<Alarm>,
    /// The server turned us away before it can have looked at a push.
    pub(crate) refused: bool,
}

impl Down {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            alarm: None,
            refused: false,
        }
    }

    /// Names the address, unless the reason speaks of more than this one.
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        match self.alarm {
            Some(_) => self,
            None => Self {
                reason: format!("connecting to {address}: {}", self.reason),
                ..self
            },
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        let (alarm, reason) = tls::describe(error);
        // An alert about our certificate comes instead of any answer: nothing was processed (RFC 8446 §4.4.2.4).
        Self {
            refused: alarm == Some(Alarm::Configuration),
            alarm,
            reason,
        }
    }
}

impl From<io::Error> for Down {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl<R> Link<R> {
    /// Begins to connect; never waits.
    pub(crate) fn open(
        address: SocketAddr,
        endpoint: &Endpoint,
        tls_config: Arc<rustls::ClientConfig>,
        session_config: session::Config,
        registry: &Registry,
        token: Token,
    ) -> Result<Self, Down> {
        let mut tls = ClientConnection::new(tls_config, endpoint.server_name.clone())
            .map_err(|error| Down::tls(&error))?;
        tls.set_buffer_limit(Some(TLS_BUFFER));
        let mut socket = socket::open(address)?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            socket,
            tls,
            phase: Phase::Connecting,
            address,
            token,
            opened: Instant::now(),
            readable: false,
            writable: false,
            was_full: false,
            session_config,
        })
    }

    pub(crate) const fn token(&self) -> Token {
        self.token
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What operators are shown of it.
    pub(crate) fn show(&self, state: ConnectionState) -> Connection {
        let session = match &self.phase {
            Phase::Open(session) => Some(session),
            _ => None,
        };
        Connection {
            peer: self.address,
            state,
            opened: self.opened,
            streams: session.map_or(0, |session| session.in_flight()),
            max_streams: session.map_or(0, |session| session.max_streams()),
            window_bytes: session.map_or(0, |session| session.window_left()),
            round_trip: session.and_then(|session| session.round_trip()),
        }
    }

    /// Whether TCP is not up yet.
    pub(crate) const fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Connecting)
    }

    pub(crate) fn session(&mut self) -> Option<&mut Session<Origin<R>>> {
        match &mut self.phase {
            Phase::Open(session) => Some(session),
            _ => None,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Open(session) => session.poll_timeout(),
            _ => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if let Phase::Open(session) = &mut self.phase
            && session.poll_timeout().is_some_and(|due| due <= now.instant)
        {
            session.handle_timeout(now);
        }
    }

    /// What mio told of the socket.
    pub(crate) fn handle_ready(&mut self, event: &mio::event::Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Whether reading stopped for fairness, not because nothing was there.
    pub(crate) fn has_more_to_read(&self) -> bool {
        self.readable && !self.is_connecting()
    }

    /// Moves on as far as the socket allows: connect, handshake, read.
    pub(crate) fn advance(
        &mut self,
        now: Now,
        buffer: &mut [u8],
        stats: &Stats,
    ) -> Result<(), Down> {
        if self.is_connecting() {
            if !self.writable || !self.is_connected()? {
                return Ok(());
            }
            self.phase = Phase::Handshaking;
        }
        if matches!(self.phase, Phase::Handshaking) {
            // Our flight first: the server has nothing to say before it.
            self.write_tls(stats)?;
        }
        self.read(now, buffer, stats)
    }

    /// Writes the session's output, all that the socket takes. `false`: the socket is full.
    pub(crate) fn flush(&mut self, stats: &Stats) -> Result<bool, Down> {
        loop {
            // First what TLS holds: bytes given to it count as sent, can be overtaken by no call, and cannot go elsewhere.
            if !self.write_tls(stats)? {
                return Ok(false);
            }
            let Phase::Open(session) = &mut self.phase else {
                return Ok(true);
            };
            let output = session.output();
            if output.is_empty() {
                self.was_full = false;
                return Ok(true);
            }
            if !self.writable {
                return Ok(false);
            }
            let at_once = if self.was_full {
                WRITE_AT_ONCE_WHEN_FULL
            } else {
                WRITE_AT_ONCE
            };
            let taken = self
                .tls
                .writer()
                .write(output.get(..at_once).unwrap_or(output))?;
            session.consume_output(taken);
        }
    }

    /// Says goodbye on both layers, as far as the socket takes it without waiting.
    pub(crate) fn close(mut self, registry: &Registry, stats: &Stats) {
        if let Phase::Open(session) = &mut self.phase {
            session.say_goodbye();
        }
        // Once is enough: nothing here may hold up the loop.
        self.tls.send_close_notify();
        let _ = self.flush(stats);
        let _ = registry.deregister(&mut self.socket);
    }

    /// Frees the socket and gives back the session, whose pushes need their outcome.
    pub(crate) fn into_session(mut self, registry: &Registry) -> Option<Session<Origin<R>>> {
        let _ = registry.deregister(&mut self.socket);
        match self.phase {
            Phase::Open(session) => Some(*session),
            _ => None,
        }
    }

    fn is_connected(&mut self) -> Result<bool, Down> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error.into());
        }
        match self.socket.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                self.writable = false;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads until the socket would block or a share of the turn is used up.
    fn read(&mut self, now: Now, buffer: &mut [u8], stats: &Stats) -> Result<(), Down> {
        let mut share = READ_SHARE;
        while self.readable && share > 0 {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(Down::new("the server closed the connection")),
                Ok(n) => {
                    stats.bytes_in.add(n as u64);
                    share = share.saturating_sub(n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let processed = self.tls.process_new_packets();
            // What came before an alert still counts, and our own alert has to leave: both before the error does.
            let plain = self.read_plain(now, buffer);
            match processed {
                Ok(_) => plain?,
                Err(error) => {
                    let _ = self.write_tls(stats);
                    return Err(Down::tls(&error));
                }
            }
            self.finish_handshake(now)?;
        }
        Ok(())
    }

    fn read_plain(&mut self, now: Now, buffer: &mut [u8]) -> Result<(), Down> {
        // The server speaks first only after the handshake, and then the session is there to listen.
        self.finish_handshake(now)?;
        loop {
            match self.tls.reader().read(buffer) {
                Ok(0) => return Err(Down::new("the server closed the connection")),
                Ok(n) => {
                    if let (Phase::Open(session), Some(bytes)) = (&mut self.phase, buffer.get(..n))
                    {
                        session.handle_input(now, bytes);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn finish_handshake(&mut self, now: Now) -> Result<(), Down> {
        if matches!(self.phase, Phase::Handshaking) && !self.tls.is_handshaking() {
            tls::check_alpn(self.tls.alpn_protocol()).map_err(Down::new)?;
            self.phase = Phase::Open(Box::new(Session::new(self.session_config.clone(), now)));
        }
        Ok(())
    }

    /// Writes TLS records. `false`: the socket is full.
    fn write_tls(&mut self, stats: &Stats) -> Result<bool, Down> {
        while self.tls.wants_write() {
            if !self.writable {
                return Ok(false);
            }
            match self.tls.write_tls(&mut self.socket) {
                Ok(n) => stats.bytes_out.add(n as u64),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.writable = false;
                    self.was_full = true;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What the server said before it closed may still wait in the socket.
                    self.readable = true;
                    return Err(error.into());
                }
            }
        }
        Ok(true)
    }
}

/// Plaintext that TLS holds while the socket is full. One write of a full session output (64 KiB).
const TLS_BUFFER: usize = 128 * 1024;
/// Plaintext given to TLS at once: a full session output, which leaves in one write to the socket.
const WRITE_AT_ONCE: usize = 64 * 1024;
/// The same from when the socket was full until all has left: what TLS holds meanwhile no call overtakes, and if the
/// connection ends nobody knows whether it was sent. So it is one record.
const WRITE_AT_ONCE_WHEN_FULL: usize = 16 * 1024;
/// Bytes read from one connection before the others and the queue get their turn.
const READ_SHARE: usize = 256 * 1024;
