//! The peer's side of the wire, with code of its own: what `frame.rs` does wrong is not done wrong here too.

use crate::http2::ErrorCode;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY_FLAG: u8 = 0x20;

pub(super) const TABLE_SIZE: u16 = 1;
pub(super) const MAX_STREAMS: u16 = 3;
pub(super) const WINDOW: u16 = 4;
pub(super) const MAX_FRAME: u16 = 5;
pub(super) const MAX_LIST: u16 = 6;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of a frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub(super) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (identifier, value) in settings {
        payload.extend(identifier.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

pub(super) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

pub(super) fn rst_stream(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub(super) fn go_away(last_stream: u32, code: u32, debug_data: &[u8]) -> Vec<u8> {
    let mut payload = last_stream.to_be_bytes().to_vec();
    payload.extend(code.to_be_bytes());
    payload.extend(debug_data);
    frame(GOAWAY, 0, 0, &payload)
}

/// A frame as the peer received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// Cuts whole frames off the front of `bytes`.
pub(super) fn parse_frames(bytes: &mut Vec<u8>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        if bytes.len() < 9 + length {
            break;
        }
        let (kind, flags) = (bytes[3], bytes[4]);
        let stream = u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]);
        let payload = bytes[9..9 + length].to_vec();
        frames.push(Frame {
            kind,
            flags,
            stream,
            payload,
        });
        bytes.drain(..9 + length);
    }
    frames
}

/// A frame in one line.
pub(super) fn describe_frame(frame: &Frame) -> String {
    let Frame {
        kind,
        flags,
        stream,
        payload,
    } = frame;
    let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    let code = |at: usize| ErrorCode::new(number(at));
    let end = if flags & END_STREAM != 0 {
        " END_STREAM"
    } else {
        ""
    };
    let ack = if flags & ACK != 0 { " ACK" } else { "" };
    match *kind {
        DATA => format!("DATA {stream} {}{end}", payload.len()),
        HEADERS if flags & END_HEADERS == 0 => format!("HEADERS {stream}{end} unfinished"),
        HEADERS => format!("HEADERS {stream}{end}"),
        CONTINUATION if flags & END_HEADERS == 0 => format!("CONTINUATION {stream} unfinished"),
        CONTINUATION => format!("CONTINUATION {stream}"),
        RST_STREAM => format!("RST_STREAM {stream} {}", code(0)),
        SETTINGS => format!("SETTINGS {stream}{ack}"),
        PING => format!("PING {stream}{ack}"),
        GOAWAY => {
            format!(
                "GOAWAY {} {} {}",
                number(0),
                code(4),
                payload[8..].escape_ascii()
            )
        }
        WINDOW_UPDATE => format!("WINDOW_UPDATE {stream} {}", number(0)),
        other => format!("frame type {other}"),
    }
}
