//! The form in which h2's frames leave: padded, and their header blocks in several frames. h2 sends neither.

use bytes::BytesMut;

use super::frame::{
    self, CONTINUATION, DATA, FLAG_END_HEADERS, FLAG_PADDED, FrameHeader, HEADER_BYTES, HEADERS,
    MAX_FRAME,
};

/// How frames are changed; by default not at all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Bytes of padding in HEADERS and DATA.
    pub(super) padding: u8,
    /// Bytes of a header block in each frame; 0 for all that fit.
    pub(super) block: u16,
}

impl Shape {
    pub(super) const fn is_plain(self) -> bool {
        self.padding == 0 && self.block == 0
    }

    /// How many bytes a frame of h2's will take of the provider's window: DATA does, with its padding (RFC 9113
    /// §6.9.1).
    pub(super) fn bytes(self, header: FrameHeader) -> u32 {
        if header.kind != DATA {
            return 0;
        }
        let padding = self.padding_of(header.length);
        let length_field = usize::from(padding > 0);
        u32::try_from(header.length + padding + length_field).unwrap_or(u32::MAX)
    }

    /// Writes a frame of h2's, which has no padding of its own.
    pub(super) fn write(self, header: FrameHeader, frame: &[u8], to: &mut BytesMut) {
        let content = frame.get(HEADER_BYTES..).unwrap_or_default();
        if !matches!(header.kind, HEADERS | DATA) {
            return to.extend_from_slice(frame);
        }
        let splits = header.kind == HEADERS && self.block > 0 && !header.leaves_header_block_open();
        let block = match splits {
            true => usize::from(self.block),
            false => content.len().max(1),
        };
        let (first, rest) = content.split_at_checked(block).unwrap_or((content, &[]));
        let flags = match rest.is_empty() {
            true => header.flags,
            false => header.flags & !FLAG_END_HEADERS,
        };
        self.write_first(header, flags, first, to);
        let mut blocks = rest.chunks(block).peekable();
        while let Some(block) = blocks.next() {
            let flags = match blocks.peek() {
                Some(_) => 0,
                None => FLAG_END_HEADERS,
            };
            to.extend_from_slice(&frame::frame(CONTINUATION, flags, header.stream, block));
        }
    }

    fn write_first(self, header: FrameHeader, flags: u8, content: &[u8], to: &mut BytesMut) {
        let padding = self.padding_of(content.len());
        if padding == 0 {
            to.extend_from_slice(&frame::frame(header.kind, flags, header.stream, content));
            return;
        }
        let length = u8::try_from(padding).unwrap_or(u8::MAX);
        let padded = [&[length][..], content, &vec![0; padding]].concat();
        let flags = flags | FLAG_PADDED;
        to.extend_from_slice(&frame::frame(header.kind, flags, header.stream, &padded));
    }

    /// As much as fits into a frame.
    fn padding_of(self, content: usize) -> usize {
        usize::from(self.padding).min(MAX_FRAME.saturating_sub(content + 1))
    }
}
