//! Keys and certificates replaced while pushes flow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use apns_engine::config::Options;
use apns_engine::event::Alarm;
use apns_engine::{App, Event};
use apns_proto::apns_id::ApnsId;
use apns_sim::{ClientCertificate, Environment, Simulator};
use rcgen::KeyPair;
use support::*;

/// Looks at the files often, so that a test need not wait for ten seconds; and probes so rarely that no probe but that
/// of a changed file comes within a test.
fn watchful(options: Options) -> Options {
    Options {
        credentials_check_interval: 20,
        probe_min_interval: 3_600_000,
        probe_max_interval: 86_400_000,
        ..options
    }
}

fn with_key(simulator: &Simulator, key_file: PathBuf) -> Options {
    watchful(Options {
        key_file: Some(key_file),
        key_id: None,
        ..options(simulator)
    })
}

fn with_certificate(simulator: &Simulator, certificate_file: PathBuf) -> Options {
    watchful(Options {
        key_file: None,
        key_id: None,
        team_id: None,
        certificate_file: Some(certificate_file),
        ..options(simulator)
    })
}

/// As most programs replace a file.
fn rename_over(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

/// As `ln -sfn` does.
fn link_over(path: &Path, to: &Path) {
    let new = path.with_extension("new");
    symlink(to, &new).unwrap();
    fs::rename(&new, path).unwrap();
}

fn is_reloaded(event: &Event) -> Option<String> {
    match event {
        Event::CredentialsReloaded { detail } => Some(detail.clone()),
        _ => None,
    }
}

fn configuration_alarm(event: &Event) -> Option<String> {
    match event {
        Event::Alarm {
            alarm: Alarm::Configuration,
            detail,
        } => Some(detail.clone()),
        _ => None,
    }
}

/// Every push was accepted, and none came twice.
fn assert_each_accepted_once(
    app: &App<TestSink>,
    events: &Events,
    simulator: &Simulator,
    ids: &[ApnsId],
) {
    let ends = events.outcomes(ids);
    let others: Vec<_> = ends.values().filter(|end| **end != End::Accepted).collect();
    assert!(others.is_empty(), "{others:?}");
    let journal = simulator.journal(0);
    let came: HashSet<_> = journal.iter().map(|entry| &entry.apns_id).collect();
    assert_eq!((journal.len(), came.len()), (ids.len(), ids.len()));
    assert_balanced(app);
}

#[test]
fn a_key_replaced_under_load_costs_no_push_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let second = dir.path().join("AuthKey_SECONDKEY2.p8");
    fs::write(&second, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let simulator = Simulator::start(apns_sim::Options {
        control: None,
        more_keys: vec![("SECONDKEY2".to_owned(), second.clone())],
        ..apns_sim::Options::default()
    })
    .unwrap();
    let link = dir.path().join("push.p8");
    link_over(&link, &simulator.key_file().unwrap());
    let (app, events) = start(with_key(&simulator, link.clone()));
    let mut ids = notify_all(&app, 0..5000);
    simulator.wait_for(1000, PATIENCE).unwrap();
    link_over(&link, &second);
    let mut number = 5000;
    // On and on until the new key is in use, and then as many again.
    while app.stats().get("credentials_reloads") == Some(0) {
        ids.extend(notify_all(&app, number..number + 100));
        number += 100;
        simulator
            .wait_for(u64::from(number) - 2000, PATIENCE)
            .unwrap();
    }
    ids.extend(notify_all(&app, number..number + 5000));
    assert_each_accepted_once(&app, &events, &simulator, &ids);
    assert!(ids.len() >= 10_000);
    // A connection has one key for good.
    let mut key_of = HashMap::new();
    for entry in simulator.journal(0) {
        let key_id = entry.provider_token.as_ref().unwrap().kid.clone().unwrap();
        let known = key_of
            .entry(entry.connection)
            .or_insert_with(|| key_id.clone());
        assert_eq!(*known, key_id, "connection {}", entry.connection);
    }
    let keys: HashSet<_> = key_of.values().map(String::as_str).collect();
    assert_eq!(keys, HashSet::from(["SIMKEY0001", "SECONDKEY2"]));
    assert_eq!(app.stats().get("credentials_reloads"), Some(1));
    assert_eq!(app.stats().get("credentials_expire_in"), None);
}

#[test]
fn a_refused_key_is_put_right_by_its_file_alone() {
    let simulator = simulator();
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("AuthKey_SIMKEY0001.p8");
    fs::write(&key_file, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    // One connection, so that its story is the app's.
    let (app, events) = start(Options {
        max_connections: 1,
        ..with_key(&simulator, key_file.clone())
    });
    let ids = notify_all(&app, 0..1000);
    let mut alarm = None;
    events.wait_for(|event| {
        alarm = alarm.take().or_else(|| configuration_alarm(event));
        matches!(event, Event::Paused).then_some(())
    });
    assert!(alarm.unwrap().contains("InvalidProviderToken"));
    fs::write(&key_file, simulator.signing_key_p8().unwrap()).unwrap();
    let mut story = Vec::new();
    let mut accepted = HashSet::new();
    events.wait_for(|event| {
        match event {
            Event::CredentialsReloaded { .. } => story.push("reloaded"),
            Event::ConnectionDown { .. } => story.push("down"),
            Event::ConnectionUp { .. } => story.push("up"),
            Event::Resumed { .. } => story.push("resumed"),
            Event::Accepted(push) => assert!(accepted.insert(push.apns_id)),
            _ => {}
        }
        // One has shown that the key is refused.
        (accepted.len() == ids.len() - 1).then_some(())
    });
    assert_eq!(story, ["reloaded", "down", "up", "resumed"]);
    assert_eq!(app.stats().get("rejected"), Some(1));
    assert_balanced(&app);
}

#[test]
fn a_refusal_of_the_old_key_that_comes_late_does_not_count_against_the_new_one() {
    let simulator = simulator();
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("AuthKey_SIMKEY0001.p8");
    let good = simulator.signing_key_p8().unwrap();
    fs::write(&key_file, good).unwrap();
    let (app, events) = start(with_key(&simulator, key_file.clone()));
    events.outcomes(&notify_all(&app, 0..1));
    // What is on its way now is refused, and told so when another key is long in use.
    simulator
        .script_json(r#"{"reason":"InvalidProviderToken","delay_ms":1500,"times":100}"#)
        .unwrap();
    let ids = notify_all(&app, 1..101);
    simulator.wait_for(101, PATIENCE).unwrap();
    // The simulator knows one key of this id, so a second one is played by a team's other key in the same file.
    rename_over(&key_file, &KeyPair::generate().unwrap().serialize_pem());
    events.wait_for(is_reloaded);
    rename_over(&key_file, good);
    events.wait_for(is_reloaded);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted), "{ends:?}");
    assert_eq!(app.stats().get("pauses"), Some(0));
    assert_eq!(app.stats().get("resent"), Some(100));
    assert_balanced(&app);
}

#[test]
fn a_certificate_replaced_under_load_costs_no_push_and_doubles_none() {
    let simulator = simulator();
    let good = simulator.client_certificate_file(ClientCertificate::Good, "im.example.chat");
    let dir = tempfile::tempdir().unwrap();
    let certificate_file = dir.path().join("push.pem");
    fs::copy(&good, &certificate_file).unwrap();
    let (app, events) = start(with_certificate(&simulator, certificate_file.clone()));
    assert!(app.stats().get("credentials_expire_in").is_some());
    let mut ids = notify_all(&app, 0..5000);
    simulator.wait_for(1000, PATIENCE).unwrap();
    rename_over(&certificate_file, &another_certificate(&simulator));
    let mut number = 5000;
    while app.stats().get("credentials_reloads") == Some(0) {
        ids.extend(notify_all(&app, number..number + 100));
        number += 100;
        simulator
            .wait_for(u64::from(number) - 2000, PATIENCE)
            .unwrap();
    }
    ids.extend(notify_all(&app, number..number + 5000));
    assert_each_accepted_once(&app, &events, &simulator, &ids);
    assert!(simulator.connections_made() >= 2);
    assert_eq!(app.stats().get("credentials_reloads"), Some(1));
}

/// A good certificate for the same topic, of the same authority.
fn another_certificate(simulator: &Simulator) -> String {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "ca_key.pem"] {
        fs::copy(simulator.state_dir().join(name), dir.path().join(name)).unwrap();
    }
    let issuer = Simulator::start(apns_sim::Options {
        control: None,
        state_dir: Some(dir.path().to_owned()),
        ..apns_sim::Options::default()
    })
    .unwrap();
    let file = issuer.client_certificate_file(ClientCertificate::Good, "im.example.chat");
    fs::read_to_string(file).unwrap()
}

#[test]
fn a_certificate_of_the_wrong_environment_is_put_right_by_its_file_alone() {
    let simulator = Simulator::start(apns_sim::Options {
        control: None,
        environment: Environment::Production,
        ..apns_sim::Options::default()
    })
    .unwrap();
    let file = |kind| simulator.client_certificate_file(kind, "im.example.chat");
    let dir = tempfile::tempdir().unwrap();
    let certificate_file = dir.path().join("push.pem");
    fs::copy(file(ClientCertificate::Development), &certificate_file).unwrap();
    let (app, events) = start(with_certificate(&simulator, certificate_file.clone()));
    let first = notify_all(&app, 0..1);
    assert_eq!(
        events.outcomes(&first)[&first[0]],
        End::Rejected("BadCertificateEnvironment".into())
    );
    let ids = notify_all(&app, 1..100);
    link_over(&certificate_file, &file(ClientCertificate::Good));
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
}

#[test]
fn a_certificate_that_the_server_does_not_take_in_tls_is_replaced_at_once() {
    let simulator = simulator();
    let stranger = support::simulator();
    let file =
        |of: &Simulator| of.client_certificate_file(ClientCertificate::Good, "im.example.chat");
    let dir = tempfile::tempdir().unwrap();
    let certificate_file = dir.path().join("push.pem");
    fs::copy(file(&stranger), &certificate_file).unwrap();
    // The next try is due in a minute, when the pushes are over: it must not wait for its turn.
    let (app, events) = start(Options {
        queue_timeout: 45_000,
        reconnect_min_interval: 60_000,
        reconnect_max_interval: 3_600_000,
        ..with_certificate(&simulator, certificate_file.clone())
    });
    let ids = notify_all(&app, 0..10);
    events.wait_for(configuration_alarm);
    link_over(&certificate_file, &file(&simulator));
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    assert_balanced(&app);
}

#[test]
fn a_broken_file_keeps_the_old_key_and_says_so_once() {
    let simulator = simulator();
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("AuthKey_SIMKEY0001.p8");
    let good = simulator.signing_key_p8().unwrap();
    fs::write(&key_file, good).unwrap();
    let (app, events) = start(with_key(&simulator, key_file.clone()));
    events.outcomes(&notify_all(&app, 0..100));
    fs::write(&key_file, &good[..100]).unwrap();
    let said = events.wait_for(configuration_alarm);
    assert!(
        said.starts_with(&format!("key_file: {}: ", key_file.display()))
            && said.ends_with("the credentials that were read before are used"),
        "{said}"
    );
    let looks = app.stats().get("credentials_failures");
    let ids = notify_all(&app, 100..200);
    let ends = events.outcomes(&ids);
    assert!(ends.values().all(|end| *end == End::Accepted));
    // Looked at again, and said no more.
    wait_until(|| app.stats().get("credentials_failures") > looks.map(|looks| looks + 3));
    let noise: Vec<_> = events.drain().into_iter().map(|(_, event)| event).collect();
    assert!(noise.is_empty(), "{noise:?}");
    assert_eq!(simulator.connections_made(), 1);
    assert_eq!(app.stats().get("credentials_reloads"), Some(0));
    app.stop(PATIENCE);
    assert_balanced(&app);
}

#[test]
fn stopped_apps_are_looked_at_no_more_and_later_ones_are() {
    let simulator = simulator();
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("AuthKey_SIMKEY0001.p8");
    for _ in 0..3 {
        let good = simulator.signing_key_p8().unwrap();
        fs::write(&key_file, good).unwrap();
        let (app, events) = start(with_key(&simulator, key_file.clone()));
        rename_over(&key_file, &KeyPair::generate().unwrap().serialize_pem());
        let detail = events.wait_for(is_reloaded);
        assert_eq!(detail, "a signing key with the key id SIMKEY0001");
        app.stop(PATIENCE);
        let failures = app.stats().get("credentials_failures");
        fs::remove_file(&key_file).unwrap();
        // Another app's looks show that time has passed for this one's.
        fs::write(&key_file, good).unwrap();
        let (other, others) = start(with_key(&simulator, key_file.clone()));
        fs::remove_file(&key_file).unwrap();
        others.wait_for(configuration_alarm);
        assert_eq!(app.stats().get("credentials_failures"), failures);
        drop(other);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn all_apps_of_a_process_share_one_thread_for_their_files() {
    let simulator = simulator();
    let apps: Vec<_> = (0..5)
        .map(|_| start(watchful(options(&simulator))))
        .collect();
    let threads = fs::read_dir("/proc/self/task").unwrap();
    // Threads of other tests come and go meanwhile.
    let names =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    assert_eq!(names.filter(|name| name == "apns-files\n").count(), 1);
    assert_eq!(apps.len(), 5);
}
