//! A flood of bad device tokens, and what it costs the others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use apns_engine::Target;
use apns_engine::config::Options;
use apns_proto::apns_id::ApnsId;
use apns_proto::push_type::PushType;
use apns_sim::{ListenerMode, Simulator, Step};
use support::*;

/// Apple calls these bad.
const BAD: std::ops::Range<u32> = 1000..1100;
/// Apple has accepted pushes to these before.
const KNOWN: std::ops::Range<u32> = 0..20;

/// A simulator that calls tokens bad, and is some way off.
fn simulator_with_bad_tokens() -> Simulator {
    let simulator = simulator();
    let mut rules: Vec<String> = BAD
        .map(|number| {
            let token = token(number).to_hex();
            format!(r#"{{"token":"{token}","status":400,"reason":"BadDeviceToken","delay_ms":5}}"#)
        })
        .collect();
    rules.push(r#"{"delay_ms":5}"#.to_owned());
    simulator
        .script_json(&format!("[{}]", rules.join(",")))
        .unwrap();
    simulator
}

/// On which connections pushes to these devices came, from this place of the journal on.
fn connections(simulator: &Simulator, from: usize, devices: std::ops::Range<u32>) -> HashSet<u64> {
    let tokens: HashSet<_> = devices.map(|number| token(number).to_hex()).collect();
    let entries = simulator.journal(0);
    let late = entries.iter().skip(from);
    late.filter(|entry| tokens.contains(entry.token.as_deref().unwrap_or_default()))
        .map(|entry| entry.connection)
        .collect()
}

fn push(app: &apns_engine::App<TestSink>, numbers: impl Iterator<Item = u32>) -> Vec<ApnsId> {
    numbers
        .flat_map(|number| notify_all(app, number..number + 1))
        .collect()
}

#[test]
fn in_a_burst_of_bad_tokens_the_devices_that_apple_knows_keep_a_connection_of_their_own() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    let known = events.outcomes(&push(&app, KNOWN));
    assert!(known.values().all(|end| *end == End::Accepted));
    let first = events.outcomes(&push(&app, 1000..1003));
    let bad = End::Rejected("BadDeviceToken".to_owned());
    assert!(first.values().all(|end| *end == bad), "{first:?}");
    let before = simulator.journal(0).len();

    // One of nine is bad, and another is to a device that is new and good.
    let flood = (3..93).flat_map(|round| {
        let known = (0..7).map(move |device| (round * 7 + device) % KNOWN.end);
        known.chain([1000 + round, 2000 + round])
    });
    let flood: Vec<_> = flood.collect();
    let ids = push(&app, flood.iter().copied());
    let ends = events.outcomes(&ids);
    for (id, device) in ids.iter().zip(&flood) {
        let expected = if BAD.contains(device) {
            &bad
        } else {
            &End::Accepted
        };
        assert_eq!(&ends[id], expected, "device {device}");
    }
    let apart = connections(&simulator, before, BAD);
    let main = connections(&simulator, before, KNOWN);
    assert_eq!((apart.len(), main.len()), (1, 1), "{apart:?} {main:?}");
    assert!(apart.is_disjoint(&main));
    assert_eq!(connections(&simulator, before, 2003..2093), apart);
    assert_eq!(simulator.journal(0).len(), before + flood.len());
    // And what Apple has taken now is above suspicion.
    let before = simulator.journal(0).len();
    events.outcomes(&push(&app, 2003..2013));
    assert_eq!(connections(&simulator, before, 2003..2013), main);
    assert_balanced(&app);
}

#[test]
fn with_one_connection_nobody_waits_apart() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(Options {
        max_connections: 1,
        ..options(&simulator)
    });
    events.outcomes(&push(&app, KNOWN));
    events.outcomes(&push(&app, 1000..1005));
    let ends = events.outcomes(&push(&app, 2000..2050));
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert_eq!(simulator.connections_made(), 1);
    assert_balanced(&app);
}

/// The connection on which a push to this device came last.
fn last_connection(simulator: &Simulator, device: u32) -> u64 {
    let token = token(device).to_hex();
    let entries = simulator.journal(0);
    let mut entries = entries.iter().rev();
    let found = entries.find(|entry| entry.token.as_ref() == Some(&token));
    found.expect("a push to it").connection
}

#[test]
fn suspects_and_the_others_outlive_the_loss_of_either_connection() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    events.outcomes(&push(&app, 1000..1004));
    for round in 0..4u32 {
        let new = 2000 + 100 * round;
        let ends = events.outcomes(&push(&app, (new..new + 10).chain(KNOWN)));
        assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
        let (apart, main) = (
            last_connection(&simulator, new),
            last_connection(&simulator, 0),
        );
        assert_ne!(apart, main, "round {round}");
        let victim = if round % 2 == 0 { main } else { apart };
        let script = format!(r#"[{{"now":"goaway","connection":{victim},"reason":"Shutdown"}}]"#);
        simulator.script_json(&script).unwrap();
        wait_until(|| app.stats().get("goaways") == Some(u64::from(round) + 1));
    }
    assert_eq!(app.stats().get("queued_suspects"), Some(0));
    assert_balanced(&app);
}

#[test]
fn the_connection_set_apart_is_within_the_bound() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(Options {
        max_connections: 2,
        ..options(&simulator)
    });
    events.outcomes(&push(&app, KNOWN));
    events.outcomes(&push(&app, 1000..1004));
    let ends = events.outcomes(&push(&app, (2000..2050).chain(KNOWN)));
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert_eq!(simulator.connections_made(), 2);
    assert_eq!(app.stats().get("connections"), Some(2));
}

/// No other connection can be had from now on, and Apple takes its time.
fn keep_to_one(simulator: &Simulator) {
    simulator
        .script([Step::Listener(ListenerMode::Cut)])
        .unwrap();
}

#[test]
fn suspects_that_get_no_connection_of_their_own_go_with_the_others_in_the_end() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    keep_to_one(&simulator);
    events.outcomes(&push(&app, 1000..1004));
    let ends = events.outcomes(&push(&app, 2000..2010));
    assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
    assert_eq!(
        simulator.connections_made(),
        app.stats().get("connect_failures").unwrap() + 1
    );
    assert_eq!(app.stats().get("queued_suspects"), Some(0));
    assert_balanced(&app);
}

#[test]
fn a_stop_drains_suspects_and_ends_those_that_are_left() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    keep_to_one(&simulator);
    events.outcomes(&push(&app, 1000..1003));
    let ids = push(&app, 4000..4100);
    wait_until(|| app.stats().get("queued_suspects") == Some(100));
    app.stop(Duration::from_secs(60));
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
    assert_balanced(&app);
}

#[test]
fn a_paused_app_probes_with_a_device_that_apple_knows() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(Options {
        probe_min_interval: 1500,
        probe_max_interval: 1500,
        ..options(&simulator)
    });
    events.outcomes(&push(&app, KNOWN));
    // The last accepted push is long ago when the flood comes: the first refusal takes its time.
    let slow = token(900).to_hex();
    let script =
        format!(r#"[{{"token":"{slow}","status":400,"reason":"BadDeviceToken","delay_ms":1100}}]"#);
    simulator.script_json(&script).unwrap();
    events.outcomes(&push(&app, 900..901));
    events.outcomes(&push(&app, 1000..1003));
    push(&app, 1003..1060);
    events.wait_for(|event| matches!(event, apns_engine::Event::Paused).then_some(()));
    push(&app, 0..1);
    events.wait_for(|event| matches!(event, apns_engine::Event::Resumed { .. }).then_some(()));
    let entries = simulator.journal(0);
    let known = token(0).to_hex();
    let place = entries
        .iter()
        .rposition(|it| it.token.as_ref() == Some(&known));
    let before = place.expect("the push to it") - KNOWN.len();
    assert!(before < 20, "{before} bad tokens were tried before");
}

#[test]
fn of_two_pushes_with_one_collapse_id_the_newer_wins_wherever_the_older_waits() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    keep_to_one(&simulator);
    events.outcomes(&push(&app, 1000..1003));
    let collapsing = |text: &str| {
        let content = content(text, PushType::Alert, Some("chat"));
        let ids = app.notify(Target::Token(token(5000)), content, None, None);
        ids.unwrap()[0]
    };
    let older = collapsing("older");
    wait_until(|| app.stats().get("queued_suspects") == Some(1));
    let newer = collapsing("newer");
    let ends = events.outcomes(&[older, newer]);
    assert_eq!(ends[&older], End::Failed("superseded"));
    assert_eq!(ends[&newer], End::Accepted);
}
