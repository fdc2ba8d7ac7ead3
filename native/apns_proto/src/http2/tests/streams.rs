//! Sections 5.1 and 5.4: the lives of streams, and errors of one against errors of all.

use super::kit::*;
use crate::http2::{Config, ErrorCode, RequestProgress, ResponseHandler};

#[test]
fn streams_have_odd_numbers_that_only_grow() {
    let mut pair = Pair::new();
    assert_eq!(
        [pair.open(b"{}"), pair.open(b"{}"), pair.open(b"{}")],
        [1, 3, 5]
    );
    assert_eq!(pair.client.stream_ids_left(), (1 << 30) - 3);
    let expected = [
        "HEADERS 1",
        "DATA 1 2 END_STREAM",
        "HEADERS 3",
        "DATA 3 2 END_STREAM",
        "HEADERS 5",
        "DATA 5 2 END_STREAM",
    ];
    assert_eq!(pair.sent(), expected);
}

#[test]
fn a_request_without_a_body_ends_with_its_headers() {
    let mut pair = Pair::new();
    pair.open(b"");
    assert_eq!(pair.sent(), ["HEADERS 1 END_STREAM"]);
}

#[test]
fn a_late_frame_for_an_old_stream_does_not_meet_the_slot_s_next() {
    let mut pair = Pair::new();
    // More than once round the ring, each stream answered and then reset once more.
    for _ in 0..5_000 {
        let stream = pair.open(b"{}");
        pair.sent();
        pair.accept(stream);
        assert_eq!(pair.events(), [format!("response {stream}: 200")]);
        if let Some(earlier) = stream.checked_sub(32).filter(|earlier| *earlier > 0) {
            pair.input(&rst_stream(earlier, 7));
            assert!(pair.events().is_empty());
        }
    }
}

#[test]
fn a_second_reset_for_an_old_stream_spares_the_stream_in_its_slot() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&rst_stream(1, 7));
    assert_eq!(
        pair.events(),
        ["reset 1: REFUSED_STREAM by peer, not processed"]
    );
    while pair.open(b"{}") < 2 * 16 + 1 {}
    // Stream 33 has the slot that stream 1 had in a ring of 16, whatever the ring's length is by now.
    pair.input(&rst_stream(1, 5));
    assert!(pair.events().is_empty());
    pair.accept(33);
    assert_eq!(pair.events(), ["response 33: 200"]);
}

#[test]
fn frames_that_arrive_late_are_tolerated() {
    let mut pair = Pair::with_open_streams(2);
    pair.accept(1);
    assert!(
        pair.client
            .reset_stream(stream(3), ErrorCode::CANCEL)
            .is_some()
    );
    assert_eq!(pair.sent(), ["RST_STREAM 3 CANCEL"]);
    pair.events();
    for late in [1, 3] {
        pair.headers(late, 0, &[(":status", "200")]);
        pair.data(late, END_STREAM, b"late");
        pair.input(&window_update(late, 5));
        pair.input(&window_update(late, 0));
        pair.input(&rst_stream(late, 0));
        pair.input(&frame(PRIORITY, 0, late, &[0; 5]));
    }
    assert!(pair.events().is_empty());
    // No answer to a dead stream, least of all RST_STREAM to RST_STREAM (section 5.4.2).
    assert!(pair.sent().is_empty());
    pair.assert_works();
}

#[test]
fn numbers_skipped_over_a_long_lived_stream_count_as_closed() {
    let mut pair = Pair::new();
    let old = pair.open(b"{}");
    let mut skipped = None;
    let mut last = old;
    while skipped.is_none() {
        let stream = pair.open(b"{}");
        pair.sent();
        pair.accept(stream);
        if stream > last + 2 {
            skipped = Some(stream - 2);
        }
        last = stream;
    }
    pair.events();
    pair.input(&rst_stream(skipped.unwrap(), 8));
    assert!(pair.events().is_empty());
    pair.accept(old);
    assert_eq!(pair.events(), [format!("response {old}: 200")]);
    pair.assert_works();
}

#[test]
fn frames_on_streams_never_opened_end_the_connection() {
    for stream in [3, 2, 0x7fff_ffff] {
        for bytes in [
            frame(DATA, 0, stream, &[]),
            frame(HEADERS, END_HEADERS, stream, &[0x88]),
            rst_stream(stream, 0),
            window_update(stream, 1),
        ] {
            let mut pair = Pair::with_open_streams(1);
            pair.input(&bytes);
            assert_eq!(pair.connection_error(), "PROTOCOL_ERROR", "{bytes:?}");
        }
    }
}

#[test]
fn an_error_of_one_stream_leaves_the_others_alone() {
    let mut pair = Pair::with_open_streams(2);
    pair.headers(1, END_STREAM, &[("no", "status")]);
    assert_eq!(pair.sent(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
    assert_eq!(pair.events().len(), 1);
    pair.accept(3);
    assert_eq!(pair.events(), ["response 3: 200"]);
    assert!(!pair.client.is_closed());
}

#[test]
fn an_error_of_the_connection_ends_everything_at_once() {
    let mut pair = Pair::with_open_streams(2);
    let mut bytes = frame(DATA, 0, 0, &[]);
    bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x88]));
    pair.input(&bytes);
    pair.accept(3);
    assert_eq!(pair.connection_error(), "PROTOCOL_ERROR");
    assert_eq!(pair.client.open_streams(), 2);
    assert_eq!(pair.client.drain_streams().len(), 2);
}

#[test]
fn a_stream_given_up_comes_back_and_the_peer_is_told() {
    let mut pair = Pair::with_open_streams(2);
    let state = pair
        .client
        .reset_stream(stream(3), ErrorCode::CANCEL)
        .unwrap()
        .state;
    assert_eq!(state.tag, 1);
    assert!(
        pair.client
            .reset_stream(stream(3), ErrorCode::CANCEL)
            .is_none()
    );
    assert!(
        pair.client
            .reset_stream(stream(5), ErrorCode::CANCEL)
            .is_none()
    );
    assert_eq!(pair.sent(), ["RST_STREAM 3 CANCEL"]);
    assert_eq!(pair.client.open_streams(), 1);
}

#[test]
fn open_streams_can_be_looked_through() {
    let mut pair = Pair::with_open_streams(3);
    pair.accept(3);
    let streams: Vec<_> = pair
        .client
        .streams_mut()
        .map(|open| (open.stream.get(), open.state.tag, open.request))
        .collect();
    let handed = RequestProgress::Handed;
    assert_eq!(streams, [(1, 0, handed), (5, 2, handed)]);
}

#[test]
fn a_refused_stream_was_not_processed_and_another_reset_may_have_been() {
    let mut pair = Pair::with_open_streams(4);
    pair.input(&rst_stream(1, 7));
    pair.input(&rst_stream(3, 8));
    pair.input(&rst_stream(5, 0xdead));
    pair.headers(7, 0, &[(":status", "200")]);
    // It answered: it cannot take that back.
    pair.input(&rst_stream(7, 7));
    let expected = [
        "reset 1: REFUSED_STREAM by peer, not processed",
        "reset 3: CANCEL by peer",
        "reset 5: 0xdead by peer",
        "reset 7: 200 REFUSED_STREAM by peer, processed",
    ];
    assert_eq!(pair.events(), expected);
    assert!(pair.sent().is_empty());
}

#[test]
fn streams_end_when_their_numbers_do() {
    let mut pair = Pair::new();
    pair.client.spend_stream_ids(2);
    assert_eq!(pair.client.stream_ids_left(), 2);
    assert_eq!(pair.open(b"{}"), 0x7fff_fffd);
    assert_eq!(pair.open(b"{}"), 0x7fff_ffff);
    assert_eq!(pair.client.stream_ids_left(), 0);
    assert_eq!(
        pair.try_open(b"{}"),
        Err(crate::http2::Blocked::IdsExhausted)
    );
    pair.accept(0x7fff_ffff);
    pair.accept(0x7fff_fffd);
    assert_eq!(pair.events().len(), 2);
}

#[test]
fn a_handler_need_not_want_trailers() {
    struct StatusOnly(u16);
    impl ResponseHandler for StatusOnly {
        fn status(&mut self, status: u16) {
            self.0 = status;
        }
        fn header(&mut self, _: &[u8], _: &[u8]) {}
        fn body(&mut self, _: &[u8]) {}
    }
    let mut handler = StatusOnly(0);
    handler.status(200);
    handler.trailer(b"a", b"b");
    assert_eq!(handler.0, 200);
}

#[test]
fn thousands_of_streams_may_be_open() {
    let config = Config {
        max_open_streams: 4_096,
        max_output: usize::MAX,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    let streams: Vec<u32> = (0..4_096).map(|_| pair.open(b"{}")).collect();
    assert_eq!(pair.try_open(b"{}"), Err(crate::http2::Blocked::Streams));
    pair.sent();
    for stream in streams.iter().rev() {
        pair.accept(*stream);
    }
    assert_eq!(pair.events().len(), 4_096);
    assert_eq!(pair.client.open_streams(), 0);
}
