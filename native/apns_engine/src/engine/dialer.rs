//! When to connect, and where: states and times of getting a connection up. Pure; the engine performs.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use apns_proto::backoff::Backoff;

/// Where the engine stands on its way to a connection.
#[derive(Debug)]
pub(crate) struct Dialer {
    state: State,
    backoff: Backoff,
    connect_timeout: Duration,
}

#[derive(Debug)]
enum State {
    /// Not wanted, or up.
    Idle,
    /// Not before this moment.
    Waiting(Instant),
    /// The name is being looked up, until this moment.
    Resolving(Instant),
    /// An attempt is under way until `deadline`; the other addresses are left.
    Trying {
        left: VecDeque<SocketAddr>,
        deadline: Instant,
    },
}

/// What the engine should do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// Look the name up.
    Resolve,
    /// Connect to this address.
    Connect(SocketAddr),
    /// The attempt under way took too long.
    TimedOut,
}

impl Dialer {
    pub(crate) fn new(backoff: Backoff, connect_timeout: Duration) -> Self {
        Self {
            state: State::Idle,
            backoff,
            connect_timeout,
        }
    }

    /// What to do now that a connection is wanted.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        match &self.state {
            State::Idle => self.resolve(now),
            State::Waiting(until) if *until <= now => self.resolve(now),
            State::Resolving(until) if *until <= now => Step::TimedOut,
            State::Trying { deadline, .. } if *deadline <= now => Step::TimedOut,
            State::Waiting(_) | State::Resolving(_) | State::Trying { .. } => Step::Wait,
        }
    }

    /// When [`next_step`](Self::next_step) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Waiting(at) | State::Resolving(at) | State::Trying { deadline: at, .. } => {
                Some(*at)
            }
        }
    }

    /// Whether an attempt is under way.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state, State::Resolving(_) | State::Trying { .. })
    }

    /// Whether a look-up is under way that anybody waits for.
    pub(crate) fn is_resolving(&self) -> bool {
        matches!(self.state, State::Resolving(_))
    }

    /// The name has these addresses.
    pub(crate) fn resolved(&mut self, addresses: Vec<SocketAddr>, now: Instant) -> Step {
        if !matches!(self.state, State::Resolving(_)) {
            return Step::Wait;
        }
        self.try_next(addresses.into(), now)
    }

    /// The attempt failed: the next address if there is one. `None`: all failed, call [`wait`](Self::wait).
    pub(crate) fn attempt_failed(&mut self, now: Instant) -> Option<Step> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Trying { left, .. } if !left.is_empty() => Some(self.try_next(left, now)),
            _ => None,
        }
    }

    /// TCP is up: the rest of the attempt (TLS) may use the whole timeout.
    pub(crate) fn connected(&mut self, now: Instant) {
        if let State::Trying { deadline, .. } = &mut self.state {
            *deadline = now + self.connect_timeout;
        }
    }

    /// A connection is up.
    pub(crate) fn up(&mut self) {
        self.state = State::Idle;
    }

    /// The attempt is given up, and no wait stands in the way of the next.
    pub(crate) fn start_over(&mut self) {
        self.state = State::Idle;
    }

    /// The connection gave a useful answer: the next trouble starts from the shortest delay.
    pub(crate) fn useful(&mut self) {
        self.backoff.reset();
    }

    /// Holds the next attempt back, for at least `least`; returns for how long.
    pub(crate) fn wait(&mut self, least: Duration, now: Instant, random: u64) -> Duration {
        let delay = least + self.backoff.next(random);
        self.state = State::Waiting(now + delay);
        delay
    }

    fn resolve(&mut self, now: Instant) -> Step {
        self.state = State::Resolving(now + self.connect_timeout);
        Step::Resolve
    }

    fn try_next(&mut self, mut left: VecDeque<SocketAddr>, now: Instant) -> Step {
        let Some(address) = left.pop_front() else {
            return Step::Wait;
        };
        // A black-holed IPv6 address must not hold up the IPv4 one behind it for the whole timeout.
        let patience = if left.is_empty() {
            self.connect_timeout
        } else {
            NEXT_ADDRESS_AFTER.min(self.connect_timeout)
        };
        self.state = State::Trying {
            left,
            deadline: now + patience,
        };
        Step::Connect(address)
    }
}

/// How long TCP may take to come up while there are other addresses to try.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn dialer() -> Dialer {
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60)).unwrap();
        Dialer::new(backoff, Duration::from_secs(10))
    }

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, n], 443))
    }

    #[test]
    fn every_address_is_tried_before_the_engine_waits() {
        let now = Instant::now();
        let mut dialer = dialer();
        assert_eq!(dialer.next_step(now), Step::Resolve);
        assert_eq!(dialer.next_step(now), Step::Wait);
        assert_eq!(
            dialer.resolved(vec![address(1), address(2)], now),
            Step::Connect(address(1))
        );
        let later = now + NEXT_ADDRESS_AFTER;
        assert_eq!(dialer.next_step(later), Step::TimedOut);
        assert_eq!(
            dialer.attempt_failed(later),
            Some(Step::Connect(address(2)))
        );
        assert_eq!(dialer.poll_timeout(), Some(later + Duration::from_secs(10)));
        assert_eq!(dialer.attempt_failed(later), None);
        let delay = dialer.wait(Duration::ZERO, later, u64::MAX);
        assert_eq!(dialer.next_step(later), Step::Wait);
        assert_eq!(dialer.next_step(later + delay), Step::Resolve);
    }

    #[test]
    fn a_look_up_that_never_ends_is_given_up() {
        let now = Instant::now();
        let mut dialer = dialer();
        assert_eq!(dialer.next_step(now), Step::Resolve);
        assert_eq!(
            dialer.next_step(now + Duration::from_secs(10)),
            Step::TimedOut
        );
        assert_eq!(dialer.attempt_failed(now), None);
    }

    #[test]
    fn an_answer_that_comes_too_late_starts_no_second_attempt() {
        let now = Instant::now();
        let mut dialer = dialer();
        assert_eq!(dialer.resolved(vec![address(1)], now), Step::Wait);
        dialer.up();
        assert_eq!(dialer.poll_timeout(), None);
    }

    #[test]
    fn a_least_delay_comes_on_top_of_the_backoff() {
        let now = Instant::now();
        let mut dialer = dialer();
        assert!(dialer.wait(Duration::from_secs(60), now, 0) >= Duration::from_secs(60));
    }
}
