//! Scripts: what the simulator does otherwise than Apple's rules alone would have it.
//!
//! A script is a list of [`Step`]s. A rule waits for requests; all other steps act at once. Faults are scripted and
//! never random, so that a test that failed fails again.

mod action;
mod answer;
mod greetings;
mod parse;
mod rules;
mod script_error;
#[cfg(test)]
mod tests;

pub use action::{ConnectionAction, GoAway, RawFrame, Settings};
pub use answer::Answer;
pub(crate) use greetings::Greetings;
pub(crate) use parse::parse;
pub(crate) use rules::{Place, Rules};
pub use script_error::ScriptError;

use serde::Serialize;

use crate::certificates::TlsFace;
use crate::judge::TokenUpdates;
use crate::options::ListenerMode;
use crate::reason::Reason;

/// One thing a script says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Waits for requests and answers or disturbs them.
    Rule(Rule),
    /// Does something to open connections, now.
    Now {
        /// What is done.
        action: ConnectionAction,
        /// The connection's number; `None` for all that are open.
        connection: Option<u64>,
    },
    /// Meets providers that connect from now on.
    Open(OpenRule),
    /// The app is uninstalled: the token is answered with 410 from now on.
    Unregister {
        /// The device token, hex.
        token: String,
        /// Unix ms; `None` for now by Apple's clock.
        timestamp_ms: Option<u64>,
        /// [`Reason::UNREGISTERED`] or [`Reason::EXPIRED_TOKEN`].
        reason: Reason,
    },
    /// The app is installed, and the token is good for this bundle id only.
    Register {
        /// The device token, hex.
        token: String,
        /// The bundle id, without a push type's suffix.
        topic: String,
    },
    /// What happens to providers that connect from now on.
    Listener(ListenerMode),
    /// How the server presents itself in TLS handshakes from now on.
    Tls(TlsFace),
    /// Apple's clock is off by so many seconds from the machine's.
    ClockOffset {
        /// Seconds; positive when Apple's clock is ahead.
        seconds: i64,
    },
    /// Answers carry a `date` header with Apple's time, or no more.
    Date(bool),
    /// How often a connection may show a new provider token.
    TokenUpdates(TokenUpdates),
}

/// Waits for requests and answers or disturbs them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The device token, hex; `None` for any. A token's own rules come before those for any.
    pub token: Option<String>,
    /// The connection's number; `None` for any.
    pub connection: Option<u64>,
    /// The stream's id, on whichever connection; `None` for any. What is for another stream is not counted.
    pub stream: Option<u32>,
    /// Only each so-manieth stream of a connection, by its id: 100 means the streams 199, 399, ... `None` for each.
    pub every: Option<u32>,
    /// Requests that pass before the rule acts.
    pub skip: u64,
    /// Requests it acts on, then it is gone; `None` for all until the reset.
    pub times: Option<u64>,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
}

impl Rule {
    /// A rule for one device token, without an end.
    #[must_use]
    pub fn token(token: &str, effect: Effect) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..Self::any(effect)
        }
    }

    /// A rule for any device token, without an end.
    #[must_use]
    pub const fn any(effect: Effect) -> Self {
        Self {
            token: None,
            connection: None,
            stream: None,
            every: None,
            skip: 0,
            times: None,
            effect,
        }
    }

    /// The rule, for so many requests only.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// The rule, after so many requests have passed.
    #[must_use]
    pub fn skip(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// The rule, for one stream of each connection only.
    #[must_use]
    pub fn stream(self, stream: u32) -> Self {
        Self {
            stream: Some(stream),
            ..self
        }
    }

    /// The rule, for each so-manieth stream of a connection only.
    #[must_use]
    pub fn every(self, streams: u32) -> Self {
        Self {
            every: Some(streams),
            ..self
        }
    }
}

/// Meets providers that connect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenRule {
    /// Connections that pass before the rule acts.
    pub skip: u64,
    /// Connections it acts on, then it is gone; `None` for all until the reset.
    pub times: Option<u64>,
    /// How they are met.
    #[serde(flatten)]
    pub greeting: Greeting,
}

/// How a provider that connects is met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Greeting {
    /// Before TLS, or instead of it.
    Listener(ListenerMode),
    /// In the TLS handshake.
    Tls(TlsFace),
    /// From the connection's first byte on.
    Open(ConnectionAction),
}

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Answers a request that the judge finds no fault with. What is wrong with a request is still said first.
    Answer(Answer),
    /// Resets the stream with REFUSED_STREAM before the body is read: not processed.
    RefusedStream,
    /// Resets the stream with any code.
    Reset {
        /// The HTTP/2 error code.
        code: u32,
        /// Before the body is read; else when the request is whole.
        early: bool,
    },
    /// Takes the request and never answers.
    Stall,
    /// Takes the request and drops TCP, without a close_notify: its fate is not known to the provider.
    Cut,
    /// Takes the request and sends GOAWAY. Streams above its last stream are not answered; when the others are,
    /// the connection is closed.
    Goaway(GoAway),
    /// Takes the request, does something to its connection, and then answers as if nothing was.
    Connection(ConnectionAction),
}
