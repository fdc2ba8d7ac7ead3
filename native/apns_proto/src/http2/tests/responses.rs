//! Section 8.1: responses, whole and malformed.

use super::kit::*;
use crate::http2::Config;

#[test]
fn a_response_is_told_when_it_is_complete() {
    let mut pair = Pair::with_open_streams(3);
    pair.headers(3, 0, &[(":status", "400"), ("apns-id", "abc")]);
    pair.data(3, 0, b"{\"reason\":");
    pair.accept(1);
    pair.data(3, END_STREAM, b"\"X\"}");
    pair.headers(5, 0, &[(":status", "200")]);
    pair.data(5, END_STREAM, b"");
    let expected = [
        "response 1: 200",
        r#"response 3: 400 apns-id=abc <{\"reason\":> <\"X\"}>"#,
        "response 5: 200",
    ];
    assert_eq!(pair.events(), expected);
    assert_eq!(pair.client.open_streams(), 0);
    assert!(pair.sent().is_empty());
}

#[test]
fn interim_responses_are_skipped() {
    let mut pair = Pair::with_open_streams(1);
    pair.headers(1, 0, &[(":status", "100")]);
    pair.headers(1, 0, &[(":status", "103"), ("link", "x")]);
    pair.accept(1);
    assert_eq!(pair.events(), ["response 1: 200"]);
}

#[test]
fn trailers_end_a_response() {
    let mut pair = Pair::with_open_streams(1);
    pair.headers(1, 0, &[(":status", "200")]);
    pair.data(1, 0, b"x");
    pair.headers(1, END_STREAM, &[("grpc-status", "0")]);
    assert_eq!(pair.events(), ["response 1: 200 <x> grpc-status~0"]);
}

#[test]
fn malformed_responses_end_their_stream_only() {
    type Script = fn(&mut Pair);
    let scripts: [(&str, Script); 8] = [
        ("an interim response that ends the stream", |pair| {
            pair.headers(1, END_STREAM, &[(":status", "103")]);
        }),
        ("a body before the header section", |pair| {
            pair.data(1, 0, b"x")
        }),
        ("a body after an interim response only", |pair| {
            pair.headers(1, 0, &[(":status", "100")]);
            pair.data(1, END_STREAM, b"x");
        }),
        ("an end without a header section", |pair| {
            pair.data(1, END_STREAM, b"")
        }),
        ("trailers that do not end the stream", |pair| {
            pair.headers(1, 0, &[(":status", "200")]);
            pair.headers(1, 0, &[("a", "b")]);
        }),
        ("a status in trailers", |pair| {
            pair.headers(1, 0, &[(":status", "200")]);
            pair.headers(1, END_STREAM, &[(":status", "200")]);
        }),
        ("more body than content-length", |pair| {
            pair.headers(1, 0, &[(":status", "200"), ("content-length", "1")]);
            pair.data(1, 0, b"xx");
        }),
        ("less body than content-length", |pair| {
            pair.headers(1, 0, &[(":status", "200"), ("content-length", "3")]);
            pair.data(1, END_STREAM, b"xx");
        }),
    ];
    for (fault, script) in scripts {
        let mut pair = Pair::with_open_streams(2);
        script(&mut pair);
        let events = pair.events();
        assert_eq!(events.len(), 1, "{fault}: {events:?}");
        assert!(
            events[0].contains("PROTOCOL_ERROR by us: "),
            "{fault}: {events:?}"
        );
        assert_eq!(pair.sent(), ["RST_STREAM 1 PROTOCOL_ERROR"], "{fault}");
        pair.accept(3);
        assert_eq!(pair.events(), ["response 3: 200"], "{fault}");
    }
}

#[test]
fn a_content_length_that_is_kept_is_fine() {
    let mut pair = Pair::with_open_streams(3);
    pair.headers(1, 0, &[(":status", "400"), ("content-length", "4")]);
    pair.data(1, 0, b"ab");
    pair.data(1, END_STREAM, b"cd");
    pair.headers(
        3,
        END_STREAM,
        &[(":status", "200"), ("content-length", "0")],
    );
    pair.headers(
        5,
        END_STREAM,
        &[(":status", "304"), ("content-length", "9")],
    );
    let events = pair.events();
    assert!(
        events.iter().all(|event| event.starts_with("response")),
        "{events:?}"
    );
}

#[test]
fn a_body_longer_than_we_allow_ends_its_stream() {
    let config = Config {
        max_response_body: 10,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.open(b"{}");
    pair.sent();
    pair.headers(1, 0, &[(":status", "200")]);
    pair.data(1, 0, b"0123456789");
    pair.data(1, 0, b"!");
    assert_eq!(
        pair.events(),
        ["reset 1: 200 <0123456789> CANCEL by us: BodyTooLarge, processed"]
    );
    assert_eq!(pair.sent(), ["RST_STREAM 1 CANCEL"]);
    pair.accept(3);
    assert_eq!(pair.events(), ["response 3: 200"]);
}

#[test]
fn a_final_response_before_the_end_of_our_body_stops_the_body_and_is_kept() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 5)]);
    let stream = pair.open(b"0123456789");
    assert_eq!(pair.sent(), ["HEADERS 1", "DATA 1 5"]);
    pair.headers(stream, END_STREAM, &[(":status", "413")]);
    assert_eq!(pair.events(), ["response 1: 413"]);
    assert_eq!(pair.sent(), ["RST_STREAM 1 CANCEL"]);
    // The peer's own RST_STREAM follows, and credit it had on the way.
    pair.input(&rst_stream(stream, 0));
    pair.input(&window_update(stream, 100));
    assert!(pair.events().is_empty());
    assert!(pair.sent().is_empty());
    assert_eq!(pair.try_open(b"0123456789"), Ok(3));
}

#[test]
fn a_response_is_kept_although_a_reset_follows_it() {
    let mut pair = Pair::with_open_streams(1);
    let block = pair.block(&[(":status", "403")]);
    let mut bytes = frame(HEADERS, END_HEADERS, 1, &block);
    bytes.extend(frame(DATA, END_STREAM, 1, b"{}"));
    bytes.extend(rst_stream(1, 0));
    pair.input(&bytes);
    assert_eq!(pair.events(), ["response 1: 403 <{}>"]);
}

#[test]
fn half_a_response_before_a_reset_is_not_lost() {
    let mut pair = Pair::with_open_streams(1);
    pair.headers(1, 0, &[(":status", "403"), ("apns-id", "abc")]);
    pair.input(&rst_stream(1, 0));
    assert_eq!(
        pair.events(),
        ["reset 1: 403 apns-id=abc NO_ERROR by peer, processed"]
    );
}
