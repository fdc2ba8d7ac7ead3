//! Pushes on their way through the queue: taken from the channel, kept waiting, ended when their time is over.

use apns_proto::now::Now;
use apns_proto::session::{FailedCause, Next};

use super::Engine;
use crate::event::EventSink;
use crate::queue::QueuedPush;

impl<S: EventSink> Engine<S> {
    /// Empties the channel, also when nothing can be sent: the budget is what bounds, not the channel.
    pub(super) fn take_jobs(&mut self, now: Now) -> bool {
        let mut took = false;
        // Bounded, so that callers faster than this loop cannot keep it here.
        for job in self.jobs.try_iter().take(JOBS_PER_TURN) {
            took = true;
            for push in job {
                let superseded = self.waiting.push(now, push);
                self.ending
                    .extend(superseded.map(|push| (push, FailedCause::Superseded)));
            }
        }
        self.end_those();
        took
    }

    /// Keeps a push that has to be sent again until its moment.
    pub(super) fn wait_again(&mut self, now: Now, push: QueuedPush<S::Recipient>, next: Next) {
        let superseded = match next {
            Next::Resend { after } if !after.is_zero() => {
                self.waiting.hold(now, push, now.instant + after)
            }
            Next::ResendToDevice { after } => {
                self.stats.throttled.add(1);
                self.waiting.hold_device(now, push, now.instant + after)
            }
            _ => self.waiting.push_again(now, push),
        };
        self.ending
            .extend(superseded.map(|push| (push, FailedCause::Superseded)));
    }

    /// Lets go what was held back until now, and ends the pushes that waited too long.
    pub(super) fn sweep(&mut self, now: Now) {
        let overdue = self.waiting.handle_timeout(now).into_iter();
        for push in overdue.chain(self.suspects.handle_timeout(now)) {
            let cause = match push.overdue(now).unwrap_or(FailedCause::Expired) {
                FailedCause::Unreachable if self.guard.is_paused() => FailedCause::Paused,
                cause => cause,
            };
            self.ending.push_back((push, cause));
        }
        self.end_those();
    }

    /// Ends the pushes that are to end, one by one: should this panic, the others are still there.
    pub(super) fn end_those(&mut self) {
        while let Some((push, cause)) = self.ending.pop_front() {
            self.end_failed(push, cause, None);
        }
        self.ending.shrink_to(KEPT_ENDING);
    }

    /// Ends everything that is inside, whichever way it came or went.
    pub(super) fn end(&mut self, now: Now, cause: FailedCause) {
        // What waits comes first: after a panic it may be in disorder, and is not when all is taken.
        for waiting in [&mut self.waiting, &mut self.suspects] {
            let pushes = waiting.take_all().into_iter();
            self.ending.extend(pushes.map(|push| (push, cause)));
        }
        self.end_those();
        while self.take_jobs(now) {}
        let rest = self.waiting.take_all().into_iter();
        let rest = rest.chain(self.links.close_all(&self.stats));
        self.ending.extend(rest.map(|push| (push, cause)));
        self.end_those();
        self.update_gauges();
        self.show_connections(now.instant);
        self.outbox.flush(&self.stats);
    }
}

/// Notifications taken from the channel in one turn.
const JOBS_PER_TURN: usize = 32_768;
/// Places kept for pushes that are to end, after many did at once.
const KEPT_ENDING: usize = 1024;
