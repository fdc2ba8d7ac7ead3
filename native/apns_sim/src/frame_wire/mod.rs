//! The wire between h2 and TLS, where the simulator adds the frames that the h2 crate cannot send.
//!
//! h2 lets a server set MAX_CONCURRENT_STREAMS only before the connection starts, and GOAWAY without debug data.
//! Apple changes the one in mid-connection and puts its reason into the other. So the wire cuts both directions
//! into frames, adds its own between h2's, and keeps from h2 the acknowledgements of SETTINGS that h2 never sent.
//! All else of HTTP/2 is h2's own.

mod control;
mod frame;
mod inbound;
mod outbound;
#[cfg(test)]
mod tests;

pub(crate) use control::{Notice, WireControl};

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream for h2 over `io`, steered by a [`WireControl`].
pub(crate) struct FrameWire<T> {
    io: T,
    control: WireControl,
    chunk: Box<[u8]>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> FrameWire<T> {
    pub(crate) fn new(io: T, control: WireControl) -> Self {
        Self {
            io,
            control,
            chunk: vec![0; CHUNK].into_boxed_slice(),
        }
    }

    /// Writes what is due; `Pending` while the peer does not take it, or the wire is stalled.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.control.lock();
        if wire.is_stalled() {
            return Poll::Pending;
        }
        while !wire.outbound.due().is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, wire.outbound.due()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            wire.outbound.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for FrameWire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // h2 always reads when it is polled, and writes only when it has something: so added frames leave here.
        this.control.lock().expect_wake(cx);
        if this.poll_drain(cx)?.is_ready() {
            let _ = Pin::new(&mut this.io).poll_flush(cx)?;
        }
        loop {
            let mut wire = this.control.lock();
            if wire.is_stalled() {
                return Poll::Pending;
            }
            if wire.inbound.deliver(buf) {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            wire.take_in(chunk.filled());
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FrameWire<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.control.lock().outbound.is_full() {
            ready!(self.poll_drain(cx))?;
        }
        self.control.lock().take_out(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<T> std::fmt::Debug for FrameWire<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWire").finish_non_exhaustive()
    }
}

/// One TLS record's worth.
const CHUNK: usize = 16_384;
