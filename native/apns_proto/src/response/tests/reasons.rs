//! Every reason of Apple's page "Handling notification responses from APNs", one row each: whom it blames and what is done.

use std::time::Instant;

use super::*;
use crate::backoff::Backoff;
use crate::device_token::DeviceToken;
use crate::guard::{Gate, Guard};
use crate::now::Now;
use crate::push_type::PushType;
use crate::session::tests::push_with;
use crate::session::{Fate, Next};

/// What is done about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The push ends; others go on.
    Drop,
    /// The push ends, and its device token is dead.
    DeadToken,
    /// The push ends, and the app pauses when so many in a row did.
    Pause(u32),
    /// Once on a new connection; a second refusal ends the push and pauses the app.
    NewConnectionThenPause,
    /// Once on a new connection; from the second refusal on as [`Action::Later`].
    NewConnectionThenLater,
    /// The app pauses with the push inside; it goes again, on a new connection, as often as it takes.
    PauseAndResend,
    /// Again after a delay.
    Later,
    /// Again after a delay, and nothing goes to the device until then.
    LaterToDevice,
}

#[rustfmt::skip]
const TABLE: &[(u16, &str, Fault, Action)] = {
    use Action::*;
    use Fault::*;
    &[
        (400, "BadCollapseId", Request, Drop),
        (400, "BadDeviceToken", Token, DeadToken),
        (400, "BadExpirationDate", Request, Drop),
        (400, "BadMessageId", Request, Drop),
        (400, "BadPriority", Request, Drop),
        (400, "BadTopic", Configuration, Pause(3)),
        (400, "DeviceTokenNotForTopic", Token, DeadToken),
        (400, "DuplicateHeaders", Request, Drop),
        (400, "IdleTimeout", Connection, NewConnectionThenLater),
        (400, "InvalidPushType", Request, Drop),
        (400, "MissingDeviceToken", Request, Drop),
        (400, "MissingTopic", Configuration, Pause(3)),
        (400, "PayloadEmpty", Request, Drop),
        (400, "TopicDisallowed", Configuration, Pause(3)),
        (403, "BadCertificate", Configuration, Pause(1)),
        (403, "BadCertificateEnvironment", Configuration, Pause(1)),
        (403, "BadEnvironmentKeyIdInToken", Configuration, Pause(1)),
        (403, "BadEnvironmentKeyInToken", Configuration, Pause(1)),
        (403, "ExpiredProviderToken", Authentication, NewConnectionThenPause),
        (403, "Forbidden", Configuration, Pause(1)),
        (403, "InvalidProviderToken", Configuration, Pause(1)),
        (403, "MissingProviderToken", Configuration, Pause(1)),
        (403, "UnrelatedKeyIdInToken", Authentication, NewConnectionThenPause),
        (404, "BadPath", Request, Drop),
        (405, "MethodNotAllowed", Request, Drop),
        (410, "ExpiredToken", Token, DeadToken),
        (410, "Unregistered", Token, DeadToken),
        (413, "PayloadTooLarge", Request, Drop),
        (429, "TooManyProviderTokenUpdates", Authentication, PauseAndResend),
        (429, "TooManyRequests", Throttle, LaterToDevice),
        (500, "InternalServerError", Server, Later),
        (503, "ServiceUnavailable", Server, Later),
        (503, "Shutdown", Server, NewConnectionThenLater),
    ]
};

#[test]
fn every_reason_of_apple_has_its_class_and_action() {
    for &(status, reason, fault, action) in TABLE {
        let response = response(status, format!(r#"{{"reason":"{reason}"}}"#).as_bytes());
        let known = response.reason.as_ref().is_some_and(Reason::is_known);
        assert!(known, "{reason}");
        assert_eq!(response.fault(), Some(fault), "{reason}");
        assert_eq!(action_of(&response), action, "{reason}");
    }
    let listed: Vec<_> = TABLE.iter().map(|row| row.1).collect();
    let known: Vec<_> = Reason::KNOWN.iter().map(Reason::as_str).collect();
    assert_eq!(listed, known);
}

#[test]
fn an_answer_without_a_known_reason_is_treated_by_its_status() {
    for (status, action) in [
        (301, Action::Pause(3)),
        (400, Action::Drop),
        (401, Action::Pause(3)),
        (403, Action::Pause(1)),
        (410, Action::DeadToken),
        (421, Action::NewConnectionThenLater),
        // The reading that holds back least: one device.
        (429, Action::LaterToDevice),
        (500, Action::Later),
    ] {
        for body in ["", r#"{"reas"#, r#"{"reason":"InventedTomorrow"}"#] {
            let response = response(status, body.as_bytes());
            assert_eq!(action_of(&response), action, "{status} {body}");
        }
    }
}

#[test]
fn a_429_without_a_known_reason_does_not_prove_that_the_provider_token_is_good() {
    for body in ["", r#"{"reas"#, r#"{"reason":"InventedTomorrow"}"#] {
        assert!(!response(429, body.as_bytes()).shows_authentication());
    }
}

/// What push and guard do when Apple answers so time and again.
fn action_of(response: &Response) -> Action {
    let again = Next::Resend {
        after: Duration::ZERO,
    };
    let next = tries(response);
    let dead = response.invalidates_token();
    let rejected = next == [Next::Rejected; TRIES];
    match (next, pauses_after(response)) {
        (_, None) if rejected && dead => Action::DeadToken,
        (_, None) if rejected => Action::Drop,
        (_, Some(count)) if rejected && !dead => Action::Pause(count),
        ([first, Next::Rejected, Next::Rejected], Some(1)) if first == again => {
            Action::NewConnectionThenPause
        }
        (next, Some(1)) if next == [again; TRIES] => Action::PauseAndResend,
        ([first, second, Next::Resend { .. }], None) if first == again && is_later(second) => {
            Action::NewConnectionThenLater
        }
        (next, None) if next.iter().all(|next| is_later(*next)) => Action::Later,
        ([Next::ResendToDevice { .. }, ..], None) => Action::LaterToDevice,
        other => panic!("{response:?}: {other:?}"),
    }
}

const TRIES: usize = 3;

fn tries(response: &Response) -> [Next; TRIES] {
    let now = Now {
        instant: Instant::now(),
        unix_ms: 1_800_000_000_000,
    };
    let mut push = push_with(1, now, PushType::Alert, None, None);
    let fate = Fate::Answered(response.clone());
    std::array::from_fn(|_| push.next(&fate, now, 0))
}

fn is_later(next: Next) -> bool {
    matches!(next, Next::Resend { after } if !after.is_zero())
}

/// How many such answers in a row, each about another device, pause the app; a few about device tokens do not.
fn pauses_after(response: &Response) -> Option<u32> {
    let now = Instant::now();
    let probes = Backoff::new(Duration::from_secs(30), Duration::from_secs(600)).unwrap();
    let mut guard = Guard::<()>::new(probes);
    (1..=5u32).find(|number| {
        let token = DeviceToken::from_bytes(&number.to_be_bytes()).unwrap();
        guard.handle_answer(now, 0, &token, response, None);
        guard.gate(now) != Gate::Open
    })
}
