//! What the engine's tests share: an app against the simulator, and its events with deadlines.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apns_engine::config::{EnvironmentOption, Options, Outcomes};
use apns_engine::{App, Event, EventSink, Target};
use apns_proto::apns_id::ApnsId;
use apns_proto::collapse_id::CollapseId;
use apns_proto::device_token::DeviceToken;
use apns_proto::payload::Payload;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers};
use apns_sim::Simulator;

/// Longer than anything here takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Sends events to the test; a recipient is a number.
#[derive(Debug)]
pub(crate) struct TestSink(mpsc::Sender<(u8, Vec<Event>)>);

impl EventSink for TestSink {
    type Recipient = u8;

    fn deliver(&mut self, to: &u8, events: &[Event]) -> bool {
        self.0.send((*to, events.to_vec())).is_ok()
    }
}

/// The events of one app.
pub(crate) struct Events(mpsc::Receiver<(u8, Vec<Event>)>);

/// How a push ended, with what tells one from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Accepted,
    Rejected(String),
    Failed(&'static str),
}

impl Events {
    /// The first event that `wanted` picks; others are thrown away.
    pub(crate) fn wait_for<T>(&self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (_, events) = self.0.recv_timeout(left).expect("the event never came");
            if let Some(found) = events.iter().find_map(&mut wanted) {
                return found;
            }
        }
    }

    /// What comes next.
    pub(crate) fn next_message(&self) -> Vec<Event> {
        let next = self.0.recv_timeout(PATIENCE);
        next.expect("nothing comes any more").1
    }

    /// Outcomes until every id has one; a second outcome of the same push fails the test.
    pub(crate) fn outcomes(&self, ids: &[ApnsId]) -> HashMap<ApnsId, End> {
        let deadline = Instant::now() + PATIENCE;
        let mut ends = HashMap::new();
        while !ids.iter().all(|id| ends.contains_key(id)) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((_, events)) = self.0.recv_timeout(left) else {
                panic!("{} of {} pushes have an outcome", ends.len(), ids.len());
            };
            for (id, end) in events.iter().filter_map(end_of) {
                assert_eq!(ends.insert(id, end), None, "two outcomes of one push");
            }
        }
        ends
    }

    /// All events that are there now.
    pub(crate) fn drain(&self) -> Vec<(u8, Event)> {
        self.0
            .try_iter()
            .flat_map(|(to, events)| events.into_iter().map(move |event| (to, event)))
            .collect()
    }
}

/// Identity and end, if the event is an outcome.
pub(crate) fn end_of(event: &Event) -> Option<(ApnsId, End)> {
    match event {
        Event::Accepted(accepted) => Some((accepted.apns_id, End::Accepted)),
        Event::Rejected(rejected) => {
            let reason = rejected
                .reason
                .as_ref()
                .map_or("", |reason| reason.as_str());
            Some((rejected.apns_id, End::Rejected(reason.to_owned())))
        }
        Event::Failed(failed) => Some((failed.apns_id, End::Failed(failed.cause.as_str()))),
        _ => None,
    }
}

pub(crate) fn simulator() -> Simulator {
    Simulator::start(apns_sim::Options {
        control: None,
        ..apns_sim::Options::default()
    })
    .expect("the simulator starts")
}

/// Options for an app whose Apple is `simulator`; every outcome is an event.
pub(crate) fn options(simulator: &Simulator) -> Options {
    Options {
        topic: Some("im.example.chat".to_owned()),
        environment: EnvironmentOption::Url(format!("https://{}", simulator.provider_addr())),
        key_file: simulator.key_file(),
        key_id: Some(simulator.key_id().to_owned()),
        team_id: Some(simulator.team_id().to_owned()),
        ca_file: Some(simulator.ca_file()),
        outcomes: Outcomes::All,
        reconnect_min_interval: 10,
        reconnect_max_interval: 200,
        ..Options::default()
    }
}

/// Starts an app whose default recipient is 1.
pub(crate) fn start(options: Options) -> (App<TestSink>, Events) {
    let (sender, receiver) = mpsc::channel();
    let app = App::start("test", options, TestSink(sender), Some(1)).expect("the app starts");
    (app, Events(receiver))
}

pub(crate) fn token(number: u32) -> DeviceToken {
    DeviceToken::from_bytes(&number.to_be_bytes().repeat(8)).expect("32 bytes are a token")
}

pub(crate) fn alert(text: &str) -> Content {
    content(text, PushType::Alert, None)
}

pub(crate) fn content(text: &str, push_type: PushType, collapse_id: Option<&str>) -> Content {
    let collapse_id =
        collapse_id.map(|id| CollapseId::parse(id.as_bytes()).expect("a collapse-id"));
    let headers = Headers::new(push_type, None, None, collapse_id).expect("headers that fit");
    let json = format!(r#"{{"aps":{{"alert":{{"body":"{text}"}}}}}}"#);
    let payload = Payload::from_json(json.as_bytes(), push_type).expect("JSON");
    Content { headers, payload }
}

/// Queues one push per number, waiting for room when the queue is full.
pub(crate) fn notify_all(app: &App<TestSink>, numbers: std::ops::Range<u32>) -> Vec<ApnsId> {
    numbers
        .map(|number| {
            let ids = app.notify(
                Target::Token(token(number)),
                alert(&number.to_string()),
                None,
                None,
            );
            ids.expect("there is room")[0]
        })
        .collect()
}

pub(crate) fn assert_balanced<S: EventSink>(app: &App<S>) {
    let stats = app.stats();
    let get = |name| {
        stats
            .get(name)
            .unwrap_or_else(|| panic!("no counter {name}"))
    };
    assert_eq!(
        get("taken"),
        get("accepted") + get("rejected") + get("failed"),
        "{stats:?}"
    );
    let [(_, outcomes), _] = stats.latencies;
    assert_eq!(outcomes.count, get("taken"), "{stats:?}");
}

/// Waits for what no event tells.
pub(crate) fn wait_until(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::yield_now();
    }
}
