//! Sections 5.2 and 6.9: credit in both directions.

use super::kit::*;
use crate::http2::{Blocked, Config, ErrorCode};

#[test]
fn credit_for_the_connection_is_given_back_in_batches() {
    let config = Config {
        connection_window: 65_535,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    let mut updates = Vec::new();
    for _ in 0..2_000 {
        let stream = pair.open(b"{}");
        pair.headers(stream, 0, &[(":status", "400")]);
        pair.data(stream, END_STREAM, &[b' '; 50]);
        updates.extend(
            pair.sent()
                .into_iter()
                .filter(|sent| sent.starts_with("WINDOW")),
        );
    }
    // 100,000 bytes went through a window of 65,535.
    assert_eq!(pair.events().len(), 2_000);
    assert_eq!(
        updates,
        [
            "WINDOW_UPDATE 0 32800",
            "WINDOW_UPDATE 0 32800",
            "WINDOW_UPDATE 0 32800"
        ]
    );
}

#[test]
fn padding_and_data_for_streams_that_are_gone_are_counted_and_given_back() {
    let config = Config {
        connection_window: 65_535,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.client.reset_stream(stream(1), ErrorCode::CANCEL);
    pair.sent();
    let mut padded = vec![255];
    padded.extend([0; 255]);
    let mut given_back = 0;
    for _ in 0..512 {
        pair.data(1, PADDED, &padded);
        for sent in pair.sent() {
            given_back += sent
                .strip_prefix("WINDOW_UPDATE 0 ")
                .unwrap()
                .parse::<u32>()
                .unwrap();
        }
    }
    assert_eq!(given_back, 512 * 256);
    assert!(!pair.client.is_closed());
}

#[test]
fn a_stream_s_credit_is_given_back_while_it_lasts() {
    let config = Config {
        initial_window: 1_000,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.sent();
    pair.headers(1, 0, &[(":status", "200")]);
    pair.data(1, 0, &[0; 499]);
    assert!(pair.sent().is_empty());
    pair.data(1, 0, &[0; 1]);
    assert_eq!(pair.sent(), ["WINDOW_UPDATE 1 500"]);
    pair.data(1, END_STREAM, &[0; 1_000]);
    assert!(pair.sent().is_empty());
    assert_eq!(pair.events().len(), 1);
}

#[test]
fn a_stream_s_credit_counts_padding() {
    let config = Config {
        initial_window: 600,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.sent();
    pair.headers(1, 0, &[(":status", "200")]);
    let mut padded = vec![255];
    padded.extend([0; 255]);
    pair.data(1, PADDED, &padded);
    assert!(pair.sent().is_empty());
    pair.data(1, PADDED, &padded);
    assert_eq!(pair.sent(), ["WINDOW_UPDATE 1 512"]);
}

#[test]
fn a_peer_that_sends_more_than_a_window_breaks_the_rules() {
    let config = Config {
        initial_window: 1_000,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    pair.open(b"{}");
    pair.sent();
    pair.headers(1, 0, &[(":status", "200")]);
    pair.data(1, 0, &[0; 1_001]);
    assert_eq!(
        pair.events(),
        ["reset 1: 200 FLOW_CONTROL_ERROR by us: FlowControl, processed"]
    );
    assert_eq!(pair.sent(), ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    pair.assert_works();

    let config = Config {
        connection_window: 65_535,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[]);
    for _ in 0..8 {
        pair.open(b"{}");
    }
    pair.sent();
    pair.client.receive_window = crate::http2::flow_control::ReceiveWindow::new(10);
    pair.data(3, 0, &[0; 11]);
    assert_eq!(pair.connection_error(), "FLOW_CONTROL_ERROR");
}

#[test]
fn a_stream_opens_only_when_its_whole_body_fits() {
    let mut pair = Pair::new();
    let body = [0; 13_107];
    for _ in 0..5 {
        pair.open(&body);
        pair.sent();
    }
    // 65,535 = 5 * 13,107: the window is used up to the last byte.
    assert_eq!(pair.try_open(b"x"), Err(Blocked::ConnectionWindow));
    assert_eq!(pair.try_open(b""), Ok(11));
    pair.sent();
    pair.input(&window_update(0, 9));
    assert_eq!(pair.try_open(&[0; 10]), Err(Blocked::ConnectionWindow));
    assert!(pair.sent().is_empty());
    pair.input(&window_update(0, 1));
    assert_eq!(pair.try_open(&[0; 10]), Ok(13));
    assert_eq!(pair.sent(), ["HEADERS 13", "DATA 13 10 END_STREAM"]);
}

#[test]
fn a_body_larger_than_a_stream_s_window_is_sent_in_parts_one_at_a_time() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 10)]);
    let big = pair.open(&[0; 25]);
    assert_eq!(pair.sent(), ["HEADERS 1", "DATA 1 10"]);
    assert_eq!(pair.try_open(&[0; 11]), Err(Blocked::StreamWindow));
    assert_eq!(pair.try_open(&[0; 10]), Ok(3));
    pair.sent();
    pair.input(&window_update(big, 14));
    assert_eq!(pair.sent(), ["DATA 1 14"]);
    pair.input(&window_update(big, 14));
    assert_eq!(pair.sent(), ["DATA 1 1 END_STREAM"]);
    pair.accept(big);
    assert_eq!(pair.events(), ["response 1: 200"]);
    assert_eq!(pair.try_open(&[0; 11]), Ok(5));
}

#[test]
fn a_window_of_0_is_waited_for_inside_the_stream() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 0)]);
    let stream = pair.open(b"body");
    assert_eq!(pair.sent(), ["HEADERS 1"]);
    pair.input(&window_update(stream, 4));
    assert_eq!(pair.sent(), ["DATA 1 4 END_STREAM"]);
}

#[test]
fn a_body_larger_than_the_connection_s_window_goes_out_when_no_stream_could_bring_credit() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 100_000)]);
    pair.open(&[0; 65_000]);
    pair.sent();
    assert_eq!(pair.try_open(&[0; 600]), Err(Blocked::ConnectionWindow));
    pair.accept(1);
    // Nobody is left that the peer would give credit for: waiting would be for ever.
    assert_eq!(pair.try_open(&[0; 600]), Ok(3));
    assert_eq!(pair.sent(), ["HEADERS 3", "DATA 3 535"]);
    assert_eq!(pair.try_open(&[0; 1]), Err(Blocked::ConnectionWindow));
    pair.input(&window_update(0, 1_000));
    assert_eq!(pair.sent(), ["DATA 3 65 END_STREAM"]);
    assert_eq!(pair.try_open(&[0; 935]), Ok(5));
}

#[test]
fn a_connection_s_window_of_0_is_waited_for_outside_the_stream() {
    let mut pair = Pair::new();
    pair.open(&[0; 65_535]);
    pair.sent();
    pair.accept(1);
    assert_eq!(pair.try_open(b"x"), Err(Blocked::ConnectionWindow));
    pair.input(&settings(&[(WINDOW, 1)]));
    assert_eq!(pair.try_open(b"xx"), Err(Blocked::ConnectionWindow));
    pair.input(&window_update(0, 1));
    assert_eq!(pair.try_open(b"xx"), Ok(3));
}

#[test]
fn a_body_in_parts_waits_for_the_output_too() {
    let config = Config {
        max_output: 1_000,
        ..Config::default()
    };
    let mut pair = Pair::settled(config, &[(WINDOW, 1_500)]);
    pair.open(&[0; 2_000]);
    let mut data = 0;
    let mut rounds = 0;
    pair.input(&window_update(1, 10_000));
    loop {
        assert!(pair.client.output().len() < 1_100);
        let frames = pair.frames();
        if frames.is_empty() {
            break;
        }
        data += frames
            .iter()
            .filter(|f| f.kind == DATA)
            .map(|f| f.payload.len())
            .sum::<usize>();
        rounds += 1;
    }
    assert_eq!((data, rounds), (2_000, 3));
}

#[test]
fn a_smaller_initial_window_may_make_a_stream_s_window_negative() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 100)]);
    let stream = pair.open(&[0; 150]);
    assert_eq!(pair.sent(), ["HEADERS 1", "DATA 1 100"]);
    pair.input(&settings(&[(WINDOW, 40)]));
    // The window is -60 now.
    pair.input(&window_update(stream, 60));
    assert_eq!(pair.sent(), ["SETTINGS 0 ACK"]);
    pair.input(&window_update(stream, 1));
    assert_eq!(pair.sent(), ["DATA 1 1"]);
    pair.input(&settings(&[(WINDOW, 89)]));
    assert_eq!(pair.sent(), ["SETTINGS 0 ACK", "DATA 1 49 END_STREAM"]);
}

#[test]
fn settings_do_not_change_the_connection_s_window() {
    let mut pair = Pair::settled(Config::default(), &[(WINDOW, 1 << 30)]);
    pair.open(&[0; 65_535]);
    pair.sent();
    assert_eq!(pair.try_open(b"x"), Err(Blocked::ConnectionWindow));
    pair.input(&settings(&[(WINDOW, 0)]));
    pair.input(&window_update(0, 2));
    pair.input(&settings(&[(WINDOW, 1)]));
    assert_eq!(pair.try_open(b"x"), Ok(3));
}

#[test]
fn window_update_errors_have_the_right_level() {
    for (bytes, code) in [
        (window_update(0, 0), "PROTOCOL_ERROR"),
        (window_update(0, 0x8000_0000), "PROTOCOL_ERROR"),
        (window_update(0, 0x7fff_ffff), "FLOW_CONTROL_ERROR"),
    ] {
        let mut pair = Pair::with_open_streams(1);
        pair.input(&bytes);
        assert_eq!(pair.connection_error(), code);
    }
    for (increment, code) in [(0, "PROTOCOL_ERROR"), (0x7fff_ffff, "FLOW_CONTROL_ERROR")] {
        let mut pair = Pair::with_open_streams(1);
        pair.input(&window_update(1, increment));
        assert_eq!(
            pair.events(),
            [format!("reset 1: {code} by us: FlowControl")]
        );
        assert_eq!(pair.sent(), [format!("RST_STREAM 1 {code}")]);
        pair.assert_works();
    }
}

#[test]
fn an_initial_window_that_makes_a_stream_s_window_too_large_ends_the_connection() {
    let mut pair = Pair::with_open_streams(1);
    pair.input(&window_update(1, 0x7fff_ffff - 65_535));
    assert!(pair.events().is_empty());
    // The body's 2 bytes are room that is left.
    pair.input(&settings(&[(WINDOW, 65_537)]));
    assert_eq!(pair.events(), ["settings"]);
    pair.input(&settings(&[(WINDOW, 65_538)]));
    assert_eq!(pair.connection_error(), "FLOW_CONTROL_ERROR");
}
