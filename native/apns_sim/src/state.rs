//! What the simulator's tasks, its control API and its handle share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::certificates::{TlsFace, TlsFaces};
use crate::clock::Clock;
use crate::connection::Connection;
use crate::devices::{Device, Devices};
use crate::journal::Journal;
use crate::judge::{self, TokenUpdates};
use crate::lock::lock;
use crate::options::{ListenerMode, Options};
use crate::script::{Answer, ConnectionAction, Greeting, Greetings, Rules, ScriptError, Step};

/// Shared by all parts of one simulator.
pub(crate) struct State {
    pub(crate) rules: judge::Rules,
    pub(crate) tls: TlsFaces,
    pub(crate) journal: Journal,
    pub(crate) devices: Devices,
    pub(crate) script: Rules,
    pub(crate) greetings: Greetings,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) started: Instant,
    pub(crate) max_streams: u32,
    pub(crate) max_connections: usize,
    pub(crate) verbose: bool,
    first_listener: ListenerMode,
    /// Held while a script runs, so that what it was checked against still holds.
    running: Mutex<()>,
    dates: AtomicBool,
    token_updates: Mutex<TokenUpdates>,
    doors: Mutex<Doors>,
    connections: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

/// How providers that connect are met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doors {
    pub(crate) listener: ListenerMode,
    pub(crate) tls: TlsFace,
    pub(crate) max_streams: Option<u32>,
    pub(crate) trusted_streams: Option<u32>,
    pub(crate) refuse_twice: bool,
}

/// What is counted since the start; a reset leaves it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    /// Closed at once because as many were open as the simulator takes.
    pub(crate) connections_refused: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) faults: AtomicU64,
    /// Streams the provider ended before the request was whole.
    pub(crate) abandoned: AtomicU64,
}

impl State {
    pub(crate) fn new(options: &Options, rules: judge::Rules, tls: TlsFaces) -> Self {
        Self {
            rules,
            tls,
            journal: Journal::new(options.journal_entries, options.journal_bytes),
            devices: Devices::default(),
            script: Rules::default(),
            greetings: Greetings::default(),
            running: Mutex::default(),
            dates: AtomicBool::new(false),
            token_updates: Mutex::default(),
            clock: Clock::default(),
            counters: Counters::default(),
            started: Instant::now(),
            max_streams: options.max_streams,
            max_connections: options.max_connections,
            verbose: options.verbose,
            first_listener: options.listener,
            doors: Mutex::new(Doors::first(options.listener)),
            connections: Mutex::default(),
        }
    }

    pub(crate) fn doors(&self) -> Doors {
        *lock(&self.doors)
    }

    /// How the provider is met that connects now, and what is done to its connection. It is counted.
    pub(crate) fn greet(&self) -> (Doors, Vec<ConnectionAction>) {
        let mut doors = self.doors();
        let mut actions = Vec::new();
        for greeting in self.greetings.take() {
            match greeting {
                Greeting::Listener(listener) => doors.listener = listener,
                Greeting::Tls(face) => doors.tls = face,
                Greeting::Open(action) => actions.push(action),
            }
        }
        (doors, actions)
    }

    /// Whether answers carry a `date` header.
    pub(crate) fn sends_dates(&self) -> bool {
        self.dates.load(Ordering::Relaxed)
    }

    pub(crate) fn token_updates(&self) -> TokenUpdates {
        *lock(&self.token_updates)
    }

    /// Forgets journal and scripts. Connections stay, and go by Apple's rules alone again.
    pub(crate) fn reset(&self) {
        self.script.clear();
        self.devices.clear();
        self.greetings.clear();
        self.clock.set_offset(0);
        self.dates.store(false, Ordering::Relaxed);
        *lock(&self.token_updates) = TokenUpdates::default();
        *lock(&self.doors) = Doors::first(self.first_listener);
        for connection in self.connections(None) {
            connection.reset();
        }
        self.journal.reset();
    }

    /// Carries out a script. All of it or, when it is about a connection that is not there or would be more than the
    /// simulator keeps, nothing of it.
    pub(crate) fn run(&self, steps: Vec<Step>) -> Result<(), ScriptError> {
        let (mut rules, mut greetings, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Rule(rule) => rules.push(rule),
                Step::Open(rule) => greetings.push(rule),
                other => rest.push(other),
            }
        }
        let _alone = lock(&self.running);
        let named = rest.iter().filter_map(|step| match step {
            Step::Now { connection, .. } => *connection,
            _ => None,
        });
        self.check_open(named)?;
        let marks = rest
            .iter()
            .filter(|step| matches!(step, Step::Unregister { .. } | Step::Register { .. }))
            .count();
        if !self.devices.has_room(marks) {
            return Err(ScriptError::new(
                "The simulator keeps 100,000 marked devices; POST /reset forgets them.",
            ));
        }
        if !self.greetings.has_room(greetings.len()) {
            return Err(ScriptError::new(
                "The simulator keeps 1,000 rules for connections; POST /reset forgets them.",
            ));
        }
        if !self.script.add(rules) {
            return Err(ScriptError::new(
                "The simulator keeps 100,000 rules; POST /reset forgets them.",
            ));
        }
        self.greetings.add(greetings);
        rest.into_iter().for_each(|step| self.carry_out(step));
        Ok(())
    }

    fn check_open(&self, mut named: impl Iterator<Item = u64>) -> Result<(), ScriptError> {
        let open = self.open_numbers();
        match named.find(|number| !open.contains(number)) {
            Some(number) => Err(ScriptError::no_connection(number, &open)),
            None => Ok(()),
        }
    }

    fn carry_out(&self, step: Step) {
        match step {
            // These wait.
            Step::Rule(_) | Step::Open(_) => {}
            Step::Now { action, connection } => self.act(&action, connection),
            Step::Unregister {
                token,
                timestamp_ms,
                reason,
            } => {
                let timestamp_ms = timestamp_ms.unwrap_or_else(|| self.clock.now_ms());
                self.devices.mark(
                    &token,
                    Device::Unregistered {
                        timestamp_ms,
                        reason,
                    },
                );
            }
            Step::Register { token, topic } => {
                self.devices.mark(&token, Device::Registered { topic })
            }
            Step::Listener(listener) => lock(&self.doors).listener = listener,
            Step::Tls(face) => lock(&self.doors).tls = face,
            Step::ClockOffset { seconds } => self.clock.set_offset(seconds),
            Step::Date(sends) => self.dates.store(sends, Ordering::Relaxed),
            Step::TokenUpdates(updates) => *lock(&self.token_updates) = updates,
        }
    }

    fn act(&self, action: &ConnectionAction, number: Option<u64>) {
        if number.is_none() {
            let mut doors = lock(&self.doors);
            match action {
                ConnectionAction::MaxStreams(limit) => doors.max_streams = *limit,
                ConnectionAction::TrustedStreams(limit) => doors.trusted_streams = *limit,
                ConnectionAction::RefuseTwice(twice) => doors.refuse_twice = *twice,
                _ => {}
            }
        }
        for connection in self.connections(number) {
            connection.act(action);
        }
    }

    pub(crate) fn enter(&self, connection: &Arc<Connection>) {
        lock(&self.connections).insert(connection.number(), Arc::clone(connection));
    }

    pub(crate) fn leave(&self, number: u64) {
        lock(&self.connections).remove(&number);
    }

    /// Connections that were made since the start.
    pub(crate) fn connections_made(&self) -> u64 {
        self.counters.connections.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub(crate) fn open_connections(&self) -> usize {
        lock(&self.connections).len()
    }

    /// The numbers of connections that are open.
    pub(crate) fn open_numbers(&self) -> Vec<u64> {
        lock(&self.connections).keys().copied().collect()
    }

    fn connections(&self, number: Option<u64>) -> Vec<Arc<Connection>> {
        let connections = lock(&self.connections);
        connections
            .values()
            .filter(|open| number.is_none_or(|number| open.number() == number))
            .cloned()
            .collect()
    }

    /// A provider came no further than the handshake.
    pub(crate) fn handshake_failed(&self, number: u64, why: &str) {
        count(&self.counters.handshakes_failed);
        self.tell(|| format!("connection {number}: handshake failed: {why}"));
    }

    /// Tells on stderr, with `--verbose` only.
    #[allow(
        clippy::print_stderr,
        reason = "the program's log; the library is silent unless asked"
    )]
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            eprintln!("apns_sim: {}", line());
        }
    }
}

impl Counters {
    /// The counter of requests that end like this one.
    pub(crate) fn of(&self, answer: Option<&Answer>) -> &AtomicU64 {
        match answer {
            Some(Answer { status: 200, .. }) => &self.accepted,
            Some(_) => &self.rejected,
            None => &self.faults,
        }
    }

    pub(crate) fn connections_refused(&self) -> u64 {
        self.connections_refused.load(Ordering::Relaxed)
    }

    pub(crate) fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Ordering::Relaxed)
    }

    /// All requests by their end.
    pub(crate) fn requests(&self) -> serde_json::Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        serde_json::json!({
            "accepted": read(&self.accepted),
            "rejected": read(&self.rejected),
            "faults": read(&self.faults),
            "abandoned": read(&self.abandoned),
        })
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl Doors {
    fn first(listener: ListenerMode) -> Self {
        Self {
            listener,
            tls: TlsFace::Normal,
            max_streams: None,
            trusted_streams: None,
            refuse_twice: false,
        }
    }
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
