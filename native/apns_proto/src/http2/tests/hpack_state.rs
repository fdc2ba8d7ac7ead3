//! Section 4.3 and RFC 7541: both tables stay in step, whatever becomes of the streams.

use super::kit::*;
use crate::http2::hpack::{Decoder, Encoder};
use crate::http2::{Config, ErrorCode};

const FIELDS: [(&str, &str); 3] = [
    (":method", "POST"),
    ("apns-topic", "im.example"),
    ("a", "b"),
];

fn block_of(pair: &mut Pair) -> Vec<u8> {
    pair.try_open_with(&FIELDS, b"").unwrap();
    pair.frames()
        .into_iter()
        .find(|frame| frame.kind == HEADERS)
        .unwrap()
        .payload
}

#[test]
fn constant_headers_are_bytes_the_second_time() {
    let mut pair = Pair::new();
    let first = block_of(&mut pair);
    let second = block_of(&mut pair);
    assert!(first.len() > 12);
    assert_eq!(second.len(), 3);
    assert_eq!(pair.requests[0].1, pair.requests[1].1);
}

#[test]
fn a_peer_may_have_no_table() {
    let mut pair = Pair::unsettled(Config::default());
    pair.client.consume_output(usize::MAX);
    pair.input(&settings(&[(TABLE_SIZE, 0)]));
    pair.decoder = Decoder::new(0);
    let first = block_of(&mut pair);
    // A size update to 0, then literals without indexing, each time anew.
    assert_eq!(first[0], 0x20);
    assert_eq!(block_of(&mut pair), first[1..]);
    assert_eq!(pair.requests[0].1, pair.requests[1].1);
}

#[test]
fn a_change_of_the_table_s_size_is_told_by_its_minimum_and_its_final_value() {
    let mut pair = Pair::new();
    block_of(&mut pair);
    pair.input(&settings(&[(TABLE_SIZE, 0)]));
    pair.input(&settings(&[(TABLE_SIZE, 4096)]));
    let block = block_of(&mut pair);
    // 0, then 4096 = 31 + 4065 in a 5-bit prefix.
    assert_eq!(block[..4], [0x20, 0x3f, 0xe1, 0x1f]);
    assert_eq!(block_of(&mut pair).len(), 3);
    assert_eq!(pair.requests[1].1, pair.requests[0].1);
    assert_eq!(pair.requests[2].1, pair.requests[0].1);

    // The same within one frame.
    pair.input(&settings(&[(TABLE_SIZE, 10), (TABLE_SIZE, 4096)]));
    assert_eq!(block_of(&mut pair)[..4], [0x2a, 0x3f, 0xe1, 0x1f]);
    assert_eq!(pair.requests[3].1, pair.requests[0].1);
}

#[test]
fn our_encoder_uses_no_more_than_we_want_to_hold() {
    let config = Config {
        encoder_table_size: 100,
        ..Config::default()
    };
    let mut pair = Pair::unsettled(config);
    pair.client.consume_output(usize::MAX);
    pair.input(&settings(&[(TABLE_SIZE, 1 << 30)]));
    pair.decoder = Decoder::new(4096);
    for _ in 0..3 {
        block_of(&mut pair);
    }
    assert!(
        pair.requests
            .iter()
            .all(|(_, fields)| fields == &pair.requests[0].1)
    );
}

#[test]
fn blocks_for_streams_that_are_gone_are_decoded() {
    let mut pair = Pair::with_open_streams(2);
    assert!(
        pair.client
            .reset_stream(stream(1), ErrorCode::CANCEL)
            .is_some()
    );
    let fields = [(":status", "200"), ("apns-id", "abc")];
    pair.headers(1, 0, &fields);
    // Comes as table indices only.
    pair.headers(3, END_STREAM, &fields);
    assert_eq!(pair.events(), ["response 3: 200 apns-id=abc"]);
}

#[test]
fn blocks_that_make_a_response_malformed_are_decoded_to_their_end() {
    let mut pair = Pair::with_open_streams(2);
    let fields = [(":status", "200"), ("Bad", "x"), ("apns-id", "abc")];
    pair.headers(1, END_STREAM, &fields);
    pair.headers(3, END_STREAM, &[(":status", "200"), ("apns-id", "abc")]);
    let events = pair.events();
    assert_eq!(
        events[0],
        "reset 1: 200 PROTOCOL_ERROR by us: an illegal field name"
    );
    assert_eq!(events[1], "response 3: 200 apns-id=abc");
}

#[test]
fn a_header_list_longer_than_we_allow_ends_its_stream_only() {
    let config = Config {
        max_header_list_size: 200,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.open(b"{}");
    pair.sent();
    let long = "x".repeat(200);
    let fields = [
        (":status", "200"),
        ("apns-id", "abc"),
        ("long", &long),
        ("last", "z"),
    ];
    pair.headers(1, END_STREAM, &fields);
    assert_eq!(pair.sent(), ["RST_STREAM 1 CANCEL"]);
    pair.headers(3, END_STREAM, &[(":status", "200"), ("last", "z")]);
    let events = pair.events();
    assert_eq!(
        events[0],
        "reset 1: 200 apns-id=abc CANCEL by us: HeaderListTooLarge"
    );
    assert_eq!(events[1], "response 3: 200 last=z");
}

#[test]
fn what_cannot_be_decoded_ends_the_connection() {
    for block in [
        // An index beyond the tables, and of 0 (RFC 7541 section 6.1).
        &[0xff, 0x80, 0x01][..],
        &[0x80],
        // A name and value that end too soon.
        &[0x40, 0x05, b'a'],
        // An integer that overflows, and one that never ends (section 5.1).
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        // Huffman padding that is not all ones, or longer than 7 bits, and EOS (section 5.2).
        &[0x00, 0x01, b'a', 0x81, 0x00],
        &[0x00, 0x01, b'a', 0x82, 0x1f, 0xff],
        &[0x00, 0x01, b'a', 0x84, 0xff, 0xff, 0xff, 0xff],
        // A size update above what we announced, and one that comes late (sections 6.3 and 4.2).
        &[0x3f, 0xe2, 0x1f, 0x88],
        &[0x88, 0x20],
    ] {
        for stream in [1, 3] {
            let mut pair = Pair::with_open_streams(2);
            // Stream 3 is gone: it makes no difference.
            pair.client
                .reset_stream(super::kit::stream(3), ErrorCode::CANCEL);
            pair.input(&frame(HEADERS, END_HEADERS, stream, block));
            assert_eq!(pair.connection_error(), "COMPRESSION_ERROR", "{block:x?}");
        }
    }
}

#[test]
fn header_blocks_are_bounded_in_frames_and_bytes() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(HEADERS, 0, 1, &[0x88]));
    for _ in 0..1_000 {
        pair.input(&frame(CONTINUATION, 0, 1, &[]));
    }
    assert_eq!(pair.connection_error(), "ENHANCE_YOUR_CALM");

    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(HEADERS, 0, 1, &[0x88]));
    for _ in 0..5 {
        pair.input(&frame(CONTINUATION, 0, 1, &[0; 16_384]));
    }
    assert_eq!(pair.connection_error(), "ENHANCE_YOUR_CALM");
}

#[test]
fn a_refused_request_leaves_the_tables_in_step() {
    let mut pair = Pair::settled(Config::default(), &[(MAX_LIST, 200)]);
    block_of(&mut pair);
    pair.input(&settings(&[(TABLE_SIZE, 0), (TABLE_SIZE, 4096)]));
    let long = "x".repeat(100);
    let too_long = [
        ("apns-topic", "im.example"),
        ("new", "entry"),
        ("long", &long),
    ];
    pair.try_open_with(&too_long, b"").unwrap_err();
    // The size updates that the refused block began with come with the next one.
    assert_eq!(block_of(&mut pair)[..4], [0x20, 0x3f, 0xe1, 0x1f]);
    block_of(&mut pair);
    assert_eq!(pair.requests[1].1, pair.requests[0].1);
    assert_eq!(pair.requests[2].1, pair.requests[0].1);
    // What it would have put in the table is taken out where that held other entries, too.
    pair.try_open_with(&too_long, b"").unwrap_err();
    block_of(&mut pair);
    assert_eq!(pair.requests[3].1, pair.requests[0].1);
}

#[test]
fn the_peer_may_shrink_the_table_it_uses() {
    let mut pair = Pair::with_open_streams(2);
    pair.headers(1, END_STREAM, &[(":status", "200"), ("apns-id", "abc")]);
    pair.encoder = Encoder::new(4096, 4096);
    pair.encoder.set_max_table_size(0);
    pair.headers(3, END_STREAM, &[(":status", "200"), ("apns-id", "abc")]);
    let events = pair.events();
    assert_eq!(
        events,
        ["response 1: 200 apns-id=abc", "response 3: 200 apns-id=abc"]
    );
}
