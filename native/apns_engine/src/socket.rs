//! A TCP socket as an APNs connection needs it.

use std::io;
use std::net::SocketAddr;

use mio::net::TcpStream;

/// Begins to connect, without waiting: writable means connected or failed (`take_error` tells).
pub(crate) fn open(_address: SocketAddr) -> io::Result<TcpStream> {
    todo!()
}
