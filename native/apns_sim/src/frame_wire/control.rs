//! The handle by which a connection steers its wire.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};

use super::frame::{self, FrameHeader, PING, RST_STREAM, SETTINGS};
use super::inbound::Inbound;
use super::outbound::Outbound;
use crate::lock::lock;

/// Steers a [`FrameWire`](super::FrameWire); cheap to clone. What it orders happens at the next boundary between
/// two of h2's frames.
#[derive(Clone, Debug)]
pub(crate) struct WireControl {
    wire: Arc<Mutex<Wire>>,
}

/// Both directions and what ties them together.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    /// SETTINGS that were sent and not acknowledged, oldest first; acknowledgements come in order (RFC 9113 §6.5.3).
    unacknowledged: VecDeque<SettingsOwner>,
    /// What the provider said of its streams, each with the highest stream opened before.
    notices: VecDeque<(u32, Notice)>,
    ignore_pings: bool,
    stalled: bool,
    waker: Option<Waker>,
}

/// What the provider says that moves its open streams or their limit. It counts for the streams opened after it, and
/// h2 does not tell in which order they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A limit of the wire's own was acknowledged.
    Acknowledged { limit: u32 },
    /// A stream was reset.
    Reset { stream: u32 },
}

#[derive(Clone, Copy, Debug)]
enum SettingsOwner {
    H2,
    Wire { limit: u32 },
}

impl WireControl {
    /// A wire whose first SETTINGS say `first_limit`.
    pub(crate) fn new(first_limit: u32) -> Self {
        let outbound = Outbound::new(first_limit);
        let unacknowledged = VecDeque::from([SettingsOwner::H2]);
        Self {
            wire: Arc::new(Mutex::new(Wire {
                outbound,
                unacknowledged,
                ..Wire::default()
            })),
        }
    }

    /// Changes what h2's first SETTINGS will say; of no effect once they were sent.
    pub(crate) fn set_first_limit(&self, limit: u32) {
        if let Some(first) = &mut self.lock().outbound.first_limit {
            *first = limit;
        }
    }

    /// Sends SETTINGS with a new MAX_CONCURRENT_STREAMS.
    pub(crate) fn announce_max_streams(&self, limit: u32) {
        self.order(|wire| {
            wire.unacknowledged.push_back(SettingsOwner::Wire { limit });
            wire.outbound.add(&frame::max_concurrent_streams(limit));
        });
    }

    /// Sends GOAWAY, and keeps back any that h2 would send later.
    pub(crate) fn go_away(&self, last_stream: u32, code: u32, debug_data: &[u8]) {
        self.order(|wire| {
            wire.outbound
                .add(&frame::go_away(last_stream, code, debug_data));
            wire.outbound.go_away_sent = true;
        });
    }

    /// Stops both directions for good: the connection stays open and nothing moves on it.
    pub(crate) fn stall(&self) {
        self.order(|wire| wire.stalled = true);
    }

    /// Leaves PINGs without an answer from now on, or answers them again.
    pub(crate) fn ignore_pings(&self, ignore: bool) {
        self.order(|wire| wire.ignore_pings = ignore);
    }

    /// Holds WINDOW_UPDATEs back from now on, so that the provider runs out of window; or lets all go.
    pub(crate) fn withhold_window_updates(&self, withhold: bool) {
        self.order(|wire| match withhold {
            true => wire.outbound.withhold_window_updates = true,
            false => wire.outbound.release_window_updates(),
        });
    }

    /// Lets each refused stream get a second RST_STREAM, STREAM_CLOSED, as Apple's servers were seen to do.
    pub(crate) fn refuse_twice(&self, twice: bool) {
        self.order(|wire| wire.outbound.refuse_twice = twice);
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
        self.lock().outbound.ends_expected.insert(stream);
    }

    /// Whether the transport has taken the ends of all streams that were expected to end.
    pub(crate) fn all_ends_written(&self) -> bool {
        let wire = self.lock();
        wire.outbound.ends_expected.is_empty() && wire.outbound.due().is_empty()
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

impl Wire {
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Lets an order wake the task that polls the wire.
    pub(super) fn expect_wake(&mut self, cx: &Context<'_>) {
        self.waker = Some(cx.waker().clone());
    }

    pub(super) fn take_out(&mut self, bytes: &[u8]) {
        self.outbound.take(bytes);
    }

    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        let Self {
            inbound,
            outbound,
            unacknowledged,
            notices,
            ignore_pings,
            ..
        } = self;
        inbound.take(bytes, |header: FrameHeader, highest| match header.kind {
            RST_STREAM => {
                // h2 writes nothing more on a stream that the provider has reset.
                outbound.ends_expected.remove(&header.stream);
                // They are read with the next stream; a provider that only resets has none to be admitted.
                if notices.len() < MAX_NOTICES {
                    let stream = header.stream;
                    notices.push_back((highest, Notice::Reset { stream }));
                }
                true
            }
            PING if !header.is_ack() => !*ignore_pings,
            SETTINGS if header.is_ack() => match unacknowledged.pop_front() {
                Some(SettingsOwner::Wire { limit }) => {
                    notices.push_back((highest, Notice::Acknowledged { limit }));
                    false
                }
                // One too many is h2's to complain about.
                Some(SettingsOwner::H2) | None => true,
            },
            _ => true,
        });
    }
}

/// More resets than streams may be open.
const MAX_NOTICES: usize = 10_000;
