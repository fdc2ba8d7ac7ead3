//! Section 6.5: the peer's SETTINGS, checked and obeyed.

use super::kit::*;
use crate::http2::{Blocked, Config};

#[test]
fn lengths_and_ranges_are_checked() {
    for (bytes, code) in [
        (frame(SETTINGS, 0, 0, &[0; 5]), "FRAME_SIZE_ERROR"),
        (frame(SETTINGS, ACK, 0, &[0; 6]), "FRAME_SIZE_ERROR"),
        (frame(SETTINGS, 0, 1, &[]), "PROTOCOL_ERROR"),
        (settings(&[(2, 1)]), "PROTOCOL_ERROR"),
        (settings(&[(2, 2)]), "PROTOCOL_ERROR"),
        (settings(&[(WINDOW, 0x8000_0000)]), "FLOW_CONTROL_ERROR"),
        (settings(&[(MAX_FRAME, 16_383)]), "PROTOCOL_ERROR"),
        (settings(&[(MAX_FRAME, 0x100_0000)]), "PROTOCOL_ERROR"),
    ] {
        let mut pair = Pair::new();
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), code, "{bytes:?}");
    }
}

#[test]
fn unknown_settings_are_ignored() {
    let mut pair = Pair::new();
    pair.input(&settings(&[(0x4242, 0xffff_ffff), (0x8, 1), (2, 0)]));
    assert_eq!(pair.sent(), ["SETTINGS 0 ACK"]);
    pair.assert_works();
}

#[test]
fn the_stream_limit_is_obeyed_as_it_changes() {
    let mut pair = Pair::settled(Config::default(), &[(MAX_STREAMS, 1)]);
    pair.open(b"{}");
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Streams));
    pair.input(&settings(&[(MAX_STREAMS, 3)]));
    pair.open(b"{}");
    pair.open(b"{}");
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Streams));
    assert_eq!(pair.client.open_streams(), 3);
}

#[test]
fn a_limit_below_what_is_open_resets_nothing_and_waits() {
    let mut pair = Pair::with_open_streams(3);
    pair.input(&settings(&[(MAX_STREAMS, 1)]));
    assert_eq!(pair.sent(), ["SETTINGS 0 ACK"]);
    assert_eq!(pair.client.open_streams(), 3);
    pair.accept(1);
    pair.accept(3);
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Streams));
    pair.accept(5);
    assert_eq!(pair.try_open(b"{}"), Ok(7));
}

#[test]
fn a_limit_of_0_stops_everything() {
    let mut pair = Pair::settled(Config::default(), &[(MAX_STREAMS, 0)]);
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Streams));
}

#[test]
fn our_own_limit_holds_where_the_peer_has_none() {
    let config = Config {
        max_open_streams: 2,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    assert_eq!(pair.client.max_concurrent_streams(), 2);
    pair.open(b"{}");
    pair.open(b"{}");
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Streams));
}

#[test]
fn a_body_longer_than_a_frame_may_be_is_split() {
    let mut pair = Pair::new();
    pair.open(&[0; 16_384]);
    pair.open(&[0; 16_385]);
    let expected = [
        "HEADERS 1",
        "DATA 1 16384 END_STREAM",
        "HEADERS 3",
        "DATA 3 16384",
        "DATA 3 1 END_STREAM",
    ];
    assert_eq!(pair.sent(), expected);

    pair.input(&settings(&[(MAX_FRAME, 20_000)]));
    pair.open(&[0; 20_000]);
    assert_eq!(
        pair.sent(),
        ["SETTINGS 0 ACK", "HEADERS 5", "DATA 5 20000 END_STREAM"]
    );
}

#[test]
fn headers_longer_than_a_frame_may_be_continue() {
    let mut pair = Pair::new();
    let long = "~".repeat(40_000);
    let fields = [(":method", "POST"), ("x-long", long.as_str())];
    pair.try_open_with(&fields, b"{}").unwrap();
    let expected = [
        "HEADERS 1 unfinished",
        "CONTINUATION 1 unfinished",
        "CONTINUATION 1",
        "DATA 1 2 END_STREAM",
    ];
    assert_eq!(pair.sent(), expected);
    let (_, received) = pair.requests.pop().unwrap();
    assert_eq!(received[1], ("x-long".into(), long.clone()));

    pair.try_open_with(&fields, b"").unwrap();
    assert_eq!(pair.sent()[0], "HEADERS 3 END_STREAM unfinished");
}

#[test]
fn a_header_block_as_long_as_a_frame_may_be_needs_no_continuation() {
    let mut pair = Pair::new();
    let mut exact = 0;
    for len in 16_360..16_390 {
        let long = "~".repeat(len);
        pair.try_open_with(&[("x-long", &long)], b"").unwrap();
        let frames = pair.frames();
        let block: usize = frames.iter().map(|frame| frame.payload.len()).sum();
        assert_eq!(frames.len(), block.div_ceil(16_384));
        exact += usize::from(block == 16_384);
    }
    assert_eq!(exact, 1);
}

#[test]
fn the_peer_s_limit_on_header_lists_is_respected() {
    let mut pair = Pair::settled(Config::default(), &[(MAX_LIST, 81)]);
    // 7 + 4 + 32 and 5 + 1 + 32 bytes.
    let fields = [(":method", "POST"), (":path", "/")];
    pair.try_open_with(&fields, b"{}").unwrap();
    let too_long = [(":method", "POST"), (":path", "/"), ("a", "")];
    let blocked = pair.try_open_with(&too_long, b"{}").unwrap_err();
    assert_eq!(
        blocked,
        Blocked::HeaderListTooLarge {
            bytes: 114,
            limit: 81
        }
    );
    assert!(!blocked.is_passing());
    assert_eq!(pair.sent(), ["HEADERS 1", "DATA 1 2 END_STREAM"]);
    // The refused list left no trace in the tables.
    pair.try_open_with(&fields, b"{}").unwrap();
    assert_eq!(pair.sent(), ["HEADERS 3", "DATA 3 2 END_STREAM"]);
    assert_eq!(pair.requests[0].1, pair.requests[1].1);
}
