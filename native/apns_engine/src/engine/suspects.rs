//! Pushes that may cost their connection its streams wait and fly apart from the others, see [`apns_proto::suspicion`].

use apns_proto::http2;
use apns_proto::now::Now;
use apns_proto::session::{Blocked, FailedCause, Session};

use super::Engine;
use super::links::Links;
use crate::event::EventSink;
use crate::queue::Origin;

impl<S: EventSink> Engine<S> {
    /// Decides whether suspects are kept apart; if not, those that waited apart wait with the others again.
    pub(super) fn part(&mut self, now: Now) {
        // A paused app sends a push now and then, whichever it is.
        self.apart = self.suspicion.is_burst(now.instant)
            && !self.guard.is_paused()
            && self.config.limits.max_connections > 1;
        let wanted = self.apart && (!self.suspects.is_empty() || self.links.has_apart());
        self.links.set_apart(wanted);
        if self.apart || self.suspects.is_empty() {
            return;
        }
        // Oldest in front, as they were.
        for push in self.suspects.take_all().into_iter().rev() {
            let superseded = self.waiting.push_again(now, push);
            self.ending
                .extend(superseded.map(|push| (push, FailedCause::Superseded)));
        }
        self.end_those();
    }

    /// Gives the connection that is set apart suspects until something is in the way; returns how many.
    pub(super) fn fill_apart(&mut self, now: Now) -> usize {
        let mut sent = 0;
        if let Some(session) = self.links.apart_session() {
            while let Some(push) = self.suspects.pop() {
                if let Some(cause) = push.overdue(now) {
                    self.ending.push_back((push, cause));
                    continue;
                }
                match session.send(now, push) {
                    Ok(()) => sent += 1,
                    Err((push, Blocked::Http2(http2::Blocked::HeaderListTooLarge { .. }))) => {
                        self.ending.push_back((push, FailedCause::Unreachable));
                    }
                    Err((push, _)) => {
                        let superseded = self.suspects.push_again(now, push);
                        self.ending
                            .extend(superseded.map(|push| (push, FailedCause::Superseded)));
                        break;
                    }
                }
            }
        }
        self.end_those();
        sent
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
