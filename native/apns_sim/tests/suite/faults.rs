//! Each scripted fault, as a provider meets it.

use apns_sim::{Answer, ConnectionAction, Effect, GoAway, Reason, Rule, Step};

use crate::support::raw::{
    DATA, GOAWAY, HEADERS, PING, RST_STREAM, RawProvider, SETTINGS, WINDOW_UPDATE,
};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

const OTHER: &str = "aa11";

fn now(action: ConnectionAction) -> [Step; 1] {
    [Step::Now {
        action,
        connection: None,
    }]
}

#[test]
fn a_scripted_answer_has_status_reason_timestamp_and_retry_after_and_wears_off() {
    run(async {
        let simulator = simulator();
        let answer = Answer {
            timestamp: Some(1_732_400_000_123),
            retry_after: Some(30),
            ..Answer::refused(Reason::UNREGISTERED)
        };
        let rule = Rule::token(TOKEN, Effect::Answer(answer)).times(2);
        simulator.script([Step::Rule(rule)]).unwrap();
        let mut provider = Provider::connect(&simulator).await;
        assert_eq!(provider.push_to(OTHER).await.unwrap().status, 200);
        for _ in 0..2 {
            let answer = provider.push().await.unwrap();
            assert_eq!(answer.status, 410);
            assert_eq!(answer.headers["retry-after"], "30");
            assert!(answer.headers.contains_key("apns-id"));
            let expected =
                serde_json::json!({ "reason": "Unregistered", "timestamp": 1_732_400_000_123_u64 });
            assert_eq!(answer.json(), expected);
        }
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn a_reason_of_tomorrow_is_passed_on() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"status":499,"reason":"Tomorrow"}"#)
            .unwrap();
        let answer = Provider::connect(&simulator).await.push().await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (499, "Tomorrow")
        );
    });
}

#[test]
fn what_is_wrong_with_a_request_is_said_before_what_a_script_wants() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"reason":"TooManyRequests"}"#)
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let answer = provider.exchange(provider.request(), "").await.unwrap();
        assert_eq!(answer.reason(), "PayloadEmpty");
    });
}

#[test]
fn a_slow_answer_lets_a_later_one_pass() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
        simulator
            .script([Step::Rule(Rule::token(
                TOKEN,
                Effect::Answer(Answer::accepted_after(300)),
            ))])
            .unwrap();
        let slow = provider.begin(TOKEN).await;
        let quick = provider.begin(OTHER).await;
        tokio::select! {
            biased;
            _ = slow => panic!("the slow answer came first"),
            answer = quick => assert_eq!(answer.unwrap().status(), 200),
        }
    });
}

#[test]
fn an_uninstalled_app_is_told_with_its_time() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(&format!(
                r#"{{"unregister":"{TOKEN}","timestamp":1732400000000}}"#
            ))
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let answer = provider.push().await.unwrap();
        assert_eq!(answer.status, 410);
        let expected =
            serde_json::json!({ "reason": "Unregistered", "timestamp": 1_732_400_000_000_u64 });
        assert_eq!(answer.json(), expected);
        let topic = format!(r#"{{"register":"{TOKEN}","topic":"im.example.chat"}}"#);
        simulator.script_json(&topic).unwrap();
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn a_refused_stream_was_not_processed_and_may_be_sent_again() {
    run(async {
        let simulator = simulator();
        simulator
            .script([Step::Rule(Rule::any(Effect::RefusedStream).times(1))])
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let error = provider.push().await.unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
        assert_eq!(provider.push().await.unwrap().status, 200);
        let entry = &simulator.journal(1)[0];
        assert_eq!(
            (entry.fault, entry.status, entry.token.as_deref()),
            (Some("refused_stream"), None, Some(TOKEN))
        );
    });
}

#[test]
fn refused_streams_give_their_window_back() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
        simulator
            .script([Step::Rule(Rule::any(Effect::RefusedStream).times(200))])
            .unwrap();
        // Five times the connection's window in all.
        for _ in 0..200 {
            let error = provider
                .exchange(provider.request(), &" ".repeat(4000))
                .await
                .unwrap_err();
            assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
        }
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn a_stalled_request_arrives_and_is_never_answered() {
    run(async {
        let simulator = simulator();
        simulator
            .script([Step::Rule(Rule::token(OTHER, Effect::Stall))])
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        while raw.next_of(SETTINGS).await.number() != 1000 {}
        raw.push(3, OTHER).await;
        raw.push(5, TOKEN).await;
        simulator.wait_for(3, DEADLINE).unwrap();
        let answered: Vec<u32> = raw
            .frames_so_far()
            .await
            .iter()
            .filter(|f| f.kind == HEADERS)
            .map(|f| f.stream)
            .collect();
        assert!(!answered.contains(&3), "{answered:?}");
        assert_eq!(simulator.journal(2)[0].fault, Some("stall"));
    });
}

#[test]
fn a_cut_ends_tcp_without_a_close_notify() {
    run(async {
        let simulator = simulator();
        simulator
            .script([Step::Rule(Rule::any(Effect::Cut).times(1))])
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        assert!(!raw.ended_politely().await);
        let entries = simulator.wait_for(1, DEADLINE).unwrap();
        assert_eq!(entries[0].fault, Some("cut"));
        assert!(entries[0].payload_json().is_some());
    });
}

#[test]
fn a_connection_is_cut_on_the_spot() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        simulator.script(now(ConnectionAction::Cut)).unwrap();
        assert!(!raw.ended_politely().await);
    });
}

#[test]
fn a_goaway_answers_what_it_took_and_closes_politely() {
    run(async {
        let simulator = simulator();
        let slow =
            Step::Rule(Rule::token(OTHER, Effect::Answer(Answer::accepted_after(100))).times(1));
        simulator.script([slow]).unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, OTHER).await;
        simulator.wait_for(1, DEADLINE).unwrap();
        let go_away = GoAway {
            code: 0,
            last_stream: None,
            reason: Some("Shutdown".into()),
        };
        simulator
            .script(now(ConnectionAction::GoAway(go_away)))
            .unwrap();
        let frame = raw.next_of(GOAWAY).await;
        assert_eq!(&frame.payload[..8], &[0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(&frame.payload[8..], br#"{"reason":"Shutdown"}"#);
        assert_eq!(raw.next_of(HEADERS).await.stream, 1);
        assert!(raw.ended_politely().await);
    });
}

#[test]
fn a_goaway_leaves_the_streams_above_its_last_unprocessed() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        while raw.next_of(SETTINGS).await.number() != 1000 {}
        let slow = Step::Rule(Rule::token(
            TOKEN,
            Effect::Answer(Answer::accepted_after(200)),
        ));
        let go_away = GoAway {
            code: 2,
            last_stream: None,
            reason: None,
        };
        simulator
            .script([
                slow,
                Step::Rule(Rule::token(OTHER, Effect::Goaway(go_away))),
            ])
            .unwrap();
        raw.push(3, TOKEN).await;
        raw.push(5, OTHER).await;
        raw.push(7, TOKEN).await;
        let frame = raw.next_of(GOAWAY).await;
        assert_eq!(frame.payload, [0, 0, 0, 3, 0, 0, 0, 2]);
        assert_eq!(raw.next_of(HEADERS).await.stream, 3);
        assert!(raw.ended_politely().await);
        let fates: Vec<_> = simulator
            .journal(2)
            .iter()
            .map(|e| (e.stream_id, e.status, e.fault))
            .collect();
        assert_eq!(
            fates,
            [
                (3, Some(200), None),
                (5, None, Some("goaway")),
                (7, None, Some("goaway"))
            ]
        );
    });
}

#[test]
fn pings_are_ignored_and_then_answered_again() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        simulator
            .script(now(ConnectionAction::IgnorePings(true)))
            .unwrap();
        raw.send(PING, 0, 0, b"ignored!").await;
        raw.push(1, TOKEN).await;
        raw.next_of(HEADERS).await;
        simulator
            .script(now(ConnectionAction::IgnorePings(false)))
            .unwrap();
        let frames = raw.frames_so_far().await;
        assert!(!frames.iter().any(|frame| frame.kind == PING), "{frames:?}");
    });
}

#[test]
fn window_updates_are_withheld_and_then_let_go() {
    run(async {
        let simulator = simulator();
        simulator
            .script([Step::Rule(Rule::any(Effect::Stall))])
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        simulator
            .script(now(ConnectionAction::WithholdWindowUpdates(true)))
            .unwrap();
        raw.open(1, TOKEN).await;
        // Half of the window, where h2 gives it back.
        for _ in 0..2 {
            raw.send(DATA, 0, 1, &[b' '; 16_384]).await;
        }
        raw.send(DATA, 1, 1, &[b' '; 16_384]).await;
        simulator.wait_for(1, DEADLINE).unwrap();
        let frames = raw.frames_so_far().await;
        assert!(
            !frames.iter().any(|frame| frame.kind == WINDOW_UPDATE),
            "{frames:?}"
        );
        simulator
            .script(now(ConnectionAction::WithholdWindowUpdates(false)))
            .unwrap();
        assert!(raw.next_of(WINDOW_UPDATE).await.number() > 0);
    });
}

#[test]
fn a_script_can_name_one_connection() {
    run(async {
        let simulator = simulator();
        let mut first = RawProvider::connect(&simulator).await;
        first.next_of(SETTINGS).await;
        let mut second = Provider::connect(&simulator).await;
        second.push().await.unwrap();
        simulator
            .script_json(r#"{"now":"cut","connection":1}"#)
            .unwrap();
        assert!(!first.ended_politely().await);
        assert_eq!(second.push().await.unwrap().status, 200);
    });
}

#[test]
fn a_stream_reset_by_the_provider_frees_its_place() {
    run(async {
        let simulator = simulator();
        simulator
            .script([Step::Rule(Rule::any(Effect::Stall).times(1))])
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        simulator.wait_for(1, DEADLINE).unwrap();
        raw.send(RST_STREAM, 0, 1, &8u32.to_be_bytes()).await;
        raw.push(3, TOKEN).await;
        assert_eq!(raw.next_of(HEADERS).await.stream, 3);
    });
}
