//! Many apps, and one that comes and goes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use apns_engine::config::Options;
use support::*;

/// Threads, descriptors and memory are the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    threads: usize,
    descriptors: usize,
    /// KiB of memory that is not only promised.
    memory: usize,
}

fn held() -> Held {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find(|line| line.starts_with("VmRSS:"));
    let memory = memory.and_then(|line| line.split_whitespace().nth(1));
    Held {
        threads: count("/proc/self/task"),
        descriptors: count("/proc/self/fd"),
        memory: memory.unwrap().parse().unwrap(),
    }
}

#[test]
fn a_hundred_apps_push_beside_each_other() {
    let _alone = alone();
    let simulator = simulator();
    let apps: Vec<_> = (0..100).map(|_| start(options(&simulator))).collect();
    let ids: Vec<_> = apps
        .iter()
        .zip(0..)
        .map(|((app, _), number)| notify_all(app, number * 10..number * 10 + 10))
        .collect();
    for ((app, events), ids) in apps.iter().zip(&ids) {
        let ends = events.outcomes(ids);
        assert!(ends.values().all(|end| *end == End::Accepted));
        assert_balanced(app);
    }
    assert_eq!(simulator.journal(0).len(), 1000);
    assert!(simulator.connections_made() >= 100);
}

#[test]
fn a_thousand_starts_and_stops_leak_nothing() {
    let _alone = alone();
    let simulator = simulator();
    // Every tenth has a connection and a push; the others stop in the middle of connecting.
    let cycle = |number: u32| {
        let (app, events) = start(options(&simulator));
        if number.is_multiple_of(10) {
            events.outcomes(&notify_all(&app, number..number + 1));
        }
        app.stop(Duration::ZERO);
    };
    (0..100).for_each(cycle);
    let before = held();
    (0..1000).for_each(cycle);
    // The thread that looks names up is told to end and not waited for.
    let deadline = Instant::now() + PATIENCE;
    let mut after = held();
    while after.threads > before.threads || after.descriptors > before.descriptors + 10 {
        assert!(Instant::now() < deadline, "{before:?} became {after:?}");
        std::thread::yield_now();
        after = held();
    }
    // The journal and the allocator's own keeping grow a little; an app has hundreds of KiB.
    let grown = after.memory.saturating_sub(before.memory);
    assert!(grown < 32 * 1024, "{before:?} became {after:?}");
}

#[test]
fn twenty_restarts_show_one_provider_token() {
    let _alone = alone();
    let simulator = simulator();
    for number in 0..20 {
        let (app, events) = start(Options {
            max_connections: 1,
            ..options(&simulator)
        });
        events.outcomes(&notify_all(&app, number..number + 1));
        app.stop(Duration::ZERO);
    }
    let tokens: std::collections::HashSet<String> = simulator
        .journal(0)
        .iter()
        .map(|entry| {
            entry
                .authorization_digest
                .clone()
                .expect("a provider token")
        })
        .collect();
    // Two, where the half hour of the token's time has ended in between.
    assert!(matches!(tokens.len(), 1 | 2), "{tokens:?}");
}
