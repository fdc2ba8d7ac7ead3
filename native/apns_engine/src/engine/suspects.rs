//! Pushes that may cost their connection its streams wait and fly apart from the others, see [`apns_proto::suspicion`].

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use apns_proto::http2;
use apns_proto::now::Now;
use apns_proto::session::{Blocked, FailedCause, Session};
use apns_proto::suspicion::Suspicion;
use apns_proto::waiting::Waiting;

use super::Engine;
use super::links::Links;
use crate::event::EventSink;
use crate::queue::{Origin, QueuedPush};

impl<S: EventSink> Engine<S> {
    /// Decides whether suspects are kept apart; if not, those that waited apart wait with the others again.
    pub(super) fn part(&mut self, now: Now) {
        let burst = self.suspicion.is_burst(now.instant)
            && self.config.limits.max_connections > 1
            // What drains has little time, and no other connection may come in that.
            && self.stop_at.is_none();
        let wanted = burst
            && (!self.suspects.is_empty() || self.links.has_apart() || self.apart_missed.is_some());
        self.links.set_apart(wanted);
        self.apart_missed = match self.links.wants_apart {
            true => self.apart_missed.or(Some(now.instant)),
            false => None,
        };
        self.apart = burst
            && self
                .apart_missed
                .is_none_or(|since| now.instant < since + PATIENCE);
        if !self.apart && !self.suspects.is_empty() {
            self.join(now);
        }
    }

    /// When [`part`](Self::part) decides otherwise, unless something happens.
    pub(super) fn parting_ends(&self) -> Option<Instant> {
        let missed = self.apart_missed.map(|since| since + PATIENCE);
        self.suspicion.burst_ends().into_iter().chain(missed).min()
    }

    /// Suspects wait with the others again.
    fn join(&mut self, now: Now) {
        let suspects = self.suspects.take_all();
        // They are to be sent soon, and this turn may have sent already.
        self.linger = true;
        let mut take = |push, again: bool| {
            let superseded = match again {
                true => self.waiting.push_again(now, push),
                false => self.waiting.take_over(now, push),
            };
            self.ending
                .extend(superseded.map(|push| (push, FailedCause::Superseded)));
        };
        if self.guard.is_paused() {
            // Behind the others: of these one may be the push that shows that all is well.
            suspects.into_iter().for_each(|push| take(push, false));
        } else {
            // In front, the oldest first, as they were.
            suspects.into_iter().rev().for_each(|push| take(push, true));
        }
        self.end_those();
    }

    /// Gives the connection that is set apart at most so many suspects; returns how many it took.
    pub(super) fn fill_apart(&mut self, now: Now, allowance: usize) -> usize {
        let mut sent = 0;
        let Some(session) = self.links.apart_session() else {
            return 0;
        };
        while sent < allowance
            && let Some(push) = self.suspects.pop()
        {
            if let Some(cause) = push.overdue(now) {
                self.ending.push_back((push, cause));
                continue;
            }
            let (superseded, full) = if self.waiting.is_throttled(&push.request.device_token) {
                (self.waiting.push_again(now, push), false)
            } else {
                match session.send(now, push) {
                    Ok(()) => {
                        sent += 1;
                        continue;
                    }
                    Err((push, Blocked::Http2(http2::Blocked::HeaderListTooLarge { .. }))) => {
                        self.ending.push_back((push, FailedCause::Unreachable));
                        continue;
                    }
                    Err((push, _)) => (self.suspects.push_again(now, push), true),
                }
            };
            self.ending
                .extend(superseded.map(|push| (push, FailedCause::Superseded)));
            if full {
                break;
            }
        }
        sent
    }
}

/// What to do with a push whose turn it is: send the first of what is returned; the second ends superseded. With a suspicion,
/// suspects are put aside.
pub(super) fn put_aside<R>(
    suspicion: Option<&Suspicion<impl BuildHasher>>,
    suspects: &mut Waiting<QueuedPush<R>, RandomState>,
    now: Now,
    push: QueuedPush<R>,
) -> (Option<QueuedPush<R>>, Option<QueuedPush<R>>) {
    let Some(suspicion) = suspicion else {
        return (Some(push), None);
    };
    if suspicion.is_suspect(&push.request.device_token) {
        return (None, suspects.take_over(now, push));
    }
    // Apple has accepted another push to this device in the meantime, and older ones may still wait apart.
    match suspects.overtake(push) {
        Ok((push, superseded)) => (Some(push), superseded),
        Err(push) => (None, Some(push)),
    }
}

impl<R> Links<R> {
    /// The session set apart for suspects.
    pub(super) fn apart_session(&mut self) -> Option<&mut Session<Origin<R>>> {
        let mut serving = self.serving.iter_mut();
        serving.find(|one| one.apart)?.link.session()
    }

    /// Whether a connection is set apart for suspects.
    pub(super) fn has_apart(&self) -> bool {
        self.serving.iter().any(|one| one.apart)
    }

    /// Sets a connection apart for suspects, or none. The last one, which has least to do, and never the only one:
    /// then another is wanted first.
    pub(super) fn set_apart(&mut self, wanted: bool) {
        let several = self.serving.len() > 1;
        self.wants_apart = wanted && !several;
        if !wanted || !several {
            self.serving.iter_mut().for_each(|one| one.apart = false);
        } else if !self.has_apart()
            && let Some(last) = self.serving.last_mut()
        {
            last.apart = true;
        }
    }
}

/// How long suspects wait for a connection of their own: the time of a connect, and one lost packet. A network that has
/// only one for us must not keep them for ever.
const PATIENCE: Duration = Duration::from_secs(5);
