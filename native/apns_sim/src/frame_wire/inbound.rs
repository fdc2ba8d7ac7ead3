//! From the provider to h2: all frames but those that answer the wire's own.

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;

use super::frame::{FrameHeader, FrameSplitter, HEADERS, Piece};

/// What arrived and h2 has not read yet.
#[derive(Debug)]
pub(super) struct Inbound {
    /// Bytes of the client's preface still to come; they are no frames.
    preface: usize,
    splitter: FrameSplitter,
    ready: BytesMut,
    /// The highest stream whose HEADERS have passed.
    pub(super) highest_stream: u32,
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            preface: PREFACE_BYTES,
            splitter: FrameSplitter::default(),
            ready: BytesMut::new(),
            highest_stream: 0,
        }
    }
}

impl Inbound {
    /// Takes bytes in; `keeps` says of each frame whether h2 gets it, and is told the highest stream before it.
    pub(super) fn take(&mut self, bytes: &[u8], mut keeps: impl FnMut(FrameHeader, u32) -> bool) {
        let preface = self.preface.min(bytes.len());
        let (preface, frames) = bytes.split_at_checked(preface).unwrap_or((bytes, &[]));
        self.preface -= preface.len();
        self.ready.extend_from_slice(preface);
        let (ready, highest) = (&mut self.ready, &mut self.highest_stream);
        self.splitter.feed(frames, |piece| match piece {
            Piece::Frame(header, frame) => {
                if keeps(header, *highest) {
                    ready.extend_from_slice(frame);
                }
                if header.kind == HEADERS {
                    *highest = header.stream.max(*highest);
                }
            }
            Piece::Raw(bytes) => ready.extend_from_slice(bytes),
        });
    }

    /// Gives h2 what is ready; `false` when nothing is.
    pub(super) fn deliver(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.ready.len().min(buf.remaining());
        if let Some(bytes) = self.ready.get(..count) {
            buf.put_slice(bytes);
        }
        self.ready.advance(count);
        count > 0
    }
}

const PREFACE_BYTES: usize = 24;
