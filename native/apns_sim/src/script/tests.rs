//! Scripts as JSON, and which rule a request meets.

use super::*;

const TOKEN: &str = "00fc13adff785122";

fn one(json: &str) -> Step {
    let [step] = &parse(json.as_bytes()).unwrap()[..] else {
        panic!("one step of {json}")
    };
    step.clone()
}

fn sentence(json: &str) -> String {
    parse(json.as_bytes()).expect_err(json).to_string()
}

fn status(effect: Option<Effect>) -> Option<u16> {
    match effect {
        Some(Effect::Answer(answer)) => Some(answer.status),
        _ => None,
    }
}

fn refusal(token: Option<&str>, reason: Reason) -> Rule {
    let effect = Effect::Answer(Answer::refused(reason));
    token.map_or_else(
        || Rule::any(effect.clone()),
        |token| Rule::token(token, effect.clone()),
    )
}

#[test]
fn an_answer_is_read_with_all_its_fields() {
    let json = r#"{"token":"00FC13ADFF785122","status":410,"reason":"Unregistered","timestamp":1732400000000,
                   "delay_ms":20,"retry_after":3,"times":2,"skip":1}"#;
    let answer = Answer {
        status: 410,
        reason: Some("Unregistered".into()),
        timestamp: Some(1_732_400_000_000),
        delay_ms: 20,
        retry_after: Some(3),
    };
    assert_eq!(
        one(json),
        Step::Rule(Rule::token(TOKEN, Effect::Answer(answer)).times(2).skip(1))
    );
}

#[test]
fn a_known_reason_brings_its_status_and_a_delay_alone_means_success() {
    let expected = Step::Rule(refusal(None, Reason::TOO_MANY_REQUESTS));
    assert_eq!(one(r#"{"reason":"TooManyRequests"}"#), expected);
    assert_eq!(one(r#"{"token":"*","reason":"TooManyRequests"}"#), expected);
    let slow = Effect::Answer(Answer::accepted_after(50));
    assert_eq!(one(r#"{"delay_ms":50}"#), Step::Rule(Rule::any(slow)));
}

#[test]
fn each_kind_of_step_is_read() {
    assert_eq!(
        one(r#"{"action":"refused_stream"}"#),
        Step::Rule(Rule::any(Effect::RefusedStream))
    );
    assert_eq!(
        one(r#"{"action":"stall","times":1}"#),
        Step::Rule(Rule::any(Effect::Stall).times(1))
    );
    assert_eq!(
        one(r#"{"action":"cut"}"#),
        Step::Rule(Rule::any(Effect::Cut))
    );
    let go_away = GoAway {
        code: 11,
        last_stream: Some(5),
        reason: Some("Shutdown".into()),
    };
    assert_eq!(
        one(r#"{"action":"goaway","code":11,"last_stream":5,"reason":"Shutdown"}"#),
        Step::Rule(Rule::any(Effect::Goaway(go_away.clone())))
    );
    let now = |action, connection| Step::Now { action, connection };
    assert_eq!(
        one(r#"{"now":"goaway","code":11,"last_stream":5,"reason":"Shutdown","connection":2}"#),
        now(ConnectionAction::GoAway(go_away), Some(2))
    );
    assert_eq!(
        one(r#"{"now":"stall"}"#),
        now(ConnectionAction::Stall, None)
    );
    assert_eq!(one(r#"{"now":"cut"}"#), now(ConnectionAction::Cut, None));
    assert_eq!(
        one(r#"{"now":"max_streams","value":5}"#),
        now(ConnectionAction::MaxStreams(Some(5)), None)
    );
    assert_eq!(
        one(r#"{"now":"max_streams","value":null}"#),
        now(ConnectionAction::MaxStreams(None), None)
    );
    assert_eq!(
        one(r#"{"now":"ignore_pings"}"#),
        now(ConnectionAction::IgnorePings(true), None)
    );
    assert_eq!(
        one(r#"{"now":"refuse_twice","value":false}"#),
        now(ConnectionAction::RefuseTwice(false), None)
    );
    assert_eq!(
        one(r#"{"now":"withhold_window_updates"}"#),
        now(ConnectionAction::WithholdWindowUpdates(true), None)
    );
    assert_eq!(
        one(r#"{"unregister":"00fc13adff785122","timestamp":5}"#),
        Step::Unregister {
            token: TOKEN.into(),
            timestamp_ms: Some(5),
            reason: Reason::UNREGISTERED
        }
    );
    assert_eq!(
        one(r#"{"register":"00fc13adff785122","topic":"im.example.chat"}"#),
        Step::Register {
            token: TOKEN.into(),
            topic: "im.example.chat".into()
        }
    );
    assert_eq!(
        one(r#"{"listener":"silent"}"#),
        Step::Listener(ListenerMode::Silent)
    );
    assert_eq!(
        one(r#"{"tls":"expired_certificate"}"#),
        Step::Tls(TlsFace::ExpiredCertificate)
    );
    assert_eq!(
        one(r#"{"clock_offset_s":-5}"#),
        Step::ClockOffset { seconds: -5 }
    );
}

#[test]
fn what_is_wrong_is_said_by_name() {
    for (json, name) in [
        ("{", "not JSON"),
        ("3", "A step is not right"),
        ("{}", "\"status\", \"reason\""),
        (r#"{"token":"zz","status":200}"#, "device token"),
        (r#"{"statsu":200}"#, "statsu"),
        (r#"{"status":"200"}"#, "A step is not right"),
        (r#"{"status":100}"#, "\"status\""),
        (r#"{"status":65535}"#, "\"status\""),
        (r#"{"reason":"Tomorrow"}"#, "\"status\""),
        (r#"{"delay_ms":3600001}"#, "\"delay_ms\""),
        (r#"{"status":200,"times":0}"#, "\"times\""),
        (r#"{"action":"explode"}"#, "explode"),
        (
            r#"{"action":"stall","status":200}"#,
            "\"status\" means nothing",
        ),
        (r#"{"now":"explode"}"#, "explode"),
        (r#"{"now":"max_streams","value":-1}"#, "\"value\""),
        (r#"{"now":"ignore_pings","value":1}"#, "\"value\""),
        (r#"{"now":"cut","token":"00fc"}"#, "\"token\" means nothing"),
        (r#"{"now":"cut","listener":"serve"}"#, "not several"),
        (r#"{"unregister":"00fc","reason":"BadTopic"}"#, "\"reason\""),
        (r#"{"register":"00fc"}"#, "\"topic\""),
        (r#"{"listener":"loud"}"#, "loud"),
    ] {
        let sentence = sentence(json);
        assert!(sentence.contains(name), "{json}: {sentence}");
        assert!(sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn several_steps_come_as_an_array_and_one_wrong_step_spoils_all() {
    assert_eq!(
        parse(br#"[{"listener":"cut"},{"listener":"serve"}]"#)
            .unwrap()
            .len(),
        2
    );
    assert!(parse(br#"[{"listener":"cut"},{}]"#).is_err());
    assert_eq!(parse(b"[]").unwrap().len(), 0);
}

#[test]
fn a_tokens_own_rules_come_first_and_in_their_order() {
    let rules = Rules::default();
    assert!(rules.add(vec![
        refusal(None, Reason::SHUTDOWN),
        refusal(Some(TOKEN), Reason::BAD_DEVICE_TOKEN).times(1),
        refusal(Some(TOKEN), Reason::UNREGISTERED).times(2),
    ]));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(status(rules.take(Some(TOKEN))).unwrap());
    }
    assert_eq!(statuses, [400, 410, 410, 503]);
    assert_eq!(status(rules.take(None)), Some(503));
    assert_eq!(rules.len(), 1, "a rule that is used up is gone");
}

#[test]
fn a_token_is_meant_in_either_case() {
    let rules = Rules::default();
    assert!(rules.add(vec![refusal(
        Some(&TOKEN.to_ascii_uppercase()),
        Reason::SHUTDOWN
    )]));
    assert_eq!(status(rules.take(Some(TOKEN))), Some(503));
}

#[test]
fn a_rule_lets_the_first_requests_pass() {
    let rules = Rules::default();
    assert!(rules.add(vec![refusal(None, Reason::SHUTDOWN).skip(2).times(1)]));
    let statuses: Vec<_> = (0..4).map(|_| status(rules.take(Some(TOKEN)))).collect();
    assert_eq!(statuses, [None, None, Some(503), None]);
}

#[test]
fn rules_are_bounded_and_forgotten() {
    let rules = Rules::default();
    let rule = refusal(None, Reason::SHUTDOWN);
    assert!(rules.add(vec![rule.clone(); 100_000]));
    assert!(!rules.add(vec![rule.clone()]));
    rules.clear();
    assert!(rules.add(vec![rule]));
}
