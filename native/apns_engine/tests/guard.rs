//! An app that Apple refuses pauses, says so, keeps its pushes, and forgets no device.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use apns_engine::config::Options;
use apns_engine::event::Alarm;
use apns_engine::{Event, Target};
use apns_proto::push_type::PushType;
use apns_sim::{Answer, Effect, Reason, Rule, Simulator, Step};
use support::*;

fn refuse(reason: Reason) -> Rule {
    Rule::any(Effect::Answer(Answer::refused(reason)))
}

/// Probes often, so that a test need not wait for half a minute.
fn hasty(simulator: &Simulator) -> Options {
    Options {
        probe_min_interval: 50,
        probe_max_interval: 100,
        ..options(simulator)
    }
}

fn is_paused(event: &Event) -> Option<()> {
    matches!(event, Event::Paused).then_some(())
}

#[test]
fn a_refused_key_costs_a_push_and_the_others_wait_until_it_is_mended() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(refuse(Reason::INVALID_PROVIDER_TOKEN).times(3))])
        .unwrap();
    let (app, events) = start(hasty(&simulator));
    let ids = notify_all(&app, 0..100);
    let ends = events.outcomes(&ids);
    let rejected = ends
        .values()
        .filter(|end| **end == End::Rejected("InvalidProviderToken".into()))
        .count();
    let accepted = ends.values().filter(|end| **end == End::Accepted).count();
    // The first one, and two probes.
    assert_eq!((rejected, accepted), (3, 97));
    assert_eq!(app.stats().get("pauses"), Some(1));
    assert_eq!(app.stats().get("paused"), Some(0));
    assert_balanced(&app);
}

#[test]
fn a_pause_is_told_once_with_its_alarm_and_so_is_its_end() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(refuse(Reason::TOPIC_DISALLOWED).times(5))])
        .unwrap();
    let (app, events) = start(hasty(&simulator));
    let ids = notify_all(&app, 0..10);
    let mut story = Vec::new();
    let mut ended = 0;
    events.wait_for(|event| {
        match event {
            Event::Alarm { alarm, .. } => story.push(alarm.as_str()),
            Event::Paused => story.push("paused"),
            Event::Resumed { .. } => story.push("resumed"),
            other => ended += usize::from(end_of(other).is_some()),
        }
        (ended == ids.len()).then_some(())
    });
    assert_eq!(story, ["configuration", "paused", "resumed"]);
}

#[test]
fn what_waits_too_long_in_a_pause_ends_as_paused() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(refuse(Reason::INVALID_PROVIDER_TOKEN))])
        .unwrap();
    let (app, events) = start(Options {
        queue_timeout: 1000,
        ..options(&simulator)
    });
    let first = notify_all(&app, 0..1);
    events.wait_for(is_paused);
    let ids = notify_all(&app, 1..50);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Failed("paused")));
    assert_eq!(app.stats().get("failed_paused"), Some(49));
    assert_eq!(first.len(), 1);
    assert_eq!(simulator.journal(0).len(), 1);
    assert_balanced(&app);
}

#[test]
fn refused_tokens_one_after_another_pause_the_app_and_no_device_is_forgotten() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(refuse(Reason::BAD_DEVICE_TOKEN))])
        .unwrap();
    let (app, events) = start(hasty(&simulator));
    let ids = notify_all(&app, 0..100);
    let detail = events.wait_for(|event| match event {
        Event::Alarm { alarm, detail } => {
            assert_eq!(*alarm, Alarm::Configuration);
            Some(detail.clone())
        }
        _ => None,
    });
    assert!(detail.contains("check topic and environment"), "{detail}");
    // A probe or two.
    simulator.wait_for(12, PATIENCE).unwrap();
    simulator.reset();
    events.wait_for(|event| matches!(event, Event::Resumed { .. }).then_some(()));
    assert_eq!(app.stats().get("token_invalid"), Some(0));
    assert_eq!(ids.len(), 100);
}

#[test]
fn a_refused_token_among_good_ones_is_dead() {
    let simulator = simulator();
    let refusal = Effect::Answer(Answer::refused(Reason::DEVICE_TOKEN_NOT_FOR_TOPIC));
    simulator
        .script([Step::Rule(Rule::token(&token(7).to_hex(), refusal))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    notify_all(&app, 0..20);
    let dead = events.wait_for(|event| match event {
        Event::TokenInvalid(dead) => Some(dead.device_token.clone()),
        _ => None,
    });
    assert_eq!(dead, token(7));
}

#[test]
fn calls_whose_topic_is_refused_hold_no_message_back() {
    let simulator = simulator();
    let refusal = Effect::Answer(Answer::refused(Reason::TOPIC_DISALLOWED));
    simulator
        .script([Step::Rule(Rule::token(&token(1).to_hex(), refusal))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    for number in 10..30 {
        let call = content("rings", PushType::Voip, None);
        let mut ids = app
            .notify(Target::Token(token(1)), call, None, None)
            .unwrap();
        ids.extend(notify_all(&app, number..number + 1));
        let ends = events.outcomes(&ids);
        assert_eq!(ends[&ids[1]], End::Accepted);
    }
    assert_eq!(app.stats().get("pauses"), Some(0));
}

#[test]
fn a_clock_that_is_wrong_is_named_beside_the_servers() {
    let simulator = simulator();
    // Four thousand seconds ahead: our token's time is more than an hour ago there.
    simulator
        .script_json(r#"[{"date": true}, {"clock_offset_s": 4000}]"#)
        .unwrap();
    let (app, events) = start(hasty(&simulator));
    notify_all(&app, 0..1);
    let detail = events.wait_for(|event| match event {
        Event::Alarm {
            alarm: Alarm::ClockSkew,
            detail,
        } => Some(detail.clone()),
        _ => None,
    });
    assert!(detail.contains("UTC there"), "{detail}");
    let here_and_there: Vec<&str> = detail.matches(" UTC").collect();
    assert_eq!(here_and_there.len(), 2, "{detail}");
    simulator.reset();
    let later = notify_all(&app, 1..2);
    assert_eq!(events.outcomes(&later)[&later[0]], End::Accepted);
}
