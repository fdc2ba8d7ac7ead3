//! One connection, seen from the client.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use super::{
    Blocked, Config, ErrorCode, Event, HeaderBlock, OpenStream, ResponseHandler, StreamId,
};

/// The client side of one HTTP/2 connection: bytes in, bytes and events out.
///
/// The order of calls, again and again:
/// 1. facts: [`handle_input`](Self::handle_input) with what the transport brought,
///    [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout)'s time has come;
/// 2. [`poll_event`](Self::poll_event) until it is `None`;
/// 3. commands: [`open_stream`](Self::open_stream) while [`can_open`](Self::can_open), `reset_stream`, `ping`, `go_away`;
/// 4. write [`output`](Self::output) to the transport and say with [`consume_output`](Self::consume_output) how
///    much it took; back to 3 when that was refused with [`Blocked::OutputFull`].
///
/// When the transport has ended, or after [`Event::ConnectionError`], [`drain_streams`](Self::drain_streams) gives back
/// what is still open. Every `R` that `open_stream` took is given back exactly once.
#[derive(Debug)]
pub struct Connection<R> {
    state: PhantomData<R>,
}

/// Getters.
impl<R: ResponseHandler> Connection<R> {
    /// Whether a request with a body of `body_len` bytes can be opened now, and if not, why.
    pub fn can_open(&self, body_len: usize) -> Result<(), Blocked> {
        let _ = body_len;
        todo!()
    }
    /// Streams open now.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        todo!()
    }
    /// Streams that may be open at once now: the lower of the peer's limit and ours, 0 before the peer's SETTINGS.
    #[must_use]
    pub fn max_concurrent_streams(&self) -> usize {
        todo!()
    }
    /// Requests that this connection's stream ids still allow, at least. Replace the connection well before 0.
    #[must_use]
    pub fn stream_ids_left(&self) -> u32 {
        todo!()
    }
    /// Whether either side sent GOAWAY. Open streams may still end well.
    #[must_use]
    pub fn is_going_away(&self) -> bool {
        todo!()
    }
    /// Whether the connection is over for us: after a connection error or [`drain_streams`](Self::drain_streams).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        todo!()
    }
    /// The bytes to write to the transport.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        todo!()
    }
    /// Bytes ever appended to the output. Right after a successful [`open_stream`](Self::open_stream): where its request ends.
    #[must_use]
    pub fn output_position(&self) -> u64 {
        todo!()
    }
    /// Bytes ever consumed.
    #[must_use]
    pub fn consumed_position(&self) -> u64 {
        todo!()
    }
}

/// Commands.
impl<R: ResponseHandler> Connection<R> {
    /// A new connection. The preface and our SETTINGS are in [`output`](Self::output) at once.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let _ = (config, now);
        todo!()
    }
    /// Sends a request: HEADERS and, if there is a body, DATA. `header` writes all fields, pseudo-headers first.
    ///
    /// # Errors
    /// The state comes back with the reason when the stream cannot be opened now.
    pub fn open_stream(
        &mut self,
        state: R,
        header: impl FnOnce(&mut HeaderBlock<'_>),
        body: &[u8],
    ) -> Result<StreamId, (R, Blocked)> {
        let _ = (state, header, body);
        todo!()
    }
    /// Gives up a stream and tells the peer why. `None` when it is not open (any more).
    pub fn reset_stream(&mut self, stream: StreamId, code: ErrorCode) -> Option<R> {
        let _ = (stream, code);
        todo!()
    }
    /// Asks the peer for a sign of life: [`Event::Pong`], or after [`Config::ping_timeout`] a connection error.
    /// Does nothing while an earlier one is unanswered.
    pub fn ping(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// Tells the peer that no streams follow. Open ones may still be answered.
    pub fn go_away(&mut self, code: ErrorCode) {
        let _ = code;
        todo!()
    }
    /// Forgets the first `n` bytes of [`output`](Self::output), which the transport took.
    pub fn consume_output(&mut self, n: usize) {
        let _ = n;
        todo!()
    }
    /// Takes all open streams out, oldest first, and closes the connection. For when the transport has ended.
    /// Events not yet polled stay: poll them too, their streams are not among these.
    pub fn drain_streams(&mut self) -> std::vec::IntoIter<OpenStream<R>> {
        todo!()
    }
}

/// Facts.
impl<R: ResponseHandler> Connection<R> {
    /// Takes all bytes that the transport brought. Any cut of the byte stream into calls gives the same events.
    /// The answers (acknowledgements, credit, at worst GOAWAY) are in [`output`](Self::output).
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        let _ = (now, bytes);
        todo!()
    }
    /// Time passed: looks after the deadlines.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
}

/// Polls.
impl<R: ResponseHandler> Connection<R> {
    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event<R>> {
        todo!()
    }
    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let _ = Duration::ZERO;
        todo!()
    }
}
