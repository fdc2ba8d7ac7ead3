//! A long way to the client, and back: what the server says arrives later.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

/// Keeps what the server says, each piece for the same time, and all in its order.
///
/// Credit for the window is kept like the answers. So the client sees a round-trip time as over a network: with `n`
/// streams and a window of `w` bytes no more than min(n, w ÷ body) requests end in each round trip.
pub(crate) struct DelayLine {
    delay: Duration,
    /// Bounded by the client: it has so many streams, and sends no more than the window before it hears of credit.
    kept: VecDeque<(Instant, Vec<u8>)>,
    due: Vec<u8>,
}

impl DelayLine {
    pub(crate) const fn new(delay: Duration) -> Self {
        Self {
            delay,
            kept: VecDeque::new(),
            due: Vec::new(),
        }
    }

    /// Keeps what was said, if anything, and gives what is due; whoever sends that clears it.
    pub(crate) fn pass(&mut self, now: Instant, said: &mut Vec<u8>) -> &mut Vec<u8> {
        if !said.is_empty() {
            self.kept.push_back((now + self.delay, mem::take(said)));
        }
        while self.kept.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, piece)) = self.kept.pop_front()
        {
            self.due.extend_from_slice(&piece);
        }
        &mut self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_comes_when_its_time_is_over_and_in_its_order() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut line = DelayLine::new(Duration::from_millis(20));
        let nothing = &mut Vec::new();
        assert_eq!(line.pass(at(0), &mut b"one ".to_vec()), b"");
        assert_eq!(line.pass(at(5), &mut b"two ".to_vec()), b"");
        assert_eq!(line.pass(at(19), nothing), b"");
        assert_eq!(line.pass(at(20), &mut b"three".to_vec()), b"one ");
        assert_eq!(line.pass(at(39), nothing), b"one two ");
        line.due.clear();
        assert_eq!(line.pass(at(40), nothing), b"three");
    }
}
