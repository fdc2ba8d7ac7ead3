//! Section 10.5: frames that only cost work, and a peer that does not read.

use std::time::Duration;

use super::kit::*;
use crate::http2::{Config, ErrorCode};

/// How many of these the connection takes within one interval.
fn taken(pair: &mut Pair, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while !pair.client.is_closed() {
        pair.input(bytes);
        // A peer that reads: only the limit per interval is at work.
        if !pair.client.is_closed() {
            pair.sent();
        }
        taken += 1;
        assert!(taken < 100_000, "no limit");
    }
    assert_eq!(pair.connection_error(), "ENHANCE_YOUR_CALM");
    taken - 1
}

#[test]
fn each_kind_of_useless_frame_has_a_limit() {
    for (bytes, limit) in [
        (frame(PING, 0, 0, &[0; 8]), 200),
        (frame(PING, ACK, 0, &[0; 8]), 200),
        (frame(SETTINGS, ACK, 0, &[]), 200),
        (settings(&[]), 99), // one came at the start
        (settings(&[(TABLE_SIZE, 0), (TABLE_SIZE, 4096)]), 99),
        (window_update(0, 1), 1_000),
        (window_update(1, 1), 1_000),
        (frame(DATA, 0, 1, &[]), 1_000),
        (frame(DATA, PADDED, 1, &[0]), 1_000),
        (frame(PRIORITY, 0, 1, &[0; 5]), 1_000),
        (frame(0x42, 0, 0, &[]), 1_000),
        (go_away(9, 0, b""), 16),
        (
            frame(HEADERS, END_HEADERS, 1, &[0x08, 0x03, b'1', b'0', b'3']),
            100,
        ),
    ] {
        let mut pair = Pair::with_open_streams(1);
        if bytes[3] == DATA {
            pair.headers(1, 0, &[(":status", "200")]);
        }
        // Four more for the stream that was opened.
        assert_eq!(taken(&mut pair, &bytes), limit + 4, "{bytes:?}");
        assert_eq!(pair.client.drain_streams().len(), 1);
    }
}

#[test]
fn frames_for_streams_that_are_gone_have_a_limit() {
    for bytes in [
        rst_stream(1, 8),
        frame(HEADERS, END_HEADERS, 1, &[0x88]),
        frame(DATA, 0, 1, b"x"),
        frame(DATA, END_STREAM, 1, b""),
    ] {
        let mut pair = Pair::with_open_streams(1);
        pair.client.reset_stream(stream(1), ErrorCode::CANCEL);
        pair.sent();
        // Four more for the stream's opening, four for its end.
        assert_eq!(taken(&mut pair, &bytes), 1_008, "{bytes:?}");
    }
}

#[test]
fn streams_that_a_goaway_leaves_out_count_as_ended() {
    let mut pair = Pair::with_open_streams(10);
    pair.input(&go_away(0, 0, b""));
    // Four more for each opening, four for each end.
    assert_eq!(taken(&mut pair, &rst_stream(1, 7)), 1_000 + 10 * 8);
}

#[test]
fn a_slow_trickle_is_no_flood() {
    let mut pair = Pair::with_open_streams(1);
    for _ in 0..10_000 {
        pair.input(&frame(PING, 0, 0, &[0; 8]));
        pair.sent();
        pair.advance(Duration::from_millis(100));
    }
    pair.assert_works();
}

#[test]
fn overhead_in_proportion_to_the_work_is_no_flood() {
    let mut pair = Pair::new();
    for _ in 0..20_000 {
        let stream = pair.open(b"{}");
        pair.sent();
        // Apple's ways: SETTINGS around an answer, two resets for a refused stream; credit as others give it.
        pair.input(&settings(&[(MAX_STREAMS, 1)]));
        pair.input(&window_update(0, 2));
        pair.input(&window_update(stream, 2));
        pair.input(&rst_stream(stream, 7));
        pair.input(&rst_stream(stream, 5));
        pair.input(&settings(&[(MAX_STREAMS, 100)]));
        pair.sent();
        assert_eq!(pair.events().len(), 2);
    }
    pair.assert_works();
}

#[test]
fn what_comes_before_a_thousand_responses_is_no_flood() {
    let mut pair = Pair::settled(
        Config {
            max_output: 1 << 20,
            ..Config::default()
        },
        &[],
    );
    for _ in 0..1_000 {
        pair.open(b"{}");
    }
    for stream in (1..2_000).step_by(2) {
        pair.input(&window_update(0, 2));
        pair.input(&window_update(stream, 2));
        pair.headers(stream, 0, &[(":status", "103")]);
    }
    for stream in (1..2_000).step_by(2) {
        pair.accept(stream);
    }
    assert_eq!(pair.events().len(), 1_000);
}

#[test]
fn answers_wait_in_bounded_number_when_the_peer_does_not_read() {
    let mut pair = Pair::new();
    let before = pair.client.output().len();
    for _ in 0..10_000 {
        pair.input(&frame(PING, 0, 0, &[0; 8]));
        pair.advance(Duration::from_secs(1));
    }
    assert!(pair.client.is_closed());
    assert!(pair.client.output().len() - before < 1_100 * 17);
    pair.client.consume_output(usize::MAX);
    assert!(pair.events()[0].starts_with("error ENHANCE_YOUR_CALM"));
}

#[test]
fn a_flood_in_one_piece_is_stopped_within_it() {
    let mut pair = Pair::new();
    let flood = frame(PING, 0, 0, &[0; 8]).repeat(100_000);
    pair.input(&flood);
    assert!(pair.client.output().len() < 201 * 17 + 100);
    assert_eq!(pair.connection_error(), "ENHANCE_YOUR_CALM");
}
