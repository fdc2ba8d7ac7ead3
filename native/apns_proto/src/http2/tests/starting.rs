//! Sections 3.4 and 6.5: the preface and the first SETTINGS.

use std::time::Duration;

use super::kit::*;
use crate::http2::{Blocked, Config};

#[test]
fn the_preface_and_our_settings_are_ready_at_once() {
    let config = Config {
        header_table_size: 1234,
        max_header_list_size: 5678,
        initial_window: 40_000,
        connection_window: 100_000,
        ..Config::default()
    };
    let pair = Pair::unsettled(config);
    let mut expected = PREFACE.to_vec();
    expected.extend(settings(&[(1, 1234), (2, 0), (4, 40_000), (6, 5678)]));
    expected.extend(window_update(0, 100_000 - 65_535));
    assert_eq!(pair.client.output(), expected);
    assert_eq!(pair.client.output_position(), expected.len() as u64);
    assert_eq!(pair.client.consumed_position(), 0);
}

#[test]
fn nothing_opens_before_the_peer_s_first_settings() {
    let mut pair = Pair::unsettled(Config::default());
    assert_eq!(pair.try_open(b"{}"), Err(Blocked::AwaitingSettings));
    assert_eq!(pair.client.max_concurrent_streams(), 0);
    pair.input(&settings(&[]));
    assert_eq!(pair.events(), ["settings"]);
    assert_eq!(pair.try_open(b"{}"), Ok(1));
}

#[test]
fn the_peer_s_settings_are_acknowledged_each_time() {
    let mut pair = Pair::new();
    pair.input(&settings(&[(MAX_STREAMS, 7)]));
    pair.input(&settings(&[]));
    assert_eq!(pair.sent(), ["SETTINGS 0 ACK", "SETTINGS 0 ACK"]);
    // Not polled in between: told once.
    assert_eq!(pair.events(), ["settings"]);
    assert_eq!(pair.client.max_concurrent_streams(), 7);
}

#[test]
fn the_peer_s_first_frame_must_be_settings() {
    for first in [
        frame(PING, 0, 0, &[0; 8]),
        frame(SETTINGS, ACK, 0, &[]),
        window_update(0, 1),
        frame(0xbb, 0, 0, &[]),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ] {
        let mut pair = Pair::unsettled(Config::default());
        pair.client.consume_output(usize::MAX);
        pair.input(&first);
        assert_eq!(
            pair.connection_error(),
            "PROTOCOL_ERROR",
            "{}",
            first.escape_ascii()
        );
    }
}

#[test]
fn the_peer_s_settings_must_come_in_time() {
    let mut pair = Pair::unsettled(Config::default());
    pair.client.consume_output(usize::MAX);
    let deadline = pair.client.poll_timeout().unwrap();
    assert_eq!(deadline, pair.now + Duration::from_secs(10));
    pair.client
        .handle_timeout(deadline - Duration::from_millis(1));
    assert!(pair.events().is_empty());
    pair.client.handle_timeout(deadline);
    assert_eq!(pair.connection_error(), "SETTINGS_TIMEOUT");
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn our_settings_must_be_acknowledged_in_time() {
    let mut pair = Pair::unsettled(Config::default());
    pair.client.consume_output(usize::MAX);
    pair.input(&settings(&[]));
    let deadline = pair.client.poll_timeout().unwrap();
    pair.client.handle_timeout(deadline);
    assert_eq!(pair.connection_error(), "SETTINGS_TIMEOUT");

    let mut pair = Pair::new();
    assert_eq!(pair.client.poll_timeout(), None);
    pair.client.handle_timeout(deadline);
    pair.assert_works();
}

#[test]
fn bounds_that_the_protocol_does_not_allow_are_brought_to_the_nearest() {
    let config = Config {
        initial_window: u32::MAX,
        connection_window: 0,
        max_open_streams: 0,
        max_output: 0,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    assert_eq!(pair.client.max_concurrent_streams(), 1);
    pair.assert_works();
}
