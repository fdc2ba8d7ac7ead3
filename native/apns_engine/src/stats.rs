//! What an app counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use apns_proto::session::FailedCause;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number of now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counters and gauges of one app. taken = accepted + rejected + failed + inside.
#[derive(Debug, Default)]
pub struct Stats {
    /// Pushes that `notify` took.
    pub taken: Counter,
    /// Pushes that Apple took.
    pub accepted: Counter,
    /// Pushes that Apple refused for good.
    pub rejected: Counter,
    /// Pushes written again.
    pub resent: Counter,
    /// Pushes refused at a bound of the queue.
    pub overloaded: Counter,
    /// Notifications for an owner the registry does not know.
    pub unknown_owner: Counter,
    /// Device tokens that Apple called dead.
    pub token_invalid: Counter,
    /// Events handed to a recipient.
    pub events_sent: Counter,
    /// Events whose recipient was gone.
    pub events_dropped: Counter,
    /// Connections that could take pushes.
    pub connects: Counter,
    /// Connection attempts that failed.
    pub connect_failures: Counter,
    /// Connections that ended unasked.
    pub connection_losses: Counter,
    /// GOAWAY frames received.
    pub goaways: Counter,
    /// PING frames sent.
    pub pings: Counter,
    /// Times the engine thread started: 1, more after a panic.
    pub starts: Counter,
    /// Times the loop was woken by `notify`.
    pub wakes: Counter,
    /// Bytes read from sockets (TLS records).
    pub bytes_in: Counter,
    /// Bytes written to sockets (TLS records).
    pub bytes_out: Counter,
    /// Pushes that wait, in channel and lanes.
    pub queued: Gauge,
    /// Their bytes.
    pub queued_bytes: Gauge,
    /// Pushes written, not answered.
    pub in_flight: Gauge,
    /// Pushes that wait to be sent again.
    pub delayed: Gauge,
    /// Connections that can take pushes.
    pub connections: Gauge,
}

impl Stats {
    /// Counts pushes that ended without a final answer.
    pub fn add_failed(&self, _cause: FailedCause, _n: u64) {
        todo!()
    }

    /// All numbers of one moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }
}

/// All numbers of one moment, in the order of the fields of [`Stats`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(Vec<(&'static str, u64)>);

impl Snapshot {
    /// Names and numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().copied()
    }

    /// The number of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }
}
