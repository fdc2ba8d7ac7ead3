//! Whether the server still lives: what silence means, and when a PING asks.

use std::time::{Duration, Instant};

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When bytes last came; silence is measured from here.
    heard_at: Instant,
    /// When the oldest of an unbroken row of pushes was sent.
    busy_since: Instant,
    /// A PING waits for its answer.
    asked: bool,
    /// PINGs sent and not yet counted by the owner.
    pings: u64,
    ping_interval: Duration,
}

impl Liveness {
    pub(super) fn new(ping_interval: Duration, now: Instant) -> Self {
        Self {
            heard_at: now,
            busy_since: now,
            asked: false,
            pings: 0,
            ping_interval,
        }
    }

    /// Bytes came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// A push is sent on a connection that had none in flight.
    pub(super) fn busy(&mut self, now: Instant) {
        self.busy_since = now;
    }

    /// A PING is sent.
    pub(super) fn asked(&mut self) {
        self.asked = true;
        self.pings += 1;
    }

    /// The PING is answered.
    pub(super) fn answered(&mut self) {
        self.asked = false;
    }

    /// Whether a PING waits for its answer.
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Whether an idle connection has been silent for so long that it should be asked before a push is risked on it.
    pub(super) fn is_doubtful(&self, now: Instant) -> bool {
        !self.asked && now.saturating_duration_since(self.heard_at) >= DOUBTFUL_AFTER
    }

    /// When the next PING is due; `None` while one is under way. With pushes in flight silence is suspicious soon;
    /// an idle connection is only kept warm.
    pub(super) fn ping_at(&self, in_flight: usize) -> Option<Instant> {
        if self.asked {
            return None;
        }
        if in_flight == 0 {
            return Some(self.heard_at + self.ping_interval);
        }
        // Silence from before the first of them says nothing about the answers.
        Some(self.heard_at.max(self.busy_since) + QUIET_AFTER.min(self.ping_interval))
    }

    /// PINGs sent since this was asked last.
    pub(super) fn take_pings(&mut self) -> u64 {
        std::mem::take(&mut self.pings)
    }
}

/// Silence with pushes in flight after which a PING asks whether the server lives; with `ping_timeout`
/// (10 s by default) a dead peer is found within 15 s.
pub(super) const QUIET_AFTER: Duration = Duration::from_secs(5);
/// Silence on an idle connection after which it is asked before a push is risked on it. Shorter than the
/// idle limits of common NATs and firewalls, which forget connections without a word.
pub(super) const DOUBTFUL_AFTER: Duration = Duration::from_secs(60);
