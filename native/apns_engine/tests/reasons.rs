//! Each reason of Apple's, given by the simulator: what becomes of the push, the connection, the app and the device.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::HashSet;

use apns_engine::Event;
use apns_engine::config::Options;
use apns_engine::event::Alarm;
use apns_proto::apns_id::ApnsId;
use apns_sim::{Answer, Effect, Reason, Rule, Simulator, Step};
use support::*;

/// A reason, how often Apple gives it, and what follows.
struct Row {
    reason: &'static str,
    /// Requests in a row that Apple answers so; then all is well again.
    refusals: u64,
    /// Pushes that end with it; the first push after them is accepted.
    rejected: u32,
    /// Connections made, to the end.
    connects: u64,
    consequence: Consequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consequence {
    Nothing,
    DeadToken,
    Pause,
}

const fn row(
    reason: &'static str,
    refusals: u64,
    rejected: u32,
    connects: u64,
    consequence: Consequence,
) -> Row {
    Row {
        reason,
        refusals,
        rejected,
        connects,
        consequence,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = {
    use Consequence::*;
    &[
        // The push is dropped.
        row("BadCollapseId", 1, 1, 1, Nothing),
        row("BadExpirationDate", 1, 1, 1, Nothing),
        row("BadMessageId", 1, 1, 1, Nothing),
        row("BadPath", 1, 1, 1, Nothing),
        row("BadPriority", 1, 1, 1, Nothing),
        row("DuplicateHeaders", 1, 1, 1, Nothing),
        row("InvalidPushType", 1, 1, 1, Nothing),
        row("MethodNotAllowed", 1, 1, 1, Nothing),
        row("MissingDeviceToken", 1, 1, 1, Nothing),
        row("PayloadEmpty", 1, 1, 1, Nothing),
        row("PayloadTooLarge", 1, 1, 1, Nothing),
        // The token is dead.
        row("BadDeviceToken", 1, 1, 1, DeadToken),
        row("DeviceTokenNotForTopic", 1, 1, 1, DeadToken),
        row("ExpiredToken", 1, 1, 1, DeadToken),
        row("Unregistered", 1, 1, 1, DeadToken),
        // The app pauses: for a topic when it is refused three times in a row.
        row("BadTopic", 2, 2, 1, Nothing),
        row("BadTopic", 3, 3, 1, Pause),
        row("MissingTopic", 3, 3, 1, Pause),
        row("TopicDisallowed", 3, 3, 1, Pause),
        row("BadCertificate", 1, 1, 1, Pause),
        row("BadCertificateEnvironment", 1, 1, 1, Pause),
        row("BadEnvironmentKeyIdInToken", 1, 1, 1, Pause),
        row("BadEnvironmentKeyInToken", 1, 1, 1, Pause),
        row("Forbidden", 1, 1, 1, Pause),
        row("InvalidProviderToken", 1, 1, 1, Pause),
        row("MissingProviderToken", 1, 1, 1, Pause),
        // The push goes once more, on a new connection; the second refusal is one.
        row("ExpiredProviderToken", 1, 0, 2, Nothing),
        row("ExpiredProviderToken", 2, 1, 3, Pause),
        row("UnrelatedKeyIdInToken", 1, 0, 2, Nothing),
        row("UnrelatedKeyIdInToken", 2, 1, 3, Pause),
        row("IdleTimeout", 1, 0, 2, Nothing),
        row("Shutdown", 1, 0, 2, Nothing),
        row("Shutdown", 2, 0, 3, Nothing),
        // The app waits, with the push, and tries now and then on a new connection.
        row("TooManyProviderTokenUpdates", 3, 0, 4, Pause),
        // The push goes again after a while.
        row("InternalServerError", 1, 0, 1, Nothing),
        row("ServiceUnavailable", 1, 0, 1, Nothing),
        row("TooManyRequests", 1, 0, 1, Nothing),
    ]
};

#[test]
fn every_reason_has_its_outcome_its_resends_and_its_consequence() {
    // Side by side, as some wait for seconds.
    std::thread::scope(|scope| {
        for row in TABLE {
            let name = format!("{} {}", row.reason, row.refusals);
            let thread = std::thread::Builder::new().name(name);
            thread.spawn_scoped(scope, || row.play()).unwrap();
        }
    });
    let played: HashSet<_> = TABLE.iter().map(|row| row.reason).collect();
    let all: HashSet<_> = Reason::all().iter().map(|reason| reason.name()).collect();
    assert_eq!(played, all);
}

impl Row {
    fn play(&self) {
        let reason = Reason::find(self.reason).unwrap();
        let simulator = refusing(Answer::refused(reason), self.refusals);
        let (app, events) = start(hasty(&simulator));
        let mut seen = Vec::new();
        let mut ids = Vec::new();
        for number in 0..=self.rejected {
            ids.extend(notify_all(&app, number..number + 1));
            let end = hear_until_end(&events, &mut seen, ids[ids.len() - 1]);
            let expected = if number < self.rejected {
                End::Rejected(self.reason.into())
            } else {
                End::Accepted
            };
            assert_eq!(end, expected, "{}: push {number}", self.reason);
        }
        app.stop(PATIENCE);
        seen.extend(events.drain().into_iter().map(|(_, event)| event));

        let journal = simulator.journal(0);
        assert_eq!(journal.len() as u64, self.refusals + 1, "{}", self.reason);
        let written: HashSet<_> = journal.iter().map(|entry| &entry.apns_id).collect();
        assert_eq!(written.len(), ids.len(), "{}", self.reason);
        let resent = self.refusals - u64::from(self.rejected);
        for (name, expected) in [("resent", resent), ("connects", self.connects)] {
            let stat = app.stats().get(name);
            assert_eq!(stat, Some(expected), "{}: {name}", self.reason);
        }
        let count = |wanted: fn(&Event) -> bool| seen.iter().filter(|it| wanted(it)).count();
        let paused = count(|event| matches!(event, Event::Paused));
        let resumed = count(|event| matches!(event, Event::Resumed { .. }));
        let dead = count(|event| matches!(event, Event::TokenInvalid(_)));
        let expected = match self.consequence {
            Consequence::Nothing => (0, 0, 0),
            Consequence::DeadToken => (0, 0, 1),
            Consequence::Pause => (1, 1, 0),
        };
        assert_eq!((paused, resumed, dead), expected, "{}", self.reason);
        assert_balanced(&app);
    }
}

#[test]
fn provider_tokens_that_change_too_often_are_kept_and_the_app_waits() {
    let too_many = Answer::refused(Reason::TOO_MANY_PROVIDER_TOKEN_UPDATES);
    let simulator = refusing(too_many, 1);
    let (app, events) = start(Options {
        probe_min_interval: 1000,
        probe_max_interval: 1000,
        ..hasty(&simulator)
    });
    let mut ids = notify_all(&app, 1..2);
    let mut alarm = None;
    events.wait_for(|event| {
        if let Event::Alarm {
            alarm: Alarm::Configuration,
            detail,
        } = event
        {
            alarm = Some(detail.clone());
        }
        matches!(event, Event::Paused).then_some(())
    });
    assert!(alarm.unwrap().contains("TooManyProviderTokenUpdates"));
    // The refused push and whatever follows it wait together; no device is held back for itself.
    ids.extend(notify_all(&app, 1..100));
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
    assert_eq!(app.stats().get("throttled"), Some(0));
    let journal = simulator.journal(0);
    assert_eq!(journal.len(), 101);
    assert_eq!(journal[0].apns_id, journal[1].apns_id);
    assert_ne!(journal[0].connection, journal[1].connection);
    let waited = (journal[1].received_at_us - journal[0].received_at_us) / 1000;
    // Half of the interval for sure, and half by chance.
    assert!(waited >= 400, "{waited} ms");
    let tokens: HashSet<_> = journal
        .iter()
        .map(|it| {
            it.authorization_digest
                .as_deref()
                .expect("a provider token")
        })
        .collect();
    assert_eq!(tokens.len(), 1);
}

#[test]
fn a_429_that_names_no_known_reason_holds_back_the_device_alone() {
    for body in ["", r#"{"reas"#, r#"{"reason":"InventedTomorrow"}"#] {
        let answer = Answer {
            status: 429,
            body: Some(body.to_owned()),
            ..Answer::default()
        };
        let simulator = refusing(answer, 1);
        let (app, events) = start(hasty(&simulator));
        let first = notify_all(&app, 1..2);
        simulator.wait_for(1, PATIENCE).unwrap();
        wait_until(|| app.stats().get("throttled") == Some(1));
        let others = notify_all(&app, 2..10);
        events.outcomes(&[first, others].concat());
        assert_eq!(simulator.journal(0).len(), 10, "{body}");
        assert_eq!(app.stats().get("pauses"), Some(0), "{body}");
        assert_eq!(app.stats().get("connects"), Some(1), "{body}");
    }
}

/// A simulator that answers the first so many requests so.
fn refusing(answer: Answer, times: u64) -> Simulator {
    let simulator = simulator();
    let rule = Rule::any(Effect::Answer(answer)).times(times);
    simulator.script([Step::Rule(rule)]).unwrap();
    simulator
}

/// Probes often; one connection at a time, so that they can be counted.
fn hasty(simulator: &Simulator) -> Options {
    Options {
        probe_min_interval: 50,
        probe_max_interval: 100,
        max_connections: 1,
        ..options(simulator)
    }
}

/// Takes what comes until the push has ended.
fn hear_until_end(events: &Events, seen: &mut Vec<Event>, id: ApnsId) -> End {
    loop {
        let message = events.next_message();
        let mut ends = message.iter().filter_map(end_of);
        let end = ends.find(|(it, _)| *it == id);
        seen.extend(message);
        if let Some((_, end)) = end {
            return end;
        }
    }
}
