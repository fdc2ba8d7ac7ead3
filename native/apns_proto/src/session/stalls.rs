//! Servers that live, answer PING, and do not serve. What a PING cannot find ends here.

use std::time::{Duration, Instant};

use super::Session;
use crate::http2::{ErrorCode, RequestProgress};
use crate::now::Now;

/// What is watched besides the single pushes.
#[derive(Debug)]
pub(super) struct Stalls {
    /// When the pushes in flight are looked at next.
    sweep_at: Instant,
}

impl Stalls {
    pub(super) const fn new(now: Instant) -> Self {
        Self { sweep_at: now }
    }
}

impl<C> Session<C> {
    /// When [`end_stalls`](Self::end_stalls) has something to do.
    pub(super) fn stalls_due(&self) -> Option<Instant> {
        (self.in_flight() > 0).then_some(self.stalls.sweep_at)
    }

    /// Gives up what waits too long.
    pub(super) fn end_stalls(&mut self, now: Now) {
        if now.instant >= self.stalls.sweep_at {
            self.stalls.sweep_at = now.instant + SWEEP_INTERVAL;
            self.sweep(now);
        }
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
        late.sort_unstable();
        for stream in late {
            if let Some(ended) = self.http2.reset_stream(stream, ErrorCode::CANCEL) {
                self.end_unanswered(ended.state, ended.processed);
            }
        }
        if stuck {
            self.http2.abandon("the server takes no more bytes");
            self.take_events();
        }
    }
}

/// How often pushes in flight are looked at. So much later than `response_timeout` they are given up at most; and so much
/// later it is seen that a request has left which did not leave at once.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
