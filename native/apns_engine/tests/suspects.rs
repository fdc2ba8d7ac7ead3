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

use apns_engine::config::Options;
use apns_proto::apns_id::ApnsId;
use apns_sim::Simulator;
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

#[test]
fn suspects_outlive_the_loss_of_either_connection() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    events.outcomes(&push(&app, 1000..1004));
    // Both are up and used.
    events.outcomes(&push(&app, (2000..2010).chain(KNOWN)));
    for lost in 0..2 {
        let numbers: Vec<_> = simulator
            .journal(0)
            .iter()
            .map(|it| it.connection)
            .collect();
        let newest: HashSet<_> = numbers.iter().rev().take(25).copied().collect();
        let mut newest: Vec<_> = newest.into_iter().collect();
        newest.sort_unstable();
        let victim = newest[lost % newest.len()];
        simulator
            .script_json(&format!(
                r#"[{{"now":"goaway","connection":{victim},"reason":"Shutdown"}}]"#
            ))
            .unwrap();
        let start = 3000 + 100 * u32::try_from(lost).unwrap();
        let ends = events.outcomes(&push(&app, (start..start + 20).chain(KNOWN)));
        assert!(
            ends.values().all(|end| *end == End::Accepted),
            "without {victim}: {ends:?}"
        );
    }
    assert_eq!(app.stats().get("queued_suspects"), Some(0));
    assert_balanced(&app);
}

#[test]
fn a_stop_ends_suspects_too() {
    let simulator = simulator_with_bad_tokens();
    let (app, events) = start(options(&simulator));
    events.outcomes(&push(&app, KNOWN));
    events.outcomes(&push(&app, 1000..1004));
    let ids = push(&app, 4000..4300);
    app.stop(std::time::Duration::ZERO);
    let ends = events.outcomes(&ids);
    assert_eq!(ends.len(), ids.len());
    assert_balanced(&app);
}
