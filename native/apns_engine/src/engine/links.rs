//! The app's connections: the one that takes pushes, those that only wait for their last answers, and the
//! way to a new one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apns_proto::now::Now;
use apns_proto::provider_token::ProviderToken;
use apns_proto::session::{self, Authentication, Fate, Notice, Session};
use mio::Token;

use super::dialer::Dialer;
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
    /// Takes pushes, or is on its way up.
    pub(super) current: Option<Current<R>>,
    /// Take no pushes; wait for the answers to those that they took.
    pub(super) retired: Vec<Link<R>>,
    outcomes: VecDeque<(QueuedPush<R>, Fate)>,
    pub(super) next_token: usize,
    pub(super) buffer: Box<[u8]>,
    /// The reason that the receiver was told last, so that an outage is told once and not once per attempt.
    pub(super) told: Option<String>,
    /// A connection that takes no pushes any more said ENHANCE_YOUR_CALM.
    pub(super) calm_asked: bool,
}

/// The current connection and what is known of it.
#[derive(Debug)]
pub(super) struct Current<R> {
    pub(super) link: Link<R>,
    pub(super) since: Instant,
    /// It gave an answer that shows that we are known.
    pub(super) useful: bool,
    /// Its session has the present provider token.
    pub(super) has_token: bool,
}

impl<R> Links<R> {
    pub(super) fn new(poll: mio::Poll, resolver: Resolver, config: &AppConfig) -> Self {
        let authentication = match config.credentials {
            Credentials::Certificate(_) => Authentication::Certificate,
            Credentials::Token { .. } => Authentication::ProviderToken,
        };
        let limits = &config.limits;
        let session_config = session::Config {
            authority: config.endpoint.authority.as_str().into(),
            topic: config.topic.clone(),
            authentication,
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
            current: None,
            retired: Vec::new(),
            outcomes: VecDeque::new(),
            next_token: WAKER.0 + 1,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            told: None,
            calm_asked: false,
        }
    }

    // -- getters

    /// The session that takes pushes now, if one is there.
    pub(super) fn session(&mut self) -> Option<&mut Session<Origin<R>>> {
        self.current
            .as_mut()
            .and_then(|current| current.link.session())
    }

    pub(super) fn is_up(&mut self) -> bool {
        self.session().is_some_and(|session| session.is_ready())
    }

    pub(super) fn in_flight(&mut self) -> usize {
        let current = self.session().map_or(0, |session| session.in_flight());
        let retired = self
            .retired
            .iter_mut()
            .filter_map(Link::session)
            .map(|session| session.in_flight());
        current + retired.sum::<usize>()
    }

    pub(super) fn has_more_to_read(&self) -> bool {
        self.all().any(Link::has_more_to_read)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let links = self.all().filter_map(Link::poll_timeout);
        links.chain(self.dialer.poll_timeout()).min()
    }

    fn all(&self) -> impl Iterator<Item = &Link<R>> {
        self.current
            .iter()
            .map(|current| &current.link)
            .chain(&self.retired)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Link<R>> {
        self.current
            .iter_mut()
            .map(|current| &mut current.link)
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
        if let Some(current) = &mut self.current {
            current.has_token = false;
        }
    }

    /// Gives the current session the provider token, once.
    pub(super) fn give_token(&mut self, token: &ProviderToken) {
        if let Some(current) = &mut self.current
            && !current.has_token
            && let Some(session) = current.link.session()
        {
            session.set_provider_token(token);
            current.has_token = true;
        }
    }

    /// The next push whose try has ended.
    pub(super) fn poll_outcome(&mut self) -> Option<(QueuedPush<R>, Fate)> {
        self.outcomes.pop_front()
    }

    /// Closes every connection and gives back the pushes that have no outcome.
    pub(super) fn close_all(&mut self, stats: &Stats) -> Vec<QueuedPush<R>> {
        let mut pushes: Vec<_> = self.outcomes.drain(..).map(|(push, _)| push).collect();
        let current = self.current.take().map(|current| current.link);
        for mut link in current.into_iter().chain(std::mem::take(&mut self.retired)) {
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

    /// No new connection for a while.
    pub(super) fn hold_back(&mut self, now: Instant, random: u64) {
        self.dialer.wait(Duration::ZERO, now, random);
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
        let links = self
            .current
            .iter_mut()
            .map(|current| &mut current.link)
            .chain(&mut self.retired);
        let mut links: Vec<_> = links.collect();
        for event in &self.events {
            if let Some(link) = links.iter_mut().find(|link| link.token() == event.token()) {
                link.handle_ready(event);
                any = true;
            }
        }
        any
    }

    /// Takes what a session has to say.
    pub(super) fn listen(&mut self, now: Now, stats: &Stats) -> Vec<Notice> {
        for link in self.all_mut() {
            link.handle_timeout(now);
        }
        let mut outcomes = std::mem::take(&mut self.outcomes);
        for session in self.all_mut().filter_map(Link::session) {
            stats.pings.add(session.take_pings());
            outcomes.extend(std::iter::from_fn(|| session.poll_outcome()));
        }
        self.outcomes = outcomes;
        for session in self.retired.iter_mut().filter_map(Link::session) {
            // Only the connection that takes pushes has news for an operator. But that the credentials work its
            // predecessors may show too, and a wish for calm is meant for all of us.
            while let Some(notice) = session.poll_notice() {
                match notice {
                    Notice::Authenticated => self.dialer.useful(),
                    Notice::GoingAway { calm: true, .. } => self.calm_asked = true,
                    _ => {}
                }
            }
        }
        let notices = self
            .session()
            .map(|session| std::iter::from_fn(|| session.poll_notice()).collect());
        notices.unwrap_or_default()
    }

    /// The transport of a link is gone: its pushes learn their fate.
    pub(super) fn bury(&mut self, link: Link<R>, refused: bool) {
        if let Some(mut session) = link.into_session(self.poll.registry()) {
            session.handle_closed(refused);
            self.outcomes
                .extend(std::iter::from_fn(|| session.poll_outcome()));
        }
    }

    /// The current connection takes no more pushes; it lives on until its last answer came. Returns whether it
    /// had been of use for a while, so that a new one may follow at once.
    pub(super) fn retire_current(&mut self, now: Now) -> bool {
        let Some(current) = self.current.take() else {
            return false;
        };
        let served = current.has_served(now);
        self.retired.push(current.link);
        if self.retired.len() > MAX_RETIRED {
            let oldest = self.retired.remove(0);
            self.bury(oldest, false);
        }
        served
    }
}

impl<R> Current<R> {
    /// Whether it gave useful answers and lived long enough that connecting anew at once is no connect storm.
    pub(super) fn has_served(&self, now: Now) -> bool {
        let age = now.instant.saturating_duration_since(self.since);
        (self.useful && age >= SERVED_AFTER) || (self.link.is_open() && age >= LASTED_AFTER)
    }
}

/// The loop's wake-up from other threads.
pub(crate) const WAKER: Token = Token(0);
/// Readiness events taken in one turn; there are a handful of sockets.
const EVENTS_PER_POLL: usize = 64;
/// Plaintext read at once: one TLS record.
const READ_BUFFER: usize = 16 * 1024;
/// Connections that wait for last answers; one more ends the oldest, whose pushes' fate is then unknown.
const MAX_RETIRED: usize = 4;
/// Age from which a useful connection may be followed by another at once.
const SERVED_AFTER: Duration = Duration::from_secs(1);
/// Age from which any connection may, though no push came to prove it useful.
const LASTED_AFTER: Duration = Duration::from_secs(60);
