//! What happens to pushes while they wait: newest wins, throttled devices, pushes whose time is over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apns_engine::config::Options;
use apns_engine::{App, Target};
use apns_proto::apns_id::ApnsId;
use apns_proto::expiration::Expiration;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers};
use apns_sim::{Answer, ConnectionAction, Effect, Reason, Rule, Simulator, Step};
use support::*;

const SUPERSEDED: End = End::Failed("superseded");

/// Queues a push to one device.
fn notify(app: &App<TestSink>, number: u32, content: Content) -> ApnsId {
    let ids = app.notify(Target::Token(token(number)), content, None, None);
    ids.expect("there is room")[0]
}

fn about(text: &str, collapse_id: &str) -> Content {
    content(text, PushType::Alert, Some(collapse_id))
}

/// Device and text of each push, in the order in which the engine sent them on its only connection.
fn sent(simulator: &Simulator) -> Vec<(u32, String)> {
    let mut entries = simulator.journal(0);
    entries.sort_by_key(|entry| (entry.connection, entry.stream_id));
    let sent = entries.iter().map(|entry| {
        let body = entry.payload_json().unwrap()["aps"]["alert"]["body"].clone();
        let device = (0..1000).find(|n| entry.token == Some(token(*n).to_hex()));
        (device.unwrap(), body.as_str().unwrap().to_owned())
    });
    sent.collect()
}

fn throttle(number: u32, retry_after: u64) -> Step {
    let answer = Answer {
        retry_after: Some(retry_after),
        ..Answer::refused(Reason::TOO_MANY_REQUESTS)
    };
    Step::Rule(Rule::token(&token(number).to_hex(), Effect::Answer(answer)).times(1))
}

#[test]
fn of_pushes_with_one_collapse_id_that_wait_for_one_device_only_the_newest_is_sent() {
    let simulator = simulator();
    simulator.kill();
    let (app, events) = start(options(&simulator));
    let ids = [
        notify(&app, 1, about("one", "talk")),
        notify(&app, 2, about("elsewhere", "talk")),
        notify(&app, 1, about("two", "talk")),
        notify(&app, 1, about("other", "walk")),
        notify(&app, 1, alert("plain")),
        notify(&app, 1, alert("plain")),
        notify(&app, 1, about("three", "talk")),
    ];
    let ends = events.outcomes(&[ids[0], ids[2]]);
    assert_eq!((&ends[&ids[0]], &ends[&ids[2]]), (&SUPERSEDED, &SUPERSEDED));
    simulator.restart().unwrap();
    let rest = [ids[1], ids[3], ids[4], ids[5], ids[6]];
    let ends = events.outcomes(&rest);
    assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
    let order = [
        (1, "three"),
        (2, "elsewhere"),
        (1, "other"),
        (1, "plain"),
        (1, "plain"),
    ];
    assert_eq!(
        sent(&simulator),
        order.map(|(device, text)| (device, text.to_owned()))
    );
    assert_eq!(app.stats().get("failed_superseded"), Some(2));
    assert_balanced(&app);
}

#[test]
fn a_superseded_push_makes_room_in_the_queue() {
    let simulator = simulator();
    simulator.kill();
    let (app, events) = start(Options {
        queue_limit: 2,
        ..options(&simulator)
    });
    let mut older = notify(&app, 1, about("0", "talk"));
    for number in 1..100 {
        let newer = notify(&app, 1, about(&number.to_string(), "talk"));
        assert_eq!(events.outcomes(&[older])[&older], SUPERSEDED);
        older = newer;
    }
    app.stop(Duration::ZERO);
    assert_eq!(events.outcomes(&[older])[&older], End::Failed("stopped"));
    assert_eq!(app.stats().get("queued_bytes"), Some(0));
    assert_balanced(&app);
}

#[test]
fn what_is_in_flight_is_not_superseded_unless_it_comes_back_while_a_newer_one_waits() {
    let simulator = simulator();
    // Until the first answer there is one push in flight, and the others wait.
    let rule = Rule::token(&token(1).to_hex(), Effect::Stall).times(1);
    simulator.script([Step::Rule(rule)]).unwrap();
    let (app, events) = start(options(&simulator));
    let first = notify(&app, 1, about("first", "talk"));
    simulator.wait_for(1, PATIENCE).unwrap();
    let second = notify(&app, 1, about("second", "talk"));
    let third = notify(&app, 1, about("third", "talk"));
    let ends = events.outcomes(&[second]);
    assert_eq!(ends.get(&first), None);
    assert_eq!(ends[&second], SUPERSEDED);
    simulator
        .script([Step::Now {
            action: ConnectionAction::Cut,
            connection: None,
        }])
        .unwrap();
    let ends = events.outcomes(&[first, third]);
    assert_eq!(
        (&ends[&first], &ends[&third]),
        (&SUPERSEDED, &End::Accepted)
    );
    let texts: Vec<_> = sent(&simulator).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["first", "third"]);
    assert_balanced(&app);
}

#[test]
fn a_throttled_device_waits_in_order_and_the_others_go_at_once() {
    let simulator = simulator();
    simulator.script([throttle(1, 1)]).unwrap();
    let (app, events) = start(options(&simulator));
    let before = Instant::now();
    let mut to_throttled = vec![notify(&app, 1, alert("a"))];
    // Until the first answer there is one push in flight: when this one has ended, Apple has throttled the first.
    let other = notify(&app, 2, alert("at once"));
    assert_eq!(events.outcomes(&[other])[&other], End::Accepted);
    to_throttled.push(notify(&app, 1, alert("b")));
    let old_news = notify(&app, 1, about("old news", "talk"));
    to_throttled.push(notify(&app, 1, alert("d")));
    let other = notify(&app, 2, alert("at once too"));
    let ends = events.outcomes(&[other]);
    assert_eq!(ends[&other], End::Accepted);
    assert!(
        to_throttled.iter().all(|id| !ends.contains_key(id)),
        "{ends:?}"
    );
    to_throttled.push(notify(&app, 1, about("news", "talk")));
    let ends = events.outcomes(&[&to_throttled[..], &[old_news]].concat());
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert_eq!(ends[&old_news], SUPERSEDED);
    assert!(to_throttled.iter().all(|id| ends[id] == End::Accepted));
    let order = [
        (1, "a"),
        (2, "at once"),
        (2, "at once too"),
        (1, "a"),
        (1, "b"),
        (1, "news"),
        (1, "d"),
    ];
    assert_eq!(
        sent(&simulator),
        order.map(|(device, text)| (device, text.to_owned()))
    );
    assert_eq!(app.stats().get("throttled"), Some(1));
    assert_balanced(&app);
}

#[test]
fn a_throttled_device_does_not_hold_up_the_stop() {
    let simulator = simulator();
    simulator.script([throttle(1, 3600)]).unwrap();
    let (app, events) = start(options(&simulator));
    let mut ids = vec![notify(&app, 1, alert("a"))];
    let other = notify(&app, 2, alert("b"));
    events.outcomes(&[other]);
    ids.push(notify(&app, 1, alert("c")));
    let before = Instant::now();
    app.stop(Duration::from_millis(100));
    assert!(before.elapsed() < Duration::from_secs(10));
    let ends = events.outcomes(&ids);
    assert!(ids.iter().all(|id| ends[id] == End::Failed("stopped")));
    assert_balanced(&app);
}

#[test]
fn a_push_whose_time_is_over_ends_soon_and_is_not_sent() {
    let simulator = simulator();
    simulator.kill();
    let (app, events) = start(Options {
        queue_timeout: 300,
        ..options(&simulator)
    });
    let unix_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let expiring = |seconds| {
        let expiration = Expiration::from_unix_seconds(unix_s + seconds).ok();
        let headers = Headers::new(PushType::Alert, None, expiration, None).unwrap();
        Content {
            headers,
            ..alert("late")
        }
    };
    let before = Instant::now();
    let expires = notify(&app, 1, expiring(0));
    let expires_later = notify(&app, 2, expiring(1000));
    let gives_up = notify(&app, 3, alert("late"));
    let ends = events.outcomes(&[expires, expires_later, gives_up]);
    // A second after its time at most; the rest is for a loaded machine.
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(ends[&expires], End::Failed("expired"));
    assert_eq!(ends[&expires_later], End::Failed("expired"));
    assert_eq!(ends[&gives_up], End::Failed("unreachable"));
    simulator.restart().unwrap();
    let later = notify(&app, 4, alert("in time"));
    assert_eq!(events.outcomes(&[later])[&later], End::Accepted);
    assert_eq!(sent(&simulator), [(4, "in time".to_owned())]);
    assert_balanced(&app);
}
