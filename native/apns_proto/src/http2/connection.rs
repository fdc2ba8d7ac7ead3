//! One connection, seen from the client: the type, its getters and polls, and what needs no other file.
//!
//! `send.rs` has the way of a request out, `receive.rs` and `response.rs` the way of the peer's frames in.

use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

use super::flood_guard::FloodGuard;
use super::flow_control::{INITIAL_WINDOW, MAX_WINDOW, ReceiveWindow, SendWindow};
use super::hpack::{Decoder, Encoder};
use super::output::Output;
use super::receive::HeaderFragments;
use super::send::PartialBody;
use super::settings::{self, PeerSettings};
use super::slots::Slots;
use super::{
    Config, ConnectionError, EndedStream, ErrorCode, Event, OpenStream, ResponseHandler, StreamId,
    frame,
};

/// The client side of one HTTP/2 connection: bytes in, bytes and events out.
///
/// The order of calls, again and again:
/// 1. facts: [`handle_input`](Self::handle_input) with what the transport brought,
///    [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout)'s time has come;
/// 2. [`poll_event`](Self::poll_event) until it is `None`;
/// 3. commands: [`open_stream`](Self::open_stream) while [`can_open`](Self::can_open), `reset_stream`, `ping`, `go_away`;
/// 4. write [`output`](Self::output) to the transport and say with [`consume_output`](Self::consume_output)
///    how much it took; back to 3 when that was refused with [`Blocked::OutputFull`](super::Blocked::OutputFull).
///
/// When the transport has ended, or after [`Event::ConnectionError`], [`drain_streams`](Self::drain_streams)
/// gives back what is still open. Every `R` that `open_stream` took is given back exactly once.
pub struct Connection<R> {
    pub(super) config: Config,
    pub(super) lifecycle: Lifecycle,
    /// The first number not opened or skipped yet.
    pub(super) next_stream: Option<StreamId>,
    pub(super) slots: Slots<R>,
    pub(super) output: Output,
    pub(super) events: VecDeque<Event<R>>,
    pub(super) settings_event_waits: bool,

    pub(super) encoder: Encoder,
    pub(super) send_window: SendWindow,
    pub(super) partial_body: Option<PartialBody>,

    /// `None` until the first SETTINGS came.
    pub(super) peer_settings: Option<PeerSettings>,
    pub(super) settings_acknowledged: bool,
    /// Until both the peer's SETTINGS and its acknowledgement of ours are there.
    pub(super) settings_deadline: Option<Instant>,
    pub(super) ping: Option<Ping>,
    pub(super) pings_sent: u64,

    /// The beginning of a frame whose rest has not come.
    pub(super) incomplete_frame: Vec<u8>,
    pub(super) header_fragments: HeaderFragments,
    pub(super) decoder: Decoder,
    pub(super) receive_window: ReceiveWindow,
    pub(super) flood_guard: FloodGuard,
    /// The lowest last stream of the peer's GOAWAYs.
    pub(super) peer_last_stream: Option<StreamId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    Open,
    /// A GOAWAY was sent or received: open streams may end, none begins.
    GoingAway,
    Closed,
}

/// Our unanswered PING.
#[derive(Clone, Copy)]
pub(super) struct Ping {
    pub(super) opaque: [u8; 8],
    pub(super) sent: Instant,
    pub(super) deadline: Instant,
}

/// Getters.
impl<R: ResponseHandler> Connection<R> {
    /// Streams open now.
    #[must_use]
    pub const fn open_streams(&self) -> usize {
        self.slots.taken()
    }

    /// Streams that may be open at once now: the lower of the peer's limit and ours, 0 before the peer's SETTINGS.
    /// May fall below what is open; those streams go on.
    #[must_use]
    pub fn max_concurrent_streams(&self) -> usize {
        self.peer_settings.map_or(0, |peer| {
            self.slots
                .limit()
                .min(usize::try_from(peer.max_concurrent_streams).unwrap_or(usize::MAX))
        })
    }

    /// Bytes of request bodies that the peer's window for the connection still takes.
    #[must_use]
    pub fn send_window_left(&self) -> usize {
        self.send_window.available(INITIAL_WINDOW)
    }

    /// Requests that this connection's stream numbers still allow, at most. Replace the connection well before 0.
    #[must_use]
    pub fn stream_ids_left(&self) -> u32 {
        self.next_stream
            .map_or(0, |next| (StreamId::MAX.get() - next.get()) / 2 + 1)
    }

    /// Whether either side sent GOAWAY. Open streams may still end well.
    #[must_use]
    pub fn is_going_away(&self) -> bool {
        self.lifecycle == Lifecycle::GoingAway
    }

    /// Whether the connection is over for us: after a connection error or [`drain_streams`](Self::drain_streams).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lifecycle == Lifecycle::Closed
    }

    /// The bytes to write to the transport.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.output.waiting()
    }

    /// Bytes ever appended to the output. Right after a successful [`open_stream`](Self::open_stream): where
    /// its request ends, unless the peer's window was smaller than the body.
    #[must_use]
    pub fn output_position(&self) -> u64 {
        self.output.position()
    }

    /// Bytes ever consumed.
    #[must_use]
    pub fn consumed_position(&self) -> u64 {
        self.output.consumed_position()
    }
}

/// Commands; [`open_stream`](Self::open_stream) and [`reset_stream`](Self::reset_stream) are in `send.rs`.
impl<R: ResponseHandler> Connection<R> {
    /// A new connection. The preface and our SETTINGS are in [`output`](Self::output) at once.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let config = Config {
            initial_window: config.initial_window.clamp(1, MAX_WINDOW),
            connection_window: config.connection_window.clamp(INITIAL_WINDOW, MAX_WINDOW),
            max_open_streams: config.max_open_streams.clamp(1, LARGEST_MAX_OPEN_STREAMS),
            max_output: config.max_output.max(1),
            ..config
        };
        let initial = PeerSettings::default();
        let mut output = Output::default();
        let buffer = output.buffer();
        buffer.extend_from_slice(frame::PREFACE);
        settings::write_own(buffer, &config);
        let raised_by = config.connection_window - INITIAL_WINDOW;
        if raised_by > 0 {
            frame::write_window_update(buffer, StreamId::CONNECTION, raised_by);
        }
        Self {
            lifecycle: Lifecycle::Open,
            next_stream: Some(StreamId::FIRST),
            slots: Slots::new(config.max_open_streams as usize),
            output,
            events: VecDeque::new(),
            settings_event_waits: false,
            encoder: Encoder::new(initial.header_table_size, config.encoder_table_size),
            send_window: SendWindow::default(),
            partial_body: None,
            peer_settings: None,
            settings_acknowledged: false,
            settings_deadline: now.checked_add(config.settings_timeout),
            ping: None,
            pings_sent: 0,
            incomplete_frame: Vec::new(),
            header_fragments: HeaderFragments::default(),
            decoder: Decoder::new(config.header_table_size),
            receive_window: ReceiveWindow::new(config.connection_window),
            flood_guard: FloodGuard::new(now),
            peer_last_stream: None,
            config,
        }
    }

    /// All open streams, in any order. Looks at every slot, open or not: for checks once in a while.
    pub fn streams_mut(&mut self) -> impl Iterator<Item = OpenStream<'_, R>> {
        let consumed = self.output.consumed_position();
        self.slots.iter_mut().map(move |stream| OpenStream {
            stream: stream.id,
            request: stream.request_progress(consumed),
            state: &mut stream.state,
        })
    }

    /// Asks the peer for a sign of life: [`Event::Pong`], or a connection error after [`Config::ping_timeout`].
    /// Does nothing while an earlier one is unanswered.
    pub fn ping(&mut self, now: Instant) {
        if self.is_closed() || self.ping.is_some() {
            return;
        }
        let Some(deadline) = now.checked_add(self.config.ping_timeout) else {
            return;
        };
        self.pings_sent += 1;
        let opaque = self.pings_sent.to_be_bytes();
        frame::write_ping(self.output.buffer(), opaque);
        self.ping = Some(Ping {
            opaque,
            sent: now,
            deadline,
        });
    }

    /// Tells the peer that no streams follow. Open ones may still be answered.
    pub fn go_away(&mut self, code: ErrorCode) {
        if !self.is_closed() {
            self.lifecycle = Lifecycle::GoingAway;
            frame::write_go_away(self.output.buffer(), code, "");
        }
    }

    /// Forgets the first `n` bytes of [`output`](Self::output), which the transport took.
    pub fn consume_output(&mut self, n: usize) {
        self.output.consume(n);
        self.send_partial_body();
    }

    /// Takes all open streams out, oldest first, and closes the connection. For when the transport has ended.
    /// Events not yet polled stay: their streams are not among these. Output that is not consumed yet must not
    /// leave any more: a request whose last byte is in it counts as not processed.
    pub fn drain_streams(&mut self) -> impl ExactSizeIterator<Item = EndedStream<R>> + use<R> {
        self.lifecycle = Lifecycle::Closed;
        self.partial_body = None;
        let consumed = self.output.consumed_position();
        let streams = self.slots.remove_if(|_| true);
        streams.into_iter().map(move |stream| EndedStream {
            stream: stream.id,
            processed: stream.processed(consumed),
            state: stream.state,
        })
    }
}

/// The highest [`Config::max_open_streams`].
const LARGEST_MAX_OPEN_STREAMS: u32 = 1 << 16;

/// Facts; [`handle_input`](Self::handle_input) is in `receive.rs`.
impl<R: ResponseHandler> Connection<R> {
    /// Time passed: looks after the deadlines.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self
            .settings_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            let detail = if self.peer_settings.is_none() {
                "the peer's SETTINGS did not come in time"
            } else {
                "our SETTINGS were not acknowledged in time"
            };
            self.fail(ConnectionError {
                code: ErrorCode::SETTINGS_TIMEOUT,
                detail,
            });
        } else if self.ping.is_some_and(|ping| ping.deadline <= now) {
            self.abandon("PING was not answered in time");
        }
    }

    /// Gives the connection up by the owner's judgement, as after an unanswered PING: [`Event::ConnectionError`] tells
    /// `detail`, and the streams stay for [`drain_streams`](Self::drain_streams).
    pub fn abandon(&mut self, detail: &'static str) {
        self.fail(ConnectionError {
            code: ErrorCode::NO_ERROR,
            detail,
        });
    }

    /// Gives the connection up. Its streams stay for [`drain_streams`](Self::drain_streams).
    pub(super) fn fail(&mut self, error: ConnectionError) {
        if !self.is_closed() {
            self.lifecycle = Lifecycle::Closed;
            self.partial_body = None;
            frame::write_go_away(self.output.buffer(), error.code, error.detail);
            self.events.push_back(Event::ConnectionError(error));
        }
    }
}

/// Polls.
impl<R: ResponseHandler> Connection<R> {
    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event<R>> {
        let event = self.events.pop_front()?;
        if matches!(event, Event::Settings) {
            self.settings_event_waits = false;
        }
        Some(event)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let ping = self.ping.map(|ping| ping.deadline);
        self.settings_deadline.into_iter().chain(ping).min()
    }
}

/// By hand: buffers and tables hold requests, and with them secrets.
impl<R> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("lifecycle", &self.lifecycle)
            .field("next_stream", &self.next_stream)
            .field("open_streams", &self.slots.taken())
            .field("events", &self.events.len())
            .field("output_position", &self.output.position())
            .field("consumed_position", &self.output.consumed_position())
            .field("peer_settings", &self.peer_settings)
            .finish_non_exhaustive()
    }
}
