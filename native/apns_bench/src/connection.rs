//! One client's connection: a blocking socket, TLS over it, frames over that.

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::counts::Counts;
use crate::frames::{Frames, Settings};

/// Answers until the client goes. What it does wrong is counted and ends the connection.
pub(crate) fn serve(
    socket: TcpStream,
    tls: Arc<ServerConfig>,
    settings: Settings,
    counts: &Counts,
) {
    counts.add_connection();
    let mut frames = Frames::new(settings);
    match answer_all(socket, tls, &mut frames, counts) {
        // A client that has what it wanted may just close.
        Ok(()) | Err(Ended::Gone) => {}
        Err(Ended::Fault(fault)) => counts.add_fault(fault),
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

fn answer_all(
    mut socket: TcpStream,
    tls: Arc<ServerConfig>,
    frames: &mut Frames,
    counts: &Counts,
) -> Result<(), Ended> {
    socket.set_nodelay(true)?;
    let mut tls = ServerConnection::new(tls)?;
    // What is written here is written to the socket at once.
    tls.set_buffer_limit(None);
    let mut wire = vec![0; READ_BUFFER];
    loop {
        if !frames.output().is_empty() && !tls.is_handshaking() {
            tls.writer().write_all(frames.output())?;
            frames.output().clear();
        }
        while tls.wants_write() {
            counts.add_bytes_out(tls.write_tls(&mut socket)?);
        }
        let len = socket.read(&mut wire)?;
        if len == 0 {
            return Ok(());
        }
        counts.add_bytes_in(len);
        let mut rest = wire.get(..len).unwrap_or_default();
        // rustls takes 4 KiB at a time: a system call for each would cost more than all else here.
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            let state = tls.process_new_packets()?;
            take_plaintext(&mut tls, frames)?;
            if state.peer_has_closed() {
                return Ok(());
            }
        }
        // Before the answers leave: whoever has them all finds all requests counted.
        counts.add_requests(frames.take_requests());
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
