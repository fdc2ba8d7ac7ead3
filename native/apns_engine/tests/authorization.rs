//! The provider token on its way: in every request, or once for each connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use apns_engine::config::Options;
use support::*;

const PUSHES: u32 = 200;

/// Bytes that leave for so many pushes, all of which the simulator has accepted with their provider token.
fn bytes_out(index_authorization: bool) -> u64 {
    let simulator = simulator();
    let (app, events) = start(Options {
        max_connections: 1,
        index_authorization,
        ..options(&simulator)
    });
    let ids = notify_all(&app, 0..PUSHES);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    let journal = simulator.wait_for(u64::from(PUSHES), PATIENCE).unwrap();
    let mut tokens = journal.iter().map(|entry| entry.provider_token.as_ref());
    let first = tokens.next().flatten().expect("a provider token");
    assert!(tokens.all(|token| token == Some(first)));
    app.stats().get("bytes_out").unwrap()
}

#[test]
fn an_app_that_indexes_its_provider_token_sends_it_once_and_apple_reads_it_in_each_request() {
    let (whole, indexed) = (bytes_out(false), bytes_out(true));
    // A provider token has some 200 characters, which are 150 bytes in Huffman's code.
    let saved = whole.saturating_sub(indexed);
    assert!(saved > u64::from(PUSHES - 1) * 140, "{whole} {indexed}");
}
