//! One connection of a provider: its stream limit, its GOAWAY, and what scripts do to it.
//!
//! This is the connection's state; `provider.rs` moves its bytes and `exchange.rs` answers its requests.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::client_certificate::ClientIdentity;
use crate::frame_wire::{Notice, WireControl};
use crate::judge::Memory;
use crate::lock::lock;
use crate::script::{ConnectionAction, GoAway};
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
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: StreamLimit,
    /// Requests of the connection are judged with what earlier ones left.
    memory: Memory,
    /// The last stream a GOAWAY named.
    last_stream: Option<u32>,
}

impl Connection {
    pub(crate) fn new(number: u64, full_limit: u32, doors: Doors) -> Self {
        let mut limit = StreamLimit::new(full_limit);
        let _ = limit.force(doors.max_streams);
        let wire = WireControl::new(limit.announced());
        wire.refuse_twice(doors.refuse_twice);
        let inner = Inner {
            limit,
            memory: Memory::default(),
            last_stream: None,
        };
        Self {
            number,
            wire,
            cut: Notify::new(),
            inner: Mutex::new(inner),
        }
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
            self.wire.set_first_limit(limit);
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
        inner.last_stream.is_some() && inner.limit.is_idle() && self.wire.all_ends_written()
    }

    /// Sends GOAWAY. A later one can only lower the last stream (RFC 9113 §6.8).
    pub(crate) fn go_away(&self, go_away: &GoAway, before: Option<u32>) {
        let mut inner = lock(&self.inner);
        let last = go_away
            .last_stream
            .or_else(|| before.map(|stream| stream.saturating_sub(2)));
        let last = last.unwrap_or_else(|| self.wire.highest_stream());
        let last = inner.last_stream.map_or(last, |earlier| earlier.min(last));
        inner.last_stream = Some(last);
        let reason = go_away
            .reason
            .as_ref()
            .map(|reason| serde_json::json!({ "reason": reason }).to_string());
        self.wire
            .go_away(last, go_away.code, reason.unwrap_or_default().as_bytes());
    }

    /// Drops TCP without a word.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }

    /// Waits for [`Self::cut`].
    pub(crate) async fn until_cut(&self) {
        self.cut.notified().await;
    }

    /// Does what a script says.
    pub(crate) fn act(&self, action: &ConnectionAction) {
        match action {
            ConnectionAction::GoAway(go_away) => self.go_away(go_away, None),
            ConnectionAction::Stall => self.wire.stall(),
            ConnectionAction::Cut => self.cut(),
            ConnectionAction::MaxStreams(limit) => self.force_limit(*limit),
            ConnectionAction::IgnorePings(ignore) => self.wire.ignore_pings(*ignore),
            ConnectionAction::WithholdWindowUpdates(withhold) => {
                self.wire.withhold_window_updates(*withhold)
            }
            ConnectionAction::RefuseTwice(twice) => self.wire.refuse_twice(*twice),
        }
    }

    /// Takes back what scripts did and can be taken back.
    pub(crate) fn reset(&self) {
        self.force_limit(None);
        self.wire.ignore_pings(false);
        self.wire.withhold_window_updates(false);
        self.wire.refuse_twice(false);
    }

    fn force_limit(&self, limit: Option<u32>) {
        let mut inner = lock(&self.inner);
        if let Some(limit) = inner.limit.force(limit) {
            self.wire.announce_max_streams(limit);
        }
    }
}
