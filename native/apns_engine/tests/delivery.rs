//! Pushes through real TLS and HTTP/2 to the simulator, judged by its journal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use apns_engine::registry::{Device, DeviceKind};
use apns_engine::{Event, NotifyError, Target};
use apns_proto::apns_id::ApnsId;
use apns_proto::push_type::PushType;
use apns_sim::{Answer, Effect, Reason, Rule, Step};
use support::*;

#[test]
fn a_push_arrives_as_it_was_given_and_is_accepted() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let id = ApnsId::from_random([9; 16]);
    let ids = app.notify(
        Target::Token(token(1)),
        content("hi", PushType::Alert, Some("talk")),
        Some(id),
        None,
    );
    assert_eq!(ids.expect("there is room").to_vec(), [id]);
    assert_eq!(events.outcomes(&[id])[&id], End::Accepted);
    let journal = simulator.wait_for(1, PATIENCE).unwrap();
    let entry = &journal[0];
    assert_eq!(entry.path, format!("/3/device/{}", token(1).to_hex()));
    assert_eq!(entry.header("apns-topic"), Some("im.example.chat"));
    assert_eq!(entry.header("apns-push-type"), Some("alert"));
    assert_eq!(entry.header("apns-priority"), Some("10"));
    assert_eq!(entry.header("apns-id"), Some(id.to_string().as_str()));
    assert_eq!(entry.header("apns-collapse-id"), Some("talk"));
    assert_eq!(entry.payload_json().unwrap()["aps"]["alert"]["body"], "hi");
}

#[test]
fn ten_thousand_pushes_arrive_once_each() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..10_000);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    let journal = simulator.wait_for(10_000, PATIENCE).unwrap();
    let tokens: std::collections::HashSet<_> =
        journal.iter().map(|entry| entry.token.clone()).collect();
    assert_eq!((journal.len(), tokens.len()), (10_000, 10_000));
    assert_balanced(&app);
}

#[test]
fn every_device_of_an_owner_that_fits_the_push_type_gets_one() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let device = |number, kind| Device {
        token: token(number),
        kind,
        registered_at_ms: 1,
    };
    for device in [
        device(1, DeviceKind::Alert),
        device(2, DeviceKind::Alert),
        device(3, DeviceKind::Voip),
    ] {
        app.registry().register(b"bob@localhost", device).unwrap();
    }
    let to_bob = Target::Owner(b"bob@localhost");
    let ids = app.notify(to_bob.clone(), alert("hi"), None, None).unwrap();
    assert_eq!(ids.len(), 2);
    let calls = app
        .notify(
            to_bob.clone(),
            content("ring", PushType::Voip, None),
            None,
            None,
        )
        .unwrap();
    assert_eq!(calls.len(), 1);
    events.outcomes(&[ids, calls].concat());
    let journal = simulator.wait_for(3, PATIENCE).unwrap();
    let call = journal
        .iter()
        .find(|entry| entry.header("apns-push-type") == Some("voip"))
        .unwrap();
    assert_eq!(call.header("apns-topic"), Some("im.example.chat.voip"));
    assert_eq!(call.token, Some(token(3).to_hex()));

    app.registry()
        .set_devices(b"bob@localhost", vec![])
        .unwrap();
    let none = app.notify(to_bob, alert("hi"), None, None);
    assert!(none.expect("he is known").is_empty());
    let to_nobody = Target::Owner(b"nobody@localhost");
    assert_eq!(
        app.notify(to_nobody, alert("hi"), None, None),
        Err(NotifyError::UnknownOwner)
    );
}

#[test]
fn a_refusal_comes_back_with_apples_reason() {
    let simulator = simulator();
    let refusal = Effect::Answer(Answer::refused(Reason::DEVICE_TOKEN_NOT_FOR_TOPIC));
    simulator
        .script([Step::Rule(Rule::token(&token(1).to_hex(), refusal))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 1..2);
    assert_eq!(
        events.outcomes(&ids)[&ids[0]],
        End::Rejected("DeviceTokenNotForTopic".into())
    );
}

#[test]
fn a_dead_token_is_told_of_unless_the_device_registered_after_apples_time() {
    let simulator = simulator();
    let unregister = |number| Step::Unregister {
        token: token(number).to_hex(),
        timestamp_ms: Some(1_700_000_000_000),
        reason: Reason::UNREGISTERED,
    };
    simulator.script([unregister(1), unregister(2)]).unwrap();
    let (app, events) = start(options(&simulator));
    for (number, registered_at_ms) in [(1, 1_700_000_000_001), (2, 1_699_999_999_999)] {
        let device = Device {
            token: token(number),
            kind: DeviceKind::Alert,
            registered_at_ms,
        };
        app.registry().register(b"bob@localhost", device).unwrap();
    }
    app.notify(Target::Owner(b"bob@localhost"), alert("hi"), None, None)
        .unwrap();
    let dead = events.wait_for(|event| match event {
        Event::TokenInvalid(dead) => Some(dead.clone()),
        _ => None,
    });
    assert_eq!(dead.device_token, token(2));
    assert_eq!(dead.owner.as_deref(), Some(&b"bob@localhost"[..]));
    assert_eq!(dead.timestamp_ms, 1_700_000_000_000);
    app.stop(PATIENCE);
    assert_eq!(app.stats().get("token_invalid"), Some(1));
}

#[test]
fn outcomes_go_to_who_asked_for_them() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    app.notify(Target::Token(token(1)), alert("hi"), None, Some(7))
        .unwrap();
    app.notify(Target::Token(token(2)), alert("hi"), None, None)
        .unwrap();
    app.stop(PATIENCE);
    let outcomes: Vec<_> = events
        .drain()
        .into_iter()
        .filter(|(_, event)| end_of(event).is_some())
        .map(|(to, _)| to)
        .collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&7) && outcomes.contains(&1));
}

#[test]
fn a_push_of_a_type_with_tokens_of_its_own_is_for_no_owner() {
    let simulator = simulator();
    let (app, _events) = start(options(&simulator));
    let device = Device {
        token: token(1),
        kind: DeviceKind::Alert,
        registered_at_ms: 1,
    };
    app.registry().register(b"bob@localhost", device).unwrap();
    let live = || content("x", PushType::Liveactivity, None);
    let to_bob = app.notify(Target::Owner(b"bob@localhost"), live(), None, None);
    assert_eq!(to_bob, Err(NotifyError::NeedsToken));
    assert!(
        app.notify(Target::Token(token(2)), live(), None, None)
            .is_ok()
    );
}

#[test]
fn numbers_say_how_long_pushes_took_and_why_some_were_refused() {
    let simulator = simulator();
    let slow = Effect::Answer(Answer::accepted_after(50));
    let refusal = Effect::Answer(Answer::refused(Reason::PAYLOAD_TOO_LARGE));
    simulator
        .script([
            Step::Rule(Rule::token(&token(1).to_hex(), slow)),
            Step::Rule(Rule::token(&token(2).to_hex(), refusal)),
        ])
        .unwrap();
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 1..3));
    assert_balanced(&app);
    let stats = app.stats();
    assert_eq!(stats.rejections, [("PayloadTooLarge".into(), 1)]);
    let [(_, outcome), (_, answer)] = stats.latencies;
    assert!(outcome.max >= 49_000, "{outcome:?}");
    assert!(answer.max >= 48_000 && answer.count == 2, "{answer:?}");
}
