//! Apps that authenticate with a client certificate instead of provider tokens.
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
use apns_engine::{Event, NotifyError, Target};
use apns_proto::push_type::PushType;
use apns_sim::{ClientCertificate, Simulator};
use support::*;

fn with_certificate(simulator: &Simulator, issuer: &Simulator, kind: ClientCertificate) -> Options {
    Options {
        key_file: None,
        key_id: None,
        team_id: None,
        certificate_file: Some(issuer.client_certificate_file(kind, "im.example.chat")),
        ..options(simulator)
    }
}

#[test]
fn a_certificate_authenticates_without_a_provider_token_and_without_a_slow_start() {
    let simulator = simulator();
    let options = with_certificate(&simulator, &simulator, ClientCertificate::Good);
    let (app, events) = start(options);
    let ids = notify_all(&app, 0..1000);
    assert!(
        events
            .outcomes(&ids)
            .values()
            .all(|end| *end == End::Accepted)
    );
    let journal = simulator.wait_for(1000, PATIENCE).unwrap();
    assert!(journal.iter().all(|entry| entry.provider_token.is_none()));
    assert_balanced(&app);
}

#[test]
fn what_apple_takes_with_a_provider_token_only_is_not_queued() {
    let simulator = simulator();
    let options = with_certificate(&simulator, &simulator, ClientCertificate::Good);
    let (app, _events) = start(options);
    for push_type in [PushType::Location, PushType::Liveactivity] {
        let refused = app.notify(
            Target::Token(token(1)),
            content("x", push_type, None),
            None,
            None,
        );
        assert_eq!(refused, Err(NotifyError::NeedsProviderToken), "{push_type}");
    }
    assert_eq!(app.stats().get("taken"), Some(0));
}

#[test]
fn a_certificate_of_a_stranger_is_an_alarm_and_no_push_is_lost_to_it() {
    let simulator = simulator();
    let stranger = support::simulator();
    let options = Options {
        queue_timeout: 1500,
        ..with_certificate(&simulator, &stranger, ClientCertificate::Good)
    };
    let (app, events) = start(options);
    let ids = notify_all(&app, 0..10);
    let mut alarms = 0;
    let mut unreachable = 0;
    events.wait_for(|event| {
        match event {
            Event::Alarm {
                alarm: Alarm::Configuration,
                ..
            } => alarms += 1,
            other => {
                let end = end_of(other).map(|(_, end)| end);
                unreachable += usize::from(end == Some(End::Failed("unreachable")));
            }
        }
        (unreachable == ids.len()).then_some(())
    });
    assert_eq!(alarms, 1);
    assert_balanced(&app);
}

#[test]
fn a_certificate_without_a_topic_is_refused_by_apple_with_its_reason() {
    let simulator = simulator();
    let options = with_certificate(&simulator, &simulator, ClientCertificate::WithoutTopic);
    let (app, events) = start(options);
    let ids = notify_all(&app, 0..1);
    assert_eq!(
        events.outcomes(&ids)[&ids[0]],
        End::Rejected("BadCertificate".into())
    );
}
