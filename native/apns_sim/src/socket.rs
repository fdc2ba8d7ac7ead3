//! A provider's TCP connection: it is read and dropped as a script wants.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::connection::Connection;

/// TCP under TLS.
pub(crate) struct Socket {
    tcp: TcpStream,
    connection: Arc<Connection>,
    reading: Reading,
}

/// Whether the provider is listened to.
enum Reading {
    /// Until the simulator's first flight of the TLS handshake.
    Begun,
    /// The provider's last flight is left waiting.
    Later(Pin<Box<Sleep>>),
    AsItComes,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            tcp,
            connection,
            reading: Reading::Begun,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Reading::Later(until) = &mut self.reading {
            ready!(until.as_mut().poll(cx));
            self.reading = Reading::AsItComes;
        }
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, bytes))?;
        if matches!(self.reading, Reading::Begun) {
            let delay = self.connection.handshake_delay();
            self.reading = match delay.is_zero() {
                true => Reading::AsItComes,
                false => Reading::Later(Box::pin(tokio::time::sleep_until(Instant::now() + delay))),
            };
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.ends_with_reset() {
            // Where the system refuses, TCP ends with a FIN, and the provider is cut off all the same.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
