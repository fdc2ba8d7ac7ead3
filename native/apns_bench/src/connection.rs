//! One client's connection: a blocking socket, TLS over it, frames over that.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};

use crate::counts::Counts;
use crate::delay_line::DelayLine;
use crate::frames::{Frames, Settings};
use crate::gate::Gate;

/// What all connections have in common.
pub(crate) struct Server {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) settings: Settings,
    /// From the end of a request to its answer; without it the answer leaves at once.
    pub(crate) delay: Option<Duration>,
    pub(crate) counts: Counts,
    pub(crate) gate: Gate,
}

impl Server {
    /// Answers until the client goes. What it does wrong is counted and ends the connection.
    pub(crate) fn serve(&self, socket: TcpStream) {
        self.counts.add_connection();
        match self.answer_all(socket) {
            // A client that has what it wanted may just close.
            Ok(()) | Err(Ended::Gone) => {}
            Err(Ended::Fault(fault)) => self.counts.add_fault(fault),
        }
    }

    fn answer_all(&self, mut socket: TcpStream) -> Result<(), Ended> {
        socket.set_nodelay(true)?;
        let mut frames = Frames::new(self.settings);
        let mut line = self.delay.map(DelayLine::new);
        // Answers that are kept must leave on time, whatever comes meanwhile.
        socket.set_nonblocking(line.is_some())?;
        let mut tls = ServerConnection::new(Arc::clone(&self.tls))?;
        // What is written here is written to the socket at once.
        tls.set_buffer_limit(None);
        let mut wire = vec![0; READ_BUFFER];
        loop {
            let output = match &mut line {
                Some(line) => line.pass(Instant::now(), frames.output()),
                None => frames.output(),
            };
            if !output.is_empty() && !tls.is_handshaking() {
                tls.writer().write_all(output)?;
                output.clear();
            }
            while tls.wants_write() {
                match tls.write_tls(&mut socket) {
                    Ok(len) => self.counts.add_bytes_out(len),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
            let len = match socket.read(&mut wire) {
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(LOOK);
                    0
                }
                Err(error) => return Err(error.into()),
            };
            self.gate.pass();
            self.counts.add_bytes_in(len);
            let mut rest = wire.get(..len).unwrap_or_default();
            // rustls takes 4 KiB at a time: a system call for each would cost more than all else here.
            while !rest.is_empty() {
                tls.read_tls(&mut rest)?;
                let state = tls.process_new_packets()?;
                take_plaintext(&mut tls, &mut frames)?;
                if state.peer_has_closed() {
                    return Ok(());
                }
            }
            // Before the answers leave: whoever has them all finds all requests counted.
            self.counts.add_requests(frames.take_requests());
        }
    }
}

enum Ended {
    /// The socket works no more.
    Gone,
    Fault(String),
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<rustls::Error> for Ended {
    fn from(error: rustls::Error) -> Self {
        Self::Fault(format!("TLS: {error}"))
    }
}

fn take_plaintext(tls: &mut ServerConnection, frames: &mut Frames) -> Result<(), Ended> {
    let mut reader = tls.reader();
    loop {
        match reader.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(bytes) => {
                let len = bytes.len();
                let taken = frames.take(bytes);
                taken.map_err(|fault| Ended::Fault(fault.to_owned()))?;
                reader.consume(len);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Read at once: several writes of a client that sends as fast as it can.
const READ_BUFFER: usize = 256 * 1024;
/// How often a server that keeps its answers looks for something to do: far below any delay that is worth a look.
const LOOK: Duration = Duration::from_micros(200);
