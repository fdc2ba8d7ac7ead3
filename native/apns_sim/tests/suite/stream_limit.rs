//! How many streams a connection may have open, and how that moves.

use apns_sim::{Answer, ConnectionAction, Effect, Reason, Rule, Step};

use crate::support::raw::{HEADERS, RST_STREAM, RawProvider, SETTINGS};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

const MAX_CONCURRENT_STREAMS: u16 = 3;
const REFUSED_STREAM: u32 = 7;
const STREAM_CLOSED: u32 = 5;

#[test]
fn the_settings_are_apples() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        let settings = raw.next_of(SETTINGS).await.settings();
        let mut expected = vec![
            (1, 4096),
            (MAX_CONCURRENT_STREAMS, 1),
            (4, 65_535),
            (5, 16_384),
            (6, 8000),
        ];
        expected.sort_unstable();
        let mut found = settings.clone();
        found.sort_unstable();
        assert_eq!(found, expected);
    });
}

#[test]
fn one_stream_until_the_first_answer_and_then_many() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.wait_for_limit(1).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
    });
}

#[test]
fn an_answer_to_an_unknown_provider_earns_nothing() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        simulator
            .script([Step::ClockOffset { seconds: 7200 }])
            .unwrap();
        raw.push(1, TOKEN).await;
        let mut frames = raw.frames_until(HEADERS).await;
        frames.extend(raw.frames_so_far().await);
        assert!(
            !frames
                .iter()
                .any(|frame| frame.kind == SETTINGS && frame.flags == 0),
            "{frames:?}"
        );
        assert_eq!(
            simulator.journal(1)[0].reason.as_deref(),
            Some("ExpiredProviderToken")
        );
    });
}

#[test]
fn a_bad_device_token_takes_all_but_one_until_the_next_success() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
        assert_eq!(
            provider.push_to("xyz").await.unwrap().reason(),
            "BadDeviceToken"
        );
        provider.wait_for_limit(1).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
    });
}

#[test]
fn a_client_certificate_has_many_streams_from_the_start() {
    run(async {
        let simulator = simulator();
        let certificate = simulator
            .client_certificate_file(apns_sim::ClientCertificate::Good, crate::support::TOPIC);
        let config = crate::support::client_config(&simulator, Some(&certificate));
        let mut provider = Provider::over(&simulator, config).await.unwrap();
        provider.wait_for_limit(1000).await;
    });
}

#[test]
fn a_stream_too_many_is_refused() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.open(1, TOKEN).await;
        raw.push(3, TOKEN).await;
        let reset = raw.next_of(RST_STREAM).await;
        assert_eq!((reset.stream, reset.number()), (3, REFUSED_STREAM));
        assert_eq!(simulator.journal(1)[0].fault, Some("refused_stream"));
    });
}

#[test]
fn apple_was_seen_to_refuse_twice() {
    run(async {
        let simulator = simulator();
        let step = Step::Now {
            action: ConnectionAction::RefuseTwice(true),
            connection: None,
        };
        simulator.script([step]).unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.open(1, TOKEN).await;
        raw.push(3, TOKEN).await;
        let first = raw.next_of(RST_STREAM).await;
        let second = raw.next_of(RST_STREAM).await;
        assert_eq!((first.stream, first.number()), (3, REFUSED_STREAM));
        assert_eq!((second.stream, second.number()), (3, STREAM_CLOSED));
    });
}

#[test]
fn a_lowered_limit_holds_from_its_acknowledgement_on() {
    run(async {
        let simulator = simulator();
        // Each answer takes the limit back to one.
        let bad = Effect::Answer(Answer::refused(Reason::BAD_DEVICE_TOKEN));
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        while raw.next_of(SETTINGS).await.number() != 1000 {}
        simulator
            .script([
                Step::Rule(Rule::any(bad).times(1)),
                Step::Rule(Rule::any(Effect::Stall)),
            ])
            .unwrap();
        raw.push(3, TOKEN).await;
        while raw.next_of(SETTINGS).await.number() != 1 {}
        // Of three SETTINGS none is acknowledged yet: two more streams are in order.
        raw.push(5, TOKEN).await;
        raw.push(7, TOKEN).await;
        for _ in 0..3 {
            raw.acknowledge_settings().await;
        }
        raw.push(9, TOKEN).await;
        let reset = raw.next_of(RST_STREAM).await;
        assert_eq!((reset.stream, reset.number()), (9, REFUSED_STREAM));
        let stalled = simulator
            .wait_for(5, DEADLINE)
            .unwrap()
            .iter()
            .filter(|entry| entry.fault == Some("stall"))
            .count();
        assert_eq!(stalled, 2);
    });
}

#[test]
fn a_script_holds_the_limit_on_open_and_on_new_connections() {
    run(async {
        let simulator = simulator();
        let mut open = Provider::connect(&simulator).await;
        open.push().await.unwrap();
        open.wait_for_limit(1000).await;
        simulator
            .script_json(r#"{"now":"max_streams","value":7}"#)
            .unwrap();
        open.wait_for_limit(7).await;
        let mut new = Provider::connect(&simulator).await;
        new.wait_for_limit(7).await;
        new.push().await.unwrap();
        simulator
            .script_json(r#"{"now":"max_streams","value":null}"#)
            .unwrap();
        open.wait_for_limit(1000).await;
        new.wait_for_limit(1000).await;
    });
}
