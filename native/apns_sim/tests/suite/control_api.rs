//! The control API over a bare socket.

use std::net::SocketAddr;

use apns_sim::{Options, Simulator};
use serde_json::json;

use crate::support::raw::{RawProvider, SETTINGS};
use crate::support::socket::{get, post, request};
use crate::support::{DEADLINE, HELLO, Provider, TOKEN, run, simulator};

fn control(simulator: &Simulator) -> SocketAddr {
    simulator.control_addr().unwrap()
}

#[test]
fn the_journal_tells_all_of_a_request() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let request = provider.request().header("apns-topic", "twice");
        provider.exchange(request, HELLO).await.unwrap();
        let journal = get(control(&simulator), "/journal").json();
        assert_eq!(
            (&journal["epoch"], &journal["next"], &journal["dropped"]),
            (&json!(1), &json!(2), &json!(0))
        );
        let entry = &journal["entries"][0];
        for (name, value) in [
            ("sequence", json!(1)),
            ("connection", json!(1)),
            ("stream_id", json!(1)),
            ("method", json!("POST")),
            ("path", json!(format!("/3/device/{TOKEN}"))),
            ("token", json!(TOKEN)),
            ("payload", serde_json::from_str(HELLO).unwrap()),
            ("status", json!(400)),
            ("reason", json!("DuplicateHeaders")),
            ("fault", json!(null)),
        ] {
            assert_eq!(entry[name], value, "{name}");
        }
        assert_eq!(
            entry["headers"]["apns-topic"],
            json!(["im.example.chat", "twice"])
        );
        let claims = &entry["headers"]["authorization"];
        assert_eq!(
            (&claims["kid"], &claims["iss"]),
            (&json!("SIMKEY0001"), &json!("SIMTEAM001"))
        );
        assert!(claims["iat"].is_i64());
        assert!(entry["received_at_us"].as_u64() > Some(1_700_000_000_000_000));
        assert!(entry["apns_id"].is_string());
    });
}

#[test]
fn the_provider_token_itself_is_nowhere() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        let token = provider.bearer.rsplit('.').next().unwrap().to_owned();
        assert!(!get(control(&simulator), "/journal").body.contains(&token));
    });
}

#[test]
fn a_payload_that_is_no_json_is_shown_as_text() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider
            .exchange(provider.request(), r#"{"aps": <oops>"#)
            .await
            .unwrap();
        let journal = get(control(&simulator), "/journal").json();
        let entry = &journal["entries"][0];
        assert_eq!(
            (&entry["payload"], &entry["payload_raw"]),
            (&json!(null), &json!("{\"aps\": <oops>"))
        );
    });
}

#[test]
fn the_journal_is_read_from_a_number_by_token_and_in_parts() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        for token in ["aa", "bb", "aa", "bb"] {
            provider.push_to(token).await.unwrap();
        }
        let numbers = |path: &str| {
            let journal = get(control(&simulator), path).json();
            let entries = journal["entries"].as_array().unwrap();
            let numbers: Vec<u64> = entries
                .iter()
                .map(|entry| entry["sequence"].as_u64().unwrap())
                .collect();
            (numbers, journal["next"].as_u64().unwrap())
        };
        assert_eq!(numbers("/journal"), (vec![1, 2, 3, 4], 5));
        assert_eq!(numbers("/journal?since=3"), (vec![3, 4], 5));
        assert_eq!(numbers("/journal?since=5"), (vec![], 5));
        assert_eq!(numbers("/journal?since=99"), (vec![], 5));
        assert_eq!(numbers("/journal?token=AA"), (vec![1, 3], 5));
        assert_eq!(numbers("/journal?limit=3"), (vec![1, 2, 3], 4));
        assert_eq!(numbers("/journal?limit=0").0, Vec::<u64>::new());
        assert_eq!(numbers("/journal?token=bb&since=3&limit=1"), (vec![4], 5));
    });
}

#[test]
fn a_long_poll_ends_with_the_request_it_waited_for() {
    run(async {
        let simulator = simulator();
        let address = control(&simulator);
        let mut provider = Provider::connect(&simulator).await;
        provider.push_to("aa").await.unwrap();
        let poll = std::thread::spawn(move || {
            get(address, "/journal?since=2&token=bb&wait_ms=20000").json()
        });
        provider.push_to("aa").await.unwrap();
        provider.push_to("bb").await.unwrap();
        let journal = poll.join().unwrap();
        assert_eq!(journal["entries"].as_array().unwrap().len(), 1);
        assert_eq!(journal["entries"][0]["token"], "bb");
    });
}

#[test]
fn a_long_poll_ends_empty_with_its_time_or_with_a_reset() {
    let simulator = simulator();
    let address = control(&simulator);
    assert_eq!(
        get(address, "/journal?since=1&wait_ms=1").json()["entries"],
        json!([])
    );
    let poll = std::thread::spawn(move || get(address, "/journal?since=7&wait_ms=20000").json());
    // Whether the reset comes before the poll or after, the poll must not miss a later one.
    while !poll.is_finished() {
        assert_eq!(post(address, "/reset", "").json(), json!({ "reset": true }));
    }
    assert_eq!(poll.join().unwrap()["entries"], json!([]));
}

#[test]
fn a_script_is_carried_out_and_listed() {
    run(async {
        let simulator = simulator();
        let address = control(&simulator);
        let script = format!(
            r#"[{{"token":"{TOKEN}","reason":"TooManyRequests","times":1}},{{"unregister":"bb"}},
                {{"action":"cut","skip":5}},{{"open":"padding","value":7,"times":3}}]"#
        );
        let answer = post(address, "/script", &script);
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "steps": 4, "rules_waiting": 2 }))
        );
        let rules = get(address, "/script").json();
        assert_eq!(rules["rules"].as_array().unwrap().len(), 2, "{rules}");
        let padding = json!([{ "skip": 0, "times": 3, "open": { "padding": 7 } }]);
        assert_eq!(rules["connection_rules"], padding);
        let mut provider = Provider::connect(&simulator).await;
        assert_eq!(provider.push().await.unwrap().reason(), "TooManyRequests");
        assert_eq!(
            provider.push_to("bb").await.unwrap().reason(),
            "Unregistered"
        );
        let health = get(address, "/health").json();
        assert_eq!(
            (
                &health["script"]["rules_waiting"],
                &health["script"]["devices_marked"]
            ),
            (&json!(1), &json!(1))
        );
        post(address, "/reset", "");
        assert_eq!(
            get(address, "/script").json(),
            json!({ "rules": [], "connection_rules": [] })
        );
        assert_eq!(provider.push_to("bb").await.unwrap().status, 200);
    });
}

#[test]
fn a_script_that_is_half_wrong_does_nothing() {
    let simulator = simulator();
    let address = control(&simulator);
    let answer = post(
        address,
        "/script",
        r#"[{"listener":"silent"},{"listner":"cut"}]"#,
    );
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["error"].as_str().unwrap().contains("listner"),
        "{answer:?}"
    );
    assert!(
        answer.json()["example"]
            .as_str()
            .unwrap()
            .starts_with("curl ")
    );
    assert_eq!(
        get(address, "/health").json()["script"]["listener"],
        "serve"
    );
}

#[test]
fn a_connection_that_is_not_open_is_not_found_and_nothing_of_the_script_is_done() {
    run(async {
        let simulator = simulator();
        let address = control(&simulator);
        let script = r#"[{"listener":"silent"},{"now":"cut","connection":7}]"#;
        let answer = post(address, "/script", script);
        assert_eq!(answer.status, 404);
        let error = answer.json();
        assert_eq!(error["error"], "Connection 7 is not open; none is.");
        let example = format!("curl http://127.0.0.1:{}/health", address.port());
        assert_eq!(error["example"], example, "with the port that is meant");
        let health = get(address, "/health").json();
        assert_eq!(health["script"]["listener"], "serve");

        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        let answer = post(address, "/script", r#"{"now":"cut","connection":2}"#);
        assert_eq!(answer.json()["error"], "Connection 2 is not open; 1 is.");
        let answer = post(address, "/script", r#"{"now":"cut","connection":1}"#);
        assert_eq!(answer.status, 200);
        assert!(!raw.ended_politely().await);
    });
}

#[test]
fn health_counts_connections_and_requests() {
    run(async {
        let simulator = simulator();
        let address = control(&simulator);
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.push_to("xyz").await.unwrap();
        simulator
            .script_json(r#"{"action":"refused_stream"}"#)
            .unwrap();
        provider.push().await.unwrap_err();
        let health = get(address, "/health").json();
        assert_eq!(health["status"], "ok");
        assert_eq!(health["provider"]["port"], simulator.provider_addr().port());
        assert_eq!(health["control"]["port"], address.port());
        assert_eq!(
            health["connections"],
            json!({ "made": 2, "open": 2, "numbers": [1, 2], "refused": 0, "handshakes_failed": 0 })
        );
        assert_eq!(
            health["requests"],
            json!({ "accepted": 1, "rejected": 1, "faults": 1, "abandoned": 0 })
        );
        assert_eq!(health["journal"], json!({ "entries": 3, "dropped": 0 }));
        assert!(health["uptime_ms"].is_u64());
    });
}

#[test]
fn what_is_not_there_and_what_is_not_allowed_is_said_with_an_example() {
    let simulator = simulator();
    let address = control(&simulator);
    for (method, path, status, word) in [
        ("GET", "/jounral", 404, "/journal"),
        ("DELETE", "/journal", 405, "GET"),
        ("GET", "/reset", 405, "POST"),
        ("PUT", "/script", 405, "POST"),
        ("GET", "/journal?sinse=1", 400, "sinse"),
        ("GET", "/journal?wait_ms=forever", 400, "wait_ms"),
        ("GET", "/journal?token=zz", 400, "token"),
        ("POST", "/script", 400, "not JSON"),
    ] {
        let answer = request(address, method, path, "Host: localhost\r\n", "");
        assert_eq!(answer.status, status, "{method} {path}");
        let error = answer.json();
        assert!(error["error"].as_str().unwrap().contains(word), "{error}");
        assert!(
            error["example"].as_str().unwrap().contains("curl"),
            "{error}"
        );
    }
}

#[test]
fn other_web_sites_are_kept_out() {
    let simulator = simulator();
    let address = control(&simulator);
    for (headers, status) in [
        ("Host: localhost:1\r\n", 200),
        ("Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n", 200),
        ("Host: [::1]:5\r\n", 200),
        ("Host: evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: http://evil.example\r\n", 403),
        ("Host: localhost\r\nOrigin: null\r\n", 403),
    ] {
        assert_eq!(
            request(address, "GET", "/health", headers, "").status,
            status,
            "{headers}"
        );
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let simulator = simulator();
    let page = get(control(&simulator), "/");
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("content-type: text/html"),
        "{}",
        page.head
    );
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    for foreign in [
        "src=",
        "href=",
        "@import",
        "url(",
        "innerHTML",
        "insertAdjacent",
        "document.write",
    ] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
}

#[test]
fn a_simulator_without_a_control_api_has_none() {
    let simulator = Simulator::start(Options {
        control: None,
        ..Options::default()
    })
    .unwrap();
    assert_eq!(simulator.control_addr(), None);
}

#[test]
fn a_long_journal_is_read_whole() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        provider.wait_for_limit(1000).await;
        for _ in 0..20 {
            let mut answers = Vec::new();
            for _ in 0..100 {
                answers.push(provider.begin(TOKEN).await);
            }
            for answer in answers {
                assert_eq!(answer.await.unwrap().status(), 200);
            }
        }
        simulator.wait_for(2001, DEADLINE).unwrap();
        let journal = get(control(&simulator), "/journal").json();
        let entries = journal["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 2001);
        assert!(
            entries
                .windows(2)
                .all(|pair| pair[0]["sequence"].as_u64() < pair[1]["sequence"].as_u64())
        );
    });
}
