//! Flow control: windows that shrink, and WINDOW_UPDATEs that are late.

use std::time::{Duration, Instant};

use crate::support::raw::{DATA, HEADERS, RST_STREAM, RawProvider, SETTINGS, WINDOW_UPDATE};
use crate::support::{DEADLINE, HELLO, Provider, TOKEN, run, simulator};

const FLOW_CONTROL_ERROR: u32 = 3;

#[test]
fn a_window_shrinks_while_a_request_is_in_flight() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.open(1, TOKEN).await;
        let (front, back) = HELLO.as_bytes().split_at(20);
        raw.send(DATA, 0, 1, front).await;
        raw.next_of(SETTINGS).await;
        raw.acknowledge_settings().await;
        simulator
            .script_json(r#"{"now":"settings","initial_window_size":8}"#)
            .unwrap();
        assert_eq!(raw.next_of(SETTINGS).await.settings(), [(4, 8)]);
        // 8 less 20 that were sent: the window is negative now, until they are given back.
        raw.acknowledge_settings().await;
        let update = raw.next_of(WINDOW_UPDATE).await;
        assert_eq!((update.stream, update.number()), (1, 20));
        for chunk in back.chunks(8) {
            raw.send(DATA, 0, 1, chunk).await;
            let update = raw.next_of(WINDOW_UPDATE).await;
            assert_eq!((update.stream, update.number() as usize), (1, chunk.len()));
        }
        raw.send(DATA, 1, 1, &[]).await;
        assert_eq!(raw.next_of(HEADERS).await.stream, 1);
        assert_eq!(simulator.journal(1)[0].payload, HELLO.as_bytes());
    });
}

#[test]
fn a_provider_that_sends_more_than_the_window_holds_is_told_so() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"settings","initial_window_size":8}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        assert!(raw.next_of(SETTINGS).await.settings().contains(&(4, 8)));
        raw.acknowledge_settings().await;
        raw.open(1, TOKEN).await;
        raw.send(DATA, 1, 1, b"123456789").await;
        let reset = raw.next_of(RST_STREAM).await;
        assert_eq!((reset.stream, reset.number()), (1, FLOW_CONTROL_ERROR));
    });
}

#[test]
fn a_provider_that_heeds_small_windows_gets_its_pushes_through() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        for size in [0, 1, 7, 65_535] {
            let script = format!(r#"{{"now":"settings","initial_window_size":{size}}}"#);
            simulator.script_json(&script).unwrap();
            if size > 0 {
                assert_eq!(provider.push().await.unwrap().status, 200, "{size}");
            }
        }
        let bodies = simulator.wait_for(3, DEADLINE).unwrap();
        assert!(bodies.iter().all(|entry| entry.payload == HELLO.as_bytes()));
    });
}

#[test]
fn window_updates_come_late_and_the_provider_waits_for_them() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"delay_window_updates","value":100}"#)
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        // Three times the connection's window of 65,535 bytes: it must be given back at least twice.
        let body = format!(r#"{{"aps":{{"alert":"{}"}}}}"#, "x".repeat(4000));
        let begun = Instant::now();
        for _ in 0..50 {
            let answer = provider.exchange(provider.request(), &body).await.unwrap();
            assert_eq!(answer.status, 200);
        }
        assert!(begun.elapsed() >= Duration::from_millis(200));
    });
}
