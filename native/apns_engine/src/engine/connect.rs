//! Getting a connection up: when, where to, and what becomes of an attempt.

use std::time::{Duration, Instant};

use apns_proto::now::Now;

use super::Engine;
use super::dialer::Step;
use super::links::Links;
use crate::event::{Alarm, Event, EventSink};
use crate::link::{Down, Link};
use crate::tls;

impl<S: EventSink> Engine<S> {
    /// Takes the next step towards a connection, if one is wanted.
    pub(super) fn dial(&mut self, now: Now) {
        match self.links.resolver.try_take() {
            Some(Ok(addresses)) => {
                let step = self.links.dialer.resolved(addresses, now.instant);
                self.perform(now, step);
            }
            // Of a look-up that was given up already the failure has been told.
            Some(Err(reason)) if self.links.dialer.is_resolving() => {
                self.attempt_failed(now, Down::new(reason));
            }
            Some(Err(_)) => {}
            None => {}
        }
        let is_ending = self.stop_at.is_some() && self.is_empty();
        if !is_ending && self.links.wants_connection(now.instant) {
            let step = self.links.dialer.next_step(now.instant);
            self.perform(now, step);
        }
    }

    /// Moves the attempt on as far as its socket allows.
    pub(super) fn advance_attempt(&mut self, now: Now) {
        let links = &mut self.links;
        let Some(link) = &mut links.attempt else {
            return;
        };
        let was_connecting = link.is_connecting();
        let moved = link.advance(now, &mut links.buffer, &self.stats);
        // The session's first words; what stays unwritten is written later.
        let moved = moved.and_then(|()| link.flush(&self.stats).map(|_| ()));
        if was_connecting && !link.is_connecting() {
            links.dialer.connected(now.instant);
        }
        if let Err(down) = moved {
            self.hear(now);
            self.attempt_down(now, down);
        }
    }

    /// The attempt has come to nothing.
    pub(super) fn attempt_down(&mut self, now: Now, down: Down) {
        if let Some(link) = self.links.attempt.take() {
            let address = link.address();
            self.links.bury(link, down.refused);
            self.attempt_failed(now, down.at(address));
        }
    }

    /// On to the next address; after the last one, back after a while.
    fn attempt_failed(&mut self, now: Now, down: Down) {
        self.stats.connect_failures.add(1);
        if let Some(alarm) = down.alarm {
            self.raise_alarm(alarm, down.reason.clone());
        }
        if let Some(step) = self.links.dialer.attempt_failed(now.instant) {
            self.perform(now, step);
            return;
        }
        if down.alarm == Some(Alarm::ServerCertificate) {
            self.reload_roots();
        }
        let random = self.random.u64(..);
        let retry_in = self.links.hold_back(MayFollow::Later, now.instant, random);
        // While others serve, an operator need not know that one more could not be had.
        if self.links.serving.is_empty() {
            self.tell_outage(down.reason, retry_in);
        }
    }

    fn perform(&mut self, now: Now, step: Step) {
        match step {
            Step::Wait => {}
            Step::Resolve => {
                let endpoint = &self.config.endpoint;
                self.links.resolver.request(&endpoint.host, endpoint.port);
            }
            Step::Connect(address) => match self.connect(address) {
                Ok(link) => self.links.attempt = Some(link),
                Err(down) => self.attempt_failed(now, down.at(address)),
            },
            Step::TimedOut if self.links.attempt.is_some() => {
                self.attempt_down(now, Down::new("no answer in time"));
            }
            Step::TimedOut => {
                let what = format!("looking up {} took too long", self.config.endpoint.host);
                self.attempt_failed(now, Down::new(what));
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

    /// An outage is told when it begins and when its reason changes, not at every attempt.
    pub(super) fn tell_outage(&mut self, reason: String, retry_in: std::time::Duration) {
        if self.links.told.as_ref() == Some(&reason) {
            return;
        }
        self.links.told = Some(reason.clone());
        self.tell_receiver(Event::ConnectionDown {
            reason,
            retry_in: Some(retry_in),
        });
    }
}

impl<R> Links<R> {
    /// Says when the next connection may be tried, one having ended; returns how long that is from now.
    pub(super) fn hold_back(
        &mut self,
        may_follow: MayFollow,
        now: Instant,
        random: u64,
    ) -> Duration {
        match may_follow {
            MayFollow::AfterCalm => {
                self.abandon_attempt();
                self.dialer.wait(CALM, now, random)
            }
            // What is on its way up already follows.
            _ if self.dialer.is_busy() => Duration::ZERO,
            MayFollow::AtOnce => {
                self.dialer.start_over();
                Duration::ZERO
            }
            MayFollow::Later => self.dialer.wait(Duration::ZERO, now, random),
        }
    }

    /// Gives up the attempt under way, if there is one.
    pub(super) fn abandon_attempt(&mut self) {
        if let Some(link) = self.attempt.take() {
            self.bury(link, false);
        }
        self.dialer.start_over();
    }
}

/// When a connection may follow one that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MayFollow {
    /// It served well: at once.
    AtOnce,
    /// It was of little use: after the backoff.
    Later,
    /// The server said ENHANCE_YOUR_CALM: much later.
    AfterCalm,
}

/// How long a server that said ENHANCE_YOUR_CALM is left alone, on top of the backoff.
const CALM: Duration = Duration::from_secs(60);
