//! Scripts as JSON.

use super::*;
use crate::script::{Answer, ConnectionAction, Effect, GoAway, RawFrame, Rule};

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
        ..Answer::default()
    };
    assert_eq!(
        one(json),
        Step::Rule(Rule::token(TOKEN, Effect::Answer(answer)).times(2).skip(1))
    );
}

#[test]
fn a_known_reason_brings_its_status_and_a_delay_alone_means_success() {
    let expected = Step::Rule(Rule::any(Effect::Answer(Answer::refused(
        Reason::TOO_MANY_REQUESTS,
    ))));
    assert_eq!(one(r#"{"reason":"TooManyRequests"}"#), expected);
    assert_eq!(one(r#"{"token":"*","reason":"TooManyRequests"}"#), expected);
    let slow = Effect::Answer(Answer::accepted_after(50));
    assert_eq!(one(r#"{"delay_ms":50}"#), Step::Rule(Rule::any(slow)));
}

#[test]
fn the_form_of_an_answer_is_read() {
    let json = r#"{"early":true,"interim":[100,103],"headers":{"X-Name":"text"},"trailers":{"x-end":"yes"},"body":"{"}"#;
    let answer = Answer {
        status: 200,
        interim: vec![100, 103],
        headers: vec![("x-name".into(), "text".into())],
        trailers: vec![("x-end".into(), "yes".into())],
        body: Some("{".into()),
        early: true,
        ..Answer::default()
    };
    assert_eq!(one(json), Step::Rule(Rule::any(Effect::Answer(answer))));
}

#[test]
fn each_kind_of_rule_is_read() {
    let go_away = GoAway {
        code: 11,
        last_stream: Some(5),
        reason: Some("Shutdown".into()),
    };
    for (json, effect) in [
        (r#"{"action":"refused_stream"}"#, Effect::RefusedStream),
        (r#"{"action":"stall"}"#, Effect::Stall),
        (r#"{"action":"cut"}"#, Effect::Cut),
        (
            r#"{"action":"reset"}"#,
            Effect::Reset {
                code: 8,
                early: false,
            },
        ),
        (
            r#"{"action":"reset","code":2,"early":true}"#,
            Effect::Reset {
                code: 2,
                early: true,
            },
        ),
        (
            r#"{"action":"goaway","code":11,"last_stream":5,"reason":"Shutdown"}"#,
            Effect::Goaway(go_away),
        ),
        (
            r#"{"action":"goaway","twice":true}"#,
            Effect::Connection(ConnectionAction::GoAwayTwice(GoAway::default())),
        ),
        (
            r#"{"action":"cut","reset":true}"#,
            Effect::Connection(ConnectionAction::Reset),
        ),
        (
            r#"{"action":"padding","value":7}"#,
            Effect::Connection(ConnectionAction::Padding(7)),
        ),
    ] {
        assert_eq!(one(json), Step::Rule(Rule::any(effect)), "{json}");
    }
    let rule = Rule {
        connection: Some(2),
        ..Rule::any(Effect::Stall).stream(7).every(3).times(1)
    };
    let json = r#"{"action":"stall","connection":2,"stream":7,"every":3,"times":1}"#;
    assert_eq!(one(json), Step::Rule(rule));
}

#[test]
fn what_is_done_to_connections_is_read_for_now_and_for_later() {
    use ConnectionAction::*;
    let settings = crate::script::Settings {
        header_table_size: Some(0),
        initial_window_size: Some(10),
        ..crate::script::Settings::default()
    };
    let frame = RawFrame {
        kind: 6,
        flags: 1,
        stream: None,
        payload: vec![0, 0xff],
        count: 3,
    };
    for (json, action) in [
        (r#""goaway""#, GoAway(crate::script::GoAway::default())),
        (r#""stall""#, Stall),
        (r#""mute""#, Mute),
        (r#""cut""#, Cut),
        (r#""cut","reset":true"#, Reset),
        (
            r#""cut","at_byte":100"#,
            CutAt {
                byte: 100,
                reset: false,
            },
        ),
        (r#""max_streams","value":5"#, MaxStreams(Some(5))),
        (r#""max_streams","value":null"#, MaxStreams(None)),
        (
            r#""trusted_streams","value":100"#,
            TrustedStreams(Some(100)),
        ),
        (
            r#""settings","header_table_size":0,"initial_window_size":10"#,
            Settings(settings),
        ),
        (r#""ignore_pings""#, IgnorePings(true)),
        (r#""refuse_twice","value":false"#, RefuseTwice(false)),
        (r#""withhold_window_updates""#, WithholdWindowUpdates(true)),
        (r#""delay_window_updates","value":9"#, DelayWindowUpdates(9)),
        (r#""padding","value":255"#, Padding(255)),
        (r#""continuation","value":1"#, Continuation(1)),
        (
            r#""frame","type":6,"flags":1,"payload":"00ff","count":3"#,
            Frame(frame),
        ),
    ] {
        let now = Step::Now {
            action: action.clone(),
            connection: Some(2),
        };
        assert_eq!(one(&format!(r#"{{"now":{json},"connection":2}}"#)), now);
        let open = OpenRule {
            skip: 1,
            times: Some(2),
            greeting: Greeting::Open(action),
        };
        let step = one(&format!(r#"{{"open":{json},"skip":1,"times":2}}"#));
        assert_eq!(step, Step::Open(open));
    }
    for (json, action) in [
        (r#"{"open":"delay_settings","value":5}"#, DelaySettings(5)),
        (r#"{"open":"omit_settings"}"#, OmitSettings),
        (r#"{"open":"delay_handshake","value":5}"#, DelayHandshake(5)),
    ] {
        let open = OpenRule {
            skip: 0,
            times: None,
            greeting: Greeting::Open(action),
        };
        assert_eq!(one(json), Step::Open(open));
    }
}

#[test]
fn each_other_kind_of_step_is_read() {
    let unregister = Step::Unregister {
        token: TOKEN.into(),
        timestamp_ms: Some(5),
        reason: Reason::UNREGISTERED,
    };
    let register = Step::Register {
        token: TOKEN.into(),
        topic: "im.example.chat".into(),
    };
    let once = |greeting| {
        Step::Open(OpenRule {
            skip: 0,
            times: Some(1),
            greeting,
        })
    };
    for (json, step) in [
        (
            r#"{"unregister":"00FC13adff785122","timestamp":5}"#,
            unregister,
        ),
        (
            r#"{"register":"00fc13adff785122","topic":"im.example.chat"}"#,
            register,
        ),
        (
            r#"{"listener":"silent"}"#,
            Step::Listener(ListenerMode::Silent),
        ),
        (
            r#"{"listener":"silent","times":1}"#,
            once(Greeting::Listener(ListenerMode::Silent)),
        ),
        (
            r#"{"tls":"expired_certificate"}"#,
            Step::Tls(TlsFace::ExpiredCertificate),
        ),
        (
            r#"{"tls":"refuse_client_certificate","times":1}"#,
            once(Greeting::Tls(TlsFace::RefuseClientCertificate)),
        ),
        (
            r#"{"clock_offset_s":-5}"#,
            Step::ClockOffset { seconds: -5 },
        ),
        (r#"{"date":true}"#, Step::Date(true)),
        (
            r#"{"token_updates":"strict"}"#,
            Step::TokenUpdates(TokenUpdates::Strict),
        ),
    ] {
        assert_eq!(one(json), step, "{json}");
    }
}

#[test]
fn what_is_wrong_is_said_by_name_and_in_the_words_of_json() {
    for (json, name) in [
        ("{", "not JSON"),
        ("3", "A step is an object, like {\"status\":410}, not 3."),
        ("{}", "\"status\", \"reason\""),
        (r#"{"token":"zz","status":200}"#, "device token"),
        (
            r#"{"status":200,"statsu":1}"#,
            "\"statsu\" is no field of a step.",
        ),
        (
            r#"{"status":"200"}"#,
            "\"status\" is a whole number from 200 to 599, not \"200\".",
        ),
        (r#"{"status":100}"#, "\"status\" is a whole number from 200"),
        (r#"{"status":2.5}"#, "not 2.5."),
        (r#"{"reason":"Tomorrow"}"#, "\"status\""),
        (r#"{"reason":5}"#, "\"reason\" is a text in quotes, not 5."),
        (r#"{"delay_ms":3600001}"#, "\"delay_ms\""),
        (r#"{"interim":[200]}"#, "whole numbers from 100 to 199"),
        (r#"{"headers":{"a b":"c"}}"#, "\"headers\" is an object of"),
        (r#"{"trailers":["x"]}"#, "\"trailers\" is an object of"),
        (r#"{"status":200,"times":0}"#, "\"times\""),
        (
            r#"{"status":200,"every":0}"#,
            "\"every\" is a whole number from 1",
        ),
        (
            r#"{"action":"explode"}"#,
            "\"refused_stream\", \"reset\", \"stall\"",
        ),
        (r#"{"action":3}"#, "\"action\" is \"refused_stream\""),
        (r#"{"action":"omit_settings"}"#, "not \"omit_settings\"."),
        (
            r#"{"action":"stall","status":200}"#,
            "\"status\" means nothing",
        ),
        (r#"{"now":"explode"}"#, "or \"frame\", not \"explode\"."),
        (
            r#"{"now":"delay_settings","value":5}"#,
            "\"now\" is \"stall\"",
        ),
        (r#"{"now":"max_streams","value":-1}"#, "\"value\""),
        (
            r#"{"now":"ignore_pings","value":1}"#,
            "true or false, not 1.",
        ),
        (r#"{"now":"padding"}"#, "\"padding\" has a \"value\""),
        (
            r#"{"now":"padding","value":256}"#,
            "from 0 to 255, not 256.",
        ),
        (r#"{"now":"settings"}"#, "\"header_table_size\""),
        (r#"{"now":"frame","payload":"00"}"#, "\"type\""),
        (r#"{"now":"frame","type":0,"payload":"0"}"#, "hex"),
        (r#"{"now":"cut","token":"00fc"}"#, "\"token\" means nothing"),
        (r#"{"now":"cut","listener":"serve"}"#, "not both"),
        (r#"{"unregister":"00fc","reason":"BadTopic"}"#, "\"reason\""),
        (r#"{"register":"00fc"}"#, "\"topic\""),
        (
            r#"{"listener":"loud"}"#,
            "\"silent_after_tls\" or \"cut\", not \"loud\".",
        ),
        (r#"{"clock_offset_s":"5"}"#, "a whole number, not \"5\"."),
    ] {
        let sentence = sentence(json);
        assert!(sentence.contains(name), "{json}: {sentence}");
        assert!(sentence.ends_with('.'), "{sentence}");
        for rust in ["u16", "u64", "variant", "expected one of", "struct", "enum"] {
            assert!(!sentence.contains(rust), "{sentence}");
        }
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
