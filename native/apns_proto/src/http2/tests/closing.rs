//! Section 6.7 and the end of a connection.

use std::time::Duration;

use super::kit::*;
use crate::http2::{Blocked, Config, ErrorCode};

#[test]
fn a_ping_measures_the_round_trip() {
    let mut pair = Pair::new();
    pair.client.ping(pair.now);
    pair.client.ping(pair.now);
    let frames = pair.frames();
    assert_eq!(frames.len(), 1, "one at a time");
    assert_eq!(
        pair.client.poll_timeout(),
        Some(pair.now + Duration::from_secs(10))
    );
    pair.advance(Duration::from_millis(42));
    pair.input(&frame(PING, ACK, 0, b"not ours"));
    assert!(pair.events().is_empty());
    pair.input(&frame(PING, ACK, 0, &frames[0].payload));
    assert_eq!(pair.events(), ["pong 42ms"]);
    assert_eq!(pair.client.poll_timeout(), None);
    // Answered once.
    pair.input(&frame(PING, ACK, 0, &frames[0].payload));
    assert!(pair.events().is_empty());
    pair.client.ping(pair.now);
    assert_ne!(pair.frames()[0].payload, frames[0].payload);
}

#[test]
fn a_ping_without_an_answer_gives_the_connection_up() {
    let mut pair = Pair::with_open_streams(1);
    pair.client.ping(pair.now);
    let deadline = pair.client.poll_timeout().unwrap();
    pair.client.handle_timeout(deadline);
    assert_eq!(pair.connection_error(), "NO_ERROR");
    pair.client.handle_timeout(deadline);
    assert!(pair.events().is_empty());
    assert_eq!(pair.client.drain_streams().len(), 1);
}

#[test]
fn a_dead_transport_gives_every_open_stream_back_oldest_first() {
    let mut pair = Pair::with_open_streams(5);
    pair.accept(5);
    let states: Vec<_> = pair
        .client
        .drain_streams()
        .map(|open| (open.stream.get(), open.state.tag))
        .collect();
    assert_eq!(states, [(1, 0), (3, 1), (7, 3), (9, 4)]);
    // What had ended before is still told.
    assert_eq!(pair.events(), ["response 5: 200"]);
    assert_eq!(pair.client.drain_streams().len(), 0);
}

#[test]
fn a_closed_connection_does_nothing_more() {
    let mut pair = Pair::with_open_streams(1);
    assert_eq!(pair.client.drain_streams().len(), 1);
    assert!(pair.client.is_closed());
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::Closed));
    pair.client.ping(pair.now);
    pair.client.go_away(ErrorCode::NO_ERROR);
    pair.accept(1);
    pair.input(&frame(PING, 0, 0, &[0; 8]));
    pair.client
        .handle_timeout(pair.now + Duration::from_secs(3600));
    assert!(pair.events().is_empty());
    assert!(pair.sent().is_empty());
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn a_stream_of_a_failed_connection_may_still_be_given_up() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&frame(DATA, 0, 0, &[]));
    pair.connection_error();
    assert!(
        pair.client
            .reset_stream(stream(1), ErrorCode::CANCEL)
            .is_some()
    );
    assert!(pair.sent().is_empty());
    assert_eq!(pair.client.drain_streams().len(), 0);
}

#[test]
fn debug_output_shows_no_request() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 3)]);
    pair.try_open_with(&[("authorization", "bearer secret")], b"secret")
        .unwrap();
    let shown = format!("{:?}", pair.client);
    assert!(shown.contains("open_streams: 1"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", b"secret")), "{shown}");
}
