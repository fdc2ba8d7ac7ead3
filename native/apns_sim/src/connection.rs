//! One connection of a provider: its stream limit, its GOAWAY, and what scripts do to it.
//!
//! This is the connection's state; `provider.rs` moves its bytes and `exchange.rs` answers its requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::client_certificate::ClientIdentity;
use crate::frame_wire::{Notice, WireControl};
use crate::judge::Memory;
use crate::lock::lock;
use crate::script::{ConnectionAction, GoAway, Settings};
use crate::state::Doors;
use crate::stream_limit::{Answered, StreamLimit};

/// A stream's place within the limit, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connection: Arc<Connection>,
    stream: u32,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.connection.inner).limit.release(self.stream);
        // The connection may have waited for this one before it closes.
        self.connection.wire.wake();
    }
}

/// The state of one connection, shared by its task, its streams' tasks and the scripts.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    wire: WireControl,
    cut: Notify,
    /// TCP ends with a reset.
    ends_with_reset: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: StreamLimit,
    /// Requests of the connection are judged with what earlier ones left.
    memory: Memory,
    /// The last stream a GOAWAY named.
    last_stream: Option<u32>,
    /// The highest stream that has its answer.
    answered: u32,
    /// A script has changed what Apple's SETTINGS said.
    settings_changed: bool,
    handshake_delay: Duration,
}

impl Connection {
    /// A connection that is met as the doors are set, and as `actions` say.
    pub(crate) fn new(
        number: u64,
        full_limit: u32,
        doors: Doors,
        actions: &[ConnectionAction],
    ) -> Self {
        let mut limit = StreamLimit::new(full_limit);
        let _ = limit.trust_with(doors.trusted_streams);
        let _ = limit.force(doors.max_streams);
        let wire = WireControl::new(limit.announced());
        wire.refuse_twice(doors.refuse_twice);
        let inner = Inner {
            limit,
            memory: Memory::default(),
            last_stream: None,
            answered: 0,
            settings_changed: false,
            handshake_delay: Duration::ZERO,
        };
        let connection = Self {
            number,
            wire,
            cut: Notify::new(),
            ends_with_reset: AtomicBool::new(false),
            inner: Mutex::new(inner),
        };
        actions.iter().for_each(|action| connection.act(action));
        connection
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn wire(&self) -> WireControl {
        self.wire.clone()
    }

    /// The TLS handshake is done. A client certificate is trusted with many streams from the first SETTINGS on.
    pub(crate) fn handle_handshake(&self, identity: Option<&ClientIdentity>) {
        let mut inner = lock(&self.inner);
        if identity.is_some()
            && let Some(limit) = inner.limit.handle_certificate()
        {
            self.wire.announce_max_streams(limit);
        }
    }

    /// A place for a new stream; `None` when it is one too many.
    pub(crate) fn admit(self: &Arc<Self>, stream: u32) -> Option<Slot> {
        let mut inner = lock(&self.inner);
        while let Some(notice) = self.wire.next_notice_before(stream) {
            match notice {
                Notice::Acknowledged { limit } => inner.limit.handle_acknowledgement(limit),
                Notice::Reset { stream } => inner.limit.release(stream),
            }
        }
        let admitted = inner.limit.admit(stream);
        // A slot that is made and dropped again takes the lock; so it is made only when it is given.
        drop(inner);
        admitted.then(|| Slot {
            connection: Arc::clone(self),
            stream,
        })
    }

    /// Whether a GOAWAY has said that this stream is not processed.
    pub(crate) fn is_given_up(&self, stream: u32) -> bool {
        lock(&self.inner)
            .last_stream
            .is_some_and(|last| stream > last)
    }

    /// Decides that a stream is answered; `false` when a GOAWAY has given it up. From here on no GOAWAY can: what it
    /// gives up a provider sends again.
    #[must_use]
    pub(crate) fn may_answer(&self, stream: u32) -> bool {
        let mut inner = lock(&self.inner);
        if inner.last_stream.is_some_and(|last| stream > last) {
            return false;
        }
        inner.answered = inner.answered.max(stream);
        true
    }

    /// Judges with the connection's memory.
    pub(crate) fn with_memory<T>(&self, judge: impl FnOnce(&mut Memory) -> T) -> T {
        judge(&mut lock(&self.inner).memory)
    }

    /// An answer was given: moves the stream limit.
    pub(crate) fn handle_answer(&self, answered: Answered) {
        let mut inner = lock(&self.inner);
        if let Some(limit) = inner.limit.handle_answer(answered) {
            self.wire.announce_max_streams(limit);
        }
    }

    /// Whether a GOAWAY was sent and all that it promised is on its way.
    pub(crate) fn is_drained(&self) -> bool {
        let inner = lock(&self.inner);
        let last = inner.last_stream.is_some_and(|last| last < WARNING);
        last && inner.limit.is_idle() && self.wire.all_ends_written() && self.wire.fault().is_none()
    }

    /// Sends GOAWAY, because of a request if `before` is its stream. A later one can only lower the last stream, and
    /// none names one below an answered stream (RFC 9113 §6.8).
    pub(crate) fn go_away(&self, go_away: &GoAway, before: Option<u32>) {
        self.end_with(go_away, before, WireControl::go_away);
    }

    /// Sends a GOAWAY that warns, and the other after it.
    pub(crate) fn go_away_twice(&self, go_away: &GoAway, before: Option<u32>) {
        self.end_with(go_away, before, WireControl::go_away_twice);
    }

    fn end_with(
        &self,
        go_away: &GoAway,
        before: Option<u32>,
        send: fn(&WireControl, u32, u32, &[u8]),
    ) {
        // Held to the end: whoever sees the last stream relies on it that GOAWAY is on its way.
        let mut inner = lock(&self.inner);
        let last = go_away
            .last_stream
            .or_else(|| before.map(|stream| stream.saturating_sub(2)));
        let last = last.unwrap_or_else(|| self.wire.highest_stream());
        let last = last.max(inner.answered);
        let last = inner.last_stream.map_or(last, |earlier| earlier.min(last));
        inner.last_stream = Some(last);
        let reason = go_away.reason.as_ref();
        let json = reason.map(|reason| serde_json::json!({ "reason": reason }).to_string());
        send(
            &self.wire,
            last,
            go_away.code,
            json.unwrap_or_default().as_bytes(),
        );
    }

    /// Drops TCP without a word.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// Waits for [`Self::cut`].
    pub(crate) async fn until_cut(&self) {
        self.cut.notified().await;
    }

    /// Whether TCP is to end with a reset.
    pub(crate) fn ends_with_reset(&self) -> bool {
        self.ends_with_reset.load(Ordering::Relaxed)
    }

    /// How long the provider's last flight of the TLS handshake is left unread.
    pub(crate) fn handshake_delay(&self) -> Duration {
        lock(&self.inner).handshake_delay
    }

    /// Does what a script says.
    pub(crate) fn act(&self, action: &ConnectionAction) {
        self.act_for(action, None);
    }

    /// Does what a script says, because of a request if `stream` is its stream.
    pub(crate) fn act_for(&self, action: &ConnectionAction, stream: Option<u32>) {
        let wire = &self.wire;
        match action {
            ConnectionAction::GoAway(go_away) => self.go_away(go_away, stream),
            ConnectionAction::GoAwayTwice(go_away) => self.go_away_twice(go_away, stream),
            ConnectionAction::Stall => wire.stall(),
            ConnectionAction::Mute => wire.mute(),
            ConnectionAction::Cut => self.cut(),
            ConnectionAction::Reset => {
                self.ends_with_reset.store(true, Ordering::Relaxed);
                self.cut();
            }
            ConnectionAction::CutAt { byte, reset } => {
                self.ends_with_reset.store(*reset, Ordering::Relaxed);
                wire.cut_at(*byte);
            }
            ConnectionAction::MaxStreams(limit) => self.move_limit(|streams| streams.force(*limit)),
            ConnectionAction::TrustedStreams(limit) => {
                self.move_limit(|streams| streams.trust_with(*limit));
            }
            ConnectionAction::Settings(settings) => self.change_settings(*settings),
            ConnectionAction::DelaySettings(ms) => wire.delay_settings(Duration::from_millis(*ms)),
            ConnectionAction::OmitSettings => wire.omit_settings(),
            ConnectionAction::DelayHandshake(ms) => {
                lock(&self.inner).handshake_delay = Duration::from_millis(*ms);
            }
            ConnectionAction::IgnorePings(ignore) => wire.ignore_pings(*ignore),
            ConnectionAction::WithholdWindowUpdates(withhold) => {
                wire.withhold_window_updates(*withhold);
            }
            ConnectionAction::DelayWindowUpdates(ms) => {
                wire.delay_window_updates(Duration::from_millis(*ms));
            }
            ConnectionAction::RefuseTwice(twice) => wire.refuse_twice(*twice),
            ConnectionAction::Padding(bytes) => wire.pad(*bytes),
            ConnectionAction::Continuation(bytes) => wire.split_header_blocks(*bytes),
            ConnectionAction::Frame(raw) => {
                wire.send_raw(raw, raw.stream.or(stream).unwrap_or_default());
            }
        }
    }

    /// Takes back what scripts did and can be taken back.
    pub(crate) fn reset(&self) {
        self.move_limit(|limit| limit.force(None));
        self.move_limit(|limit| limit.trust_with(None));
        if lock(&self.inner).settings_changed {
            self.change_settings(Settings::APPLES);
            lock(&self.inner).settings_changed = false;
        }
        self.wire.ignore_pings(false);
        self.wire.withhold_window_updates(false);
        self.wire.delay_window_updates(Duration::ZERO);
        self.wire.refuse_twice(false);
        self.wire.pad(0);
        self.wire.split_header_blocks(0);
    }

    fn move_limit(&self, change: impl FnOnce(&mut StreamLimit) -> Option<u32>) {
        let mut inner = lock(&self.inner);
        if let Some(limit) = change(&mut inner.limit) {
            self.wire.announce_max_streams(limit);
        }
    }

    fn change_settings(&self, settings: Settings) {
        lock(&self.inner).settings_changed = true;
        self.wire.change_settings(settings);
    }
}

/// A GOAWAY with this last stream refuses nothing yet.
const WARNING: u32 = 0x7fff_ffff;
