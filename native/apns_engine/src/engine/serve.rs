//! Connections that take pushes: what moves on them, what they say, and how each comes to its end.

use apns_proto::now::Now;
use apns_proto::session::Notice;
use mio::Token;

use super::Engine;
use super::connect::MayFollow;
use crate::event::{Alarm, Event, EventSink};
use crate::link::{Down, Link};

impl<S: EventSink> Engine<S> {
    /// Lets sockets and timers have their say; whether bytes may have moved.
    pub(super) fn advance_links(&mut self, now: Now) -> bool {
        let any = self.links.take_readiness() || self.links.has_more_to_read();
        self.advance_attempt(now);
        self.advance_serving(now);
        self.advance_retired(now);
        self.hear(now);
        self.drop_broken();
        self.close_finished();
        self.dial(now);
        any
    }

    /// Writes what the sessions that take pushes have to say. `false`: no socket has room for more.
    pub(super) fn flush_serving(&mut self, now: Now) -> bool {
        let mut room = false;
        // From the end: one that goes moves none that are still to come.
        for place in (0..self.links.serving.len()).rev() {
            let Some(one) = self.links.serving.get_mut(place) else {
                continue;
            };
            match one.link.flush(&self.stats) {
                Ok(has_room) => room |= has_room,
                Err(down) => {
                    let token = one.link.token();
                    // What the server said last (a GOAWAY, an alert) may still wait to be read: it tells more than EPIPE.
                    let last_words = one.link.advance(now, &mut self.links.buffer, &self.stats);
                    self.serving_down(now, token, last_words.err().unwrap_or(down));
                }
            }
        }
        room
    }

    /// Writes what sessions that take no pushes have to say.
    pub(super) fn flush_retired(&mut self, now: Now) {
        for place in (0..self.links.retired.len()).rev() {
            let Some(link) = self.links.retired.get_mut(place) else {
                continue;
            };
            if link.flush(&self.stats).is_err() {
                // Answers may still wait in the socket: what is known is not unknown.
                let _ = link.advance(now, &mut self.links.buffer, &self.stats);
                let link = self.links.retired.remove(place);
                self.links.bury(link, false);
            }
        }
    }

    fn advance_serving(&mut self, now: Now) {
        for place in (0..self.links.serving.len()).rev() {
            let Some(one) = self.links.serving.get_mut(place) else {
                continue;
            };
            let token = one.link.token();
            if let Err(down) = one.link.advance(now, &mut self.links.buffer, &self.stats) {
                self.serving_down(now, token, down);
            }
        }
    }

    fn advance_retired(&mut self, now: Now) {
        for place in (0..self.links.retired.len()).rev() {
            let Some(link) = self.links.retired.get_mut(place) else {
                continue;
            };
            if let Err(down) = link.advance(now, &mut self.links.buffer, &self.stats) {
                let link = self.links.retired.remove(place);
                self.links.bury(link, down.refused);
                self.stats.connection_losses.add(1);
            }
        }
    }

    /// Takes what the sessions have to say.
    pub(super) fn hear(&mut self, now: Now) {
        for (token, notice) in self.links.listen(now, &self.stats) {
            self.take_notice(now, token, notice);
        }
    }

    fn take_notice(&mut self, now: Now, token: Token, notice: Notice) {
        match (self.links.place_of(token), notice) {
            (_, Notice::Ready) => self.attempt_ready(now, token),
            (Some(place), Notice::Authenticated) => {
                // A bad token as an answer shows that the key is right, and not that the environment is.
                if !self.guard.is_paused() {
                    self.clear_alarms();
                }
                if let Some(one) = self.links.serving.get_mut(place) {
                    one.useful = true;
                }
            }
            (Some(place), Notice::GoingAway { reason, calm }) => {
                self.stats.goaways.add(1);
                self.replace(now, place, &reason, calm);
            }
            (Some(place), Notice::Retired { reason }) => self.replace(now, place, &reason, false),
            (None, Notice::GoingAway { reason, calm }) if self.links.is_attempt(token) => {
                self.stats.goaways.add(1);
                self.attempt_down(now, Down::new(reason));
                if calm {
                    self.calm_down(now);
                }
            }
            (None, Notice::Retired { reason }) if self.links.is_attempt(token) => {
                self.attempt_down(now, Down::new(reason));
            }
            // A connection that takes no pushes any more has no news for an operator. But that the credentials work it
            // may show too, and a wish for calm is meant for all of us.
            (None, Notice::Authenticated) => self.links.dialer.useful(),
            (None, Notice::GoingAway { calm: true, .. }) => self.calm_down(now),
            _ => {}
        }
    }

    /// The server has said hello: the attempt takes pushes from now on.
    fn attempt_ready(&mut self, now: Now, token: Token) {
        let Some(link) = self.links.attempt.take_if(|link| link.token() == token) else {
            return;
        };
        self.stats.connects.add(1);
        self.links.told = None;
        self.alarms
            .retain(|(alarm, _)| *alarm != Alarm::ServerCertificate);
        let address = link.address().to_string();
        self.links.serve(link, now);
        self.tell_receiver(Event::ConnectionUp { address });
    }

    /// A new connection first, the old one drained beside it.
    fn replace(&mut self, now: Now, place: usize, reason: &str, calm: bool) {
        let Some(one) = self.links.serving.get(place) else {
            return;
        };
        let (useful, served) = (one.useful, one.has_served(now));
        self.links.retire(place, &self.stats);
        // It left in good order after good work. A server that hangs up on us after an answer is not let off so.
        if (useful && !calm) || served {
            self.links.dialer.useful();
        }
        let may_follow = match (calm, served) {
            (true, _) => MayFollow::AfterCalm,
            (false, true) => MayFollow::AtOnce,
            (false, false) => MayFollow::Later,
        };
        self.gone(
            now,
            format!("the connection is replaced: {reason}"),
            may_follow,
        );
    }

    /// Every connection takes no more pushes: what was true when it was made is true no more. Those with pushes in flight
    /// live on until these are answered. No wait stands in the way of the next one: this happens no more often than
    /// somebody changes a file.
    pub(super) fn replace_all(&mut self, reason: &str) {
        let served = !self.links.serving.is_empty();
        self.links.outdate();
        self.links.abandon_attempt();
        // The failures were the old ones'.
        self.links.dialer.useful();
        self.links.told = None;
        while !self.links.serving.is_empty() {
            self.links.retire(0, &self.stats);
        }
        if served {
            self.tell_outage(
                format!("the connection is replaced: {reason}"),
                std::time::Duration::ZERO,
            );
        }
    }

    /// A connection that took pushes is lost.
    fn serving_down(&mut self, now: Now, token: Token, down: Down) {
        // A GOAWAY read just before the end says why it ended, and moves it to those that take no pushes.
        self.hear(now);
        let Some(place) = self.links.place_of(token) else {
            self.retired_down(token, down.refused);
            return;
        };
        let one = self.links.serving.remove(place);
        let served = one.has_served(now);
        self.links.bury(one.link, down.refused);
        self.stats.connection_losses.add(1);
        if let Some(alarm) = down.alarm {
            self.raise_alarm(alarm, down.reason.clone());
        }
        let may_follow = if served {
            self.links.dialer.useful();
            MayFollow::AtOnce
        } else {
            MayFollow::Later
        };
        self.gone(now, down.reason, may_follow);
    }

    fn retired_down(&mut self, token: Token, refused: bool) {
        let retired = &mut self.links.retired;
        if let Some(place) = retired.iter().position(|link| link.token() == token) {
            let link = retired.remove(place);
            self.links.bury(link, refused);
        }
    }

    /// A connection less: says so, and when the next one is tried if it was the last.
    fn gone(&mut self, now: Now, reason: String, may_follow: MayFollow) {
        let random = self.random.u64(..);
        let retry_in = self.links.hold_back(may_follow, now.instant, random);
        if self.links.serving.is_empty() {
            self.tell_outage(reason, retry_in);
        } else {
            self.tell_one_less(reason);
        }
    }

    fn tell_one_less(&mut self, reason: String) {
        self.tell_receiver(Event::ConnectionDown {
            reason,
            retry_in: None,
        });
    }

    fn calm_down(&mut self, now: Now) {
        let random = self.random.u64(..);
        self.links
            .hold_back(MayFollow::AfterCalm, now.instant, random);
    }

    /// Looks whether there are too few connections, or one too many.
    pub(super) fn fit_connections(&mut self, now: Now) {
        let jammed = self.waiting.queued() > 0 && self.links.is_saturated();
        self.links.growth.observe(jammed, now.instant);
        if self.links.shrink(now, &self.stats) {
            self.tell_one_less("it is not needed any more".to_owned());
        }
    }

    /// Leaves connections that broke the rules of HTTP/2 or are dead, see [`is_broken`](apns_proto::session::Session::is_broken):
    /// they have said so, and take no pushes any more.
    fn drop_broken(&mut self) {
        for place in (0..self.links.retired.len()).rev() {
            let session = self.links.retired.get_mut(place).and_then(Link::session);
            if session.is_some_and(|session| session.is_broken()) {
                let link = self.links.retired.remove(place);
                self.links.bury(link, false);
                self.stats.connection_losses.add(1);
            }
        }
    }

    fn close_finished(&mut self) {
        for place in (0..self.links.retired.len()).rev() {
            let finished = self
                .links
                .retired
                .get_mut(place)
                .and_then(Link::session)
                .is_none_or(|session| session.is_finished());
            if finished {
                let link = self.links.retired.remove(place);
                link.close(self.links.poll.registry(), &self.stats);
            }
        }
    }
}
