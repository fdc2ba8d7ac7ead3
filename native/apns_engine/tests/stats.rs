//! What an app tells of itself: its queue per lane, its connections, its provider token, what is sent again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::time::Duration;

use apns_engine::config::Options;
use apns_engine::stats::{Connection, ConnectionState};
use apns_engine::{App, Target};
use apns_proto::provider_token::ProviderToken;
use apns_proto::push_type::PushType;
use apns_sim::{Answer, ClientCertificate, ConnectionAction, Effect, GoAway, Reason, Rule, Step};
use support::*;

fn number(app: &App<TestSink>, name: &str) -> u64 {
    app.stats().get(name).expect(name)
}

fn connections(app: &App<TestSink>, state: ConnectionState) -> Vec<Connection> {
    let mut list = app.stats().connection_list;
    list.retain(|connection| connection.state == state);
    list
}

fn queue(app: &App<TestSink>, push_type: PushType, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let content = content("waits", push_type, None);
        let target = Target::Token(token(number));
        app.notify(target, content, None, None).unwrap();
    }
}

#[test]
fn the_queue_is_told_per_lane_and_adds_up() {
    let simulator = simulator();
    simulator.kill();
    let (app, _events) = start(options(&simulator));
    queue(&app, PushType::Voip, 0..2);
    queue(&app, PushType::Alert, 10..15);
    queue(&app, PushType::Background, 20..27);
    wait_until(|| number(&app, "queued_background") == 7);
    wait_until(|| number(&app, "queued_new") == 0);
    assert_eq!(number(&app, "queued_call"), 2);
    assert_eq!(number(&app, "queued_message"), 5);
    assert_eq!(number(&app, "queued"), 2 + 5 + 7);
    app.stop(Duration::ZERO);
    for name in [
        "queued",
        "queued_call",
        "queued_message",
        "queued_background",
    ] {
        assert_eq!(number(&app, name), 0, "{name}");
    }
}

#[test]
fn a_connection_is_told_with_its_peer_its_streams_and_its_window() {
    let simulator = simulator();
    let (app, events) = start(Options {
        max_connections: 1,
        ..options(&simulator)
    });
    // Proven, so that streams are the only limit.
    events.outcomes(&notify_all(&app, 0..1));
    simulator
        .script([Step::Rule(Rule::any(Effect::Stall))])
        .unwrap();
    notify_all(&app, 1..6);
    simulator.wait_for(6, PATIENCE).unwrap();
    // The engine is asleep, or will be in a moment: what it shows then is true.
    wait_until(|| {
        let list = connections(&app, ConnectionState::Serving);
        list.iter().any(|connection| connection.streams == 5)
    });
    let snapshot = app.stats();
    let [one] = snapshot.connection_list[..] else {
        panic!("{snapshot:?}");
    };
    assert_eq!(one.peer, simulator.provider_addr());
    assert!(one.max_streams > 5);
    assert!(one.window_bytes > 0);
    let age = one.fields(snapshot.now).find(|(name, _)| *name == "age_ms");
    assert!(age.is_some_and(|(_, ms)| ms < PATIENCE.as_millis() as u64));
    app.stop(Duration::ZERO);
    assert_eq!(app.stats().connection_list, []);
}

#[test]
fn a_connection_that_apple_leaves_is_told_as_draining() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 0..1));
    simulator
        .script([Step::Rule(Rule::any(Effect::Stall))])
        .unwrap();
    notify_all(&app, 1..2);
    simulator.wait_for(2, PATIENCE).unwrap();
    assert_eq!(connections(&app, ConnectionState::Draining), []);
    let leave = Step::Now {
        action: ConnectionAction::GoAway(GoAway::default()),
        connection: None,
    };
    simulator.script([leave]).unwrap();
    wait_until(|| {
        let draining = connections(&app, ConnectionState::Draining);
        let serving = connections(&app, ConnectionState::Serving);
        draining.len() == 1 && draining[0].streams == 1 && serving.len() == 1
    });
}

#[test]
fn the_age_of_the_provider_token_counts_from_its_iat() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 0..1));
    let oldest = (ProviderToken::GRID + ProviderToken::SKEW_MARGIN) * 1000;
    let age = number(&app, "provider_token_age_ms");
    assert!(age >= ProviderToken::SKEW_MARGIN * 1000, "{age}");
    assert!(age <= oldest + PATIENCE.as_millis() as u64, "{age}");
}

#[test]
fn an_app_with_a_certificate_has_no_provider_token() {
    let simulator = simulator();
    let file = simulator.client_certificate_file(ClientCertificate::Good, "im.example.chat");
    let (app, events) = start(Options {
        key_file: None,
        key_id: None,
        team_id: None,
        certificate_file: Some(file),
        ..options(&simulator)
    });
    events.outcomes(&notify_all(&app, 0..1));
    assert_eq!(app.stats().get("provider_token_age_ms"), None);
    assert!(app.stats().get("credentials_expire_in").is_some());
}

#[test]
fn what_is_sent_again_is_told_by_cause() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let busy = Answer {
        retry_after: Some(1),
        ..Answer::refused(Reason::TOO_MANY_REQUESTS)
    };
    simulator
        .script([Step::Rule(Rule::any(Effect::Answer(busy)).times(1))])
        .unwrap();
    events.outcomes(&notify_all(&app, 0..1));
    assert_eq!(number(&app, "resent_answered"), 1);
    assert_eq!(number(&app, "resent"), 1);
    assert_eq!(number(&app, "resent_not_processed"), 0);
    assert_eq!(number(&app, "resent_unknown"), 0);
}
