//! From h2 to the provider: h2's frames, with the wire's own between them.

use std::collections::HashSet;

use bytes::{Buf, BytesMut};

use super::frame::{
    self, CODE_REFUSED_STREAM, CODE_STREAM_CLOSED, FrameHeader, FrameSplitter, GOAWAY,
    HEADER_BYTES, Piece, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};

/// What leaves, and the frames that wait for a place between two of h2's.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    splitter: FrameSplitter,
    due: BytesMut,
    added: Vec<u8>,
    in_header_block: bool,
    /// Goes into h2's first SETTINGS, so that the limit is known before any other.
    pub(super) first_limit: Option<u32>,
    /// h2's GOAWAY at the end of a connection could take back the one that a script sent: last ids only fall.
    pub(super) go_away_sent: bool,
    pub(super) withhold_window_updates: bool,
    pub(super) refuse_twice: bool,
    withheld: Vec<u8>,
    /// Streams that h2 was told to end and whose end has not passed yet.
    pub(super) ends_expected: HashSet<u32>,
}

impl Outbound {
    pub(super) fn new(first_limit: u32) -> Self {
        Self {
            first_limit: Some(first_limit),
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.feed(bytes, |piece| match piece {
            Piece::Frame(header, frame) => self.frame(header, frame),
            Piece::Raw(bytes) => self.due.extend_from_slice(bytes),
        });
        self.splitter = splitter;
        self.place_added();
    }

    /// Adds a frame of the wire's own at the next boundary between h2's frames.
    pub(super) fn add(&mut self, frame: &[u8]) {
        self.added.extend_from_slice(frame);
        self.place_added();
    }

    pub(super) fn release_window_updates(&mut self) {
        self.withhold_window_updates = false;
        let withheld = std::mem::take(&mut self.withheld);
        self.add(&withheld);
    }

    pub(super) fn due(&self) -> &[u8] {
        &self.due
    }

    pub(super) fn advance(&mut self, written: usize) {
        self.due.advance(written);
    }

    pub(super) fn is_full(&self) -> bool {
        self.due.len() >= MAX_DUE
    }

    fn frame(&mut self, header: FrameHeader, frame: &[u8]) {
        self.place_added();
        match header.kind {
            SETTINGS if !header.is_ack() => self.settings(frame),
            GOAWAY if self.go_away_sent => {}
            WINDOW_UPDATE if self.withhold_window_updates && self.withheld.len() < MAX_DUE => {
                self.withheld.extend_from_slice(frame);
            }
            _ => self.due.extend_from_slice(frame),
        }
        if header.kind == RST_STREAM
            && self.refuse_twice
            && frame.ends_with(&CODE_REFUSED_STREAM.to_be_bytes())
        {
            self.due
                .extend_from_slice(&frame::rst_stream(header.stream, CODE_STREAM_CLOSED));
        }
        if header.ends_stream() {
            self.ends_expected.remove(&header.stream);
        }
        self.in_header_block = header.leaves_header_block_open();
    }

    /// h2's only SETTINGS: the limit is put behind its own entries.
    fn settings(&mut self, frame: &[u8]) {
        let Some((limit, payload)) = self.first_limit.take().zip(frame.get(HEADER_BYTES..)) else {
            return self.due.extend_from_slice(frame);
        };
        let entries = [payload, &frame::max_concurrent_streams_setting(limit)].concat();
        self.due.extend_from_slice(&frame::settings(&entries));
    }

    fn place_added(&mut self) {
        // Before h2's SETTINGS nothing may be sent, and a header block must not be broken into.
        if self.first_limit.is_none() && self.splitter.at_boundary() && !self.in_header_block {
            self.due.extend_from_slice(&self.added);
            self.added.clear();
        }
    }
}

/// Bytes that wait for the transport before h2 is told to wait.
const MAX_DUE: usize = 256 * 1024;
