//! Sections 4 and 5.5: frames, their sizes, and what is to be ignored.

use super::kit::*;

#[test]
fn unknown_frames_and_flags_are_ignored() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(0x42, 0xff, 0, b"anything"));
    pair.input(&frame(0x42, 0xff, 1, &[]));
    pair.input(&frame(0x42, 0xff, 77, &[0; 16_384]));
    let block = pair.block(&[(":status", "200")]);
    pair.input(&frame(
        HEADERS,
        END_HEADERS | 0xd2 & !PADDED & !PRIORITY_FLAG,
        1,
        &block,
    ));
    pair.data(1, END_STREAM | 0xf4, b"x");
    assert_eq!(pair.events(), ["response 1: 200 <x>"]);
}

#[test]
fn the_reserved_bit_of_a_stream_number_is_ignored() {
    let mut pair = Pair::with_open_streams(1);
    pair.accept(0x8000_0001);
    assert_eq!(pair.events(), ["response 1: 200"]);
}

#[test]
fn priority_is_ignored_in_both_its_forms() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(PRIORITY, 0, 1, &[0; 5]));
    pair.input(&frame(PRIORITY, 0, 99, &[0; 5]));
    let mut payload = vec![0, 0, 0, 1, 200];
    payload.extend(pair.block(&[(":status", "200")]));
    pair.input(&frame(
        HEADERS,
        END_HEADERS | END_STREAM | PRIORITY_FLAG,
        1,
        &payload,
    ));
    assert_eq!(pair.events(), ["response 1: 200"]);
}

#[test]
fn a_frame_longer_than_we_allow_ends_the_connection() {
    for kind in [DATA, HEADERS, 0x42] {
        let mut pair = Pair::with_open_streams(1);
        // Its head is enough to know.
        pair.input(&frame(kind, 0, 1, &[0; 16_385])[..9]);
        assert_eq!(pair.connection_error(), "FRAME_SIZE_ERROR");
    }
    let mut pair = Pair::with_open_streams(1);
    pair.headers(1, 0, &[(":status", "200")]);
    pair.data(1, END_STREAM, &[0; 16_384]);
    assert_eq!(pair.events(), ["response 1: 200 <16384 bytes>"]);
}

#[test]
fn frames_of_a_wrong_size_end_the_connection() {
    for bytes in [
        frame(PING, 0, 0, &[0; 7]),
        frame(PING, ACK, 0, &[0; 9]),
        frame(RST_STREAM, 0, 1, &[0; 3]),
        frame(WINDOW_UPDATE, 0, 0, &[0; 5]),
        frame(WINDOW_UPDATE, 0, 1, &[0; 3]),
        frame(GOAWAY, 0, 0, &[0; 7]),
        frame(HEADERS, END_HEADERS | PRIORITY_FLAG, 1, &[0; 4]),
    ] {
        let mut pair = Pair::with_open_streams(1);
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), "FRAME_SIZE_ERROR", "{bytes:?}");
    }
}

#[test]
fn priority_of_a_wrong_size_ends_its_stream_only() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(PRIORITY, 0, 1, &[0; 4]));
    assert_eq!(pair.sent(), ["RST_STREAM 1 FRAME_SIZE_ERROR"]);
    assert_eq!(pair.events().len(), 1);
    pair.assert_works();
}

#[test]
fn padding_is_taken_off() {
    let mut pair = Pair::with_open_streams(1);
    let mut payload = vec![3];
    payload.extend(pair.block(&[(":status", "400")]));
    payload.extend([0; 3]);
    pair.input(&frame(HEADERS, END_HEADERS | PADDED, 1, &payload));
    pair.data(1, PADDED, b"\x02body\0\0");
    pair.data(1, PADDED, b"\x00!");
    pair.data(1, PADDED | END_STREAM, b"\x01\0");
    assert_eq!(pair.events(), ["response 1: 400 <body> <!>"]);
}

#[test]
fn more_padding_than_payload_ends_the_connection() {
    for bytes in [
        frame(DATA, PADDED, 1, &[]),
        frame(DATA, PADDED, 1, &[1]),
        frame(DATA, PADDED, 3, &[9, 0]),
        frame(HEADERS, PADDED | END_HEADERS, 1, &[2, 0x88]),
    ] {
        let mut pair = Pair::with_open_streams(2);
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), "PROTOCOL_ERROR", "{bytes:?}");
    }
}

#[test]
fn a_header_block_may_come_in_pieces_of_any_size() {
    let mut pair = Pair::with_open_streams(4);
    let fields = [
        (":status", "200"),
        ("apns-id", "abcdefghijklmnopqrstuvwxyz"),
    ];
    let response = "200 apns-id=abcdefghijklmnopqrstuvwxyz";
    // Each time with nothing left over from the time before.
    for stream in [1, 3, 5] {
        pair.encoder.set_max_table_size(0);
        let block = pair.block(&fields);
        assert!(block.len() > 20);
        pair.input(&frame(HEADERS, END_STREAM, stream, &[]));
        for byte in &block[..block.len() - 1] {
            pair.input(&frame(CONTINUATION, 0, stream, &[*byte]));
        }
        let last = &block[block.len() - 1..];
        pair.input(&frame(CONTINUATION, END_HEADERS, stream, last));
        assert_eq!(pair.events(), [format!("response {stream}: {response}")]);
    }
    // The table is in step.
    pair.headers(7, END_STREAM, &fields);
    assert_eq!(pair.events(), [format!("response 7: {response}")]);
}

#[test]
fn nothing_else_may_come_inside_a_header_block() {
    for bytes in [
        frame(0x42, 0, 0, &[]),
        frame(CONTINUATION, 0, 3, &[]),
        frame(DATA, 0, 1, &[]),
        frame(PING, 0, 0, &[0; 8]),
        rst_stream(1, 0),
        frame(HEADERS, END_HEADERS, 1, &[0x88]),
    ] {
        let mut pair = Pair::with_open_streams(2);
        pair.input(&frame(HEADERS, 0, 1, &[0x88]));
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), "PROTOCOL_ERROR", "{bytes:?}");
    }
}

#[test]
fn a_continuation_needs_headers_before_it() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(CONTINUATION, END_HEADERS, 1, &[0x88]));
    assert_eq!(pair.connection_error(), "PROTOCOL_ERROR");
}

#[test]
fn frames_on_the_wrong_kind_of_stream_end_the_connection() {
    for bytes in [
        frame(DATA, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 0, &[0x88]),
        frame(PRIORITY, 0, 0, &[0; 5]),
        rst_stream(0, 0),
        frame(PING, 0, 1, &[0; 8]),
        frame(GOAWAY, 0, 1, &[0; 8]),
        frame(CONTINUATION, END_HEADERS, 0, &[0x88]),
    ] {
        let mut pair = Pair::with_open_streams(1);
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), "PROTOCOL_ERROR", "{bytes:?}");
    }
}

#[test]
fn a_peer_may_not_push() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x88]));
    assert_eq!(pair.connection_error(), "PROTOCOL_ERROR");
}

#[test]
fn ping_is_answered_with_its_own_bytes() {
    let mut pair = Pair::new();
    pair.input(&frame(PING, 0, 0, b"whoareyu"));
    let frames = pair.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].kind, frames[0].flags), (PING, ACK));
    assert_eq!(frames[0].payload, b"whoareyu");
}
