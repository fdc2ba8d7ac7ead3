//! A push on its way: the request, how often it was tried, and how it may end.

use std::fmt;
use std::time::{Duration, Instant};

use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::expiration::Expiration;
use crate::lanes::Lane;
use crate::now::Now;
use crate::request::Request;
use crate::response::Response;
use crate::waiting::Waiter;

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
    /// Its age among the pushes that came to wait; 0 before.
    order: u64,
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
            order: 0,
            written_ms: 0,
            tries: Tries::default(),
        }
    }

    /// When it was last written to a connection, Unix milliseconds; 0: never. What Apple says of the device without a
    /// time of its own holds for this moment.
    pub const fn written_ms(&self) -> u64 {
        self.written_ms
    }

    /// From when on [`Self::overdue`] gives a cause, as far as the clocks of `now` tell.
    pub fn deadline(&self, now: Now) -> Instant {
        let expiration = self.request.content.headers.expiration;
        let expires_at = expiration
            .filter(|expiration| *expiration != Expiration::ONE_ATTEMPT)
            .and_then(|expiration| {
                let unix_ms = expiration.as_unix_seconds().saturating_mul(1000);
                let left = Duration::from_millis(unix_ms.saturating_sub(now.unix_ms));
                now.instant.checked_add(left)
            });
        expires_at.map_or(self.give_up_at, |expires_at| {
            expires_at.min(self.give_up_at)
        })
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

impl<C> Waiter for Box<Push<C>> {
    fn lane(&self) -> Lane {
        Lane::of(&self.request.content.headers)
    }

    fn device_token(&self) -> &DeviceToken {
        &self.request.device_token
    }

    fn collapse_id(&self) -> Option<&CollapseId> {
        self.request.content.headers.collapse_id.as_ref()
    }

    fn deadline(&self, now: Now) -> Instant {
        (**self).deadline(now)
    }

    fn order(&self) -> u64 {
        self.order
    }

    fn set_order(&mut self, order: u64) {
        self.order = order;
    }
}

/// What became of one try, as the session saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Apple answered. The end of its answer may have been lost where the status decides alone.
    Answered(Response),
    /// Apple surely did not take it, and will not: refused (also with 400, 403 or 429 whose reason was lost), above GOAWAY's last
    /// stream, or never wholly sent.
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

#[cfg(test)]
mod tests {
    use super::super::tests::push_with;
    use super::*;
    use crate::push_type::PushType;

    #[test]
    fn a_push_is_overdue_from_its_deadline_on_and_not_before() {
        let start = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_250,
        };
        let later = |ms| Now {
            instant: start.instant + Duration::from_millis(ms),
            unix_ms: start.unix_ms + ms,
        };
        // Without expiration, and with one beyond it, the hour that the push may wait counts.
        for (expiration, ms, cause) in [
            (None, 3_600_000, FailedCause::Unreachable),
            (Some(0), 3_600_000, FailedCause::Expired),
            (Some(1_800_000_060), 59_750, FailedCause::Expired),
            (Some(1_900_000_000), 3_600_000, FailedCause::Expired),
            (Some(99_999_999_999), 3_600_000, FailedCause::Expired),
        ] {
            let push = push_with(1, start, PushType::Alert, expiration, None);
            assert_eq!(push.deadline(start), later(ms).instant, "{expiration:?}");
            assert_eq!(push.overdue(later(ms - 1)), None, "{expiration:?}");
            assert_eq!(push.overdue(later(ms)), Some(cause), "{expiration:?}");
        }
        let past = push_with(1, start, PushType::Alert, Some(1), None);
        assert_eq!(past.deadline(start), start.instant);
    }
}
