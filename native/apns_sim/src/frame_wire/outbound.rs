//! From h2 to the provider: h2's frames, with the wire's own between them.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::frame::{
    self, CODE_NO_ERROR, CODE_REFUSED_STREAM, CODE_STREAM_CLOSED, CONTINUATION, DATA, FrameHeader,
    FrameSplitter, GOAWAY, HEADERS, Piece, RST_STREAM, SETTINGS, WINDOW_UPDATE,
};
use super::send_window::SendWindow;
use super::settings::{FirstSettings, SentSettings};
use super::shape::Shape;
use super::stream_windows::StreamWindows;
use super::window_updates::WindowUpdates;
use crate::script::Settings;

/// What leaves, and the frames that wait for a place between two of h2's.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    splitter: FrameSplitter,
    due: BytesMut,
    added: VecDeque<Added>,
    in_header_block: bool,
    /// Goes into h2's first SETTINGS, so that it is known before all else; `None` once they were sent.
    pub(super) first: Option<FirstSettings>,
    /// SETTINGS that were sent and not acknowledged, oldest first; acknowledgements come in order (RFC 9113 §6.5.3).
    pub(super) unacknowledged: VecDeque<SentSettings>,
    /// h2's GOAWAY at the end of a connection could take back the one that a script sent: last ids only fall.
    pub(super) go_away_sent: bool,
    pub(super) windows: StreamWindows,
    pub(super) window_updates: WindowUpdates,
    pub(super) refuse_twice: bool,
    pub(super) shape: Shape,
    send_window: SendWindow,
    /// Streams that h2 was told to end and whose end has not passed yet.
    pub(super) ends_expected: HashSet<u32>,
    /// Streams that the provider has reset: h2 never ends them, though it may be told to.
    provider_resets: BTreeSet<u32>,
    /// Streams that get a RST_STREAM behind their end.
    pub(super) resets_expected: HashSet<u32>,
    /// Never sends h2's first SETTINGS.
    pub(super) omit_settings: bool,
    /// How long the first SETTINGS are held back, and all behind them.
    pub(super) settings_delay: Duration,
    held_until: Option<Instant>,
    silent: bool,
}

/// A frame of the wire's own.
#[derive(Debug)]
struct Added {
    frame: Vec<u8>,
    settings: Option<SentSettings>,
}

impl Outbound {
    pub(super) fn new(first: FirstSettings) -> Self {
        Self {
            first: Some(first),
            ..Self::default()
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.silent {
            return;
        }
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.feed(bytes, |piece| match piece {
            Piece::Frame(header, frame) => self.frame(header, frame),
            Piece::Raw(bytes) => self.due.extend_from_slice(bytes),
        });
        self.splitter = splitter;
        self.place_added();
    }

    /// Adds a frame of the wire's own at the next boundary between h2's frames.
    pub(super) fn add(&mut self, frame: Vec<u8>) {
        self.add_settings(frame, None);
    }

    /// Adds a SETTINGS frame of the wire's own, or with `None` any other.
    pub(super) fn add_settings(&mut self, frame: Vec<u8>, settings: Option<SentSettings>) {
        if settings.is_some_and(|sent| sent.initial_window_size.is_some()) {
            self.windows.take_over();
        }
        let unheard = self.silent || settings.is_some() && self.omit_settings;
        if !unheard {
            self.added.push_back(Added { frame, settings });
            self.place_added();
        }
    }

    /// h2 is about to end a stream.
    pub(super) fn expect_end(&mut self, stream: u32) {
        if !self.provider_resets.contains(&stream) {
            self.ends_expected.insert(stream);
        }
    }

    /// The provider has reset a stream: h2 writes nothing more on it.
    pub(super) fn handle_reset(&mut self, stream: u32) {
        self.ends_expected.remove(&stream);
        self.resets_expected.remove(&stream);
        self.provider_resets.insert(stream);
        if self.provider_resets.len() > MAX_RESETS {
            self.provider_resets.pop_first();
        }
    }

    /// Sends nothing any more, for good. What h2 writes is thrown away, so that it reads on.
    pub(super) fn silence(&mut self) {
        self.silent = true;
        self.due.clear();
        self.added.clear();
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Bytes that may leave now.
    pub(super) fn due(&self) -> &[u8] {
        match self.held_until {
            Some(_) => &[],
            None => &self.due,
        }
    }

    pub(super) fn advance(&mut self, written: usize) {
        self.due.advance(written);
    }

    /// Whether nothing waits.
    pub(super) fn is_written(&self) -> bool {
        self.due.is_empty() && self.added.is_empty() && self.send_window.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.due.len() >= MAX_DUE
    }

    /// When something that is held back may leave.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let times = [self.held_until, self.window_updates.next_due()];
        times.into_iter().flatten().min()
    }

    /// It is `now`: lets go what was held back until then.
    pub(super) fn handle_time(&mut self, now: Instant) {
        if self.held_until.is_some_and(|until| until <= now) {
            self.held_until = None;
        }
        while let Some(frame) = self.window_updates.take_due(now) {
            self.add(frame);
        }
    }

    fn frame(&mut self, header: FrameHeader, frame: &[u8]) {
        self.place_added();
        match header.kind {
            SETTINGS if !header.is_ack() => self.settings(frame),
            GOAWAY if self.go_away_sent => {}
            WINDOW_UPDATE => self.window_update(header.stream, frame),
            HEADERS | DATA | CONTINUATION | RST_STREAM => self.answer(header, frame),
            _ => self.due.extend_from_slice(frame),
        }
        if header.kind == RST_STREAM
            && self.refuse_twice
            && frame.ends_with(&CODE_REFUSED_STREAM.to_be_bytes())
        {
            self.reset(header.stream, CODE_STREAM_CLOSED);
        }
        if header.kind == RST_STREAM {
            self.windows.handle_end(header.stream);
        }
        if header.ends_stream() {
            self.ends_expected.remove(&header.stream);
            if self.resets_expected.remove(&header.stream) && header.kind != RST_STREAM {
                self.reset(header.stream, CODE_NO_ERROR);
            }
        }
        self.in_header_block = header.leaves_header_block_open();
    }

    /// A part of h2's answers, which may have to wait for the window.
    fn answer(&mut self, header: FrameHeader, frame: &[u8]) {
        let bytes = self.shape.bytes(header);
        if self.shape.is_plain() && self.send_window.take(bytes) {
            return self.due.extend_from_slice(frame);
        }
        let mut frames = BytesMut::new();
        self.shape.write(header, frame, &mut frames);
        self.send_window.send(frames, bytes, &mut self.due);
    }

    /// Behind what h2 has written on the stream.
    fn reset(&mut self, stream: u32, code: u32) {
        let frame = frame::rst_stream(stream, code);
        self.send_window.send(frame[..].into(), 0, &mut self.due);
    }

    /// h2's WINDOW_UPDATE.
    fn window_update(&mut self, stream: u32, frame: &[u8]) {
        let increment = frame.last_chunk::<4>().copied();
        let increment = u32::from_be_bytes(increment.unwrap_or_default());
        if self.windows.handle_h2_update(stream, increment)
            && !self.window_updates.keep(frame, Instant::now())
        {
            self.due.extend_from_slice(frame);
        }
    }

    /// The provider gives the connection's window back.
    pub(super) fn handle_window_update(&mut self, increment: u32) {
        self.send_window.handle_update(increment, &mut self.due);
    }

    /// Gives a stream's window back in h2's place.
    pub(super) fn give_back(&mut self, stream: u32, bytes: u32) {
        let frame = frame::window_update(stream, bytes);
        if bytes > 0 && !self.window_updates.keep(&frame, Instant::now()) {
            self.add(frame);
        }
    }

    /// h2's only SETTINGS: the wire's values are what the provider hears.
    fn settings(&mut self, frame: &[u8]) {
        let Some(first) = self.first.take() else {
            return self.due.extend_from_slice(frame);
        };
        if first.settings.initial_window_size != Settings::APPLES.initial_window_size {
            self.windows.take_over();
        }
        if self.omit_settings {
            return;
        }
        self.due.extend_from_slice(&first.frame());
        self.unacknowledged.push_back(SentSettings::first(first));
        if !self.settings_delay.is_zero() {
            self.held_until = Some(Instant::now() + self.settings_delay);
        }
    }

    fn place_added(&mut self) {
        // Before h2's SETTINGS nothing may be sent, and a header block must not be broken into.
        if self.first.is_some() || !self.splitter.at_boundary() || self.in_header_block {
            return;
        }
        for Added { frame, settings } in self.added.drain(..) {
            self.due.extend_from_slice(&frame);
            self.unacknowledged.extend(settings);
        }
    }
}

/// Bytes that wait for the transport before h2 is told to wait.
const MAX_DUE: usize = 256 * 1024;
/// More resets than requests are on their way to an answer; the oldest is forgotten.
const MAX_RESETS: usize = 10_000;
