//! GOAWAY: once, twice, at a stream, every so many streams.

use apns_sim::Simulator;

use crate::support::raw::{Frame, GOAWAY, HEADERS, PING, RawProvider, SETTINGS};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

const OTHER: &str = "aa11";
const WARNING: u32 = 0x7fff_ffff;

/// A provider with its first answer, and so with many streams.
async fn trusted(simulator: &Simulator) -> RawProvider {
    let mut raw = RawProvider::connect(simulator).await;
    raw.push(1, TOKEN).await;
    while raw.next_of(SETTINGS).await.number() != 1000 {}
    assert_eq!(raw.next_of(HEADERS).await.stream, 1);
    raw
}

/// The last stream and the debug data.
fn said(go_away: &Frame) -> (u32, String) {
    let last = u32::from_be_bytes(go_away.payload[..4].try_into().unwrap());
    let debug_data = String::from_utf8(go_away.payload[8..].to_vec()).unwrap();
    (last, debug_data)
}

fn fates(simulator: &Simulator) -> Vec<(u32, Option<u16>, Option<&'static str>)> {
    let entries = simulator.journal(1);
    entries
        .iter()
        .map(|entry| (entry.stream_id, entry.status, entry.fault))
        .collect()
}

#[test]
fn a_goaway_comes_at_the_stream_a_script_names_on_each_connection() {
    run(async {
        let simulator = simulator();
        let script = r#"{"action":"goaway","stream":5,"reason":"Shutdown"}"#;
        simulator.script_json(script).unwrap();
        for _ in 0..2 {
            let mut raw = trusted(&simulator).await;
            raw.push(3, TOKEN).await;
            raw.push(5, TOKEN).await;
            let expected = (3, r#"{"reason":"Shutdown"}"#.to_owned());
            assert_eq!(said(&raw.next_of(GOAWAY).await), expected);
            assert!(raw.ended_politely().await);
        }
        let one = [
            (1, Some(200), None),
            (3, Some(200), None),
            (5, None, Some("goaway")),
        ];
        assert_eq!(fates(&simulator), [one, one].concat());
    });
}

#[test]
fn a_goaway_below_what_was_received_gives_up_what_waits_for_its_answer() {
    run(async {
        let simulator = simulator();
        let mut raw = trusted(&simulator).await;
        let script = format!(
            r#"[{{"token":"{TOKEN}","delay_ms":200}},
                {{"action":"goaway","last_stream":3,"reason":"Shutdown","stream":9}}]"#
        );
        simulator.script_json(&script).unwrap();
        // At once, so that none is answered before the last has come.
        let tokens = [(3, TOKEN), (5, TOKEN), (7, TOKEN), (9, OTHER)];
        let pushes = tokens.map(|(stream, token)| raw.push_bytes(stream, token));
        raw.write(&pushes.concat()).await.unwrap();
        assert_eq!(said(&raw.next_of(GOAWAY).await).0, 3);
        assert_eq!(raw.next_of(HEADERS).await.stream, 3);
        assert!(
            raw.ended_politely().await,
            "5 and 7 were received and are never answered"
        );
        // They were in the journal as accepted while their answers waited.
        let gone = Some("goaway");
        let mut fates = fates(&simulator);
        fates.sort_unstable();
        assert_eq!(
            fates[1..],
            [
                (3, Some(200), None),
                (5, None, gone),
                (7, None, gone),
                (9, None, gone)
            ]
        );
    });
}

#[test]
fn a_goaway_gives_up_no_stream_that_has_its_answer() {
    run(async {
        let simulator = simulator();
        let mut raw = trusted(&simulator).await;
        let script = r#"{"action":"goaway","last_stream":1,"reason":"Shutdown","stream":7}"#;
        simulator.script_json(script).unwrap();
        for stream in [3, 5] {
            raw.push(stream, TOKEN).await;
            assert_eq!(raw.next_of(HEADERS).await.stream, stream);
        }
        raw.push(7, TOKEN).await;
        assert_eq!(said(&raw.next_of(GOAWAY).await).0, 5);
        assert!(raw.ended_politely().await);
    });
}

#[test]
fn a_goaway_that_comes_twice_warns_first_and_waits_for_a_ping() {
    run(async {
        let simulator = simulator();
        let mut raw = trusted(&simulator).await;
        let script = r#"{"action":"goaway","twice":true,"stream":5,"reason":"Shutdown"}"#;
        simulator.script_json(script).unwrap();
        raw.push(3, TOKEN).await;
        raw.push(5, TOKEN).await;
        let reason = r#"{"reason":"Shutdown"}"#.to_owned();
        assert_eq!(said(&raw.next_of(GOAWAY).await), (WARNING, reason.clone()));
        let ping = raw.next_of(PING).await;
        // What the provider opens before it has heard of the warning comes to nothing.
        raw.push(7, TOKEN).await;
        let frames = raw.frames_so_far().await;
        assert!(
            !frames.iter().any(|frame| frame.kind == GOAWAY),
            "{frames:?}"
        );
        raw.send(PING, 1, 0, &ping.payload).await;
        assert_eq!(said(&raw.next_of(GOAWAY).await), (3, reason));
        assert!(raw.ended_politely().await);
        assert_eq!(
            fates(&simulator)[2..],
            [(5, None, Some("goaway")), (7, None, Some("goaway"))]
        );
    });
}

#[test]
fn a_goaway_that_only_warns_leaves_the_connection_open() {
    run(async {
        let simulator = simulator();
        let mut raw = trusted(&simulator).await;
        simulator
            .script_json(r#"{"now":"goaway","last_stream":2147483647}"#)
            .unwrap();
        assert_eq!(said(&raw.next_of(GOAWAY).await).0, WARNING);
        raw.push(3, TOKEN).await;
        assert_eq!(raw.next_of(HEADERS).await.stream, 3);
        simulator
            .script_json(r#"{"now":"goaway","reason":"Shutdown"}"#)
            .unwrap();
        assert_eq!(said(&raw.next_of(GOAWAY).await).0, 3);
        assert!(raw.ended_politely().await);
    });
}

#[test]
fn a_goaway_can_be_the_first_thing_after_settings() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"goaway","reason":"Shutdown","times":1}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        assert_eq!(raw.next().await.unwrap().kind, SETTINGS);
        assert_eq!(said(&raw.next_of(GOAWAY).await).0, 0);
        assert!(raw.ended_politely().await);
        assert_eq!(
            Provider::connect(&simulator)
                .await
                .push()
                .await
                .unwrap()
                .status,
            200
        );
    });
}

#[test]
fn a_goaway_every_hundred_streams_ends_each_connection_at_its_hundredth() {
    run(async {
        let simulator = simulator();
        let script = r#"{"action":"goaway","every":100,"reason":"Shutdown"}"#;
        simulator.script_json(script).unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let mut connections = 1;
        for _ in 0..1000 {
            while let Err(error) = provider.push().await {
                assert!(error.is_go_away(), "{error}");
                provider = Provider::connect(&simulator).await;
                connections += 1;
            }
        }
        // 99 are answered on each.
        assert_eq!(connections, 11);
        let entries = simulator.wait_for(1010, DEADLINE).unwrap();
        let accepted = entries.iter().filter(|entry| entry.status == Some(200));
        assert_eq!(accepted.count(), 1000);
        let given_up = entries.iter().filter(|entry| entry.fault == Some("goaway"));
        assert!(given_up.map(|entry| entry.stream_id).eq([199; 10]));
    });
}
