//! How many connections an app has, and what each push gets of them.
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
use apns_engine::{Event, Target};
use apns_proto::push_type::PushType;
use apns_sim::{Answer, ConnectionAction, Effect, ListenerMode, Rule, Simulator, Step};
use support::*;

/// Apple at a distance: so many streams, and each answer takes a while.
fn far_simulator(max_streams: u32) -> Simulator {
    let simulator = Simulator::start(apns_sim::Options {
        control: None,
        max_streams,
        ..apns_sim::Options::default()
    })
    .expect("the simulator starts");
    simulator
        .script([Step::Rule(Rule::any(Effect::Answer(
            Answer::accepted_after(50),
        )))])
        .unwrap();
    simulator
}

/// Connections on which pushes came.
fn used(simulator: &Simulator) -> usize {
    let entries = simulator.journal(0);
    let connections: HashSet<_> = entries.iter().map(|entry| entry.connection).collect();
    connections.len()
}

#[test]
fn a_queue_behind_full_streams_gets_more_connections_up_to_the_bound_and_they_go_when_idle() {
    let simulator = far_simulator(10);
    let options = Options {
        max_connections: 3,
        connection_idle_timeout: 300,
        ..options(&simulator)
    };
    let (app, events) = start(options);
    let ids = notify_all(&app, 0..1000);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert_eq!(simulator.connections_made(), 3);
    assert_eq!(used(&simulator), 3);
    assert_balanced(&app);
    for _ in 0..2 {
        events.wait_for(|event| match event {
            Event::ConnectionDown { reason, retry_in } => {
                assert_eq!(
                    (reason.as_str(), *retry_in),
                    ("it is not needed any more", None)
                );
                Some(())
            }
            _ => None,
        });
    }
    // The last one stays, and works.
    let later = notify_all(&app, 1000..1010);
    assert!(
        events
            .outcomes(&later)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_eq!(app.stats().get("connections"), Some(1));
    assert_eq!(simulator.connections_made(), 3);
}

#[test]
fn a_burst_that_one_connection_carries_makes_no_other() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 0..500));
    assert_eq!(simulator.connections_made(), 1);
}

#[test]
fn with_a_bound_of_one_there_is_one() {
    let simulator = far_simulator(10);
    let options = Options {
        max_connections: 1,
        ..options(&simulator)
    };
    let (app, events) = start(options);
    events.outcomes(&notify_all(&app, 0..200));
    assert_eq!(simulator.connections_made(), 1);
}

#[test]
fn one_more_that_cannot_be_had_disturbs_nobody() {
    let simulator = far_simulator(10);
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 1000..1001));
    simulator
        .script([Step::Listener(ListenerMode::Cut)])
        .unwrap();
    let ids = notify_all(&app, 0..300);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert!(app.stats().get("connect_failures") > Some(0));
    let outages = events
        .drain()
        .into_iter()
        .filter(|(_, event)| matches!(event, Event::ConnectionDown { .. }))
        .count();
    assert_eq!(outages, 0);
    assert_eq!(app.stats().get("connections"), Some(1));
}

#[test]
fn a_late_call_overtakes_all_that_waits_and_all_that_is_in_flight() {
    let simulator = simulator();
    // Messages are taken and never answered: streams are full, and a hundred thousand wait behind them.
    let (app, events) = start(Options {
        max_connections: 1,
        queue_limit: 200_000,
        ..options(&simulator)
    });
    events.outcomes(&notify_all(&app, 0..1));
    simulator
        .script([Step::Rule(Rule::any(Effect::Stall))])
        .unwrap();
    let waiting = notify_all(&app, 1..100_001);
    simulator.wait_for(300, PATIENCE).unwrap();
    simulator.reset();
    let call = app
        .notify(
            Target::Token(token(200_000)),
            content("rings", PushType::Voip, None),
            None,
            None,
        )
        .unwrap();
    assert_eq!(events.outcomes(&call)[&call[0]], End::Accepted);
    assert!(app.stats().get("queued") > Some(90_000));
    app.stop(std::time::Duration::ZERO);
    assert_eq!(waiting.len(), 100_000);
    assert_balanced(&app);
}

#[test]
fn a_connection_that_never_says_hello_is_followed_by_another() {
    let simulator = simulator();
    simulator
        .script([Step::Listener(ListenerMode::SilentAfterTls)])
        .unwrap();
    let (app, events) = start(Options {
        connect_timeout: 300,
        ..options(&simulator)
    });
    let ids = notify_all(&app, 0..10);
    events.wait_for(|event| match event {
        Event::ConnectionDown { reason, .. } => {
            assert!(reason.ends_with("no answer in time"), "{reason}");
            Some(())
        }
        _ => None,
    });
    simulator
        .script([Step::Listener(ListenerMode::Serve)])
        .unwrap();
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
}
#[test]
fn a_queue_behind_a_full_window_gets_more_connections() {
    let simulator = simulator();
    let (app, events) = start(Options {
        response_timeout: 2000,
        ..options(&simulator)
    });
    events.outcomes(&notify_all(&app, 1000..1001));
    let withhold = Step::Now {
        action: ConnectionAction::WithholdWindowUpdates(true),
        connection: None,
    };
    simulator.script([withhold]).unwrap();
    let text = "x".repeat(4000);
    let ids: Vec<_> = (0..300)
        .map(|number| {
            let target = Target::Token(token(number));
            app.notify(target, alert(&text), None, None).unwrap()[0]
        })
        .collect();
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert!(used(&simulator) >= 2);
}
