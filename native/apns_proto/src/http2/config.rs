//! What a connection announces to its peer, and the bounds it keeps for itself.

use std::time::Duration;

/// Bounds and times of one [`Connection`](super::Connection). The defaults suit APNs: answers
/// are a header block and at most a line of JSON.
///
/// Values outside what RFC 9113 section 6.5.2 allows are brought to the nearest allowed one.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes of dynamic table that our decoder holds, announced as SETTINGS_HEADER_TABLE_SIZE.
    /// Default 4096, the protocol's initial value.
    pub header_table_size: u32,
    /// Most bytes of dynamic table that our encoder uses, however many the peer offers.
    /// Default 4096: the few variants of constant headers fit many times over.
    pub encoder_table_size: u32,
    /// Most bytes of one decoded header list (RFC 9113 section 6.5.2 counts 32 more per field),
    /// announced as SETTINGS_MAX_HEADER_LIST_SIZE. A longer one resets its stream. Default 16 KiB.
    pub max_header_list_size: u32,
    /// Bytes a peer may send on one stream before we give credit, announced as
    /// SETTINGS_INITIAL_WINDOW_SIZE. Default 65,535.
    pub initial_window: u32,
    /// Bytes a peer may send on all streams together before we give credit; at least 65,535, since it can
    /// only be raised. Default 1 MiB: a thousand error bodies in flight never wait for credit. It costs no memory, as input is taken at once.
    pub connection_window: u32,
    /// Most body bytes of one response. A longer one resets its stream. Default 16 KiB.
    pub max_response_body: u32,
    /// Most streams open at once, however many the peer allows. Default 1024. Bounds the memory of the stream slots.
    pub max_open_streams: u32,
    /// Bytes of output that wait to be consumed before a new stream is refused with
    /// [`Blocked::OutputFull`](super::Blocked::OutputFull). Default 64 KiB: enough for one large write, little
    /// enough that an urgent request overtakes most of what waits behind it.
    pub max_output: usize,
    /// Time in which the peer must send its SETTINGS and acknowledge ours (RFC 9113 section 6.5.3). Default 10 s.
    pub settings_timeout: Duration,
    /// Time in which the peer must answer a PING of ours. Default 10 s.
    pub ping_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            header_table_size: 4096,
            encoder_table_size: 4096,
            max_header_list_size: 16 * 1024,
            initial_window: 65_535,
            connection_window: 1024 * 1024,
            max_response_body: 16 * 1024,
            max_open_streams: 1024,
            max_output: 64 * 1024,
            settings_timeout: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
        }
    }
}
