//! What comes after a try: the one place that decides whether a push ends or is sent again.
//!
//! A retry keeps its `apns-id`, which does not make Apple drop the second copy. So a push whose fate is
//! unknown is sent again only if a second copy cannot ring as a second message: it has a collapse-id
//! (one banner), or is a call (the app knows the call's id).

use std::time::Duration;

use super::push::{FailedCause, Fate, Push};
use crate::lanes::Lane;
use crate::now::Now;
use crate::response::{Fault, Response, RetryAdvice, Verdict};

/// What to do with a push after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Over: Apple took it.
    Accepted,
    /// Over: Apple refused it for good.
    Rejected,
    /// Over, without a final answer.
    Failed(FailedCause),
    /// Send it again, at the front of its lane.
    Resend {
        /// How long to hold it back first.
        after: Duration,
    },
    /// Send it again, and nothing else to its device before: Apple finds that the device gets too many pushes.
    ResendToDevice {
        /// How long to hold back what is for the device.
        after: Duration,
    },
}

impl<C> Push<C> {
    /// Decides what comes after a try that ended with `fate`, and remembers that it was made.
    ///
    /// `random` spreads delays; any value is right, the same one gives the same delay.
    pub fn next(&mut self, fate: &Fate, now: Now, random: u64) -> Next {
        let resend = match fate {
            Fate::Answered(response) => match response.verdict() {
                Verdict::Accepted => return Next::Accepted,
                Verdict::Rejected => return Next::Rejected,
                Verdict::TryAgain => match self.after_temporary_answer(response, random) {
                    Ok(resend) => resend,
                    Err(end) => return end,
                },
            },
            Fate::NotProcessed => self.after_not_processed(random),
            Fate::Unknown => {
                if self.tries.unknown >= MAX_UNKNOWN_RESENDS || !self.may_arrive_twice() {
                    return Next::Failed(FailedCause::Unknown);
                }
                self.tries.unknown += 1;
                Next::Resend {
                    after: Duration::ZERO,
                }
            }
        };
        match self.overdue(now) {
            // After a try of unknown fate "expired" would say too much: it may have arrived.
            Some(_) if *fate == Fate::Unknown => Next::Failed(FailedCause::Unknown),
            Some(cause) => Next::Failed(cause),
            None => resend,
        }
    }

    fn may_arrive_twice(&self) -> bool {
        let headers = &self.request.content.headers;
        headers.collapse_id.is_some() || Lane::of(headers) == Lane::Call
    }

    fn after_temporary_answer(&mut self, response: &Response, random: u64) -> Result<Next, Next> {
        let at_least = match response.retry_advice() {
            RetryAdvice::Never => return Err(Next::Rejected),
            RetryAdvice::OnNewConnection => {
                if self.tries.new_connection < MAX_NEW_CONNECTION_RESENDS {
                    self.tries.new_connection += 1;
                    return Ok(Next::Resend {
                        after: Duration::ZERO,
                    });
                }
                // The same provider token fares no better a third time; a server that is going down comes back.
                if response.status == 403 {
                    return Err(Next::Rejected);
                }
                None
            }
            // Uncounted: the app's pause holds it back, and lets one push go at a time.
            RetryAdvice::AfterPause => {
                return Ok(Next::Resend {
                    after: Duration::ZERO,
                });
            }
            RetryAdvice::AfterBackoff { at_least } => at_least,
        };
        if self.tries.temporary >= MAX_TEMPORARY_RESENDS {
            return Err(Next::Failed(FailedCause::Unreachable));
        }
        let jitter = jittered(TEMPORARY_BASE, self.tries.temporary, random);
        self.tries.temporary += 1;
        let after = at_least.map_or(jitter, |least| least + jitter);
        Ok(match response.fault() {
            Some(Fault::Throttle) => Next::ResendToDevice { after },
            _ => Next::Resend { after },
        })
    }

    /// The first refusals cost nothing; a peer that refuses on and on is not asked in a tight loop.
    fn after_not_processed(&mut self, random: u64) -> Next {
        let after = match self.tries.not_processed.checked_sub(FREE_REFUSALS) {
            None => Duration::ZERO,
            Some(more) => jittered(REFUSED_BASE, more, random),
        };
        self.tries.not_processed = self.tries.not_processed.saturating_add(1);
        Next::Resend { after }
    }
}

/// `base` doubled `exponent` times, at most [`MAX_DELAY`]; of that half for sure and half by chance.
fn jittered(base: Duration, exponent: u8, random: u64) -> Duration {
    let ceiling = base.saturating_mul(1 << exponent.min(16)).min(MAX_DELAY);
    let millis = u64::try_from(ceiling.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    Duration::from_millis(millis - random % (millis / 2 + 1))
}

/// Resends of a push whose fate is unknown. One: a second silence says more about the network than about luck.
const MAX_UNKNOWN_RESENDS: u8 = 1;
/// Resends on a new connection (expired provider token, idle timeout); a second refusal is a real one.
const MAX_NEW_CONNECTION_RESENDS: u8 = 1;
/// Resends after temporary answers (429, 500, 503). They take more than an hour, so that it is the push's own time
/// that ends it, and this only bounds what is left.
const MAX_TEMPORARY_RESENDS: u8 = 16;
/// Refusals (REFUSED_STREAM, GOAWAY) after which a push is sent again at once.
const FREE_REFUSALS: u8 = 4;
/// First delay after more refusals than that.
const REFUSED_BASE: Duration = Duration::from_millis(500);
/// First delay after a temporary answer.
const TEMPORARY_BASE: Duration = Duration::from_secs(2);
/// The longest delay of our own choice. Apple asks for patience of up to 15 minutes with 5xx answers.
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::tests::push_with;
    use super::*;
    use crate::push_type::PushType;
    use crate::response::{Reason, ResponseBuilder};

    const AT_ONCE: Next = Next::Resend {
        after: Duration::ZERO,
    };

    fn now() -> Now {
        Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        }
    }

    fn answer(status: u16, reason: &Reason, retry_after: Option<&str>) -> Fate {
        let mut builder = ResponseBuilder::new();
        builder.status(status);
        if let Some(seconds) = retry_after {
            builder.header(b"retry-after", seconds.as_bytes());
        }
        builder.body(format!(r#"{{"reason":"{}"}}"#, reason.as_str()).as_bytes());
        Fate::Answered(builder.finish())
    }

    fn accepted() -> Fate {
        let mut builder = ResponseBuilder::new();
        builder.status(200);
        Fate::Answered(builder.finish())
    }

    #[test]
    fn apples_final_answers_end_a_push() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        assert_eq!(push.next(&accepted(), now(), 0), Next::Accepted);
        for reason in [
            Reason::BAD_DEVICE_TOKEN,
            Reason::PAYLOAD_TOO_LARGE,
            Reason::UNREGISTERED,
        ] {
            let status = if reason == Reason::UNREGISTERED {
                410
            } else {
                400
            };
            assert_eq!(
                push.next(&answer(status, &reason, None), now(), 0),
                Next::Rejected,
                "{reason:?}"
            );
        }
    }

    #[test]
    fn a_push_that_was_not_processed_goes_again_and_after_many_refusals_more_slowly() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        for _ in 0..FREE_REFUSALS {
            assert_eq!(push.next(&Fate::NotProcessed, now(), u64::MAX), AT_ONCE);
        }
        let mut slowest = Duration::ZERO;
        for round in 0..300u64 {
            let Next::Resend { after, .. } =
                push.next(&Fate::NotProcessed, now(), round.wrapping_mul(0x9e37_79b9))
            else {
                panic!("given up before its time");
            };
            assert!(after <= MAX_DELAY);
            slowest = slowest.max(after);
        }
        assert!(slowest > Duration::from_secs(60));
    }

    #[test]
    fn an_unknown_fate_ends_a_push_that_might_ring_twice() {
        let mut plain = push_with(1, now(), PushType::Alert, None, None);
        assert_eq!(
            plain.next(&Fate::Unknown, now(), 0),
            Next::Failed(FailedCause::Unknown)
        );
        for (push_type, collapse_id) in [
            (PushType::Alert, Some("conversation")),
            (PushType::Voip, None),
        ] {
            let mut push = push_with(1, now(), push_type, None, collapse_id);
            assert_eq!(push.next(&Fate::Unknown, now(), 0), AT_ONCE);
            assert_eq!(
                push.next(&Fate::Unknown, now(), 0),
                Next::Failed(FailedCause::Unknown)
            );
        }
    }

    #[test]
    fn an_expired_provider_token_is_forgiven_once() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        let expired = answer(403, &Reason::EXPIRED_PROVIDER_TOKEN, None);
        assert_eq!(push.next(&expired, now(), 0), AT_ONCE);
        assert_eq!(push.next(&expired, now(), 0), Next::Rejected);
    }

    #[test]
    fn temporary_answers_delay_a_push_for_a_bounded_number_of_times() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        let unavailable = answer(503, &Reason::SERVICE_UNAVAILABLE, None);
        for _ in 0..MAX_TEMPORARY_RESENDS {
            let Next::Resend { after, .. } = push.next(&unavailable, now(), 1) else {
                panic!("given up early")
            };
            assert!(after > Duration::ZERO && after <= MAX_DELAY + Response::MAX_RETRY_AFTER);
        }
        assert_eq!(
            push.next(&unavailable, now(), 1),
            Next::Failed(FailedCause::Unreachable)
        );
    }

    #[test]
    fn a_server_that_goes_down_twice_has_refused_nothing_for_good() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        let shutdown = answer(503, &Reason::SHUTDOWN, None);
        assert_eq!(push.next(&shutdown, now(), 0), AT_ONCE);
        assert_ne!(push.next(&shutdown, now(), 0), Next::Rejected);
    }

    #[test]
    fn temporary_answers_are_tried_for_more_than_an_hour() {
        for random in [0, u64::MAX / 2, u64::MAX] {
            let mut push = push_with(1, now(), PushType::Alert, None, None);
            let unavailable = answer(503, &Reason::SERVICE_UNAVAILABLE, None);
            let mut waited = Duration::ZERO;
            while let Next::Resend { after } = push.next(&unavailable, now(), random) {
                waited += after;
            }
            assert!(waited > Duration::from_secs(3600), "{waited:?}");
        }
    }

    #[test]
    fn only_apples_throttling_holds_back_the_whole_device() {
        let throttled = answer(429, &Reason::TOO_MANY_REQUESTS, Some("120"));
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        let Next::ResendToDevice { after } = push.next(&throttled, now(), 0) else {
            panic!("the device was not held back")
        };
        assert!(after >= Duration::from_secs(120));
        for (status, reason) in [
            (503, Reason::SERVICE_UNAVAILABLE),
            (500, Reason::INTERNAL_SERVER_ERROR),
            (429, Reason::TOO_MANY_PROVIDER_TOKEN_UPDATES),
        ] {
            let next = push.next(&answer(status, &reason, None), now(), 0);
            assert!(matches!(next, Next::Resend { .. }), "{reason:?}");
        }
    }

    #[test]
    fn retry_after_is_obeyed() {
        let mut push = push_with(1, now(), PushType::Alert, None, None);
        let unavailable = answer(503, &Reason::SERVICE_UNAVAILABLE, Some("120"));
        let Next::Resend { after, .. } = push.next(&unavailable, now(), 0) else {
            panic!("given up")
        };
        assert!(after >= Duration::from_secs(120));
    }

    #[test]
    fn no_try_follows_after_the_expiration() {
        let seconds = now().unix_s();
        let mut push = push_with(1, now(), PushType::Alert, Some(seconds - 1), Some("c"));
        assert_eq!(
            push.next(&Fate::NotProcessed, now(), 0),
            Next::Failed(FailedCause::Expired)
        );
        assert_eq!(
            push.next(&Fate::Unknown, now(), 0),
            Next::Failed(FailedCause::Unknown)
        );
        assert_eq!(push.next(&accepted(), now(), 0), Next::Accepted);
    }

    #[test]
    fn a_push_without_expiration_is_unreachable_when_it_waited_long_enough() {
        let start = now();
        let mut push = push_with(1, start, PushType::Alert, None, None);
        let late = Now {
            instant: push.give_up_at,
            ..start
        };
        assert_eq!(
            push.next(&Fate::NotProcessed, late, 0),
            Next::Failed(FailedCause::Unreachable)
        );
    }
}
