//! The handle by which a connection steers its wire.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::frame::{self, CODE_NO_ERROR, LAST_STREAM, SETTINGS, SETTINGS_MAX_CONCURRENT_STREAMS};
use super::settings::{FirstSettings, SentSettings, entries_of};
use super::wire::{Notice, PING_BEFORE_GOAWAY, Wire};
use crate::lock::lock;
use crate::script::{RawFrame, Settings};

/// Steers a [`FrameWire`](super::FrameWire); cheap to clone. What it orders happens at the next boundary between
/// two of h2's frames.
#[derive(Clone, Debug)]
pub(crate) struct WireControl {
    wire: Arc<Mutex<Wire>>,
}

impl WireControl {
    /// A wire whose first SETTINGS say `first_limit`.
    pub(crate) fn new(first_limit: u32) -> Self {
        Self {
            wire: Arc::new(Mutex::new(Wire::new(FirstSettings::new(first_limit)))),
        }
    }

    /// Tells a new MAX_CONCURRENT_STREAMS: in the first SETTINGS, or in others behind them.
    pub(crate) fn announce_max_streams(&self, limit: u32) {
        self.order(|wire| match &mut wire.outbound.first {
            Some(first) => first.limit = limit,
            None => {
                let frame = frame::settings(&[(SETTINGS_MAX_CONCURRENT_STREAMS, limit)]);
                let sent = SentSettings {
                    limit: Some(limit),
                    ..SentSettings::default()
                };
                wire.outbound.add_settings(frame, Some(sent));
            }
        });
    }

    /// Tells `settings`: in the first SETTINGS, or in others behind them.
    pub(crate) fn change_settings(&self, settings: Settings) {
        self.order(|wire| match &mut wire.outbound.first {
            Some(first) => first.settings = settings.or(first.settings),
            None => {
                let entries: Vec<_> = entries_of(settings).collect();
                let sent = SentSettings::of(settings);
                wire.outbound
                    .add_settings(frame::settings(&entries), Some(sent));
            }
        });
    }

    /// Holds the first SETTINGS back, and all behind them.
    pub(crate) fn delay_settings(&self, delay: Duration) {
        self.order(|wire| wire.outbound.settings_delay = delay);
    }

    /// Never sends the first SETTINGS.
    pub(crate) fn omit_settings(&self) {
        self.order(|wire| wire.outbound.omit_settings = true);
    }

    /// Sends GOAWAY, and keeps back any that h2 would send later.
    pub(crate) fn go_away(&self, last_stream: u32, code: u32, debug_data: &[u8]) {
        self.order(|wire| {
            wire.outbound
                .add(frame::go_away(last_stream, code, debug_data));
            wire.outbound.go_away_sent = true;
        });
    }

    /// Warns with a GOAWAY that refuses nothing, and sends the other when the provider has answered a PING.
    pub(crate) fn go_away_twice(&self, last_stream: u32, code: u32, debug_data: &[u8]) {
        self.order(|wire| {
            let warning = frame::go_away(LAST_STREAM, CODE_NO_ERROR, debug_data);
            wire.outbound.add(warning);
            wire.outbound.add(frame::ping(PING_BEFORE_GOAWAY));
            wire.outbound.go_away_sent = true;
            wire.after_pong = Some(frame::go_away(last_stream, code, debug_data));
        });
    }

    /// Sends nothing any more, for good, and reads on.
    pub(crate) fn stall(&self) {
        self.order(|wire| wire.outbound.silence());
    }

    /// Stops both directions for good: the connection stays open and nothing moves on it.
    pub(crate) fn mute(&self) {
        self.order(|wire| wire.muted = true);
    }

    /// Lets h2 see no more than the first `byte` bytes of the provider; [`Self::is_cut_off`] says when it has.
    pub(crate) fn cut_at(&self, byte: u64) {
        self.order(|wire| wire.inbound.cut_at = Some(byte));
    }

    /// Leaves PINGs without an answer from now on, or answers them again.
    pub(crate) fn ignore_pings(&self, ignore: bool) {
        self.order(|wire| wire.ignore_pings = ignore);
    }

    /// Holds WINDOW_UPDATEs back from now on, so that the provider runs out of window; or lets all go.
    pub(crate) fn withhold_window_updates(&self, withhold: bool) {
        self.order(|wire| wire.outbound.window_updates.withhold(withhold));
    }

    /// Sends WINDOW_UPDATEs so much later.
    pub(crate) fn delay_window_updates(&self, delay: Duration) {
        self.order(|wire| wire.outbound.window_updates.delay(delay));
    }

    /// Lets each refused stream get a second RST_STREAM, STREAM_CLOSED, as Apple's servers were seen to do.
    pub(crate) fn refuse_twice(&self, twice: bool) {
        self.order(|wire| wire.outbound.refuse_twice = twice);
    }

    /// Pads HEADERS and DATA.
    pub(crate) fn pad(&self, bytes: u8) {
        self.order(|wire| wire.outbound.shape.padding = bytes);
    }

    /// Spreads header blocks over frames of so many bytes; 0 for as few as can be.
    pub(crate) fn split_header_blocks(&self, bytes: u16) {
        self.order(|wire| wire.outbound.shape.block = bytes);
    }

    /// Resets a stream with NO_ERROR behind its end, which for h2 is the end.
    pub(crate) fn reset_behind_end(&self, stream: u32) {
        self.lock().outbound.resets_expected.insert(stream);
    }

    /// Sends frames as they are.
    pub(crate) fn send_raw(&self, raw: &RawFrame, stream: u32) {
        let frame = frame::frame(raw.kind, raw.flags, stream, &raw.payload);
        let is_settings = raw.kind == SETTINGS && raw.flags & 1 == 0;
        self.order(|wire| {
            for _ in 0..raw.count {
                let sent = is_settings.then(|| SentSettings::of_frame(&frame));
                wire.outbound.add_settings(frame.clone(), sent);
            }
        });
    }

    /// The next notice that came before the provider opened `stream`; each is told once.
    pub(crate) fn next_notice_before(&self, stream: u32) -> Option<Notice> {
        let mut wire = self.lock();
        let (highest, _) = wire.notices.front()?;
        if *highest >= stream {
            return None;
        }
        wire.notices.pop_front().map(|(_, notice)| notice)
    }

    /// The highest stream the provider has opened.
    pub(crate) fn highest_stream(&self) -> u32 {
        self.lock().inbound.highest_stream
    }

    /// h2 is about to end this stream; [`Self::all_ends_written`] waits for that.
    pub(crate) fn expect_end(&self, stream: u32) {
        self.lock().outbound.expect_end(stream);
    }

    /// Whether the transport has taken the ends of all streams that were expected to end, and the last GOAWAY.
    pub(crate) fn all_ends_written(&self) -> bool {
        let wire = self.lock();
        wire.outbound.ends_expected.is_empty()
            && wire.outbound.is_written()
            && wire.after_pong.is_none()
    }

    /// Why no answer leaves any more, as the journal calls it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let wire = self.lock();
        match () {
            () if wire.inbound.is_cut() => Some("cut"),
            () if wire.muted => Some("mute"),
            () if wire.outbound.is_silent() => Some("stall"),
            () => None,
        }
    }

    /// Whether neither direction moves.
    pub(crate) fn is_muted(&self) -> bool {
        self.lock().muted
    }

    /// Whether the byte has come behind which TCP is to be cut, and h2 has taken all before it.
    pub(crate) fn is_cut_off(&self) -> bool {
        let wire = self.lock();
        wire.inbound.is_cut() && wire.inbound.is_delivered()
    }

    /// Lets the connection's task look again.
    pub(crate) fn wake(&self) {
        self.order(|_| {});
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Wire> {
        lock(&self.wire)
    }

    fn order(&self, change: impl FnOnce(&mut Wire)) {
        let waker = {
            let mut wire = self.lock();
            change(&mut wire);
            wire.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
