//! Servers that live, answer PING, and do not serve. What a PING cannot find ends here.

use std::time::{Duration, Instant};

use super::{Session, USUAL_PAYLOAD};
use crate::http2::{self, ErrorCode, RequestProgress, StreamId};
use crate::now::Now;

/// What is watched besides the single pushes.
#[derive(Debug)]
pub(super) struct Stalls {
    /// When the pushes in flight are looked at next.
    sweep_at: Instant,
    /// Answers so far. Once there is one, nothing the server says means that it never looked at a push.
    answers: u64,
    /// Pushes given up since the last of them.
    given_up: u32,
    /// Since when a push is wanted for which there is no room, with none in flight whose answer could make it.
    no_room_since: Option<Instant>,
}

impl Stalls {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            sweep_at: now,
            answers: 0,
            given_up: 0,
            no_room_since: None,
        }
    }

    /// A push was sent.
    pub(super) const fn sent(&mut self) {
        self.no_room_since = None;
    }

    /// The server answered a push.
    pub(super) const fn answered(&mut self) {
        self.answers += 1;
        self.given_up = 0;
    }

    /// Answers so far.
    pub(super) const fn answers(&self) -> u64 {
        self.answers
    }
}

impl<C> Session<C> {
    /// When [`end_stalls`](Self::end_stalls) has something to do.
    pub(super) fn stalls_due(&self) -> Option<Instant> {
        let sweep = (self.in_flight() > 0).then_some(self.stalls.sweep_at);
        sweep.into_iter().chain(self.no_room_until()).min()
    }

    /// Gives up what waits too long.
    pub(super) fn end_stalls(&mut self, now: Now) {
        if now.instant >= self.stalls.sweep_at {
            self.stalls.sweep_at = now.instant + SWEEP_INTERVAL;
            self.sweep(now);
        }
        self.look_for_room();
        if self
            .no_room_until()
            .is_some_and(|until| until <= now.instant)
            && let Err(blocked) = self.room()
        {
            self.retire(format!("nothing is in flight, and yet {blocked}"));
        }
    }

    /// A push could not be sent. With others in flight their answers may make room; else only the server can, and a push
    /// would wait for ever on a connection whose limit stays at 0 or whose window stays full.
    pub(super) fn note_no_room(&mut self, now: Now) {
        if self.in_flight() == 0 {
            self.stalls.no_room_since.get_or_insert(now.instant);
        }
    }

    /// The server may have made room.
    pub(super) fn look_for_room(&mut self) {
        if self.stalls.no_room_since.is_some() && self.room().is_ok() {
            self.stalls.no_room_since = None;
        }
    }

    fn room(&self) -> Result<(), http2::Blocked> {
        self.http2.can_open(USUAL_PAYLOAD)
    }

    fn no_room_until(&self) -> Option<Instant> {
        let since = self.stalls.no_room_since.filter(|_| self.is_ready())?;
        since.checked_add(self.config.response_timeout)
    }

    /// Looks at every push in flight. A request that the transport has not wholly taken is not given up: it would leave
    /// all the same, and could not be sent another way. Its answer cannot be late either.
    fn sweep(&mut self, now: Now) {
        let timeout = self.config.response_timeout;
        let mut late = Vec::new();
        let mut stuck = false;
        for open in self.http2.streams_mut() {
            let state = open.state;
            if open.request > state.request {
                state.since = now.instant;
            }
            state.request = open.request;
            if now.instant.saturating_duration_since(state.since) < timeout {
                continue;
            }
            match open.request {
                RequestProgress::InOutput => stuck = true,
                RequestProgress::InParts | RequestProgress::Handed => late.push(open.stream),
            }
        }
        self.give_up(late);
        if stuck {
            self.http2.abandon("the server takes no more bytes");
            self.take_events();
        }
    }

    /// Gives up pushes, and the connection too where they show that it answers none: one lost answer among good ones
    /// may happen.
    fn give_up(&mut self, mut late: Vec<StreamId>) {
        late.sort_unstable();
        let mut answers_before = None;
        for stream in late {
            let Some(ended) = self.http2.reset_stream(stream, ErrorCode::CANCEL) else {
                continue;
            };
            answers_before = Some(ended.state.answers_before);
            self.stalls.given_up += 1;
            // The beginning of an answer counts as one.
            self.end_unanswered(ended.state, ended.processed);
        }
        // All that was in flight, and since the youngest of it was sent nothing else was answered either.
        let all = self.in_flight() == 0 && answers_before == Some(self.stalls.answers);
        if all || self.stalls.given_up >= MAX_GIVEN_UP {
            self.retire("the server does not answer pushes".to_owned());
        }
    }
}

/// Pushes given up in a row that show that a connection is of no use, though it answers PING. One may be lost by a server
/// that serves the others; more are not worth the risk, as another connection is cheap.
const MAX_GIVEN_UP: u32 = 3;

/// How often pushes in flight are looked at. So much later than `response_timeout` they are given up at most; and so much
/// later it is seen that a request has left which did not leave at once.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
