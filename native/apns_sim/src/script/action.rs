//! What a script does to a connection: at once, when it is opened, or when a request has come on it.

use serde::Serialize;

/// What a GOAWAY frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoAway {
    /// The HTTP/2 error code; 0 is NO_ERROR.
    pub code: u32,
    /// The highest stream that is still processed. `None`: in a rule, the stream before the request's own; else
    /// the highest that the provider has opened. 2,147,483,647 warns only: the connection stays open for the
    /// GOAWAY that is to follow (RFC 9113 §6.8).
    pub last_stream: Option<u32>,
    /// Apple's reason, sent as `{"reason":...}` in the debug data; `None` for none.
    pub reason: Option<String>,
}

/// What a script does to connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionAction {
    /// Sends GOAWAY; when the streams up to its last one are answered, the connection is closed.
    GoAway(GoAway),
    /// Sends GOAWAY with 2,147,483,647 as last stream and a PING, and the GOAWAY itself when the provider has answered
    /// that (RFC 9113 §6.8). Which streams are processed is settled with the first.
    GoAwayTwice(GoAway),
    /// Reads on and sends nothing any more: no answer, no PING's, no WINDOW_UPDATE. TCP stays open.
    Stall,
    /// Reads nothing and sends nothing any more, so that the provider's writes fill TCP's buffers. TCP stays open.
    Mute,
    /// Drops TCP, without a close_notify.
    Cut,
    /// Drops TCP with a reset (RST).
    Reset,
    /// Drops TCP behind a byte of what the provider sends. Requests that are whole by then are in the journal.
    CutAt {
        /// HTTP/2 bytes, inside TLS, the 24 of the connection preface included.
        byte: u64,
        /// With a TCP reset.
        reset: bool,
    },
    /// Holds MAX_CONCURRENT_STREAMS at this value, also on connections to come when no connection is named;
    /// `None` lets the answers move it again.
    MaxStreams(Option<u32>),
    /// MAX_CONCURRENT_STREAMS once a request was authenticated; `None` for what the simulator was started with.
    TrustedStreams(Option<u32>),
    /// Sends SETTINGS; on a connection that opens, its first ones say so.
    Settings(Settings),
    /// Holds the first SETTINGS back, and all frames behind them: ms.
    DelaySettings(u64),
    /// Never sends its own SETTINGS, and speaks otherwise: a violation of RFC 9113 §3.4.
    OmitSettings,
    /// In the TLS handshake, leaves the provider's last flight unread for so long: ms. In TLS 1.3 the provider has
    /// finished its handshake by then and may send.
    DelayHandshake(u64),
    /// Leaves PINGs without an answer, or answers them again.
    IgnorePings(bool),
    /// Sends no WINDOW_UPDATE, or all that were held back.
    WithholdWindowUpdates(bool),
    /// Sends each WINDOW_UPDATE so much later: ms. 0 ends it.
    DelayWindowUpdates(u64),
    /// Sends STREAM_CLOSED behind each REFUSED_STREAM, as Apple's servers were seen to do, or no more.
    RefuseTwice(bool),
    /// Pads HEADERS and DATA with so many bytes. 0 ends it.
    Padding(u8),
    /// Spreads header blocks over HEADERS and CONTINUATION frames of so many bytes. 0 ends it.
    Continuation(u16),
    /// Sends frames as they are.
    Frame(RawFrame),
}

/// A SETTINGS frame's values but MAX_CONCURRENT_STREAMS, which [`ConnectionAction::MaxStreams`] moves; `None` leaves
/// one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// SETTINGS_HEADER_TABLE_SIZE: bytes. A provider that does not heed a smaller one in its next header block is
    /// told COMPRESSION_ERROR (RFC 9113 §4.3.1).
    pub header_table_size: Option<u32>,
    /// SETTINGS_INITIAL_WINDOW_SIZE: bytes.
    pub initial_window_size: Option<u32>,
    /// SETTINGS_MAX_FRAME_SIZE: bytes. It is told and not lived by: frames above 16,384 bytes stay errors.
    pub max_frame_size: Option<u32>,
    /// SETTINGS_MAX_HEADER_LIST_SIZE: bytes. It is told and not lived by: 8000 bytes are taken.
    pub max_header_list_size: Option<u32>,
}

impl Settings {
    /// As Apple's servers were seen to send them (pushy issue 476).
    pub const APPLES: Self = Self {
        header_table_size: Some(4096),
        initial_window_size: Some(65_535),
        max_frame_size: Some(16_384),
        max_header_list_size: Some(8000),
    };

    /// These, and `others` where these say nothing.
    #[must_use]
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            header_table_size: self.header_table_size.or(others.header_table_size),
            initial_window_size: self.initial_window_size.or(others.initial_window_size),
            max_frame_size: self.max_frame_size.or(others.max_frame_size),
            max_header_list_size: self.max_header_list_size.or(others.max_header_list_size),
        }
    }
}

/// A frame that is sent as it is, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawFrame {
    /// The frame type (RFC 9113 §6).
    #[serde(rename = "type")]
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream; `None` for the request's own in a rule, and else 0.
    pub stream: Option<u32>,
    /// The payload.
    #[serde(skip)]
    pub payload: Vec<u8>,
    /// How often it is sent.
    pub count: u32,
}
