//! TCP that ends: at a byte, at a request, with a FIN or with a reset.

use std::io::ErrorKind;

use crate::support::raw::{HEADERS, RawProvider};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

#[test]
fn a_cut_comes_behind_the_byte_a_script_names() {
    run(async {
        let simulator = simulator();
        let length = {
            let raw = RawProvider::connect_silently(&simulator).await;
            raw.first_bytes(TOKEN).len()
        };
        // In the preface, behind it, in SETTINGS, in HEADERS, in DATA, before the last byte.
        for byte in [0, 1, 24, 30, 33, 40, 200, length - 20, length - 1] {
            let script = format!(r#"{{"open":"cut","at_byte":{byte},"times":1}}"#);
            simulator.script_json(&script).unwrap();
            let mut raw = RawProvider::connect_silently(&simulator).await;
            // The cut may come while this is written.
            let _ = raw.write(&raw.first_bytes(TOKEN)).await;
            assert!(!raw.ended_politely().await, "at {byte}");
        }
        assert!(simulator.journal(1).is_empty(), "no request was whole");

        let script = format!(r#"{{"open":"cut","at_byte":{length},"times":1}}"#);
        simulator.script_json(&script).unwrap();
        let mut raw = RawProvider::connect_silently(&simulator).await;
        raw.write(&raw.first_bytes(TOKEN)).await.unwrap();
        assert!(!raw.ended_politely().await);
        let entry = &simulator.wait_for(1, DEADLINE).unwrap()[0];
        assert_eq!((entry.fault, entry.status), (Some("cut"), None));

        let mut next = Provider::connect(&simulator).await;
        assert_eq!(next.push().await.unwrap().status, 200, "once each");
    });
}

#[test]
fn a_connection_is_cut_at_a_byte_that_is_still_to_come() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect_silently(&simulator).await;
        let first = raw.first_bytes(TOKEN);
        raw.write(&first).await.unwrap();
        assert_eq!(raw.next_of(HEADERS).await.stream, 1);
        let script = format!(
            r#"{{"now":"cut","at_byte":{},"connection":1}}"#,
            first.len() + 1
        );
        simulator.script_json(&script).unwrap();
        raw.send(HEADERS, 4, 3, &raw.header_block(TOKEN)).await;
        assert!(!raw.ended_politely().await);
        let fates: Vec<_> = simulator
            .journal(1)
            .iter()
            .map(|entry| entry.status)
            .collect();
        assert_eq!(fates, [Some(200)]);
    });
}

#[test]
fn a_cut_can_be_a_tcp_reset() {
    run(async {
        let simulator = simulator();
        for (script, kind) in [
            (r#"{"now":"cut"}"#, ErrorKind::UnexpectedEof),
            (r#"{"now":"cut","reset":true}"#, ErrorKind::ConnectionReset),
        ] {
            let mut raw = RawProvider::connect(&simulator).await;
            // The acknowledgement says that all was read: bytes that were not make any close a reset.
            while raw.next().await.unwrap().flags == 0 {}
            simulator.script_json(script).unwrap();
            assert_eq!(raw.end().await, Err(kind), "{script}");
        }
    });
}

#[test]
fn a_connection_is_cut_after_so_many_requests() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"action":"cut","reset":true,"skip":2,"times":1}"#)
            .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        assert_eq!(provider.push().await.unwrap().status, 200);
        assert_eq!(provider.push().await.unwrap().status, 200);
        let error = provider.push().await.unwrap_err();
        assert_eq!(
            error.get_io().map(std::io::Error::kind),
            Some(ErrorKind::ConnectionReset)
        );
        assert_eq!(simulator.journal(3)[0].fault, Some("cut"));
    });
}
