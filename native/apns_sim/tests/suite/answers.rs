//! The form of answers: interim ones, trailers, early ones, resets, dates, delays.

use std::time::{Duration, Instant};

use crate::support::raw::{DATA, HEADERS, RST_STREAM, RawProvider, SETTINGS, frame};
use crate::support::{DEADLINE, HELLO, Provider, Signer, Spec, TOKEN, now, run, simulator};

const NO_ERROR: u32 = 0;
const END_STREAM: u8 = 1;

#[test]
fn interim_answers_come_before_the_final_one() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"interim":[100,103,103],"times":1}"#)
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let mut response = provider.begin(TOKEN).await;
        for status in [100, 103, 103] {
            let interim = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
            assert_eq!(interim.unwrap().unwrap().status(), status);
        }
        assert_eq!(response.await.unwrap().status(), 200);
    });
}

#[test]
fn an_answer_can_have_fields_a_body_and_trailers_of_its_own() {
    run(async {
        let simulator = simulator();
        let script = r#"{"status":503,"headers":{"x-name":"text","apns-id":"none"},"body":"<html>",
                         "trailers":{"x-end":"yes"},"times":1}"#;
        simulator.script_json(script).unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let (head, mut body) = provider.begin(TOKEN).await.await.unwrap().into_parts();
        assert_eq!(head.status, 503);
        assert_eq!(
            (&head.headers["x-name"], &head.headers["apns-id"]),
            (&"text".parse().unwrap(), &"none".parse().unwrap())
        );
        assert_eq!(body.data().await.unwrap().unwrap(), "<html>");
        assert!(body.data().await.is_none());
        assert_eq!(body.trailers().await.unwrap().unwrap()["x-end"], "yes");
    });
}

#[test]
fn trailers_come_behind_an_empty_body_too() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"trailers":{"x-end":"yes"}}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        assert_eq!(raw.next_of(HEADERS).await.flags & END_STREAM, 0);
        assert_eq!(raw.next_of(HEADERS).await.flags & END_STREAM, END_STREAM);
    });
}

#[test]
fn a_final_answer_comes_before_the_body_with_a_reset_behind_it() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"reason":"PayloadTooLarge","early":true}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        // Without its body, with a part of it, and whole: the provider sees the same.
        raw.open(1, TOKEN).await;
        let first = raw.frames_until(RST_STREAM).await;
        raw.write(&[raw_open(&raw, 3), frame(DATA, 0, 3, b"{")].concat())
            .await
            .unwrap();
        let second = raw.frames_until(RST_STREAM).await;
        let whole = frame(DATA, END_STREAM, 5, HELLO.as_bytes());
        raw.write(&[raw_open(&raw, 5), whole].concat())
            .await
            .unwrap();
        let third = raw.frames_until(RST_STREAM).await;
        for (stream, frames) in [(1, first), (3, second), (5, third)] {
            let frames: Vec<_> = frames
                .iter()
                .filter(|frame| frame.stream == stream)
                .collect();
            let kinds: Vec<_> = frames
                .iter()
                .map(|frame| (frame.kind, frame.flags & END_STREAM))
                .collect();
            assert_eq!(
                kinds,
                [(HEADERS, 0), (DATA, END_STREAM), (RST_STREAM, 0)],
                "stream {stream}"
            );
            assert_eq!(frames[2].number(), NO_ERROR);
        }
        let entry = &simulator.journal(3)[0];
        assert_eq!((entry.status, entry.payload.len()), (Some(413), 0));
        // No reset is left over.
        simulator.reset();
        raw.push(7, TOKEN).await;
        assert_eq!(raw.next_of(HEADERS).await.stream, 7);
        assert!(
            !raw.frames_so_far()
                .await
                .iter()
                .any(|frame| frame.kind == RST_STREAM)
        );
    });
}

fn raw_open(raw: &RawProvider, stream: u32) -> Vec<u8> {
    frame(HEADERS, 4, stream, &raw.header_block(TOKEN))
}

#[test]
fn a_stream_is_reset_with_any_code_before_or_behind_its_body() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        for (stream, code, early) in [
            (1, 0, false),
            (3, 2, true),
            (5, 11, false),
            (7, 0xffff_fff0, true),
        ] {
            let script = format!(r#"{{"action":"reset","code":{code},"early":{early},"times":1}}"#);
            simulator.script_json(&script).unwrap();
            raw.open(stream, TOKEN).await;
            if !early {
                raw.send(DATA, END_STREAM, stream, HELLO.as_bytes()).await;
            }
            let reset = raw.next_of(RST_STREAM).await;
            assert_eq!((reset.stream, reset.number()), (stream, code));
        }
        let entries = simulator.wait_for(4, DEADLINE).unwrap();
        let fates: Vec<_> = entries
            .iter()
            .map(|e| (e.fault, e.payload.is_empty()))
            .collect();
        let reset = Some("reset");
        assert_eq!(
            fates,
            [(reset, false), (reset, true), (reset, false), (reset, true)]
        );
    });
}

#[test]
fn an_answer_tells_apples_time_when_a_script_wants_it() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        assert!(!provider.push().await.unwrap().headers.contains_key("date"));
        simulator
            .script_json(r#"[{"date":true},{"clock_offset_s":3000}]"#)
            .unwrap();
        let before = now() + 3000;
        let date = provider.push().await.unwrap().headers["date"].clone();
        let after = now() + 3000;
        let told = unix_s(date.to_str().unwrap());
        assert!((before..=after).contains(&told), "{date:?}");
        simulator
            .script_json(r#"{"headers":{"date":"yesterday"},"times":1}"#)
            .unwrap();
        assert_eq!(provider.push().await.unwrap().headers["date"], "yesterday");
        simulator.script_json(r#"{"date":false}"#).unwrap();
        assert!(!provider.push().await.unwrap().headers.contains_key("date"));
    });
}

/// An IMF-fixdate of this century, read by other means than it was written.
fn unix_s(date: &str) -> i64 {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let fields: Vec<&str> = date
        .split([' ', ':', ','])
        .filter(|field| !field.is_empty())
        .collect();
    let [_, day, month, year, hour, minute, second, "GMT"] = fields[..] else {
        panic!("{date}")
    };
    let number = |text: &str| text.parse::<i64>().unwrap();
    let leap = |year: i64| year % 4 == 0;
    let days_of = |month: usize, year| {
        [
            31,
            28 + i64::from(leap(year)),
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ][month]
    };
    let mut days = 10_957; // 2000-01-01
    days += (2000..number(year))
        .map(|year| 365 + i64::from(leap(year)))
        .sum::<i64>();
    let month = MONTHS.find(month).unwrap() / 3;
    days += (0..month)
        .map(|month| days_of(month, number(year)))
        .sum::<i64>()
        + number(day)
        - 1;
    ((days * 24 + number(hour)) * 60 + number(minute)) * 60 + number(second)
}

#[test]
fn many_answers_are_held_back_at_once_and_each_for_its_time() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
        simulator.script_json(r#"{"delay_ms":300}"#).unwrap();
        let begun = Instant::now();
        let mut answers = Vec::new();
        for _ in 0..500 {
            answers.push(provider.begin(TOKEN).await);
        }
        for answer in answers {
            assert_eq!(answer.await.unwrap().status(), 200);
        }
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(300), "{took:?}");
        // One after the other they would take 150 s.
        assert!(took < Duration::from_secs(15), "{took:?}");
    });
}

#[test]
fn apple_says_when_to_come_again() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        for (reason, status) in [
            ("TooManyRequests", 429),
            ("InternalServerError", 500),
            ("ServiceUnavailable", 503),
            ("Shutdown", 503),
        ] {
            let script = format!(r#"{{"reason":"{reason}","retry_after":10,"times":1}}"#);
            simulator.script_json(&script).unwrap();
            let answer = provider.push().await.unwrap();
            assert_eq!(
                (answer.status.as_u16(), answer.reason().as_str()),
                (status, reason)
            );
            assert_eq!(answer.headers["retry-after"], "10");
        }
        let script = r#"{"status":503,"headers":{"retry-after":"Fri, 31 Dec 1999 23:59:59 GMT"}}"#;
        simulator.script_json(script).unwrap();
        assert_eq!(
            provider.push().await.unwrap().headers["retry-after"],
            "Fri, 31 Dec 1999 23:59:59 GMT"
        );
    });
}

#[test]
fn a_new_provider_token_within_20_minutes_is_refused_when_a_script_is_strict() {
    run(async {
        let simulator = simulator();
        let token = |age| {
            let spec = Spec::of(&simulator);
            Signer::of(&simulator).bearer(&Spec {
                iat: spec.iat - age,
                ..spec
            })
        };
        let mut usual = Provider::connect(&simulator).await;
        usual.push().await.unwrap();
        usual.bearer = token(1);
        assert_eq!(
            usual.push().await.unwrap().status,
            200,
            "the first new one is free"
        );

        simulator
            .script_json(r#"{"token_updates":"strict"}"#)
            .unwrap();
        let mut strict = Provider::connect(&simulator).await;
        strict.push().await.unwrap();
        strict.bearer = token(2);
        for _ in 0..2 {
            let answer = strict.push().await.unwrap();
            assert_eq!(answer.reason(), "TooManyProviderTokenUpdates");
        }
        let mut other = Provider::connect_with(&simulator, token(2)).await;
        assert_eq!(
            other.push().await.unwrap().status,
            200,
            "another connection is"
        );
        simulator.script_json(r#"{"clock_offset_s":1201}"#).unwrap();
        assert_eq!(strict.push().await.unwrap().status, 200, "20 minutes later");

        simulator
            .script_json(r#"{"token_updates":"free"}"#)
            .unwrap();
        for age in 3..6 {
            strict.bearer = token(age);
            assert_eq!(strict.push().await.unwrap().status, 200);
        }
    });
}

#[test]
fn a_rule_can_be_for_one_connection() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"reason":"Shutdown","connection":2}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        let mut second = Provider::connect(&simulator).await;
        assert_eq!(second.push().await.unwrap().reason(), "Shutdown");
        raw.push(1, TOKEN).await;
        raw.next_of(HEADERS).await;
        assert_eq!(simulator.journal(2)[0].status, Some(200));
    });
}
