//! The output: its bound, its positions, and what each of them says of a request.

use super::kit::*;
use crate::http2::Processed::{No, Unknown};
use crate::http2::RequestProgress::{Handed, InOutput, InParts};
use crate::http2::{Blocked, Config, Processed, RequestProgress};

/// How far each open request has come, and what is known of it when the transport ends.
fn requests(pair: &mut Pair) -> (Vec<RequestProgress>, Vec<Processed>) {
    let progress = pair.client.streams_mut().map(|open| open.request).collect();
    let ended = pair.client.drain_streams();
    (progress, ended.map(|ended| ended.processed).collect())
}

#[test]
fn a_full_output_refuses_new_streams_until_it_is_consumed() {
    let config = Config {
        max_output: 1_000,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    let mut opened = 0;
    while pair.client.can_open(100).is_ok() {
        pair.open(&[0; 100]);
        opened += 1;
    }
    assert_eq!(pair.try_open(&[0; 100]), Err(Blocked::OutputFull));
    assert!((7..=9).contains(&opened), "{opened}");
    assert!(pair.client.output().len() <= 1_000 + 50);
    let waiting = pair.client.output().len();
    pair.client.consume_output(waiting - 900);
    assert_eq!(pair.try_open(&[0; 101]), Err(Blocked::OutputFull));
    assert!(pair.try_open(&[0; 100]).is_ok());
}

#[test]
fn a_request_larger_than_the_output_s_bound_goes_alone() {
    let config = Config {
        max_output: 1_000,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(&[0; 5_000]);
    assert_eq!(pair.try_open(b"x"), Err(Blocked::OutputFull));
    assert_eq!(pair.sent(), ["HEADERS 1", "DATA 1 5000 END_STREAM"]);
}

#[test]
fn positions_tell_which_requests_were_never_written() {
    let mut pair = Pair::new();
    let start = pair.client.output_position();
    assert_eq!(pair.client.consumed_position(), start);
    let mut ends = Vec::new();
    for _ in 0..3 {
        pair.open(b"{}");
        ends.push(pair.client.output_position());
    }
    let second_but_one_byte = (ends[1] - start - 1) as usize;
    pair.client.consume_output(second_but_one_byte);
    let (progress, processed) = requests(&mut pair);
    assert_eq!(progress, [Handed, InOutput, InOutput]);
    assert_eq!(processed, [Unknown, No, No]);
}

#[test]
fn a_body_in_parts_is_no_request_until_its_end_is_written() {
    for (increment, progress, processed) in [(3, InParts, No), (4, Handed, Unknown)] {
        let mut pair = Pair::settled(Config::default(), &[(WINDOW, 1)]);
        pair.open(b"hello");
        pair.sent();
        pair.input(&window_update(1, increment));
        pair.sent();
        assert_eq!(requests(&mut pair), (vec![progress], vec![processed]));
    }
}

#[test]
fn consuming_piece_by_piece_loses_nothing() {
    let mut pair = Pair::settled(
        Config {
            max_output: 1 << 20,
            ..Config::default()
        },
        &[],
    );
    pair.input(&window_update(0, 1 << 24));
    let mut received = Vec::new();
    let mut streams = 0;
    for round in 0..2_000_usize {
        if pair.client.can_open(400).is_ok() {
            pair.open(&[b'x'; 400]);
            streams += 1;
        }
        let n = (round * 37 % 450).min(pair.client.output().len());
        received.extend_from_slice(&pair.client.output()[..n]);
        pair.client.consume_output(n);
    }
    received.extend_from_slice(pair.client.output());
    let frames = parse_frames(&mut received);
    assert!(received.is_empty());
    assert_eq!(
        frames.iter().filter(|frame| frame.kind == DATA).count(),
        streams
    );
    assert!(
        frames
            .iter()
            .all(|frame| frame.kind != DATA || frame.payload == [b'x'; 400])
    );
}
