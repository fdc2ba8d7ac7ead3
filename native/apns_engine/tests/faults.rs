//! Apple's faults one by one: what events tell is what the simulator's journal holds, and no push rings twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::HashMap;

use apns_engine::config::Options;
use apns_proto::apns_id::ApnsId;
use apns_sim::Simulator;
use support::*;

/// How often the simulator has accepted each push.
fn accepted(simulator: &Simulator) -> HashMap<String, usize> {
    let mut times = HashMap::new();
    for entry in simulator.journal(0) {
        if entry.status == Some(200) && entry.fault.is_none() {
            let id = entry.apns_id.clone().unwrap_or_default();
            *times.entry(id).or_insert(0) += 1;
        }
    }
    times
}

/// A push that an event calls accepted is in the journal once; of one whose fate is unknown nothing can be said but
/// that it is not there twice.
fn assert_journal_agrees(
    simulator: &Simulator,
    ids: &[ApnsId],
    ends: &HashMap<ApnsId, End>,
    fault: &str,
) {
    let accepted = accepted(simulator);
    for id in ids {
        let times = accepted.get(&id.to_string()).copied().unwrap_or(0);
        match &ends[id] {
            End::Accepted => assert_eq!(times, 1, "{fault}: {id}"),
            End::Failed("unknown") => assert!(times <= 1, "{fault}: {id}"),
            other => panic!("{fault}: {other:?}"),
        }
    }
}

/// Pushes while a fault happens, and when it is over. `sign` is what `stats` counts when it has happened. Returns how
/// many of [`PUSHES`] ended as unknown.
fn play(script: &str, sign: &str) -> usize {
    let simulator = simulator();
    simulator.script_json(script).unwrap();
    let (app, events) = start(Options {
        connect_timeout: 1000,
        response_timeout: 2000,
        ping_interval: 500,
        ping_timeout: 1000,
        ..options(&simulator)
    });
    let ids = notify_all(&app, 0..PUSHES);
    let ends = events.outcomes(&ids);
    assert_journal_agrees(&simulator, &ids, &ends, script);
    assert_balanced(&app);
    assert!(app.stats().get(sign) > Some(0), "{script}: no {sign}");
    simulator.reset();
    let later = notify_all(&app, PUSHES..PUSHES + 10);
    let lasting = events.outcomes(&later);
    assert!(
        lasting.values().all(|end| *end == End::Accepted),
        "after {script}: {lasting:?}"
    );
    assert_journal_agrees(&simulator, &later, &lasting, script);
    ends.values()
        .filter(|end| **end == End::Failed("unknown"))
        .count()
}

/// Faults after which it is known what was not processed.
fn cost_nothing(faults: &[(&str, &str)]) {
    for (script, sign) in faults {
        assert_eq!(play(script, sign), 0, "{script}");
    }
}

#[test]
fn a_server_that_goes_away_or_refuses_streams_costs_no_push_and_doubles_none() {
    cost_nothing(&[
        (
            r#"[{"action":"goaway","stream":41,"reason":"Shutdown","times":1}]"#,
            "goaways",
        ),
        (
            r#"[{"action":"goaway","stream":41,"last_stream":21,"reason":"Shutdown","times":1}]"#,
            "resent",
        ),
        (
            r#"[{"action":"goaway","stream":41,"last_stream":21,"times":1},{"delay_ms":200,"skip":1}]"#,
            "resent",
        ),
        (
            r#"[{"action":"goaway","twice":true,"stream":41,"reason":"Shutdown","times":1}]"#,
            "goaways",
        ),
        (
            r#"[{"open":"goaway","reason":"Shutdown","times":1}]"#,
            "goaways",
        ),
        (
            r#"[{"open":"refuse_twice"},{"action":"refused_stream","skip":20,"times":10}]"#,
            "resent",
        ),
    ]);
}

#[test]
fn a_server_slow_or_odd_at_the_start_costs_no_push_and_doubles_none() {
    cost_nothing(&[
        (
            r#"[{"open":"delay_settings","value":300,"times":1}]"#,
            "connects",
        ),
        (
            r#"[{"open":"omit_settings","times":1}]"#,
            "connect_failures",
        ),
        (
            r#"[{"tls":"expired_certificate","times":1}]"#,
            "connect_failures",
        ),
        (r#"[{"tls":"wrong_name","times":1}]"#, "connect_failures"),
        (r#"[{"tls":"no_alpn","times":1}]"#, "connect_failures"),
        (r#"[{"open":"trusted_streams","value":100}]"#, "connects"),
    ]);
}

#[test]
fn frames_and_windows_of_any_shape_cost_no_push_and_double_none() {
    // That these come as they should is shown by the simulator's own tests.
    let shapes = [
        r#"[{"open":"padding","value":100}]"#,
        r#"[{"open":"continuation","value":10}]"#,
        r#"[{"open":"settings","initial_window_size":40}]"#,
        r#"[{"action":"settings","initial_window_size":8,"stream":21,"times":1}]"#,
        r#"[{"open":"settings","header_table_size":0}]"#,
        r#"[{"action":"settings","header_table_size":0,"stream":21,"times":1}]"#,
        r#"[{"open":"delay_window_updates","value":100}]"#,
        r#"[{"interim":[100,103]}]"#,
        r#"[{"status":200,"trailers":{"x-end":"yes"}}]"#,
        r#"[{"early":true,"status":200}]"#,
        r#"[{"delay_ms":20}]"#,
    ];
    cost_nothing(&shapes.map(|script| (script, "connects")));
}

#[test]
fn answers_that_say_later_cost_no_push_and_double_none() {
    cost_nothing(&[
        (
            r#"[{"status":503,"reason":"ServiceUnavailable","skip":20,"times":5,"retry_after":1}]"#,
            "resent",
        ),
        (
            r#"[{"status":429,"reason":"TooManyRequests","skip":20,"times":5,"retry_after":1}]"#,
            "throttled",
        ),
        (
            r#"[{"status":500,"reason":"InternalServerError","skip":20,"times":1}]"#,
            "resent",
        ),
    ]);
}

#[test]
fn faults_that_leave_a_fate_open_double_nothing() {
    for (script, most) in [
        // In the midst of the first request, which goes alone.
        (r#"[{"open":"cut","at_byte":100,"times":1}]"#, 1),
        (r#"[{"open":"cut","at_byte":20000,"times":1}]"#, PUSHES),
        (r#"[{"action":"cut","skip":20,"times":1}]"#, PUSHES),
        (
            r#"[{"action":"cut","reset":true,"skip":20,"times":1}]"#,
            PUSHES,
        ),
        (r#"[{"action":"stall","skip":20,"times":1}]"#, 1),
        (r#"[{"action":"mute","stream":21,"times":1}]"#, PUSHES),
        (r#"[{"action":"reset","code":2,"skip":20,"times":5}]"#, 5),
        // A PING of two bytes: FRAME_SIZE_ERROR, and the connection is over.
        (
            r#"[{"action":"frame","type":6,"payload":"0000","stream":21,"times":1}]"#,
            PUSHES,
        ),
    ] {
        let unknown = play(script, "failed_unknown");
        assert!(unknown <= most as usize, "{script}: {unknown} unknown");
    }
}

#[test]
fn ten_thousand_pushes_with_a_goaway_every_hundred_streams_are_all_accepted_and_none_twice() {
    let simulator = simulator();
    // More streams than live, so that each GOAWAY gives some up.
    let script = r#"[{"open":"trusted_streams","value":150},
        {"action":"goaway","every":100,"reason":"Shutdown"}]"#;
    simulator.script_json(script).unwrap();
    let (app, events) = start(options(&simulator));
    let ids = notify_all(&app, 0..10_000);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert_journal_agrees(&simulator, &ids, &ends, "GOAWAY");
    assert!(app.stats().get("goaways") >= Some(90), "{:?}", app.stats());
    assert_balanced(&app);
}

/// How many pushes meet each fault.
const PUSHES: u32 = 300;
