//! The wire between h2 and TLS, where the simulator adds the frames that the h2 crate cannot send.
//!
//! h2 lets a server set MAX_CONCURRENT_STREAMS only before the connection starts, and GOAWAY without debug data.
//! Apple changes the one in mid-connection and puts its reason into the other. And h2 never pads, never splits a
//! header block without need, and keeps the protocol's rules, all of which a peer may do otherwise. So the wire cuts
//! both directions into frames, adds its own between h2's, changes the form of some, holds some back, and keeps from
//! h2 what answers frames that h2 never sent. All else of HTTP/2 is h2's own.

mod control;
mod frame;
mod inbound;
mod outbound;
mod send_window;
mod settings;
mod shape;
mod stream_windows;
mod table_size;
#[cfg(test)]
mod tests;
mod window_updates;
mod wire;

pub(crate) use control::WireControl;
pub(crate) use wire::Notice;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A byte stream for h2 over `io`, steered by a [`WireControl`].
pub(crate) struct FrameWire<T> {
    io: T,
    control: WireControl,
    chunk: Box<[u8]>,
    /// Until what is held back may leave.
    hold: Option<Pin<Box<Sleep>>>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> FrameWire<T> {
    pub(crate) fn new(io: T, control: WireControl) -> Self {
        Self {
            io,
            control,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            hold: None,
        }
    }

    /// Writes what is due and may leave; `Pending` while the peer does not take it.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_time(cx);
        let mut wire = self.control.lock();
        // A muted wire must not keep h2 from reading what came before; it is kept from reading more below.
        while !wire.muted && !wire.outbound.due().is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, wire.outbound.due()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            wire.outbound.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go what was held back until now, and has the task woken for what is held back longer.
    fn poll_time(&mut self, cx: &mut Context<'_>) {
        let mut wire = self.control.lock();
        while let Some(due) = wire.outbound.next_due() {
            let hold = self
                .hold
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            if hold.deadline() != due {
                hold.as_mut().reset(due);
            }
            if hold.as_mut().poll(cx).is_pending() {
                return;
            }
            self.hold = None;
            wire.outbound.handle_time(due);
        }
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
        if this.poll_drain(cx)?.is_ready() && !this.control.is_muted() {
            let _ = Pin::new(&mut this.io).poll_flush(cx)?;
        }
        loop {
            let mut wire = this.control.lock();
            if wire.inbound.deliver(buf) {
                return Poll::Ready(Ok(()));
            }
            if wire.inbound.is_cut() && !wire.inbound.has_begun() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            // The connection sees that h2 has all it gets, and ends it.
            if wire.muted || wire.inbound.is_cut() {
                return Poll::Pending;
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
        let mut wire = self.control.lock();
        if wire.outbound.is_full() {
            // Held back or muted: what lets it go wakes the task.
            wire.expect_wake(cx);
            return Poll::Pending;
        }
        wire.outbound.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        match self.control.is_muted() {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.io).poll_flush(cx),
        }
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
