//! Apple's answers, one by one and by class, and bodies that are not Apple's.

mod reasons;

use proptest::prelude::*;

use super::*;

fn response(status: u16, body: &[u8]) -> Response {
    let mut builder = ResponseBuilder::new();
    builder.status(status);
    builder.body(body);
    builder.finish()
}

fn refused(status: u16, reason: &Reason) -> Response {
    response(status, format!(r#"{{"reason":"{reason}"}}"#).as_bytes())
}

#[test]
fn a_200_is_accepted_and_has_no_fault() {
    let mut builder = ResponseBuilder::new();
    builder.status(200);
    builder.header(b"apns-id", b"123E4567-e89b-12d3-a456-426655440000");
    let response = builder.finish();
    assert_eq!(response.verdict(), Verdict::Accepted);
    assert_eq!(response.fault(), None);
    assert_eq!(response.retry_advice(), RetryAdvice::Never);
    assert!(!response.invalidates_token());
}

#[test]
fn a_spoilt_connection_is_left_and_a_busy_server_is_given_time() {
    let advice = |status, reason| refused(status, &reason).retry_advice();
    let backoff = RetryAdvice::AfterBackoff { at_least: None };
    assert_eq!(
        advice(403, Reason::EXPIRED_PROVIDER_TOKEN),
        RetryAdvice::OnNewConnection
    );
    assert_eq!(
        advice(429, Reason::TOO_MANY_PROVIDER_TOKEN_UPDATES),
        RetryAdvice::AfterPause
    );
    assert_eq!(advice(503, Reason::SHUTDOWN), RetryAdvice::OnNewConnection);
    assert_eq!(advice(503, Reason::SERVICE_UNAVAILABLE), backoff);
    assert_eq!(advice(429, Reason::TOO_MANY_REQUESTS), backoff);
    assert_eq!(advice(410, Reason::UNREGISTERED), RetryAdvice::Never);
}

#[test]
fn an_unknown_reason_is_kept_and_the_status_decides() {
    let cases = [
        (301, Fault::Configuration, Verdict::Rejected),
        (400, Fault::Request, Verdict::Rejected),
        (403, Fault::Configuration, Verdict::Rejected),
        (410, Fault::Token, Verdict::Rejected),
        (421, Fault::Connection, Verdict::TryAgain),
        (429, Fault::Throttle, Verdict::TryAgain),
        (499, Fault::Request, Verdict::Rejected),
        (500, Fault::Server, Verdict::TryAgain),
        (502, Fault::Server, Verdict::TryAgain),
    ];
    for (status, fault, verdict) in cases {
        for body in ["", r#"{"reason":"InventedTomorrow"}"#] {
            let response = response(status, body.as_bytes());
            assert_eq!(response.reason.is_some(), !body.is_empty());
            assert_eq!(
                (response.fault(), response.verdict()),
                (Some(fault), verdict),
                "{status}"
            );
            assert_eq!(response.invalidates_token(), status == 410);
        }
    }
}

#[test]
fn a_reason_does_not_count_with_a_status_of_another_class() {
    let response = refused(502, &Reason::BAD_DEVICE_TOKEN);
    assert!(!response.invalidates_token());
    assert_eq!(response.verdict(), Verdict::TryAgain);
    assert!(!refused(200, &Reason::BAD_DEVICE_TOKEN).invalidates_token());
}

#[test]
fn only_answers_given_after_the_credentials_were_judged_prove_them() {
    assert!(response(200, b"").shows_authentication());
    assert!(refused(410, &Reason::UNREGISTERED).shows_authentication());
    assert!(refused(429, &Reason::TOO_MANY_REQUESTS).shows_authentication());
    assert!(!refused(403, &Reason::EXPIRED_PROVIDER_TOKEN).shows_authentication());
    assert!(!refused(405, &Reason::METHOD_NOT_ALLOWED).shows_authentication());
    assert!(!response(503, b"").shows_authentication());
}

#[test]
fn the_timestamp_is_milliseconds_and_old_seconds_are_understood() {
    let cases: [(&str, _); 7] = [
        ("1764000000000", Some(1_764_000_000_000)),
        ("1764000000", Some(1_764_000_000_000)),
        ("99999999999", Some(99_999_999_999_000)),
        ("100000000000", Some(100_000_000_000)),
        ("-1", None),
        ("1.5", None),
        ("null", None),
    ];
    for (number, timestamp_ms) in cases {
        let body = format!(r#"{{"reason":"Unregistered","timestamp":{number}}}"#);
        let response = response(410, body.as_bytes());
        assert_eq!(response.timestamp_ms, timestamp_ms, "{number}");
        assert_eq!(response.reason, Some(Reason::UNREGISTERED));
    }
}

#[test]
fn retry_after_is_the_least_pause_but_no_longer_than_an_hour() {
    let cases: [(&[u8], _); 5] = [
        (b"0", Some(0)),
        (b"120", Some(120)),
        (b"9999999", Some(3600)),
        (b"Fri, 31 Dec 1999 23:59:59 GMT", None),
        (b"-5", None),
    ];
    for (value, seconds) in cases {
        let mut builder = ResponseBuilder::new();
        builder.status(503);
        builder.header(b"retry-after", value);
        let at_least = seconds.map(Duration::from_secs);
        assert_eq!(
            builder.finish().retry_advice(),
            RetryAdvice::AfterBackoff { at_least }
        );
    }
}

#[test]
fn a_body_may_come_in_pieces() {
    let mut builder = ResponseBuilder::new();
    builder.status(400);
    for piece in br#" {"reason" : "BadTopic", "more": [1]} "#.chunks(1) {
        builder.body(piece);
    }
    assert_eq!(builder.finish().reason, Some(Reason::BAD_TOPIC));
}

#[test]
fn bodies_that_are_not_apples_are_passed_over() {
    let html = "<html>".repeat(1000);
    for body in [
        html.as_str(),
        "[]",
        "{",
        r#"{"reason":5}"#,
        r#"{"reason":""}"#,
        "null",
        "\u{feff}{}",
    ] {
        let response = response(502, body.as_bytes());
        assert_eq!(
            (response.reason, response.timestamp_ms),
            (None, None),
            "{body:.20}"
        );
    }
}

#[test]
fn an_unknown_reason_is_cut_and_cleaned() {
    let body = format!(r#"{{"reason":"a\nb\u001b[31mé{}"}}"#, "x".repeat(200));
    let reason = response(400, body.as_bytes()).reason.unwrap();
    assert_eq!(reason.as_str().len(), Reason::MAX_LEN);
    assert!(reason.as_str().starts_with("a?b?[31m?xxx"), "{reason}");
    assert!(!reason.is_known());
}

#[test]
fn the_reason_of_a_goaway_is_read_from_its_debug_data() {
    assert_eq!(
        reason_of_debug_data(br#"{"reason":"BadCertificate"}"#),
        Some(Reason::BAD_CERTIFICATE)
    );
    assert_eq!(reason_of_debug_data(b"max_age"), None);
    assert_eq!(reason_of_debug_data(b""), None);
}

#[test]
fn the_unique_id_is_kept_if_it_is_short_and_visible() {
    let id = "8df4c7ee-5c33-4f3c-9b80-3b4f0c1a2d5e";
    for (value, kept) in [
        (id, true),
        ("a b", false),
        ("", false),
        (&id.repeat(3), false),
    ] {
        let mut builder = ResponseBuilder::new();
        builder.header(b"apns-unique-id", value.as_bytes());
        assert_eq!(builder.finish().unique_id.as_deref(), kept.then_some(value));
    }
}

proptest! {
    #[test]
    fn any_response_has_one_verdict_and_no_bytes_make_it_panic(
        status in 0u16..1000,
        name in proptest::sample::select(vec!["apns-id", "apns-unique-id", "retry-after", "server"]),
        value in proptest::collection::vec(any::<u8>(), 0..80),
        body in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let mut builder = ResponseBuilder::new();
        builder.status(status);
        builder.header(name.as_bytes(), &value);
        builder.body(&body);
        let response = builder.finish();
        let accepted = response.verdict() == Verdict::Accepted;
        prop_assert_eq!(accepted, response.fault().is_none());
        prop_assert_eq!(response.verdict() == Verdict::TryAgain, response.retry_advice() != RetryAdvice::Never);
        prop_assert!(!(accepted && response.invalidates_token()));
    }

    #[test]
    fn any_reason_is_bounded_and_visible(text in ".{0,200}") {
        let reason = Reason::parse(&text);
        prop_assert!(reason.as_str().len() <= Reason::MAX_LEN);
        prop_assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

#[test]
fn the_servers_clock_is_read_from_an_answer_that_refuses() {
    let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
    for (status, value, expected) in [
        (403, &date[..], Some(784_111_777)),
        (403, b"yesterday", None),
        (200, date, None),
    ] {
        let mut builder = ResponseBuilder::new();
        builder.status(status);
        builder.header(b"date", value);
        assert_eq!(builder.finish().date_s, expected);
    }
}
