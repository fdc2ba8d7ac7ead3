//! How long pushes take.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Times of one kind, from the start of the app on. Written by the engine thread, read by whoever asks.
pub struct Latency(Mutex<Option<Histogram<u64>>>);

/// What is told of the times of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencySummary {
    /// How many there were.
    pub count: u64,
    /// Half of them were not longer, in microseconds; as all that follow, to two digits.
    pub p50: u64,
    /// Nine of ten were not longer.
    pub p90: u64,
    /// 99 of 100 were not longer.
    pub p99: u64,
    /// 999 of 1,000 were not longer.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Latency {
    /// Adds many at once, each with how often: one lock for all outcomes of a turn of the loop.
    pub(crate) fn record_all(&self, times: impl IntoIterator<Item = (Duration, u64)>) {
        let mut histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(histogram) = histogram.as_mut() {
            for (time, count) in times {
                let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                histogram.saturating_record_n(micros, count);
            }
        }
    }

    /// The times so far.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        // A copy, so that the engine need not wait while it is searched.
        let copy = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(histogram) = copy else {
            return LatencySummary::default();
        };
        LatencySummary {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

impl LatencySummary {
    /// Every name with its number.
    #[must_use]
    pub const fn fields(&self) -> [(&'static str, u64); 6] {
        [
            ("count", self.count),
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p999", self.p999),
            ("max", self.max),
        ]
    }
}

impl Default for Latency {
    fn default() -> Self {
        // The bounds are good, so there always is one.
        Self(Mutex::new(
            Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok(),
        ))
    }
}

/// Thousands of buckets are nothing to read.
impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// Longer ones count as this long: 30 days, the longest that a push may wait.
const LONGEST_US: u64 = 30 * 24 * 60 * 60 * 1_000_000;
/// Digits that are right. With two a histogram takes some 20 KiB.
const DIGITS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_was_faster_is_told_to_two_digits() {
        let latency = Latency::default();
        assert_eq!(latency.summary(), LatencySummary::default());
        latency.record_all((1..=1000).map(|ms| (Duration::from_millis(ms), 1)));
        let summary = latency.summary();
        assert_eq!(summary.count, 1000);
        for (found, exact) in [
            (summary.p50, 500_000),
            (summary.p90, 900_000),
            (summary.p99, 990_000),
            (summary.p999, 999_000),
            (summary.max, 1_000_000),
        ] {
            assert!(found.abs_diff(exact) <= exact / 100, "{found} for {exact}");
        }
    }

    #[test]
    fn what_takes_for_ever_counts_as_the_longest() {
        let latency = Latency::default();
        latency.record_all([(Duration::MAX, 1), (Duration::ZERO, 1)]);
        assert_eq!(latency.summary().count, 2);
        assert!(latency.summary().max >= LONGEST_US);
    }
}
