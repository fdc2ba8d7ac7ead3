//! The HTTP/2 connection against another implementation's server: the h2 crate, over an in-memory pipe.
//!
//! Every request is compared field by field and byte by byte where it arrives, every response where it comes back,
//! and each request is answered exactly once, whatever windows, tables, cuts, resets and GOAWAYs lie between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod client;
mod peer;
mod request;

use std::sync::Arc;
use std::time::Duration;

use h2::Reason;

use client::{Progress, send_all};
use peer::{Arrived, Scenario, serve};

/// Far more than any scenario needs: a deadlock becomes a failure.
const DEADLINE: Duration = Duration::from_secs(120);

const PLAIN: Scenario = Scenario {
    requests: 2_000,
    max_concurrent_streams: 100,
    initial_window: 65_535,
    header_table_size: None,
    max_frame_size: 16_384,
    cut: 16_384,
    reset: None,
    graceful_shutdown_after: None,
};

/// Lets all requests through, over as many connections as it takes, and returns how it went.
fn exchange(scenario: Scenario) -> Progress {
    let mut progress = Progress {
        waiting: (0..scenario.requests).collect(),
        ..Progress::default()
    };
    let arrived = Arrived::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let all = async {
        while !progress.waiting.is_empty() {
            let (client, server) = tokio::io::duplex(64 * 1024);
            let server = tokio::spawn(serve(server, scenario, Arc::clone(&arrived)));
            send_all(client, &mut progress, scenario.cut).await;
            server.await.unwrap();
        }
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, all).await.expect("in time") });
    assert_eq!(progress.answered.len() as u32, scenario.requests);
    assert!(progress.answered.values().all(|times| *times == 1));
    assert!(
        arrived
            .lock()
            .unwrap()
            .values()
            .all(|times| matches!(times, 1 | 101))
    );
    progress
}

#[test]
fn ten_thousand_requests_arrive_whole_and_come_back_answered() {
    exchange(Scenario {
        requests: 10_000,
        ..PLAIN
    });
}

#[test]
fn the_cuts_of_the_transport_do_not_matter() {
    exchange(Scenario { cut: 61, ..PLAIN });
    exchange(Scenario {
        cut: 1_021,
        ..PLAIN
    });
}

#[test]
fn windows_smaller_than_the_bodies_let_everything_through() {
    let progress = exchange(Scenario {
        initial_window: 1_000,
        ..PLAIN
    });
    assert!(
        progress.blocked.contains_key("StreamWindow"),
        "{:?}",
        progress.blocked
    );
}

#[test]
fn a_peer_without_a_table_reads_every_field() {
    exchange(Scenario {
        header_table_size: Some(0),
        ..PLAIN
    });
}

#[test]
fn a_peer_with_a_table_that_keeps_evicting_reads_every_field() {
    exchange(Scenario {
        header_table_size: Some(150),
        ..PLAIN
    });
}

#[test]
fn one_stream_at_a_time_lets_everything_through() {
    let progress = exchange(Scenario {
        max_concurrent_streams: 1,
        ..PLAIN
    });
    assert!(
        progress.blocked.contains_key("Streams"),
        "{:?}",
        progress.blocked
    );
}

#[test]
fn larger_frames_are_fine() {
    exchange(Scenario {
        max_frame_size: 1 << 20,
        max_concurrent_streams: 1_000,
        ..PLAIN
    });
}

#[test]
fn refused_streams_are_sent_again() {
    let progress = exchange(Scenario {
        reset: Some((7, Reason::REFUSED_STREAM)),
        ..PLAIN
    });
    assert_eq!(progress.reset, PLAIN.requests.div_ceil(7));
}

#[test]
fn other_resets_are_told_apart() {
    let progress = exchange(Scenario {
        reset: Some((11, Reason::INTERNAL_ERROR)),
        ..PLAIN
    });
    assert_eq!(progress.reset, PLAIN.requests.div_ceil(11));
}

#[test]
fn what_a_goaway_leaves_out_is_sent_on_the_next_connection() {
    let progress = exchange(Scenario {
        graceful_shutdown_after: Some(900),
        ..PLAIN
    });
    assert!(
        progress.blocked.contains_key("GoingAway"),
        "{:?}",
        progress.blocked
    );
}
