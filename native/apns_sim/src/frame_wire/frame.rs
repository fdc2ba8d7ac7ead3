//! HTTP/2 frames as far as the wire needs them: where one ends, what kind it is, and the few it writes itself.

/// The nine bytes in front of each frame (RFC 9113 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl FrameHeader {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0, ..] = *bytes else {
            return None;
        };
        Some(Self {
            length: usize::from(l2) << 16 | usize::from(l1) << 8 | usize::from(l0),
            kind,
            flags,
            stream: u32::from_be_bytes([s3, s2, s1, s0]) & LAST_STREAM,
        })
    }

    pub(crate) fn is_ack(self) -> bool {
        matches!(self.kind, SETTINGS | PING) && self.flags & FLAG_END_STREAM != 0
    }

    pub(crate) fn ends_stream(self) -> bool {
        self.kind == RST_STREAM
            || (matches!(self.kind, HEADERS | DATA) && self.flags & FLAG_END_STREAM != 0)
    }

    /// Where a HEADERS or DATA frame's content begins, padding length and priority passed over.
    pub(crate) fn content_start(self) -> usize {
        let padded = matches!(self.kind, HEADERS | DATA) && self.flags & FLAG_PADDED != 0;
        let priority = self.kind == HEADERS && self.flags & FLAG_PRIORITY != 0;
        HEADER_BYTES + usize::from(padded) + if priority { 5 } else { 0 }
    }

    /// Whether a header block goes on in the next frame, which no other frame may precede (§6.10).
    pub(crate) fn leaves_header_block_open(self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION) && self.flags & FLAG_END_HEADERS == 0
    }
}

/// Cuts a byte stream into whole frames.
#[derive(Debug, Default)]
pub(crate) struct FrameSplitter {
    partial: Vec<u8>,
    /// Set for good once a frame is larger than was agreed: from there on bytes pass as they are, for h2 to judge.
    raw: bool,
}

/// What the splitter found.
pub(crate) enum Piece<'a> {
    Frame(FrameHeader, &'a [u8]),
    Raw(&'a [u8]),
}

impl FrameSplitter {
    pub(crate) fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Piece<'_>)) {
        if self.raw {
            return found(Piece::Raw(bytes));
        }
        if self.partial.is_empty() {
            // Most writes and reads hold whole frames; they are not copied.
            let (rest, raw) = split(bytes, &mut found);
            self.partial.extend_from_slice(rest);
            self.raw = raw;
        } else {
            self.partial.extend_from_slice(bytes);
            let whole = std::mem::take(&mut self.partial);
            let (rest, raw) = split(&whole, &mut found);
            self.partial = rest.to_vec();
            self.raw = raw;
        }
    }

    pub(crate) fn at_boundary(&self) -> bool {
        self.partial.is_empty()
    }
}

/// Hands out the whole frames in front; returns the rest, and whether all further bytes are raw.
fn split<'a>(mut bytes: &'a [u8], found: &mut impl FnMut(Piece<'_>)) -> (&'a [u8], bool) {
    while let Some(header) = FrameHeader::read(bytes) {
        if header.length > MAX_FRAME {
            found(Piece::Raw(bytes));
            return (&[], true);
        }
        let Some((frame, rest)) = bytes.split_at_checked(HEADER_BYTES + header.length) else {
            break;
        };
        found(Piece::Frame(header, frame));
        bytes = rest;
    }
    (bytes, false)
}

/// A SETTINGS frame with these entries (§6.5.1).
pub(crate) fn settings(entries: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(entries.len() * SETTING_BYTES);
    for (id, value) in entries {
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

/// The value of one setting in a SETTINGS frame.
pub(crate) fn setting(frame: &[u8], id: u16) -> Option<u32> {
    let entries = frame.get(HEADER_BYTES..)?.chunks_exact(SETTING_BYTES);
    let mut values = entries.filter_map(|entry| match *entry {
        [i1, i0, v3, v2, v1, v0] if u16::from_be_bytes([i1, i0]) == id => {
            Some(u32::from_be_bytes([v3, v2, v1, v0]))
        }
        _ => None,
    });
    values.next_back()
}

/// A GOAWAY frame (§6.8).
pub(crate) fn go_away(last_stream: u32, code: u32, debug_data: &[u8]) -> Vec<u8> {
    let mut payload = (last_stream & LAST_STREAM).to_be_bytes().to_vec();
    payload.extend(code.to_be_bytes());
    payload.extend_from_slice(debug_data);
    frame(GOAWAY, 0, 0, &payload)
}

/// A RST_STREAM frame (§6.4).
pub(crate) fn rst_stream(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// A PING frame (§6.7).
pub(crate) fn ping(opaque: [u8; 8]) -> Vec<u8> {
    frame(PING, 0, 0, &opaque)
}

/// A WINDOW_UPDATE frame (§6.9).
pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// Any frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [.., l2, l1, l0] = payload.len().to_be_bytes();
    let mut bytes = vec![l2, l1, l0, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;
/// Of SETTINGS and PING: ACK.
pub(crate) const FLAG_END_STREAM: u8 = 0x1;
pub(crate) const FLAG_END_HEADERS: u8 = 0x4;
pub(crate) const FLAG_PADDED: u8 = 0x8;
const FLAG_PRIORITY: u8 = 0x20;
pub(crate) const SETTINGS_HEADER_TABLE_SIZE: u16 = 0x1;
pub(crate) const SETTINGS_MAX_CONCURRENT_STREAMS: u16 = 0x3;
pub(crate) const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 0x4;
pub(crate) const SETTINGS_MAX_FRAME_SIZE: u16 = 0x5;
pub(crate) const SETTINGS_MAX_HEADER_LIST_SIZE: u16 = 0x6;
pub(crate) const HEADER_BYTES: usize = 9;
const SETTING_BYTES: usize = 6;
/// MAX_FRAME_SIZE as both sides of a connection to Apple have it.
pub(crate) const MAX_FRAME: usize = 16_384;
pub(crate) const LAST_STREAM: u32 = 0x7fff_ffff;
pub(crate) const CODE_NO_ERROR: u32 = 0x0;
pub(crate) const CODE_STREAM_CLOSED: u32 = 0x5;
pub(crate) const CODE_REFUSED_STREAM: u32 = 0x7;
pub(crate) const CODE_COMPRESSION_ERROR: u32 = 0x9;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(splitter: &mut FrameSplitter, bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut frames = Vec::new();
        splitter.feed(bytes, |piece| match piece {
            Piece::Frame(header, frame) => frames.push((header.kind, frame.len())),
            Piece::Raw(bytes) => frames.push((0xff, bytes.len())),
        });
        frames
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let stream = [
            settings(&[(SETTINGS_MAX_CONCURRENT_STREAMS, 1)]),
            go_away(3, 0, b"{}"),
            rst_stream(5, 7),
        ]
        .concat();
        let expected = [(SETTINGS, 15), (GOAWAY, 19), (RST_STREAM, 13)];
        for cut in 0..stream.len() {
            let mut splitter = FrameSplitter::default();
            let (front, back) = stream.split_at(cut);
            let mut frames = found(&mut splitter, front);
            frames.extend(found(&mut splitter, back));
            assert_eq!(frames, expected, "cut at {cut}");
            assert!(splitter.at_boundary());
        }
    }

    #[test]
    fn settings_are_found_by_their_ids() {
        let frame = settings(&[(3, 7), (4, 9), (3, 8)]);
        assert_eq!(setting(&frame, 3), Some(8), "the last one counts");
        assert_eq!((setting(&frame, 4), setting(&frame, 5)), (Some(9), None));
    }

    #[test]
    fn a_frame_larger_than_agreed_makes_the_rest_raw() {
        let mut splitter = FrameSplitter::default();
        let huge = [0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1];
        assert_eq!(found(&mut splitter, &huge), [(0xff, 9)]);
        assert_eq!(found(&mut splitter, b"more"), [(0xff, 4)]);
    }
}
