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
    /// Bytes that have come in all.
    received: u64,
    /// How many of them h2 gets to see; then TCP is cut.
    pub(super) cut_at: Option<u64>,
    /// The highest stream whose HEADERS have passed.
    pub(super) highest_stream: u32,
}

/// What becomes of a frame on its way to h2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    AsItIs,
    No,
    /// Another frame goes in its place.
    InsteadGoes(Vec<u8>),
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            preface: PREFACE_BYTES,
            splitter: FrameSplitter::default(),
            ready: BytesMut::new(),
            received: 0,
            cut_at: None,
            highest_stream: 0,
        }
    }
}

impl Inbound {
    /// Takes bytes in; `passage` says of each frame whether h2 gets it, and is told the highest stream before it.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut passage: impl FnMut(FrameHeader, &[u8], u32) -> Passage,
    ) {
        let bytes = self.before_the_cut(bytes);
        let preface = self.preface.min(bytes.len());
        let (preface, frames) = bytes.split_at_checked(preface).unwrap_or((bytes, &[]));
        self.preface -= preface.len();
        self.ready.extend_from_slice(preface);
        let (ready, highest) = (&mut self.ready, &mut self.highest_stream);
        self.splitter.feed(frames, |piece| match piece {
            Piece::Frame(header, frame) => {
                match passage(header, frame, *highest) {
                    Passage::AsItIs => ready.extend_from_slice(frame),
                    Passage::No => {}
                    Passage::InsteadGoes(other) => ready.extend_from_slice(&other),
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

    /// Whether the byte has come behind which TCP is cut.
    pub(super) fn is_cut(&self) -> bool {
        self.cut_at.is_some_and(|at| self.received >= at)
    }

    /// Whether h2 has got all of the client's preface and so can speak.
    pub(super) fn has_begun(&self) -> bool {
        self.preface == 0
    }

    /// Whether h2 has taken all that came.
    pub(super) fn is_delivered(&self) -> bool {
        self.ready.is_empty()
    }

    fn before_the_cut<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let left = self.cut_at.map(|at| at.saturating_sub(self.received));
        let left = left.map_or(usize::MAX, |left| {
            usize::try_from(left).unwrap_or(usize::MAX)
        });
        let seen = bytes.get(..left).unwrap_or(bytes);
        self.received = self.received.saturating_add(seen.len() as u64);
        seen
    }
}

const PREFACE_BYTES: usize = 24;
