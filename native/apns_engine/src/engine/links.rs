//! The app's connections: those that take pushes, those that only wait for their last answers, and the one on its
//! way up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apns_proto::now::Now;
use apns_proto::provider_token::ProviderToken;
use apns_proto::session::{self, Authentication, Fate, Notice, Session};
use mio::Token;

use super::credentials::as_of_now;
use super::dialer::Dialer;
use super::growth::Growth;
use crate::config::AppConfig;
use crate::credentials::Credentials;
use crate::link::Link;
use crate::queue::{Origin, QueuedPush};
use crate::resolver::Resolver;
use crate::stats::Stats;

/// All connections of one app.
#[derive(Debug)]
pub(super) struct Links<R> {
    pub(super) poll: mio::Poll,
    events: mio::Events,
    pub(super) resolver: Resolver,
    pub(super) dialer: Dialer,
    pub(super) tls_config: Option<Arc<rustls::ClientConfig>>,
    pub(super) session_config: session::Config,
    pub(super) growth: Growth,
    /// On its way up. Never more than one at a time, so that no trouble becomes a storm of connects.
    pub(super) attempt: Option<Link<R>>,
    /// Take pushes, the oldest first. The first that has room gets the next push, so that the last ones are idle when
    /// they are not needed.
    pub(super) serving: Vec<Serving<R>>,
    /// One is missing that could be set apart for suspects.
    pub(super) wants_apart: bool,
    /// Take no pushes; wait for the answers to those that they took.
    pub(super) retired: Vec<Link<R>>,
    outcomes: VecDeque<(QueuedPush<R>, Fate)>,
    pub(super) next_token: usize,
    pub(super) buffer: Box<[u8]>,
    /// The reason that the receiver was told last, so that an outage is told once and not once per attempt.
    pub(super) told: Option<String>,
    max_retired: usize,
    /// Links up to this token were made with credentials that are not ours any more.
    outdated: Token,
}

/// A connection that takes pushes, and what is known of it.
#[derive(Debug)]
pub(super) struct Serving<R> {
    pub(super) link: Link<R>,
    since: Instant,
    /// It gave an answer that shows that we are known.
    pub(super) useful: bool,
    /// It takes suspects only.
    pub(super) apart: bool,
    /// Its session has the present provider token.
    has_token: bool,
    /// Since when nothing has been in flight on it.
    idle_since: Option<Instant>,
}

impl<R> Links<R> {
    pub(super) fn new(poll: mio::Poll, resolver: Resolver, config: &AppConfig) -> Self {
        let authentication = match *config.credentials {
            Credentials::Certificate(_) => Authentication::Certificate,
            Credentials::Token { .. } => Authentication::ProviderToken,
        };
        let limits = &config.limits;
        let session_config = session::Config {
            authority: config.endpoint.authority.as_str().into(),
            topic: config.topic.clone(),
            authentication,
            authorization_coding: config.authorization_coding,
            response_timeout: limits.response_timeout,
            ping_interval: limits.ping_interval,
            ping_timeout: limits.ping_timeout,
        };
        Self {
            poll,
            events: mio::Events::with_capacity(EVENTS_PER_POLL),
            resolver,
            dialer: Dialer::new(limits.reconnect_backoff(), limits.connect_timeout),
            tls_config: None,
            session_config,
            growth: Growth::new(limits.max_connections, limits.connection_idle_timeout),
            attempt: None,
            serving: Vec::new(),
            wants_apart: false,
            retired: Vec::new(),
            max_retired: limits.max_connections + SPARE_RETIRED,
            outcomes: VecDeque::new(),
            next_token: WAKER.0 + 1,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            told: None,
            outdated: WAKER,
        }
    }

    // -- getters

    /// Connections that can take pushes.
    pub(super) fn ready(&self) -> usize {
        self.serving.len()
    }

    /// The sessions that take pushes, those to be filled first in front; not the one set apart.
    pub(super) fn sessions(&mut self) -> impl Iterator<Item = &mut Session<Origin<R>>> {
        let serving = self.serving.iter_mut().filter(|one| !one.apart);
        serving.filter_map(|one| one.link.session())
    }

    pub(super) fn in_flight(&mut self) -> usize {
        let sessions = self.all_mut().filter_map(Link::session);
        sessions.map(|session| session.in_flight()).sum()
    }

    /// Whether every connection that takes pushes is full: see [`Session::is_saturated`].
    pub(super) fn is_saturated(&mut self) -> bool {
        self.sessions().all(|session| session.is_saturated())
    }

    pub(super) fn has_more_to_read(&self) -> bool {
        self.all().any(Link::has_more_to_read)
    }

    /// Whether the way to a connection is to be followed: one is missing, or it has been begun.
    pub(super) fn wants_connection(&self, now: Instant) -> bool {
        self.serving.is_empty()
            || (self.wants_apart && self.serving.len() < 2)
            || self.dialer.is_busy()
            || self.growth.wants_another(self.ready(), now)
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let links = self.all().filter_map(Link::poll_timeout);
        let dial = if self.wants_connection(now) {
            self.dialer.poll_timeout().or(Some(now))
        } else {
            self.growth.due(self.ready())
        };
        links.chain(dial).chain(self.shrink_at()).min()
    }

    /// When the last connection has been idle for long enough to go.
    fn shrink_at(&self) -> Option<Instant> {
        let idle_since = self.serving.last()?.idle_since?;
        self.growth.shrink_at(self.ready(), idle_since)
    }

    fn all(&self) -> impl Iterator<Item = &Link<R>> {
        let serving = self.serving.iter().map(|one| &one.link);
        self.attempt.iter().chain(serving).chain(&self.retired)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Link<R>> {
        let serving = self.serving.iter_mut().map(|one| &mut one.link);
        self.attempt
            .iter_mut()
            .chain(serving)
            .chain(&mut self.retired)
    }

    // -- commands

    /// Waits for readiness. An interrupted wait is a short one.
    pub(super) fn poll(&mut self, timeout: Option<Duration>) {
        if self.poll.poll(&mut self.events, timeout).is_err() {
            self.events.clear();
        }
    }

    /// The provider token has changed: sessions need the new one.
    pub(super) fn forget_token(&mut self) {
        for one in &mut self.serving {
            one.has_token = false;
        }
    }

    /// Gives every session the provider token, once.
    pub(super) fn give_token(&mut self, token: &ProviderToken) {
        for one in self.serving.iter_mut().filter(|one| !one.has_token) {
            if let Some(session) = one.link.session() {
                session.set_provider_token(token);
                one.has_token = true;
            }
        }
    }

    /// The next push whose try has ended.
    pub(super) fn poll_outcome(&mut self) -> Option<(QueuedPush<R>, Fate)> {
        self.outcomes.pop_front()
    }

    /// Closes every connection and gives back the pushes that have no outcome.
    pub(super) fn close_all(&mut self, stats: &Stats) -> Vec<QueuedPush<R>> {
        self.dialer.start_over();
        let mut pushes: Vec<_> = self.outcomes.drain(..).map(|(push, _)| push).collect();
        let serving = std::mem::take(&mut self.serving).into_iter();
        let links = serving.map(|one| one.link).chain(self.attempt.take());
        for mut link in links.chain(std::mem::take(&mut self.retired)) {
            let mut unsent = false;
            if let Some(session) = link.session() {
                // Before the pushes are taken out: a closed session says nothing any more.
                session.say_goodbye();
                unsent = session.holds_unsent_requests();
                session.handle_closed(false);
                pushes.extend(std::iter::from_fn(|| session.poll_outcome()).map(|(push, _)| push));
            }
            // What is told to have ended must not leave after all.
            if unsent {
                let _ = link.into_session(self.poll.registry());
            } else {
                link.close(self.poll.registry(), stats);
            }
        }
        pushes
    }

    /// The credentials have changed: every connection made so far has old ones.
    pub(super) fn outdate(&mut self) {
        self.outdated = Token(self.next_token);
    }

    // -- inside

    /// A token no other link has, so that a late event of a closed socket reaches nobody.
    pub(super) fn new_token(&mut self) -> Token {
        self.next_token = self.next_token.checked_add(1).unwrap_or(WAKER.0 + 1);
        Token(self.next_token)
    }

    /// Routes what mio told to its link; whether there was anything but the wake-up.
    pub(super) fn take_readiness(&mut self) -> bool {
        let mut any = false;
        let events = std::mem::replace(&mut self.events, mio::Events::with_capacity(0));
        for event in &events {
            if let Some(link) = self.all_mut().find(|link| link.token() == event.token()) {
                link.handle_ready(event);
                any = true;
            }
        }
        self.events = events;
        any
    }

    /// Takes what sessions have to say: outcomes are kept for [`poll_outcome`](Self::poll_outcome), notices come back
    /// with the link they are about.
    pub(super) fn listen(&mut self, now: Now, stats: &Stats) -> Vec<(Token, Notice)> {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        let outdated = self.outdated;
        let mut notices = Vec::new();
        for link in self.all_mut() {
            link.handle_timeout(now);
            let token = link.token();
            if let Some(session) = link.session() {
                stats.pings.add(session.take_pings());
                let ended = std::iter::from_fn(|| session.poll_outcome());
                outcomes.extend(ended.map(|ended| as_of_now(token <= outdated, ended)));
                notices.extend(std::iter::from_fn(|| session.poll_notice()).map(|it| (token, it)));
            }
        }
        self.outcomes = outcomes;
        notices
    }

    pub(super) fn is_attempt(&self, token: Token) -> bool {
        self.attempt
            .as_ref()
            .is_some_and(|link| link.token() == token)
    }

    /// The place of a connection that takes pushes.
    pub(super) fn place_of(&self, token: Token) -> Option<usize> {
        self.serving
            .iter()
            .position(|one| one.link.token() == token)
    }

    /// The attempt has come to its end: from now on it takes pushes.
    pub(super) fn serve(&mut self, link: Link<R>, now: Now) {
        self.dialer.up();
        self.serving.push(Serving {
            link,
            since: now.instant,
            useful: false,
            apart: false,
            has_token: false,
            idle_since: None,
        });
    }

    /// Notes which connections are idle; the last one that has been so for long takes no more pushes.
    pub(super) fn shrink(&mut self, now: Now, stats: &Stats) -> bool {
        for one in &mut self.serving {
            let idle = one
                .link
                .session()
                .is_some_and(|session| session.in_flight() == 0);
            one.idle_since = match idle {
                true => one.idle_since.or(Some(now.instant)),
                false => None,
            };
        }
        if self.shrink_at().is_none_or(|at| at > now.instant) {
            return false;
        }
        if let Some(last) = self.serving.len().checked_sub(1) {
            self.retire(last, stats);
        }
        true
    }

    /// The transport of a link is gone: its pushes learn their fate.
    pub(super) fn bury(&mut self, link: Link<R>, refused: bool) {
        let outdated = link.token() <= self.outdated;
        if let Some(mut session) = link.into_session(self.poll.registry()) {
            session.handle_closed(refused);
            let ended = std::iter::from_fn(|| session.poll_outcome());
            self.outcomes
                .extend(ended.map(|ended| as_of_now(outdated, ended)));
        }
    }

    /// A connection takes no more pushes; it lives on until its last answer came.
    pub(super) fn retire(&mut self, place: usize, stats: &Stats) {
        let mut link = self.serving.remove(place).link;
        if let Some(session) = link.session() {
            session.retire(String::new());
        }
        self.retired.push(link);
        if self.retired.len() > self.max_retired {
            let oldest = self.retired.remove(0);
            stats.connection_losses.add(1);
            self.bury(oldest, false);
        }
    }
}

impl<R> Serving<R> {
    /// Whether it lived and gave useful answers for long enough that connecting anew at once is no connect storm.
    pub(super) fn has_served(&self, now: Now) -> bool {
        let age = now.instant.saturating_duration_since(self.since);
        (self.useful && age >= SERVED_AFTER) || age >= LASTED_AFTER
    }
}

/// The loop's wake-up from other threads.
pub(crate) const WAKER: Token = Token(0);
/// Readiness events taken in one turn; there are a handful of sockets.
const EVENTS_PER_POLL: usize = 64;
/// Plaintext read at once: one TLS record.
const READ_BUFFER: usize = 16 * 1024;
/// Connections that wait for last answers, beside as many as may take pushes, all of which can be replaced at once. One
/// more ends the oldest, whose pushes' fate is then unknown.
const SPARE_RETIRED: usize = 4;
/// Age from which a useful connection may be followed by another at once.
const SERVED_AFTER: Duration = Duration::from_secs(1);
/// Age from which any connection may, though no push came to prove it useful.
const LASTED_AFTER: Duration = Duration::from_secs(60);
