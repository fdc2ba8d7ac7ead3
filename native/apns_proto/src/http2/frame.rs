//! Frames as they stand on the wire (RFC 9113 sections 4 and 6): writing ours, taking the peer's apart.
//!
//! What a frame means is not decided here.

use super::{ErrorCode, StreamId};

/// What a client sends before its first frame (section 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes in front of each frame's payload.
pub(crate) const HEAD_LEN: usize = 9;

/// Largest payload either side may send before SETTINGS_MAX_FRAME_SIZE says otherwise. We never announce another.
pub(crate) const INITIAL_MAX_FRAME_SIZE: u32 = 16_384;

/// The flags; which of them apply depends on the frame's kind.
pub(crate) mod flag {
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// The types of frames (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// A type we do not know, to be ignored (section 5.5).
    Unknown(u8),
}

impl Kind {
    const fn from_wire(byte: u8) -> Self {
        match byte {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::RstStream,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x6 => Self::Ping,
            0x7 => Self::GoAway,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            other => Self::Unknown(other),
        }
    }

    const fn to_wire(self) -> u8 {
        match self {
            Self::Data => 0x0,
            Self::Headers => 0x1,
            Self::Priority => 0x2,
            Self::RstStream => 0x3,
            Self::Settings => 0x4,
            Self::PushPromise => 0x5,
            Self::Ping => 0x6,
            Self::GoAway => 0x7,
            Self::WindowUpdate => 0x8,
            Self::Continuation => 0x9,
            Self::Unknown(other) => other,
        }
    }
}

/// The nine bytes in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of payload, less than 2^24.
    pub(crate) length: usize,
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) stream: StreamId,
}

impl Head {
    pub(crate) fn parse(bytes: &[u8; HEAD_LEN]) -> Self {
        let [l1, l2, l3, kind, flags, stream @ ..] = *bytes;
        Self {
            length: u32::from_be_bytes([0, l1, l2, l3]) as usize,
            kind: Kind::from_wire(kind),
            flags,
            stream: StreamId::new(u32::from_be_bytes(stream)),
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD_LEN] {
        let [_, l1, l2, l3] = (self.length as u32).to_be_bytes();
        let [s1, s2, s3, s4] = self.stream.get().to_be_bytes();
        [l1, l2, l3, self.kind.to_wire(), self.flags, s1, s2, s3, s4]
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn write(kind: Kind, flags: u8, stream: StreamId, payload: &[u8], out: &mut Vec<u8>) {
        let head = Self {
            length: payload.len(),
            kind,
            flags,
            stream,
        };
        out.extend_from_slice(&head.to_bytes());
        out.extend_from_slice(payload);
    }
}

/// Writes a DATA frame; `data` fits the peer's SETTINGS_MAX_FRAME_SIZE.
pub(crate) fn write_data(out: &mut Vec<u8>, stream: StreamId, data: &[u8], end_stream: bool) {
    let flags = if end_stream { flag::END_STREAM } else { 0 };
    Head::write(Kind::Data, flags, stream, data, out);
}

/// Writes our SETTINGS, pairs of identifier and value.
pub(crate) fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let head = Head {
        length: settings.len() * SETTING_LEN,
        kind: Kind::Settings,
        flags: 0,
        stream: StreamId::CONNECTION,
    };
    out.extend_from_slice(&head.to_bytes());
    for (identifier, value) in settings {
        out.extend_from_slice(&identifier.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Writes the acknowledgement of the peer's SETTINGS.
pub(crate) fn write_settings_ack(out: &mut Vec<u8>) {
    Head::write(Kind::Settings, flag::ACK, StreamId::CONNECTION, &[], out);
}

/// Writes a PING of ours.
pub(crate) fn write_ping(out: &mut Vec<u8>, opaque: [u8; 8]) {
    Head::write(Kind::Ping, 0, StreamId::CONNECTION, &opaque, out);
}

/// Writes the answer to the peer's PING.
pub(crate) fn write_ping_ack(out: &mut Vec<u8>, opaque: [u8; 8]) {
    Head::write(Kind::Ping, flag::ACK, StreamId::CONNECTION, &opaque, out);
}

/// Writes RST_STREAM.
pub(crate) fn write_rst_stream(out: &mut Vec<u8>, stream: StreamId, code: ErrorCode) {
    Head::write(Kind::RstStream, 0, stream, &code.get().to_be_bytes(), out);
}

/// Writes WINDOW_UPDATE; `increment` is 1..=2^31-1.
pub(crate) fn write_window_update(out: &mut Vec<u8>, stream: StreamId, increment: u32) {
    Head::write(Kind::WindowUpdate, 0, stream, &increment.to_be_bytes(), out);
}

/// Writes GOAWAY. The last stream is 0: a server opens none towards a client that refuses pushes.
pub(crate) fn write_go_away(out: &mut Vec<u8>, code: ErrorCode, debug_data: &str) {
    let mut payload = Vec::with_capacity(8 + debug_data.len());
    payload.extend_from_slice(&StreamId::CONNECTION.get().to_be_bytes());
    payload.extend_from_slice(&code.get().to_be_bytes());
    payload.extend_from_slice(debug_data.as_bytes());
    Head::write(Kind::GoAway, 0, StreamId::CONNECTION, &payload, out);
}

/// Takes the padding off a DATA or HEADERS payload. `None`: there is more padding than payload.
pub(crate) fn without_padding(head: Head, payload: &[u8]) -> Option<&[u8]> {
    if !head.has(flag::PADDED) {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(padding))?)
}

/// Bytes of the deprecated priority fields in HEADERS, and of a PRIORITY frame.
pub(crate) const PRIORITY_LEN: usize = 5;

/// Bytes of one setting.
const SETTING_LEN: usize = 6;

/// The settings of a SETTINGS payload, in order. `None`: its length is no multiple of a setting's.
pub(crate) fn settings(payload: &[u8]) -> Option<impl Iterator<Item = (u16, u32)> + '_> {
    let (settings, rest) = payload.as_chunks::<SETTING_LEN>();
    rest.is_empty().then(|| {
        settings
            .iter()
            .map(|&[i1, i2, value @ ..]| (u16::from_be_bytes([i1, i2]), u32::from_be_bytes(value)))
    })
}

/// A payload that is one 32-bit number, as in RST_STREAM and WINDOW_UPDATE.
pub(crate) fn number(payload: &[u8]) -> Option<u32> {
    payload.try_into().ok().map(u32::from_be_bytes)
}

/// The parts of a GOAWAY payload: last stream, code, debug data. `None`: it is too short.
pub(crate) fn go_away(payload: &[u8]) -> Option<(StreamId, ErrorCode, &[u8])> {
    let (last_stream, rest) = payload.split_first_chunk()?;
    let (code, debug_data) = rest.split_first_chunk()?;
    let last_stream = StreamId::new(u32::from_be_bytes(*last_stream));
    Some((
        last_stream,
        ErrorCode::new(u32::from_be_bytes(*code)),
        debug_data,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_as_written() {
        for kind in 0..=255 {
            let head = Head {
                length: 0x01_02_03,
                kind: Kind::from_wire(kind),
                flags: 0x2d,
                stream: StreamId::MAX,
            };
            assert_eq!(Head::parse(&head.to_bytes()), head);
            assert_eq!(head.to_bytes()[3], kind);
        }
    }

    #[test]
    fn padding_is_taken_off_and_never_longer_than_the_payload() {
        let padded = Head {
            length: 0,
            kind: Kind::Data,
            flags: 0x8,
            stream: StreamId::FIRST,
        };
        let plain = Head { flags: 0, ..padded };
        assert_eq!(without_padding(plain, b"ab"), Some(&b"ab"[..]));
        assert_eq!(without_padding(padded, b"\x01ab"), Some(&b"a"[..]));
        assert_eq!(without_padding(padded, b"\x02ab"), Some(&b""[..]));
        assert_eq!(without_padding(padded, b"\x03ab"), None);
        assert_eq!(without_padding(padded, b""), None);
    }

    #[test]
    fn settings_are_pairs_in_order() {
        let mut out = Vec::new();
        write_settings(&mut out, &[(1, 0), (0xff, u32::MAX)]);
        let read: Vec<_> = settings(&out[HEAD_LEN..]).unwrap().collect();
        assert_eq!(read, [(1, 0), (0xff, u32::MAX)]);
        assert!(settings(b"12345").is_none());
    }

    #[test]
    fn go_away_has_its_parts() {
        let mut out = Vec::new();
        write_go_away(&mut out, ErrorCode::ENHANCE_YOUR_CALM, "too many");
        let parts = go_away(&out[HEAD_LEN..]).unwrap();
        let debug_data = &b"too many"[..];
        assert_eq!(
            parts,
            (
                StreamId::CONNECTION,
                ErrorCode::ENHANCE_YOUR_CALM,
                debug_data
            )
        );
        assert!(go_away(b"1234567").is_none());
    }
}
