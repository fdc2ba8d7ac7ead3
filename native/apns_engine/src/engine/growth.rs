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
    jam: Option<Jam>,
}

/// Pushes wait, and every connection is full.
#[derive(Debug)]
struct Jam {
    since: Instant,
    /// How long of that the engine had nothing to do. If it is busy all the time, the connections are full because it is
    /// slow, and one more would not make it faster.
    idle: Duration,
}

impl Growth {
    pub(crate) const fn new(max_connections: usize, idle_timeout: Duration) -> Self {
        Self {
            max_connections,
            idle_timeout,
            jam: None,
        }
    }

    /// What this turn of the loop ended with: whether pushes wait behind connections that are all full.
    pub(crate) fn observe(&mut self, jammed: bool, now: Instant) {
        let jam = self.jam.take().filter(|jam| !jam.is_over(now));
        self.jam = jammed.then(|| {
            jam.unwrap_or(Jam {
                since: now,
                idle: Duration::ZERO,
            })
        });
    }

    /// The engine waited for so long for something to happen.
    pub(crate) fn slept(&mut self, time: Duration) {
        if let Some(jam) = &mut self.jam {
            jam.idle += time;
        }
    }

    /// Whether an app that has `connections` wants one more.
    pub(crate) fn wants_another(&self, connections: usize, now: Instant) -> bool {
        self.due(connections).is_some_and(|due| due <= now)
            && self.jam.as_ref().is_some_and(Jam::is_others_fault)
    }

    /// When [`wants_another`](Self::wants_another) may say yes, if nothing changes.
    pub(crate) fn due(&self, connections: usize) -> Option<Instant> {
        match connections {
            0 => None,
            n if n >= self.max_connections => None,
            _ => self.jam.as_ref().map(|jam| jam.since + GROW_AFTER),
        }
    }

    /// When a connection that has had nothing in flight since then may go. The last one never does.
    pub(crate) fn shrink_at(&self, connections: usize, idle_since: Instant) -> Option<Instant> {
        (connections > 1).then(|| idle_since + self.idle_timeout)
    }
}

impl Jam {
    fn is_others_fault(&self) -> bool {
        self.idle * 2 >= GROW_AFTER
    }

    /// It lasted, and was our own fault: from here on it is another one.
    fn is_over(&self, now: Instant) -> bool {
        self.since + GROW_AFTER <= now && !self.is_others_fault()
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
        growth.slept(GROW_AFTER * 3 / 4);
        growth.observe(true, later);
        assert!(growth.wants_another(1, later));
        assert!(growth.wants_another(2, later));
        assert!(!growth.wants_another(3, later));
        assert_eq!(growth.due(3), None);
    }

    #[test]
    fn a_jam_of_an_engine_that_is_busy_all_the_time_is_its_own_fault() {
        let start = Instant::now();
        let mut growth = Growth::new(3, IDLE);
        growth.observe(true, start);
        growth.slept(GROW_AFTER / 4);
        let later = start + GROW_AFTER;
        assert!(!growth.wants_another(1, later));
        growth.observe(true, later);
        // Begun anew, so that nobody waits for a moment that has passed.
        assert_eq!(growth.due(1), Some(later + GROW_AFTER));
    }

    #[test]
    fn a_jam_that_passes_asks_for_nothing() {
        let start = Instant::now();
        let mut growth = Growth::new(3, IDLE);
        growth.observe(true, start);
        growth.observe(false, start + GROW_AFTER / 2);
        growth.observe(true, start + GROW_AFTER);
        growth.slept(GROW_AFTER);
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
