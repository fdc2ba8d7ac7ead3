//! How many connections an app has: one, and more while its queue waits behind full ones. Pure.
//!
//! One connection carries at most min(streams, window ÷ payload) pushes per round trip. When that is less than what
//! comes in, another connection is the only cure; too many at once Apple takes for an attack.

use std::time::{Duration, Instant};

/// When another connection is wanted, and when one too many may go.
#[derive(Debug)]
pub(crate) struct Growth {
    max_connections: usize,
    idle_timeout: Duration,
    /// Since when pushes wait though every connection is full.
    saturated_since: Option<Instant>,
}

impl Growth {
    pub(crate) const fn new(max_connections: usize, idle_timeout: Duration) -> Self {
        Self {
            max_connections,
            idle_timeout,
            saturated_since: None,
        }
    }

    /// What this turn of the loop ended with: whether pushes wait behind `connections` that are all full.
    pub(crate) fn observe(&mut self, saturated: bool, now: Instant) {
        if saturated {
            self.saturated_since.get_or_insert(now);
        } else {
            self.saturated_since = None;
        }
    }

    /// Whether an app that has `connections` wants one more.
    pub(crate) fn wants_another(&self, connections: usize, now: Instant) -> bool {
        self.due(connections).is_some_and(|due| due <= now)
    }

    /// When [`wants_another`](Self::wants_another) will say yes, if nothing changes.
    pub(crate) fn due(&self, connections: usize) -> Option<Instant> {
        match connections {
            0 => None,
            n if n >= self.max_connections => None,
            _ => self.saturated_since.map(|since| since + GROW_AFTER),
        }
    }

    /// When a connection that has had nothing in flight since then may go. The last one never does.
    pub(crate) fn shrink_at(&self, connections: usize, idle_since: Instant) -> Option<Instant> {
        (connections > 1).then(|| idle_since + self.idle_timeout)
    }
}

/// How long all connections must be full before another is made: several round trips, so that a burst which the ones
/// at hand carry in a moment costs no connect, and little against what a waiting user notices.
pub(crate) const GROW_AFTER: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    #[test]
    fn a_lasting_jam_asks_for_another_connection_up_to_the_bound() {
        let start = Instant::now();
        let mut growth = Growth::new(3, IDLE);
        growth.observe(true, start);
        assert!(!growth.wants_another(1, start));
        let later = start + GROW_AFTER;
        assert_eq!(growth.due(1), Some(later));
        growth.observe(true, later);
        assert!(growth.wants_another(1, later));
        assert!(growth.wants_another(2, later));
        assert!(!growth.wants_another(3, later));
        assert_eq!(growth.due(3), None);
    }

    #[test]
    fn a_jam_that_passes_asks_for_nothing() {
        let start = Instant::now();
        let mut growth = Growth::new(3, IDLE);
        growth.observe(true, start);
        growth.observe(false, start + GROW_AFTER / 2);
        growth.observe(true, start + GROW_AFTER);
        assert!(!growth.wants_another(1, start + GROW_AFTER));
    }

    #[test]
    fn without_any_connection_this_is_another_s_decision() {
        let start = Instant::now();
        let mut growth = Growth::new(3, IDLE);
        growth.observe(true, start);
        assert!(!growth.wants_another(0, start + IDLE));
    }

    #[test]
    fn an_idle_connection_goes_unless_it_is_the_last() {
        let start = Instant::now();
        let growth = Growth::new(3, IDLE);
        assert_eq!(growth.shrink_at(2, start), Some(start + IDLE));
        assert_eq!(growth.shrink_at(1, start), None);
    }
}
