//! Apple's clock: the machine's, moved by what a script asks for, so that a provider can meet the clock skew that
//! is behind most `ExpiredProviderToken` answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock all judgements go by. The journal's times are the machine's own.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_s: AtomicI64,
}

impl Clock {
    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        let machine = i64::try_from(machine_us() / 1_000_000).unwrap_or(i64::MAX);
        machine.saturating_add(self.offset_s.load(Ordering::Relaxed))
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now()).unwrap_or(0).saturating_mul(1000)
    }

    /// Seconds from the machine's clock.
    pub(crate) fn offset(&self) -> i64 {
        self.offset_s.load(Ordering::Relaxed)
    }

    /// Lets the clock go wrong by `seconds` from the machine's.
    pub(crate) fn set_offset(&self, seconds: i64) {
        self.offset_s.store(seconds, Ordering::Relaxed);
    }
}

/// The machine's clock: Unix microseconds.
pub(crate) fn machine_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
