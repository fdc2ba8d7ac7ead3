//! What a connection reports to its owner.

use std::time::Duration;

use super::{ErrorCode, StreamId};

/// Something the owner must know. `R` is the caller's per-stream state, handed back when its stream ends.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<R> {
    /// The peer's SETTINGS were applied, the first or changed ones: what could not be opened before may be possible now.
    /// Several not yet polled are reported as one.
    Settings,
    /// The response is complete.
    Response {
        /// The stream, now closed.
        stream: StreamId,
        /// The state that took the response in.
        state: R,
    },
    /// The stream ended without a complete response.
    Reset {
        /// The stream, now closed.
        stream: StreamId,
        /// The state; it may have seen a part of a response.
        state: R,
        /// The code that was received, or that we sent.
        code: ErrorCode,
        /// Who ended it, and why.
        cause: ResetCause,
        /// Whether the peer may have acted on the request.
        processed: Processed,
    },
    /// The peer refuses new streams on this connection; those up to `last_stream` may still be answered.
    /// Comes before the [`Event::NotProcessed`] of the streams it leaves out.
    GoAway {
        /// The highest stream the peer has or may have processed. It only falls from one GOAWAY to the next.
        last_stream: StreamId,
        /// Why.
        code: ErrorCode,
        /// What the peer adds for people to read (APNs: JSON with `reason`), cut at [`MAX_DEBUG_DATA`] bytes.
        debug_data: Box<[u8]>,
    },
    /// A GOAWAY says that the peer did not process this stream and never will: the request may be sent again elsewhere.
    /// Not told of a stream whose response has begun: the peer cannot take that back.
    NotProcessed {
        /// The stream, now closed.
        stream: StreamId,
        /// The state, which has seen no complete response.
        state: R,
    },
    /// The answer to our PING came.
    Pong {
        /// From [`ping`](super::Connection::ping) to the answer.
        round_trip: Duration,
    },
    /// The connection is closed by us; the fate of open streams is unknown. Take them with
    /// [`drain_streams`](super::Connection::drain_streams). Comes at most once, as the last event.
    ConnectionError(ConnectionError),
}

/// Most bytes of a GOAWAY's debug data that are kept.
pub const MAX_DEBUG_DATA: usize = 1024;

/// Why we gave up a connection. The peer or the network is at fault, never the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({code})")]
pub struct ConnectionError {
    /// The code in the GOAWAY we queued. [`ErrorCode::NO_ERROR`] when a PING was not answered, or the owner
    /// [abandoned](super::Connection::abandon) the connection.
    pub code: ErrorCode,
    /// What happened, one short English phrase.
    pub detail: &'static str,
}

impl ConnectionError {
    pub(super) const fn protocol(detail: &'static str) -> Self {
        Self {
            code: ErrorCode::PROTOCOL_ERROR,
            detail,
        }
    }

    pub(super) const fn frame_size(detail: &'static str) -> Self {
        Self {
            code: ErrorCode::FRAME_SIZE_ERROR,
            detail,
        }
    }

    pub(super) const fn flow_control(detail: &'static str) -> Self {
        Self {
            code: ErrorCode::FLOW_CONTROL_ERROR,
            detail,
        }
    }

    pub(super) const fn flood(detail: &'static str) -> Self {
        Self {
            code: ErrorCode::ENHANCE_YOUR_CALM,
            detail,
        }
    }
}

/// Who ended a stream early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetCause {
    /// The peer sent RST_STREAM.
    Peer,
    /// We did: the response is malformed (RFC 9113 section 8.1.1).
    Malformed(&'static str),
    /// We did: the header list is longer than [`Config::max_header_list_size`](super::Config::max_header_list_size).
    HeaderListTooLarge,
    /// We did: the body is longer than [`Config::max_response_body`](super::Config::max_response_body).
    BodyTooLarge,
    /// We did: the peer broke the rules of this stream's windows.
    FlowControl,
}

/// Whether a peer may have acted on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// Surely not, and it never will: it may be sent again.
    No,
    /// Perhaps.
    Unknown,
    /// It was, and the state has seen the verdict: the final header section came whole and valid. Of the body only a part
    /// may have come.
    Yes,
}

/// Why no stream can be opened now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Blocked {
    /// The peer's first SETTINGS have not come. Ends with [`Event::Settings`].
    #[error("the peer's SETTINGS have not come")]
    AwaitingSettings,
    /// As many streams are open as the peer or [`Config::max_open_streams`](super::Config::max_open_streams) allows.
    #[error("as many streams are open as allowed")]
    Streams,
    /// The connection's window has no room for the body. Ends with input.
    #[error("the connection's window has no room for the body")]
    ConnectionWindow,
    /// The body is larger than a stream's window, and another such body is still being sent.
    #[error("the body is larger than a stream's window, and another such body is being sent")]
    StreamWindow,
    /// [`Config::max_output`](super::Config::max_output) is reached. Ends when output is consumed.
    #[error("the output waits to be consumed")]
    OutputFull,
    /// The header list is larger than the peer's SETTINGS_MAX_HEADER_LIST_SIZE. Only a smaller request helps.
    #[error("the header list has {bytes} bytes, the peer allows {limit}")]
    HeaderListTooLarge {
        /// Size of the list, counted as in RFC 9113 section 6.5.2.
        bytes: usize,
        /// The peer's limit.
        limit: u32,
    },
    /// One side sent GOAWAY. Needs a new connection.
    #[error("the connection is going away")]
    GoingAway,
    /// All stream ids are used. Needs a new connection.
    #[error("all stream ids are used")]
    IdsExhausted,
    /// The connection is closed. Needs a new connection.
    #[error("the connection is closed")]
    Closed,
}

impl Blocked {
    /// Whether time may open this connection again. `false`: this request needs another connection, or to be smaller.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::AwaitingSettings
                | Self::Streams
                | Self::ConnectionWindow
                | Self::StreamWindow
                | Self::OutputFull
        )
    }
}

/// How far a request has come on its way to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestProgress {
    /// A part of its body waits for the peer's windows: reset now, it is never whole.
    InParts,
    /// All of it is written, and its last byte waits to be consumed: reset now, it leaves whole all the same.
    InOutput,
    /// The transport has taken its last byte.
    Handed,
}

/// An open stream, for its owner to look at.
#[derive(Debug)]
pub struct OpenStream<'a, R> {
    /// The stream.
    pub stream: StreamId,
    /// How far the request has come.
    pub request: RequestProgress,
    /// The state; it may have seen a part of a response.
    pub state: &'a mut R,
}

/// A stream that we gave up, or that was open when its connection ended.
#[derive(Debug)]
pub struct EndedStream<R> {
    /// The stream, now closed.
    pub stream: StreamId,
    /// Whether the peer may have acted on the request.
    pub processed: Processed,
    /// The state; it may have seen a part of a response.
    pub state: R,
}
