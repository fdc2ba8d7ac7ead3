//! One moment on both clocks, read by the caller and passed in: deadlines use the monotonic clock,
//! expirations, registrations and provider tokens the wall clock.

use std::time::Instant;

/// One moment, as both clocks show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic: for deadlines and intervals.
    pub instant: Instant,
    /// Unix milliseconds: for what the world agrees upon. May jump when the clock is set.
    pub unix_ms: u64,
}

impl Now {
    /// Unix seconds, the unit of `apns-expiration` and of a provider token's `iat`.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.unix_ms / 1000
    }
}
