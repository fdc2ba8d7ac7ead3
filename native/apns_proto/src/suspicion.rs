//! Which devices may cost a connection its streams.
//!
//! After a BadDeviceToken Apple lowers a connection's limit to a single stream until its next success (pushy issue 476).
//! One dead token costs a round trip; a flood of them, from a client's build for the other environment or from somebody
//! who registers nonsense, would leave everybody's pushes to crawl one by one. So during a burst of such answers, pushes
//! to devices that Apple has not accepted lately are to go on a connection of their own.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use crate::device_token::DeviceToken;
use crate::response::{Reason, Response, Verdict};

/// Watches the answers to an app's pushes.
///
/// `S` hashes device tokens, which strangers choose: give it a random key.
#[derive(Debug)]
pub struct Suspicion<S> {
    hasher: S,
    /// Halves of the hashes of tokens that Apple accepted, each in the row that its lower bits say; 0 for none. A power of
    /// two of rows, or none at all. In the largest table one unknown token in 10,000 passes for another that is known.
    accepted: Vec<Row>,
    taken: usize,
    /// The last ones, which are not in there yet: at most [`TOGETHER`].
    new: Vec<u32>,
    /// The last answers that called a token bad, at most [`BURST`].
    bad: VecDeque<Instant>,
    /// The burst is over then.
    until: Option<Instant>,
}

impl<S: BuildHasher> Suspicion<S> {
    /// Nobody is known, and nobody suspected.
    pub const fn new(hasher: S) -> Self {
        Self {
            hasher,
            accepted: Vec::new(),
            taken: 0,
            new: Vec::new(),
            bad: VecDeque::new(),
            until: None,
        }
    }

    // -- getters

    /// Whether there is a burst of bad tokens at `now`.
    #[must_use]
    pub fn is_burst(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When the burst is over unless another bad token comes.
    #[must_use]
    pub const fn burst_ends(&self) -> Option<Instant> {
        self.until
    }

    /// Whether a push to this device is to keep off the others' connections during a burst: nothing shows that Apple
    /// knows it.
    #[must_use]
    pub fn is_suspect(&self, token: &DeviceToken) -> bool {
        let hash = self.hash(token);
        let row = self.row(hash).and_then(|row| self.accepted.get(row));
        row.is_none_or(|row| !row.contains(&hash)) && !self.new.contains(&hash)
    }

    // -- facts

    /// A push to this device ended with this answer.
    pub fn handle_answer(&mut self, now: Instant, token: &DeviceToken, response: &Response) {
        if response.verdict() == Verdict::Accepted {
            self.remember(token);
        } else if response.reason == Some(Reason::BAD_DEVICE_TOKEN) {
            self.forget(token);
            self.bad.push_back(now);
            if self.bad.len() < BURST {
                return;
            }
            let first = self.bad.pop_front();
            let together = first.is_some_and(|first| now <= first + BURST_WITHIN);
            if together || self.is_burst(now) {
                self.until = Some(now + OVER_AFTER);
            }
        }
    }

    // -- inside

    fn hash(&self, token: &DeviceToken) -> u32 {
        // The lower half is as good as any.
        (self.hasher.hash_one(token) as u32).max(1)
    }

    fn row(&self, hash: u32) -> Option<usize> {
        let mask = self.accepted.len().checked_sub(1)?;
        // The lower bits are all that is wanted.
        Some(hash as usize & mask)
    }

    fn row_mut(&mut self, hash: u32) -> Option<&mut Row> {
        let row = self.row(hash)?;
        self.accepted.get_mut(row)
    }

    /// Each row is somewhere else in a megabyte, and none is likely to be near. Looked at one after the other, with nothing else
    /// between, the processor fetches several at once.
    fn remember(&mut self, token: &DeviceToken) {
        self.new.push(self.hash(token));
        if self.new.len() >= TOGETHER {
            self.put_new();
        }
    }

    fn put_new(&mut self) {
        for place in 0..self.new.len() {
            if self.taken * 2 >= self.accepted.len() * ROW && self.accepted.len() < MAX_ROWS {
                self.grow();
            }
            if let Some(hash) = self.new.get(place) {
                self.put(*hash);
            }
        }
        self.new.clear();
    }

    fn put(&mut self, hash: u32) {
        let Some(row) = self.row_mut(hash) else {
            return;
        };
        if row.contains(&hash) {
            return;
        }
        match row.iter_mut().find(|known| **known == 0) {
            Some(free) => {
                *free = hash;
                self.taken += 1;
            }
            // Of a full row the one that came first goes.
            None => {
                row.rotate_left(1);
                if let Some(last) = row.last_mut() {
                    *last = hash;
                }
            }
        }
    }

    fn forget(&mut self, token: &DeviceToken) {
        self.put_new();
        let hash = self.hash(token);
        let row = self.row_mut(hash);
        if let Some(known) = row.and_then(|row| row.iter_mut().find(|known| **known == hash)) {
            *known = 0;
            self.taken -= 1;
        }
    }

    fn grow(&mut self) {
        let rows = (self.accepted.len() * 2).max(FIRST_ROWS);
        let before = std::mem::replace(&mut self.accepted, vec![[0; ROW]; rows]);
        self.taken = 0;
        for hash in before.into_iter().flatten().filter(|hash| *hash != 0) {
            self.put(hash);
        }
    }
}

/// Half a line of a processor's cache: each accepted push looks at one.
type Row = [u32; ROW];
/// Tokens put into the table together.
const TOGETHER: usize = 64;
/// Hashes in a row.
const ROW: usize = 8;
/// Bad tokens that make a burst: two are two phones that were reset.
const BURST: usize = 3;
/// How close together they have to be.
const BURST_WITHIN: Duration = Duration::from_secs(60);
/// How long after the last one it is over.
const OVER_AFTER: Duration = Duration::from_secs(60);
/// Rows at first: 4 KiB.
const FIRST_ROWS: usize = 128;
/// Rows at most: 1 MiB, a quarter of a million devices. Of more some are not known; these are suspected in a burst, and only
/// have to wait.
const MAX_ROWS: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn token(number: u32) -> DeviceToken {
        DeviceToken::from_bytes(&number.to_be_bytes()).unwrap()
    }

    fn answer(status: u16, reason: Option<Reason>) -> Response {
        Response {
            status,
            unique_id: None,
            reason,
            timestamp_ms: None,
            retry_after: None,
            date_s: None,
        }
    }

    fn accept(suspicion: &mut Suspicion<RandomState>, now: Instant, number: u32) {
        suspicion.handle_answer(now, &token(number), &answer(200, None));
    }

    fn refuse(suspicion: &mut Suspicion<RandomState>, now: Instant, number: u32) {
        let refused = answer(400, Some(Reason::BAD_DEVICE_TOKEN));
        suspicion.handle_answer(now, &token(number), &refused);
    }

    #[test]
    fn three_bad_tokens_within_a_minute_are_a_burst_until_a_minute_after_the_last() {
        let start = Instant::now();
        let mut suspicion = Suspicion::new(RandomState::new());
        refuse(&mut suspicion, start, 1);
        refuse(&mut suspicion, start + 30 * SECOND, 2);
        assert!(!suspicion.is_burst(start + 30 * SECOND));
        refuse(&mut suspicion, start + 60 * SECOND, 3);
        assert!(suspicion.is_burst(start + 60 * SECOND));
        // One more within that time prolongs it.
        refuse(&mut suspicion, start + 119 * SECOND, 4);
        assert_eq!(suspicion.burst_ends(), Some(start + 179 * SECOND));
        assert!(suspicion.is_burst(start + 178 * SECOND));
        assert!(!suspicion.is_burst(start + 179 * SECOND));
    }

    #[test]
    fn bad_tokens_now_and_then_are_no_burst() {
        let start = Instant::now();
        let mut suspicion = Suspicion::new(RandomState::new());
        for minute in 0..20 {
            let now = start + minute * 31 * SECOND;
            refuse(&mut suspicion, now, minute);
            assert!(!suspicion.is_burst(now), "{minute}");
        }
    }

    #[test]
    fn a_device_that_apple_has_accepted_is_above_suspicion_until_apple_calls_it_bad() {
        let now = Instant::now();
        let mut suspicion = Suspicion::new(RandomState::new());
        assert!(suspicion.is_suspect(&token(1)));
        accept(&mut suspicion, now, 1);
        assert!(!suspicion.is_suspect(&token(1)));
        assert!(suspicion.is_suspect(&token(2)));
        refuse(&mut suspicion, now, 1);
        assert!(suspicion.is_suspect(&token(1)));
        let busy = answer(429, Some(Reason::TOO_MANY_REQUESTS));
        suspicion.handle_answer(now, &token(3), &busy);
        assert!(suspicion.is_suspect(&token(3)));
    }

    #[test]
    fn most_of_many_devices_are_known_and_memory_is_bounded() {
        let now = Instant::now();
        let mut suspicion = Suspicion::new(RandomState::new());
        (0..10_000).for_each(|number| accept(&mut suspicion, now, number));
        let suspects = (0..10_000).filter(|number| suspicion.is_suspect(&token(*number)));
        // Rows are half full, and few overflow.
        assert!(suspects.count() < 300);
        assert!(!suspicion.is_suspect(&token(9999)));
        (0..1_000_000).for_each(|number| accept(&mut suspicion, now, number));
        assert_eq!(suspicion.accepted.len(), MAX_ROWS);
        assert!(suspicion.taken <= MAX_ROWS * ROW);
        assert!(!suspicion.is_suspect(&token(999_999)));
    }
}
