//! Scripts: what the simulator does otherwise than Apple's rules alone would have it.
//!
//! A script is a list of [`Step`]s. A rule waits for requests; all other steps act at once. Faults are scripted and
//! never random, so that a test that failed fails again.

mod parse;
mod rules;
#[cfg(test)]
mod tests;

pub use parse::ScriptError;
pub(crate) use parse::parse;
pub(crate) use rules::Rules;

use serde::Serialize;

use crate::certificates::TlsFace;
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
}

/// Waits for requests and answers or disturbs them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The device token, hex; `None` for any. A token's own rules come before those for any.
    pub token: Option<String>,
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
            skip: 0,
            times: None,
            effect,
        }
    }

    /// A rule for any device token, without an end.
    #[must_use]
    pub const fn any(effect: Effect) -> Self {
        Self {
            token: None,
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
    /// Takes the request and never answers.
    Stall,
    /// Takes the request and drops TCP, without a close_notify: its fate is not known to the provider.
    Cut,
    /// Takes the request and sends GOAWAY. Streams above its last stream are not answered; when the others are,
    /// the connection is closed.
    Goaway(GoAway),
}

/// A scripted answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status; 200 is an acceptance.
    pub status: u16,
    /// The reason, also one that Apple does not know; none with 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `timestamp` in the body: Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// How long the answer is held back: ms.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// `retry-after` header: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Answer {
    /// 200, after so many ms.
    #[must_use]
    pub fn accepted_after(delay_ms: u64) -> Self {
        Self {
            status: 200,
            delay_ms,
            ..Self::default()
        }
    }

    /// A reason of Apple's table, with its status.
    #[must_use]
    pub fn refused(reason: Reason) -> Self {
        Self {
            status: reason.status(),
            reason: Some(reason.name().to_owned()),
            ..Self::default()
        }
    }
}

/// What a GOAWAY frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoAway {
    /// The HTTP/2 error code; 0 is NO_ERROR.
    pub code: u32,
    /// The highest stream that is still processed. `None`: in a rule, the stream before the request's own; else
    /// the highest that the provider has opened.
    pub last_stream: Option<u32>,
    /// Apple's reason, sent as `{"reason":...}` in the debug data; `None` for none.
    pub reason: Option<String>,
}

/// What a script does to open connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionAction {
    /// Sends GOAWAY; when the streams up to its last one are answered, the connection is closed.
    GoAway(GoAway),
    /// Stops: nothing is read or written any more, and TCP stays open.
    Stall,
    /// Drops TCP, without a close_notify.
    Cut,
    /// Holds MAX_CONCURRENT_STREAMS at this value, also on connections to come when no connection is named;
    /// `None` lets the answers move it again.
    MaxStreams(Option<u32>),
    /// Leaves PINGs without an answer, or answers them again.
    IgnorePings(bool),
    /// Sends no WINDOW_UPDATE, or all that were held back.
    WithholdWindowUpdates(bool),
    /// Sends STREAM_CLOSED behind each REFUSED_STREAM, as Apple's servers were seen to do, or no more.
    RefuseTwice(bool),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
