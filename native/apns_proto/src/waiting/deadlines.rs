//! Finds the items whose deadline has passed without looking at the others: a ring of buckets, one a second.
//!
//! A bucket is looked at in the second after its own, so an item is found within a second after its deadline. One whose
//! deadline lies more than a round ahead is looked at once a round and stays.

use std::time::{Duration, Instant};

use super::entry::{Bucket, Entry};
use super::list::List;
use super::slab::{Id, Renamed, Slab};
use crate::now::Now;

/// The ring.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// Where the buckets' seconds count from.
    start: Instant,
    buckets: Vec<List<Bucket>>,
    /// Seconds whose buckets have been looked at.
    passed: u64,
    /// What the wall clock showed at `start`, as its present course has it.
    unix_ms_at_start: u64,
}

impl Deadlines {
    pub(super) fn new(now: Now) -> Self {
        Self {
            start: now.instant,
            buckets: (0..BUCKETS).map(|_| List::default()).collect(),
            passed: 0,
            unix_ms_at_start: now.unix_ms,
        }
    }

    /// Adds an item that has to be found at `deadline`.
    pub(super) fn add<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id, deadline: Instant) {
        let until = deadline.saturating_duration_since(self.start);
        let second = until.as_secs() + u64::from(until.subsec_nanos() > 0);
        // A bucket that was looked at is looked at again in a round only.
        let place = second.max(self.passed + 1) % BUCKETS;
        let Some((bucket, place)) = self.bucket(place) else {
            return;
        };
        bucket.push_back(entries, id);
        entries[id].bucket = place;
    }

    pub(super) fn remove<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id) {
        if let Some((bucket, _)) = self.bucket(entries[id].bucket.into()) {
            bucket.unlink(entries, id);
        }
    }

    /// When `take_passed` next has to be asked.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.start + Duration::from_secs(self.passed + 1)
    }

    /// The items to look at: those of the seconds that have passed, or all of them if the wall clock was set. They stay
    /// where they are.
    pub(super) fn pass<T>(&mut self, entries: &Slab<Entry<T>>, now: Now) -> Vec<Id> {
        let since_start = now.instant.saturating_duration_since(self.start);
        let first = self.passed + 1;
        self.passed = since_start.as_secs().max(self.passed);
        if self.was_clock_set(now, since_start) {
            return entries.ids().collect();
        }
        if entries.len() == 0 {
            return Vec::new();
        }
        let last = self.passed.min(first + BUCKETS - 1);
        let places = (first..=last).filter_map(|second| usize::try_from(second % BUCKETS).ok());
        places
            .filter_map(|place| self.buckets.get(place))
            .flat_map(|bucket| bucket.iter(entries))
            .collect()
    }

    pub(super) fn rename(&mut self, renamed: &Renamed) {
        for bucket in &mut self.buckets {
            bucket.rename(renamed);
        }
    }

    /// Forgets all items.
    pub(super) fn clear(&mut self) {
        self.buckets.fill_with(List::default);
    }

    /// Expirations are wall-clock times, and the buckets count monotonic seconds: the two must not drift apart.
    fn was_clock_set(&mut self, now: Now, since_start: Duration) -> bool {
        let since_start = u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX);
        let unix_ms_at_start = now.unix_ms.wrapping_sub(since_start);
        let drift = unix_ms_at_start
            .wrapping_sub(self.unix_ms_at_start)
            .cast_signed();
        let was_set = drift.unsigned_abs() >= CLOCK_STEP_MS;
        if was_set {
            self.unix_ms_at_start = unix_ms_at_start;
        }
        was_set
    }

    fn bucket(&mut self, place: u64) -> Option<(&mut List<Bucket>, u16)> {
        let place = u16::try_from(place).ok()?;
        Some((self.buckets.get_mut(usize::from(place))?, place))
    }
}

/// Seconds in a round: more than the hour that a push without expiration waits by default, so that few items are looked
/// at twice. 32 KiB.
const BUCKETS: u64 = 4096;
/// Difference between the clocks' courses from which all deadlines are computed anew. Smaller ones come from reading one
/// clock after the other; they make an item late by as much.
const CLOCK_STEP_MS: u64 = 500;
