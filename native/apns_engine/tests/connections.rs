//! What becomes of pushes when connections end, stall, or cannot be made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::time::{Duration, Instant};

use apns_engine::config::{EnvironmentOption, Options};
use apns_engine::event::Alarm;
use apns_engine::{Event, Target};
use apns_proto::push_type::PushType;
use apns_sim::{Answer, ConnectionAction, Effect, GoAway, ListenerMode, Reason, Rule, Step};
use support::*;

#[test]
fn a_goaway_loses_and_doubles_nothing() {
    let simulator = simulator();
    let goaway = GoAway {
        reason: Some("Shutdown".into()),
        ..GoAway::default()
    };
    simulator
        .script([Step::Rule(
            Rule::any(Effect::Goaway(goaway)).skip(300).times(3),
        )])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..1000);
    let ends = events.outcomes(&ids);
    assert!(
        ends.values().all(|end| *end == End::Accepted),
        "{:?}",
        app.stats()
    );
    let accepted = simulator
        .journal(0)
        .iter()
        .filter(|entry| entry.status == Some(200))
        .count();
    assert_eq!(accepted, 1000);
    assert_balanced(&app);
}

#[test]
fn refused_streams_are_sent_again() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(
            Rule::any(Effect::RefusedStream).skip(10).times(100),
        )])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ends = events.outcomes(&notify_all(&app, 0..500));
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert!(app.stats().get("resent") >= Some(100));
}

#[test]
fn a_cut_ends_every_push_once_and_the_next_ones_go_out_again() {
    let simulator = simulator();
    simulator
        .script([Step::Rule(Rule::any(Effect::Cut).skip(200).times(1))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..1000);
    let ends = events.outcomes(&ids);
    let accepted = ends.values().filter(|end| **end == End::Accepted).count();
    let unknown = ends
        .values()
        .filter(|end| **end == End::Failed("unknown"))
        .count();
    assert_eq!(accepted + unknown, 1000);
    assert!(
        unknown >= 1 && accepted >= 1,
        "{accepted} accepted, {unknown} unknown"
    );
    let later = notify_all(&app, 1000..1100);
    assert!(
        events
            .outcomes(&later)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_balanced(&app);
}

#[test]
fn a_push_of_unknown_fate_goes_again_only_when_a_second_copy_shows_as_one() {
    let simulator = simulator();
    let rule = |number| Step::Rule(Rule::token(&token(number).to_hex(), Effect::Cut).times(1));
    simulator.script([rule(1), rule(2), rule(3)]).unwrap();
    let (app, events) = start(options(&simulator));
    let cases = [
        (
            1,
            content("plain", PushType::Alert, None),
            End::Failed("unknown"),
        ),
        (
            2,
            content("collapses", PushType::Alert, Some("talk")),
            End::Accepted,
        ),
        (3, content("rings", PushType::Voip, None), End::Accepted),
    ];
    for (number, content, end) in cases {
        let ids = app
            .notify(Target::Token(token(number)), content, None, None)
            .unwrap();
        assert_eq!(events.outcomes(&ids)[&ids[0]], end, "token {number}");
    }
}

#[test]
fn a_killed_and_restarted_server_leaves_every_push_with_one_outcome() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    let mut ids = notify_all(&app, 0..500);
    simulator.wait_for(100, PATIENCE).unwrap();
    simulator.kill();
    ids.extend(notify_all(&app, 500..1000));
    simulator.restart().unwrap();
    let ends = events.outcomes(&ids);
    assert!(
        ends.values()
            .all(|end| [End::Accepted, End::Failed("unknown")].contains(end)),
        "{:?}",
        app.stats()
    );
    let later = notify_all(&app, 1000..1100);
    assert!(
        events
            .outcomes(&later)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_balanced(&app);
    assert_eq!(app.stats().get("taken"), Some(1100));
}

#[test]
fn temporary_answers_are_tried_again() {
    let simulator = simulator();
    let unavailable = Effect::Answer(Answer::refused(Reason::SERVICE_UNAVAILABLE));
    simulator
        .script([Step::Rule(
            Rule::token(&token(1).to_hex(), unavailable).times(1),
        )])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 1..2);
    assert_eq!(events.outcomes(&ids)[&ids[0]], End::Accepted);
}

#[test]
fn an_expired_provider_token_is_answered_with_a_new_connection() {
    let simulator = simulator();
    let expired = Effect::Answer(Answer::refused(Reason::EXPIRED_PROVIDER_TOKEN));
    simulator
        .script([Step::Rule(Rule::any(expired).times(1))])
        .unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..10);
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Accepted)
    );
    assert_eq!(simulator.connections_made(), 2);
}

#[test]
fn a_server_that_never_speaks_costs_the_caller_nothing_and_pushes_end_in_their_time() {
    for mode in [ListenerMode::Silent, ListenerMode::SilentAfterTls] {
        let simulator = simulator();
        simulator.script([Step::Listener(mode)]).unwrap();
        let options = Options {
            queue_timeout: 1500,
            connect_timeout: 500,
            ..options(&simulator)
        };
        let (app, events) = start(options);
        let before = Instant::now();
        let ids = notify_all(&app, 0..1000);
        assert!(
            before.elapsed() < Duration::from_secs(1),
            "notify waited for the server"
        );
        let ends = events.outcomes(&ids);
        assert!(ends.values().all(|end| *end == End::Failed("unreachable")));
        assert_balanced(&app);
    }
}

#[test]
fn a_stalled_connection_is_found_and_replaced() {
    let simulator = simulator();
    let options = Options {
        ping_interval: 1000,
        ping_timeout: 1000,
        ..options(&simulator)
    };
    let (app, events) = start(options);
    events.outcomes(&notify_all(&app, 0..10));
    simulator
        .script([Step::Now {
            action: ConnectionAction::Stall,
            connection: None,
        }])
        .unwrap();
    let stalled = notify_all(&app, 10..20);
    assert!(
        events
            .outcomes(&stalled)
            .values()
            .all(|end| *end == End::Failed("unknown"))
    );
    let later = notify_all(&app, 20..30);
    assert!(
        events
            .outcomes(&later)
            .values()
            .all(|end| *end == End::Accepted)
    );
}

#[test]
fn a_server_with_an_unknown_root_gets_no_push_and_an_alarm_says_so() {
    let simulator = simulator();
    let other = support::simulator();
    let options = Options {
        ca_file: Some(other.ca_file()),
        queue_timeout: 1000,
        ..options(&simulator)
    };
    let (app, events) = start(options);
    let ids = notify_all(&app, 0..3);
    let mut alarmed = 0;
    let mut ended = 0;
    events.wait_for(|event| {
        match event {
            Event::Alarm {
                alarm: Alarm::ServerCertificate,
                ..
            } => alarmed += 1,
            other => {
                ended += usize::from(matches!(
                    end_of(other),
                    Some((_, End::Failed("unreachable")))
                ))
            }
        }
        (ended == ids.len()).then_some(())
    });
    assert_eq!(alarmed, 1, "an alarm is said once");
    assert!(simulator.journal(0).is_empty());
}

#[test]
fn nobody_listens_and_the_queue_waits_until_somebody_does() {
    let simulator = simulator();
    simulator.kill();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..100);
    events.wait_for(|event| matches!(event, Event::ConnectionDown { .. }).then_some(()));
    simulator.restart().unwrap();
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Accepted)
    );
}

#[test]
fn a_name_that_does_not_resolve_is_told_and_tried_again() {
    let simulator = simulator();
    let environment = EnvironmentOption::Url("https://apns.invalid:1".to_owned());
    let (app, events) = start(Options {
        environment,
        queue_timeout: 1000,
        ..options(&simulator)
    });
    let ids = notify_all(&app, 0..3);
    let reason = events.wait_for(|event| match event {
        Event::ConnectionDown { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(reason.contains("apns.invalid"), "{reason}");
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Failed("unreachable"))
    );
}

#[test]
fn a_host_name_is_looked_up_and_its_certificate_checked() {
    let simulator = simulator();
    let environment = EnvironmentOption::Url(format!(
        "https://localhost:{}",
        simulator.provider_addr().port()
    ));
    let (app, events) = start(Options {
        environment,
        ..options(&simulator)
    });
    assert!(
        events
            .outcomes(&notify_all(&app, 0..10))
            .values()
            .all(|end| *end == End::Accepted)
    );
}

#[test]
fn an_app_connects_when_it_starts_and_not_first_for_a_push() {
    let simulator = simulator();
    let (_app, events) = start(options(&simulator));
    events.wait_for(|event| matches!(event, Event::ConnectionUp { .. }).then_some(()));
}

#[test]
fn a_server_that_asks_for_calm_is_left_alone_for_a_minute() {
    let simulator = simulator();
    let (app, events) = start(options(&simulator));
    events.outcomes(&notify_all(&app, 0..1));
    let enhance_your_calm = 11;
    let goaway = GoAway {
        code: enhance_your_calm,
        ..GoAway::default()
    };
    let action = ConnectionAction::GoAway(goaway);
    simulator
        .script([Step::Now {
            action,
            connection: None,
        }])
        .unwrap();
    let retry_in = events.wait_for(|event| match event {
        Event::ConnectionDown { retry_in, .. } => *retry_in,
        _ => None,
    });
    assert!(retry_in >= Duration::from_secs(60), "{retry_in:?}");
}

#[test]
fn another_configuration_problem_is_another_alarm() {
    let simulator = simulator();
    let rule = |number, reason| {
        let refusal = Effect::Answer(Answer::refused(reason));
        Step::Rule(Rule::token(&token(number).to_hex(), refusal))
    };
    simulator
        .script([
            rule(1, Reason::TOPIC_DISALLOWED),
            rule(2, Reason::INVALID_PROVIDER_TOKEN),
        ])
        .unwrap();
    let (app, events) = start(options(&simulator));
    for (number, reason) in [(1, "TopicDisallowed"), (2, "InvalidProviderToken")] {
        notify_all(&app, number..number + 1);
        let detail = events.wait_for(|event| match event {
            Event::Alarm { detail, .. } => Some(detail.clone()),
            _ => None,
        });
        assert!(detail.contains(reason), "{detail}");
    }
}
