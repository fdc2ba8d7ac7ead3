//! What pushes leave free for calls.

use crate::http2::Reserve;
use crate::lanes::Lane;

/// What pushes of a lane leave free, so that a late call finds a stream and room for its payload though thousands of
/// messages are in flight.
pub(super) const fn reserve_beside(lane: Lane) -> Reserve {
    match lane {
        Lane::Call => Reserve::NONE,
        Lane::Message | Lane::Background => Reserve {
            streams: CALL_STREAMS,
            window: CALL_BYTES,
            output: CALL_BYTES,
        },
    }
}

/// Streams kept for calls: of Apple's hundreds hardly missed, and as many calls at once are rare.
const CALL_STREAMS: usize = 8;
/// Bytes kept for calls: one of the largest payload, or twenty of the usual size.
const CALL_BYTES: usize = 5120;
