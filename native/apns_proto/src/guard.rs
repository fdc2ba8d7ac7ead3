//! Whether an app's pushes may go out, and whether Apple's word on a device token is believed.
//!
//! A revoked key, a wrong topic or the wrong environment makes Apple refuse every push, and call every device token bad.
//! Then more pushes would only be burnt, and their tokens forgotten: the app pauses, says so, and lets a single push
//! go now and then to see whether it is mended. **No device token is given up before something shows that the
//! configuration is right.**

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::device_token::DeviceToken;
use crate::response::{Fault, Response, Verdict};

/// Watches the final answers to an app's pushes. `V` is what the caller does about a dead token; it is given back when
/// Apple's word is believed.
#[derive(Debug)]
pub struct Guard<V> {
    pause: Option<Pause>,
    probe_backoff: Backoff,
    /// Answers in a row that blame the configuration.
    blamed_in_a_row: u32,
    /// Tokens refused since the last accepted push, each once, the oldest first.
    suspects: Vec<Suspect<V>>,
    /// When a push was last accepted with the present configuration.
    accepted_at: Option<Instant>,
}

#[derive(Debug)]
struct Pause {
    cause: PauseCause,
    since: Instant,
    probe_at: Instant,
}

#[derive(Debug)]
struct Suspect<V> {
    token: DeviceToken,
    since: Instant,
    dead: V,
}

/// Why an app is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseCause {
    /// Apple refuses the key, the certificate or the topic.
    Configuration,
    /// Apple refuses the provider token again and again: the clocks differ too much, or it is another key's; or Apple
    /// finds that the team's tokens change too often.
    ProviderToken,
    /// Apple calls one device token after another bad: topic or environment are wrong.
    DeviceTokens,
}

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Everything.
    Open,
    /// One push, to see; then say [`probe_sent`](Guard::probe_sent).
    Probe,
    /// Nothing.
    Closed,
}

/// What an answer changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement<V> {
    /// Tokens that are dead beyond doubt.
    pub dead: Vec<V>,
    /// The app has paused just now.
    pub paused: Option<PauseCause>,
    /// The app goes on, after a pause of so long.
    pub resumed: Option<Duration>,
}

impl<V> Default for Judgement<V> {
    fn default() -> Self {
        Self {
            dead: Vec::new(),
            paused: None,
            resumed: None,
        }
    }
}

impl<V> Guard<V> {
    /// A guard that has seen nothing; `probe_backoff` has the waits between the probes of a paused app.
    #[must_use]
    pub const fn new(probe_backoff: Backoff) -> Self {
        Self {
            pause: None,
            probe_backoff,
            blamed_in_a_row: 0,
            suspects: Vec::new(),
            accepted_at: None,
        }
    }

    // -- getters

    /// What may be sent at `now`.
    #[must_use]
    pub fn gate(&self, now: Instant) -> Gate {
        match &self.pause {
            None => Gate::Open,
            Some(pause) if pause.probe_at <= now => Gate::Probe,
            Some(_) => Gate::Closed,
        }
    }

    /// Whether the app is paused.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// When the next probe may go, while paused.
    #[must_use]
    pub fn probe_at(&self) -> Option<Instant> {
        self.pause.as_ref().map(|pause| pause.probe_at)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let oldest = self.suspects.first()?;
        self.believes_in_time()
            .then(|| oldest.since + BELIEVED_AFTER)
    }

    // -- commands

    /// The probe is on its way; the next one may follow after the backoff, whatever becomes of this one.
    pub fn probe_sent(&mut self, now: Instant, random: u64) {
        if let Some(pause) = &mut self.pause {
            pause.probe_at = now + self.probe_backoff.next(random);
        }
    }

    /// Key, certificate or anything else of the configuration was changed: what was known of the old one is void, and a
    /// paused app tries at once.
    pub fn configuration_changed(&mut self, now: Instant) {
        self.accepted_at = None;
        self.blamed_in_a_row = 0;
        self.suspects.clear();
        self.probe_backoff.reset();
        if let Some(pause) = &mut self.pause {
            pause.probe_at = now;
        }
    }

    // -- facts

    /// A push ended with this answer. `dead` is what is to be done if the answer kills the token, and then only.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        random: u64,
        token: &DeviceToken,
        response: &Response,
        dead: Option<V>,
    ) -> Judgement<V> {
        let mut judgement = Judgement::default();
        if response.verdict() == Verdict::Accepted {
            self.accepted_at = Some(now);
            self.blamed_in_a_row = 0;
            judgement.dead = self
                .suspects
                .drain(..)
                .map(|suspect| suspect.dead)
                .collect();
            judgement.resumed = self.resume(now);
            return judgement;
        }
        match response.fault() {
            // Apple knows the token, and the topic with it.
            Some(Fault::Token) if response.status == 410 => {
                judgement.dead.extend(dead);
                judgement.resumed = self.resume(now);
            }
            Some(Fault::Token) => {
                self.blamed_in_a_row = 0;
                if self.is_paused_for(PauseCause::DeviceTokens) {
                    return judgement;
                }
                judgement.resumed = self.resume(now);
                if let Some(dead) = dead {
                    judgement.paused = self.suspect(now, random, token, dead);
                }
            }
            Some(Fault::Configuration) => {
                self.blamed_in_a_row = self.blamed_in_a_row.saturating_add(1);
                // A topic may be refused for one push type only, and calls that cannot ring are no reason to hold
                // messages back; key and certificate are everybody's.
                if response.status == 403 || self.blamed_in_a_row >= BLAMED_IN_A_ROW {
                    judgement.paused = self.pause(now, random, PauseCause::Configuration);
                }
            }
            Some(Fault::Authentication) => {
                judgement.paused = self.pause(now, random, PauseCause::ProviderToken);
            }
            _ => {}
        }
        judgement
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come: the tokens that are believed to be dead by now, unless
    /// they are too many.
    pub fn handle_timeout(&mut self, now: Instant, random: u64) -> Judgement<V> {
        let mut judgement = Judgement::default();
        if !self.believes_in_time() {
            return judgement;
        }
        let old = |suspect: &Suspect<V>| suspect.since + BELIEVED_AFTER <= now;
        let count = self.suspects.iter().take_while(|it| old(it)).count();
        if count > 0 && self.suspects.len() >= TOO_MANY_SUSPECTS {
            judgement.paused = self.pause_for_suspects(now, random);
        } else {
            let believed = self.suspects.drain(..count);
            judgement.dead = believed.map(|suspect| suspect.dead).collect();
        }
        judgement
    }

    // -- inside

    /// A configuration that has worked is not doubted for a few refusals; one that never has is.
    const fn believes_in_time(&self) -> bool {
        self.accepted_at.is_some() && self.pause.is_none()
    }

    fn is_paused_for(&self, cause: PauseCause) -> bool {
        self.pause
            .as_ref()
            .is_some_and(|pause| pause.cause == cause)
    }

    fn suspect(
        &mut self,
        now: Instant,
        random: u64,
        token: &DeviceToken,
        dead: V,
    ) -> Option<PauseCause> {
        if self.suspects.iter().any(|suspect| suspect.token == *token) {
            return None;
        }
        self.suspects.push(Suspect {
            token: token.clone(),
            since: now,
            dead,
        });
        // Answers that come together come in any order: the refusals behind the acceptances, for one.
        let enough = match self.accepted_at {
            Some(at) if now < at + LATELY => MAX_SUSPECTS,
            _ => TOO_MANY_SUSPECTS,
        };
        if self.suspects.len() < enough {
            return None;
        }
        self.pause_for_suspects(now, random)
    }

    fn pause_for_suspects(&mut self, now: Instant, random: u64) -> Option<PauseCause> {
        self.suspects.clear();
        self.pause(now, random, PauseCause::DeviceTokens)
    }

    fn pause(&mut self, now: Instant, random: u64, cause: PauseCause) -> Option<PauseCause> {
        // A probe that failed has its successor set already.
        if self.pause.is_some() {
            return None;
        }
        self.pause = Some(Pause {
            cause,
            since: now,
            probe_at: now + self.probe_backoff.next(random),
        });
        Some(cause)
    }

    fn resume(&mut self, now: Instant) -> Option<Duration> {
        let pause = self.pause.take()?;
        self.probe_backoff.reset();
        Some(now.saturating_duration_since(pause.since))
    }
}

/// Different device tokens refused without one accepted push between them that are no chance any more.
const TOO_MANY_SUSPECTS: usize = 10;
/// How many it takes where a push was accepted lately. Also the bound on what is kept of them.
const MAX_SUSPECTS: usize = 1000;
/// For how long an accepted push says that the configuration is right: longer than the answers to what is in flight with
/// it take to come.
const LATELY: Duration = Duration::from_secs(1);
/// How long a refused token is doubted while nothing else happens: were the configuration wrong, the next refusals would
/// have come by then.
const BELIEVED_AFTER: Duration = Duration::from_secs(10);
/// Refusals of a topic in a row that pause the app.
const BLAMED_IN_A_ROW: u32 = 3;
