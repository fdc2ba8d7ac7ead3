//! Section 6.8: GOAWAY, theirs and ours.

use super::kit::*;
use crate::http2::{Blocked, ErrorCode};

#[test]
fn the_first_of_two_stages_refuses_nothing_that_was_sent() {
    let mut pair = Pair::with_open_streams(2);
    pair.input(&go_away(0x7fff_ffff, 0, b""));
    assert_eq!(pair.events(), ["goaway 2147483647 NO_ERROR"]);
    assert!(pair.client.is_going_away());
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::GoingAway));
    pair.accept(1);
    pair.input(&go_away(1, 0, b""));
    let expected = ["response 1: 200", "goaway 1 NO_ERROR", "not processed 3"];
    assert_eq!(pair.events(), expected);
    assert_eq!(pair.client.open_streams(), 0);
}

#[test]
fn streams_above_the_last_one_were_not_processed() {
    let mut pair = Pair::with_open_streams(5);
    pair.accept(7);
    pair.events();
    pair.input(&go_away(3, 0, br#"{"reason":"Shutdown"}"#));
    let expected = [
        r#"goaway 3 NO_ERROR {\"reason\":\"Shutdown\"}"#,
        "not processed 5",
        "not processed 9",
    ];
    assert_eq!(pair.events(), expected);
    // The others end as ever, and late frames for those left out are tolerated.
    pair.input(&rst_stream(9, 7));
    pair.accept(5);
    pair.accept(3);
    pair.accept(1);
    assert_eq!(pair.events(), ["response 3: 200", "response 1: 200"]);
}

#[test]
fn a_stream_whose_response_has_begun_is_not_left_out() {
    let mut pair = Pair::with_open_streams(3);
    pair.headers(3, 0, &[(":status", "200")]);
    pair.headers(5, 0, &[(":status", "103")]);
    pair.input(&go_away(0, 0, b""));
    let expected = ["goaway 0 NO_ERROR", "not processed 1", "not processed 5"];
    assert_eq!(pair.events(), expected);
    pair.data(3, END_STREAM, b"{}");
    assert_eq!(pair.events(), ["response 3: 200 <{}>"]);
}

#[test]
fn the_last_stream_only_falls() {
    let mut pair = Pair::with_open_streams(4);
    pair.input(&go_away(5, 0, b""));
    pair.input(&go_away(7, 0, b""));
    pair.input(&go_away(1, 11, b""));
    let expected = [
        "goaway 5 NO_ERROR",
        "not processed 7",
        "goaway 5 NO_ERROR",
        "goaway 1 ENHANCE_YOUR_CALM",
        "not processed 3",
        "not processed 5",
    ];
    assert_eq!(pair.events(), expected);
    assert_eq!(pair.client.open_streams(), 1);
}

#[test]
fn debug_data_is_kept_to_a_bound() {
    let mut pair = Pair::new();
    pair.input(&go_away(0, 0, &[b'x'; 5_000]));
    assert_eq!(
        pair.events(),
        [format!("goaway 0 NO_ERROR {}", "x".repeat(1_024))]
    );
}

#[test]
fn a_body_in_parts_stops_when_its_stream_is_left_out() {
    let mut pair = Pair::settled(Default::default(), &[(WINDOW, 1)]);
    let kept = pair.open(b"x");
    let left_out = pair.open(b"body");
    pair.sent();
    pair.input(&go_away(kept, 0, b""));
    assert_eq!(pair.events(), ["goaway 1 NO_ERROR", "not processed 3"]);
    pair.input(&window_update(left_out, 100));
    assert!(pair.sent().is_empty());
    assert!(pair.client.partial_body.is_none());

    let mut pair = Pair::settled(Default::default(), &[(WINDOW, 1)]);
    let kept = pair.open(b"body");
    pair.sent();
    pair.input(&go_away(kept, 0, b""));
    pair.input(&window_update(kept, 100));
    assert_eq!(pair.sent(), ["DATA 1 3 END_STREAM"]);
}

#[test]
fn our_own_lets_open_streams_end() {
    let mut pair = Pair::with_open_streams(1);
    pair.client.go_away(ErrorCode::NO_ERROR);
    assert_eq!(pair.sent(), ["GOAWAY 0 NO_ERROR "]);
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::GoingAway));
    assert!(!Blocked::GoingAway.is_passing());
    pair.accept(1);
    assert_eq!(pair.events(), ["response 1: 200"]);
}
