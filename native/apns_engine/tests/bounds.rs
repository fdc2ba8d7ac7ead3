//! Overload, stop, and the counters of both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::time::{Duration, Instant};

use apns_engine::config::Options;
use apns_engine::registry::{Device, DeviceKind};
use apns_engine::{App, Event, EventSink, NotifyError, Target};
use apns_sim::{Effect, ListenerMode, Rule, Step};
use support::*;

#[test]
fn a_full_queue_refuses_and_loses_nothing_that_it_took() {
    let simulator = simulator();
    simulator.kill();
    let (app, events) = start(Options {
        queue_limit: 100,
        ..options(&simulator)
    });
    let ids = notify_all(&app, 0..100);
    let one_more = app.notify(Target::Token(token(100)), alert("hi"), None, None);
    assert_eq!(one_more, Err(NotifyError::Overloaded));
    simulator.restart().unwrap();
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_eq!(app.stats().get("overloaded"), Some(1));
    events.outcomes(&notify_all(&app, 100..200));
    assert_balanced(&app);
}

#[test]
fn a_notification_to_several_devices_is_taken_whole_or_not_at_all() {
    let simulator = simulator();
    simulator.kill();
    let (app, _events) = start(Options {
        queue_limit: 10,
        ..options(&simulator)
    });
    let devices = |numbers: std::ops::Range<u32>| {
        numbers
            .map(|n| Device {
                token: token(n),
                kind: DeviceKind::Alert,
                registered_at_ms: 1,
            })
            .collect()
    };
    app.registry().set_devices(b"four", devices(0..4)).unwrap();
    let mut taken = 0;
    for _ in 0..3 {
        taken += app
            .notify(Target::Owner(b"four"), alert("hi"), None, None)
            .map_or(0, |ids| ids.len());
    }
    assert_eq!(taken, 8);
    assert_eq!(app.stats().get("taken"), Some(8));
}

#[test]
fn the_byte_budget_bounds_too() {
    let simulator = simulator();
    simulator.kill();
    let (app, _events) = start(Options {
        queue_bytes: 64 * 1024,
        ..options(&simulator)
    });
    let text = "x".repeat(2000);
    let taken = (0..100)
        .take_while(|n| {
            app.notify(Target::Token(token(*n)), alert(&text), None, None)
                .is_ok()
        })
        .count();
    assert!(
        (20..40).contains(&taken),
        "{taken} pushes of 2 KiB in 64 KiB"
    );
}

#[test]
fn stop_drains_what_is_inside() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..2000);
    app.stop(PATIENCE);
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_eq!(
        app.notify(Target::Token(token(1)), alert("hi"), None, None),
        Err(NotifyError::Stopped)
    );
}

#[test]
fn stop_is_bounded_and_ends_the_rest_as_stopped() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(Rule::any(Effect::Stall))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..50);
    simulator.wait_for(1, PATIENCE).unwrap();
    let before = Instant::now();
    app.stop(Duration::from_millis(200));
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Failed("stopped"))
    );
    app.stop(PATIENCE);
    assert_balanced(&app);
}

#[test]
fn dropping_an_app_ends_its_pushes_and_its_thread() {
    let simulator = simulator();
    simulator
        .script([Step::Listener(ListenerMode::Silent)])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..10);
    drop(app);
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Failed("stopped"))
    );
}

#[test]
fn pushes_from_many_threads_all_end_though_the_app_stops_meanwhile() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let ids: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4u32)
            .map(|caller| {
                let app = &app;
                scope.spawn(move || {
                    let numbers = caller * 100_000..caller * 100_000 + 5000;
                    numbers
                        .map_while(|n| {
                            app.notify(Target::Token(token(n)), alert("hi"), None, None)
                                .ok()
                        })
                        .flatten()
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        simulator.wait_for(500, PATIENCE).unwrap();
        app.stop(Duration::ZERO);
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    events.outcomes(&ids);
    assert_balanced(&app);
    assert_eq!(app.stats().get("taken"), Some(ids.len() as u64));
}

/// Panics at the first event of every push to token 13.
#[derive(Debug)]
struct PanickingSink(std::sync::mpsc::Sender<Event>);

impl EventSink for PanickingSink {
    type Recipient = u8;

    fn deliver(&mut self, _to: &u8, events: &[Event]) -> bool {
        for event in events {
            if matches!(event, Event::Accepted(accepted) if accepted.device_token == token(13)) {
                panic!("a bug, for the test");
            }
            let _ = self.0.send(event.clone());
        }
        true
    }
}

#[test]
fn a_panic_in_the_engine_fails_what_is_inside_and_the_app_goes_on() {
    let simulator = simulator();
    let slow = Effect::Answer(apns_sim::Answer::accepted_after(60_000));
    simulator
        .script([Step::Rule(Rule::token(&token(14).to_hex(), slow))])
        .unwrap();
    let (sender, events) = std::sync::mpsc::channel();
    let app = App::start(
        "panics",
        options(&simulator),
        PanickingSink(sender),
        Some(1),
    )
    .unwrap();
    let send = |number| {
        app.notify(Target::Token(token(number)), alert("hi"), None, None)
            .unwrap()[0]
    };
    let outcome = |wanted| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .unwrap();
            match end_of(&event) {
                Some((id, end)) if id == wanted => return end,
                _ => {}
            }
        }
    };
    assert_eq!(outcome(send(1)), End::Accepted);
    let inside = send(14);
    simulator.wait_for(2, PATIENCE).unwrap();
    send(13);
    assert_eq!(outcome(inside), End::Failed("engine_crashed"));
    assert_eq!(outcome(send(2)), End::Accepted);
    assert_balanced(&app);
    assert_eq!(app.stats().get("starts"), Some(2));
}
