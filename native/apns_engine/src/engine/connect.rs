//! Getting connections up, noticing that they end, and telling of both.

use std::time::Duration;

use apns_proto::now::Now;
use apns_proto::session::Notice;

use super::Engine;
use super::dialer::Step;
use super::links::Current;
use crate::event::{Alarm, Event, EventSink};
use crate::link::{Down, Link};
use crate::tls;

impl<S: EventSink> Engine<S> {
    /// Lets sockets and timers have their say; whether bytes may have moved.
    pub(super) fn advance_links(&mut self, now: Now) -> bool {
        let any = self.links.take_readiness() || self.links.has_more_to_read();
        self.advance_current(now);
        self.advance_retired(now);
        for notice in self.links.listen(now, &self.stats) {
            self.take_notice(now, notice);
        }
        if std::mem::take(&mut self.links.calm_asked) && self.links.current.is_none() {
            self.links
                .dialer
                .wait(CALM, now.instant, self.random.u64(..));
        }
        self.drop_broken(now);
        self.close_finished();
        self.dial(now);
        any
    }

    /// Writes what sessions have to say. `false`: the current connection's socket is full, or there is none.
    pub(super) fn flush_links(&mut self, now: Now) -> bool {
        let mut down = Vec::new();
        for (index, link) in self.links.retired.iter_mut().enumerate() {
            if link.flush(&self.stats).is_err() {
                // Answers may still wait in the socket: what is known is not unknown.
                let _ = link.advance(now, &mut self.links.buffer, &self.stats);
                down.push(index);
            }
        }
        for index in down.into_iter().rev() {
            let link = self.links.retired.remove(index);
            self.links.bury(link, false);
        }
        match self
            .links
            .current
            .as_mut()
            .map(|current| current.link.flush(&self.stats))
        {
            None => false,
            Some(Ok(room)) => room,
            Some(Err(down)) => {
                // What the server said last (a GOAWAY, an alert) may still wait to be read: it tells more than EPIPE.
                let better = self.read_current(now).err();
                self.take_last_words(now);
                self.current_down(now, better.unwrap_or(down));
                false
            }
        }
    }

    fn read_current(&mut self, now: Now) -> Result<(), Down> {
        let links = &mut self.links;
        match &mut links.current {
            Some(current) => current.link.advance(now, &mut links.buffer, &self.stats),
            None => Ok(()),
        }
    }

    fn advance_current(&mut self, now: Now) {
        let was_connecting = self
            .links
            .current
            .as_ref()
            .is_some_and(|current| current.link.is_connecting());
        if let Err(down) = self.read_current(now) {
            self.take_last_words(now);
            self.current_down(now, down);
            return;
        }
        if let Some(current) = &self.links.current {
            if current.link.is_open() {
                self.links.dialer.up();
            } else if was_connecting && !current.link.is_connecting() {
                self.links.dialer.connected(now.instant);
            }
        }
    }

    /// A GOAWAY read just before the end says why the connection ended.
    fn take_last_words(&mut self, now: Now) {
        for notice in self.links.listen(now, &self.stats) {
            self.take_notice(now, notice);
        }
    }

    fn advance_retired(&mut self, now: Now) {
        let links = &mut self.links;
        let mut ended = Vec::new();
        for (index, link) in links.retired.iter_mut().enumerate() {
            if let Err(down) = link.advance(now, &mut links.buffer, &self.stats) {
                ended.push((index, down.refused));
            }
        }
        for (index, refused) in ended.into_iter().rev() {
            let link = links.retired.remove(index);
            links.bury(link, refused);
        }
    }

    fn take_notice(&mut self, now: Now, notice: Notice) {
        match notice {
            Notice::Ready => {
                self.stats.connects.add(1);
                self.links.told = None;
                self.alarms
                    .retain(|(alarm, _)| *alarm != Alarm::ServerCertificate);
                if let Some(current) = &self.links.current {
                    let address = current.link.address().to_string();
                    self.tell_receiver(Event::ConnectionUp { address });
                }
            }
            Notice::Authenticated => {
                self.clear_alarms();
                if let Some(current) = &mut self.links.current {
                    current.useful = true;
                }
            }
            Notice::GoingAway { reason, calm } => {
                self.stats.goaways.add(1);
                self.replace_current(now, &reason, calm);
            }
            Notice::Retired { reason } => self.replace_current(now, &reason, false),
            _ => {}
        }
    }

    /// A new connection first, the old one drained beside it.
    fn replace_current(&mut self, now: Now, reason: &str, calm: bool) {
        if self.links.current.is_none() {
            if calm {
                self.links
                    .dialer
                    .wait(CALM, now.instant, self.random.u64(..));
            }
            return;
        }
        let useful = self
            .links
            .current
            .as_ref()
            .is_some_and(|current| current.useful);
        let served = self.links.retire_current(now);
        // It left in good order after good work. A server that hangs up on us after an answer is not let off so.
        if (useful && !calm) || served {
            self.links.dialer.useful();
        }
        let retry_in = self.wait_unless(served && !calm, calm, now);
        self.tell_down(format!("the connection is replaced: {reason}"), retry_in);
    }

    /// Holds the next attempt back unless it may follow at once; a server that asks for calm gets more of it.
    fn wait_unless(&mut self, at_once: bool, calm: bool, now: Now) -> Option<Duration> {
        if at_once {
            return Some(Duration::ZERO);
        }
        let least = if calm { CALM } else { Duration::ZERO };
        Some(
            self.links
                .dialer
                .wait(least, now.instant, self.random.u64(..)),
        )
    }

    /// Leaves connections that broke the rules of HTTP/2 or are dead; see [`is_broken`](apns_proto::session::Session::is_broken).
    fn drop_broken(&mut self, now: Now) {
        for index in (0..self.links.retired.len()).rev() {
            let session = self.links.retired.get_mut(index).and_then(Link::session);
            if session.is_some_and(|session| session.is_broken()) {
                let link = self.links.retired.remove(index);
                self.links.bury(link, false);
                self.stats.connection_losses.add(1);
            }
        }
        if self
            .links
            .session()
            .is_some_and(|session| session.is_broken())
        {
            self.current_down(
                now,
                Down::new("the server is silent or broke the rules of HTTP/2"),
            );
        }
    }

    fn close_finished(&mut self) {
        for index in (0..self.links.retired.len()).rev() {
            let finished = self
                .links
                .retired
                .get_mut(index)
                .and_then(Link::session)
                .is_none_or(|s| s.is_finished());
            if finished {
                let link = self.links.retired.remove(index);
                link.close(self.links.poll.registry(), &self.stats);
            }
        }
    }

    /// The current connection is gone, or could not be made.
    fn current_down(&mut self, now: Now, down: Down) {
        let Some(current) = self.links.current.take() else {
            return;
        };
        let was_open = current.link.is_open();
        let served = current.has_served(now);
        let address = current.link.address();
        self.links.bury(current.link, down.refused);
        let down = if was_open {
            self.stats.connection_losses.add(1);
            down
        } else {
            down.at(address)
        };
        self.attempt_failed(now, down, served);
    }

    fn attempt_failed(&mut self, now: Now, down: Down, served: bool) {
        if served {
            self.links.dialer.useful();
        } else {
            self.stats.connect_failures.add(1);
        }
        if let Some(alarm) = down.alarm {
            self.raise_alarm(alarm, down.reason.clone());
        }
        match self.links.dialer.attempt_failed(now.instant) {
            Some(step) => self.perform(now, step),
            None => {
                if down.alarm == Some(Alarm::ServerCertificate) {
                    self.reload_roots();
                }
                let retry_in = self.wait_unless(served, false, now);
                self.tell_down(down.reason, retry_in);
            }
        }
    }

    fn tell_down(&mut self, reason: String, retry_in: Option<Duration>) {
        // An outage is told when it begins and when its reason changes, not at every attempt.
        if self.links.told.as_ref() == Some(&reason) {
            return;
        }
        self.links.told = Some(reason.clone());
        self.tell_receiver(Event::ConnectionDown { reason, retry_in });
    }

    /// Takes the next step towards a connection, if none is there.
    fn dial(&mut self, now: Now) {
        match self.links.resolver.try_take() {
            Some(Ok(addresses)) => {
                let step = self.links.dialer.resolved(addresses, now.instant);
                self.perform(now, step);
            }
            // Of a look-up that was given up already the failure has been told.
            Some(Err(reason)) if self.links.dialer.is_resolving() => {
                self.attempt_failed(now, Down::new(reason), false);
            }
            Some(Err(_)) => {}
            None => {}
        }
        let is_open = self
            .links
            .current
            .as_ref()
            .is_some_and(|current| current.link.is_open());
        if is_open || (self.stop_at.is_some() && self.is_empty()) {
            return;
        }
        let step = self.links.dialer.next_step(now.instant);
        self.perform(now, step);
    }

    fn perform(&mut self, now: Now, step: Step) {
        match step {
            Step::Wait => {}
            Step::Resolve => {
                let endpoint = &self.config.endpoint;
                self.links.resolver.request(&endpoint.host, endpoint.port);
            }
            Step::Connect(address) => match self.connect(address) {
                Ok(link) => {
                    self.links.current = Some(Current {
                        link,
                        since: now.instant,
                        useful: false,
                        has_token: false,
                    });
                }
                Err(down) => self.attempt_failed(now, down.at(address), false),
            },
            Step::TimedOut if self.links.current.is_some() => {
                self.current_down(now, Down::new("no answer in time"));
            }
            Step::TimedOut => {
                let what = format!("looking up {} took too long", self.config.endpoint.host);
                self.attempt_failed(now, Down::new(what), false);
            }
        }
    }

    fn connect(&mut self, address: std::net::SocketAddr) -> Result<Link<S::Recipient>, Down> {
        let tls_config = match &self.links.tls_config {
            Some(tls_config) => std::sync::Arc::clone(tls_config),
            None => {
                let built = tls::client_config(&self.config.roots, &self.config.credentials)
                    .map_err(|error| Down::new(error.to_string()))?;
                self.links.tls_config = Some(std::sync::Arc::clone(&built));
                built
            }
        };
        let token = self.links.new_token();
        Link::open(
            address,
            &self.config.endpoint,
            tls_config,
            self.links.session_config.clone(),
            self.links.poll.registry(),
            token,
        )
    }

    /// The system's roots may have been updated since the start. Reads files on this thread, but only while
    /// no server can be reached anyway.
    fn reload_roots(&mut self) {
        if let Ok(roots) = self.config.roots.reload() {
            self.config.roots = roots;
            self.links.tls_config = None;
        }
    }
}

/// How long a server that said ENHANCE_YOUR_CALM is left alone, on top of the backoff.
const CALM: Duration = Duration::from_secs(60);
