//! A simulator that says nothing: stalled ones read on, mute ones do not.

use crate::support::raw::{HEADERS, PING, RawProvider, SETTINGS, frame};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

/// Lets the simulator do so much else that it would have got round to a connection by now.
async fn keep_busy(provider: &mut Provider) {
    for _ in 0..200 {
        provider.push().await.unwrap();
    }
}

#[test]
fn a_stalled_connection_reads_on_and_says_nothing() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        raw.next_of(HEADERS).await;
        simulator.script_json(r#"{"now":"stall"}"#).unwrap();
        raw.send(PING, 0, 0, b"anybody?").await;
        raw.push(3, TOKEN).await;
        let entries = simulator.wait_for(2, DEADLINE).unwrap();
        assert_eq!((entries[1].fault, entries[1].status), (Some("stall"), None));
        let mut other = Provider::connect(&simulator).await;
        keep_busy(&mut other).await;
        // The SETTINGS that came with the first answer may lie there still.
        let heard = raw.frames_there().await;
        assert!(
            heard.iter().all(|frame| frame.kind == SETTINGS),
            "{heard:?}"
        );
        simulator
            .script_json(r#"{"now":"cut","connection":1}"#)
            .unwrap();
        assert!(
            !raw.ended_politely().await,
            "a stalled connection can be cut"
        );
    });
}

#[test]
fn a_connection_can_be_stalled_from_its_first_byte() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"stall","times":1}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        let entry = &simulator.wait_for(1, DEADLINE).unwrap()[0];
        assert_eq!(entry.fault, Some("stall"));
        assert!(raw.has_heard_nothing().await);
    });
}

#[test]
fn a_mute_connection_reads_nothing_so_that_writes_come_to_a_stand() {
    run(async {
        let simulator = simulator();
        let mut other = Provider::connect(&simulator).await;
        let pings = frame(PING, 0, 0, b"mute now").repeat(60_000);
        for (script, stands) in [
            (r#"{"now":"stall","connection":2}"#, false),
            (r#"{"now":"mute","connection":3}"#, true),
        ] {
            let mut raw = RawProvider::connect_narrowly(&simulator).await;
            raw.next_of(SETTINGS).await;
            simulator.script_json(script).unwrap();
            let written = tokio::select! {
                written = raw.write(&pings) => written.is_ok(),
                () = async { loop { keep_busy(&mut other).await; if stands { break } } } => false,
            };
            assert_eq!(written, !stands, "{script}");
        }
    });
}

#[test]
fn a_request_can_make_its_connection_mute() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"action":"mute","stream":3,"times":1}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        while raw.next_of(SETTINGS).await.number() != 1000 {}
        raw.push(3, TOKEN).await;
        simulator.wait_for(2, DEADLINE).unwrap();
        raw.push(5, TOKEN).await;
        let mut other = Provider::connect(&simulator).await;
        keep_busy(&mut other).await;
        let entries = simulator.journal(1);
        let of_first: Vec<_> = entries
            .iter()
            .filter(|entry| entry.connection == 1)
            .map(|entry| (entry.stream_id, entry.fault))
            .collect();
        assert_eq!(of_first, [(1, None), (3, Some("mute"))], "5 is never read");
    });
}
