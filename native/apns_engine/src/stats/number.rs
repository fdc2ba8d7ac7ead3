//! Numbers that one thread writes, or several, and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that grows.
///
/// On a cache line of its own, because callers of `notify` on all cores count beside the engine.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Takes back an earlier [`Self::add`] of what did not happen after all.
    pub fn take_back(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down; one thread writes it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// What it is now.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A gauge of what there may be none of.
#[derive(Debug)]
#[repr(align(64))]
pub struct OptionalGauge(AtomicU64);

impl OptionalGauge {
    /// What it is now; the largest number stands for none.
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The number now, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Relaxed)).filter(|n| *n != u64::MAX)
    }
}

impl Default for OptionalGauge {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}
