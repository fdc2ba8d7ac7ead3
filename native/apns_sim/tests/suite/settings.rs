//! SETTINGS that are late, missing, changing or not heeded.

use std::time::{Duration, Instant};

use crate::support::raw::{GOAWAY, HEADERS, RawProvider, SETTINGS};
use crate::support::socket::get;
use crate::support::{Provider, TOKEN, run, simulator};

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const COMPRESSION_ERROR: u32 = 9;

#[test]
fn the_limit_goes_from_one_to_a_hundred_with_the_first_good_answer() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"trusted_streams","value":100}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        let first = raw.next_of(SETTINGS).await.settings();
        assert!(first.contains(&(MAX_CONCURRENT_STREAMS, 1)), "{first:?}");
        raw.push(1, TOKEN).await;
        let second = raw.next_of(SETTINGS).await.settings();
        assert_eq!(second, [(MAX_CONCURRENT_STREAMS, 100)]);
        // An open connection's can be moved, and new ones follow.
        simulator
            .script_json(r#"{"now":"trusted_streams","value":50}"#)
            .unwrap();
        assert_eq!(raw.next_of(SETTINGS).await.number(), 50);
    });
}

#[test]
fn the_limit_can_fall_to_none_and_rise_again() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        for limit in [0, 3, 0, 500] {
            let script = format!(r#"{{"now":"max_streams","value":{limit}}}"#);
            simulator.script_json(&script).unwrap();
            provider.wait_for_limit(limit).await;
        }
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn settings_come_late_and_all_else_behind_them() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"delay_settings","value":300,"times":1}"#)
            .unwrap();
        let begun = Instant::now();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        let first = raw.next().await.unwrap();
        assert_eq!((first.kind, first.flags), (SETTINGS, 0));
        assert!(begun.elapsed() >= Duration::from_millis(300));
        assert_eq!(raw.next_of(HEADERS).await.stream, 1);
        let rules = get(simulator.control_addr().unwrap(), "/script").json();
        assert_eq!(
            rules["connection_rules"],
            serde_json::json!([]),
            "once only"
        );
    });
}

#[test]
fn settings_never_come_and_all_else_does() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"omit_settings","times":1}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        let mut frames = raw.frames_until(HEADERS).await;
        raw.push(3, TOKEN).await;
        frames.extend(raw.frames_until(HEADERS).await);
        frames.extend(raw.frames_so_far().await);
        assert!(
            !frames
                .iter()
                .any(|frame| frame.kind == SETTINGS && frame.flags == 0),
            "{frames:?}"
        );
    });
}

#[test]
fn the_first_settings_and_later_ones_say_what_a_script_wants() {
    run(async {
        let simulator = simulator();
        let script =
            r#"{"open":"settings","header_table_size":0,"max_header_list_size":500,"times":1}"#;
        simulator.script_json(script).unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        let mut first = raw.next_of(SETTINGS).await.settings();
        first.sort_unstable();
        assert_eq!(first, [(1, 0), (3, 1), (4, 65_535), (5, 16_384), (6, 500)]);
        let script = r#"{"now":"settings","header_table_size":100,"max_frame_size":20000}"#;
        simulator.script_json(script).unwrap();
        assert_eq!(
            raw.next_of(SETTINGS).await.settings(),
            [(1, 100), (5, 20_000)]
        );
        simulator.reset();
        assert_eq!(
            raw.next_of(SETTINGS).await.settings(),
            [(1, 4096), (4, 65_535), (5, 16_384), (6, 8000)]
        );
    });
}

#[test]
fn a_header_table_that_changes_disturbs_no_provider_that_heeds_it() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        for script in [
            r#"{"now":"settings","header_table_size":0}"#,
            r#"[{"now":"settings","header_table_size":4096},{"now":"settings","header_table_size":0}]"#,
            r#"[{"now":"settings","header_table_size":0},{"now":"settings","header_table_size":300}]"#,
            r#"{"now":"settings","header_table_size":65536}"#,
        ] {
            simulator.script_json(script).unwrap();
            for _ in 0..10 {
                assert_eq!(provider.push().await.unwrap().status, 200, "{script}");
            }
        }
    });
}

#[test]
fn a_provider_that_misses_a_smaller_header_table_is_told_so() {
    run(async {
        let simulator = simulator();
        let script = r#"{"open":"settings","header_table_size":0}"#;
        simulator.script_json(script).unwrap();
        for (update, heeded) in [(&[0x20][..], true), (&[], false)] {
            let mut raw = RawProvider::connect(&simulator).await;
            let first = raw.next_of(SETTINGS).await.settings();
            assert!(first.contains(&(HEADER_TABLE_SIZE, 0)));
            raw.acknowledge_settings().await;
            let block = [update, &raw.header_block(TOKEN)].concat();
            raw.send(HEADERS, 5, 1, &block).await;
            match heeded {
                true => assert_eq!(raw.next_of(HEADERS).await.stream, 1),
                false => assert_eq!(raw.next_of(GOAWAY).await.number(), COMPRESSION_ERROR),
            }
        }
    });
}
