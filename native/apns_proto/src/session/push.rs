//! A push on its way: the request, how often it was tried, and how it may end.

use std::fmt;
use std::time::Instant;

use crate::now::Now;
use crate::request::Request;
use crate::response::Response;

/// One notification to one device, from `notify` until its single outcome.
///
/// `C` is what the caller wants back with the outcome (owner, reply address); the session never looks at it.
#[derive(Debug)]
pub struct Push<C> {
    /// What is sent. The same `apns-id` at every try.
    pub request: Request,
    /// The caller's own.
    pub context: C,
    /// Until when it may wait in the engine when Apple cannot be reached; a notification's own expiration may end it earlier.
    pub give_up_at: Instant,
    /// Unix milliseconds of the last try, 0 before the first.
    pub(crate) written_ms: u64,
    pub(crate) tries: Tries,
}

/// How often a push met each kind of trouble; each kind has its own bound in [`super::verdict`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) not_processed: u8,
    pub(crate) unknown: u8,
    pub(crate) new_connection: u8,
    pub(crate) temporary: u8,
}

impl<C> Push<C> {
    /// A push that has not been tried.
    pub fn new(request: Request, context: C, give_up_at: Instant) -> Self {
        Self {
            request,
            context,
            give_up_at,
            written_ms: 0,
            tries: Tries::default(),
        }
    }

    /// When it was last written to a connection, Unix milliseconds; 0: never. What Apple says of the device without a
    /// time of its own holds for this moment.
    pub const fn written_ms(&self) -> u64 {
        self.written_ms
    }

    /// Why the push may not be sent any more at `now`, if so.
    ///
    /// An expiration of 0 asks for one attempt at once; it says nothing about how long the engine may
    /// take to make that attempt, so only `give_up_at` ends it.
    pub fn overdue(&self, now: Now) -> Option<FailedCause> {
        let expiration = self.request.content.headers.expiration;
        if expiration.is_some_and(|expiration| expiration.is_past(now.unix_s())) {
            return Some(FailedCause::Expired);
        }
        if now.instant < self.give_up_at {
            return None;
        }
        Some(if expiration.is_some() {
            FailedCause::Expired
        } else {
            FailedCause::Unreachable
        })
    }
}

/// What became of one try, as the session saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Apple answered.
    Answered(Response),
    /// Apple surely did not process it: refused, above GOAWAY's last stream, or never wholly written.
    NotProcessed,
    /// It was written, and no answer came: Apple may or may not have taken it.
    Unknown,
}

/// Why a push ended without a final answer. Closed: Erlang callers match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailedCause {
    /// A newer push with the same collapse-id for the same device took its place in the queue.
    Superseded,
    /// Its expiration passed before Apple took it.
    Expired,
    /// The app was stopped.
    Stopped,
    /// It was written, but the answer never came, and sending it again might ring twice.
    Unknown,
    /// Apple could not be reached, or gave temporary answers, for as long as the push may wait.
    Unreachable,
    /// The app is paused by an alarm.
    Paused,
    /// The engine thread panicked while the push was inside.
    EngineCrashed,
}

impl FailedCause {
    /// All causes, in the order in which `stats` lists them.
    pub const ALL: [Self; 7] = [
        Self::Superseded,
        Self::Expired,
        Self::Stopped,
        Self::Unknown,
        Self::Unreachable,
        Self::Paused,
        Self::EngineCrashed,
    ];

    /// The cause's name on the Erlang side.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Paused => "paused",
            Self::EngineCrashed => "engine_crashed",
        }
    }
}

impl fmt::Display for FailedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
