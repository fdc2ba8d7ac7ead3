//! The loop: queue, sockets and timers of one app, on one thread that never blocks but in `poll`.
//!
//! It performs what [`apns_proto`] decides. Each turn, in this order: sleep until something happens; take what
//! callers queued; let sockets and timers have their say; settle the pushes whose try ended; send what can be
//! sent; hand over events.

mod connect;
mod crash;
mod credentials;
mod dialer;
mod growth;
mod judge;
mod links;
mod outbox;
mod serve;
mod settle;
mod show;
mod suspects;
mod tally;
mod waiting;

use std::collections::VecDeque;
use std::hash::RandomState;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apns_proto::guard::Guard;
use apns_proto::http2;
use apns_proto::now::Now;
use apns_proto::provider_token::ProviderToken;
use apns_proto::session::{Blocked, FailedCause};
use apns_proto::suspicion::Suspicion;
use apns_proto::waiting::Waiting;
use crossbeam_channel::Receiver;

use crate::config::AppConfig;
use crate::credentials::Expiry;
use crate::event::{Alarm, Event, EventSink, TokenInvalid};
use crate::queue::{Job, Queue, QueuedPush};
use crate::registry::Registry;
use crate::stats::Stats;
use links::Links;
pub(crate) use links::WAKER;
use outbox::Outbox;
use tally::Tally;

/// One app's engine, run by its thread.
#[derive(Debug)]
pub(crate) struct Engine<S: EventSink> {
    config: AppConfig,
    queue: Arc<Queue<S::Recipient>>,
    jobs: Receiver<Job<S::Recipient>>,
    registry: Arc<Registry>,
    stats: Arc<Stats>,
    outbox: Outbox<S>,
    receiver: Option<S::Recipient>,
    waiting: Waiting<QueuedPush<S::Recipient>, RandomState>,
    /// Those of them that are kept apart, see `suspects.rs`.
    suspects: Waiting<QueuedPush<S::Recipient>, RandomState>,
    suspicion: Suspicion<foldhash::quality::RandomState>,
    /// Suspects are kept apart now.
    apart: bool,
    /// Since when a connection for them has been missing.
    apart_missed: Option<Instant>,
    /// Pushes that are to end, and why; here, so that a panic loses none.
    ending: VecDeque<(QueuedPush<S::Recipient>, FailedCause)>,
    links: Links<S::Recipient>,
    provider_token: Option<ProviderToken>,
    expiry: Expiry,
    random: fastrand::Rng,
    /// Alarms that were said and are not over, with what was said.
    alarms: Vec<(Alarm, String)>,
    /// When the thread last panicked, and how often within a minute.
    crashes: (Instant, u32),
    guard: Guard<TokenInvalid>,
    /// When this turn of the loop began.
    turn: Instant,
    /// When the list of connections was last shown.
    shown_at: Instant,
    tally: Tally,
    /// When draining ends, once a stop was asked for.
    stop_at: Option<Instant>,
    /// The last turn had work: more is likely to come within a moment.
    linger: bool,
}

/// What an engine is made of.
#[derive(Debug)]
pub(crate) struct Parts<S: EventSink> {
    pub(crate) config: AppConfig,
    pub(crate) receiver: Option<S::Recipient>,
    pub(crate) queue: Arc<Queue<S::Recipient>>,
    pub(crate) jobs: Receiver<Job<S::Recipient>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) sink: S,
    pub(crate) poll: mio::Poll,
    pub(crate) resolver: crate::resolver::Resolver,
}

/// Starts the thread `apns-<app>`; it ends after a stop was asked for through the queue's control.
pub(crate) fn spawn<S: EventSink>(app: &str, parts: Parts<S>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("apns-{app}"))
        .spawn(move || {
            let mut engine = Engine::new(parts);
            engine.tell_start_warnings();
            // A panic ends every push that is inside and starts the loop anew: the app outlives a bug of ours.
            while catch_unwind(AssertUnwindSafe(|| engine.run())).is_err() && engine.after_panic() {
            }
        })
}

impl<S: EventSink> Engine<S> {
    fn new(parts: Parts<S>) -> Self {
        let links = Links::new(parts.poll, parts.resolver, &parts.config);
        let guard = Guard::new(parts.config.limits.probe_backoff());
        Self {
            receiver: parts.receiver,
            links,
            config: parts.config,
            queue: parts.queue,
            jobs: parts.jobs,
            registry: parts.registry,
            stats: parts.stats,
            outbox: Outbox::new(parts.sink),
            waiting: Waiting::new(read_clocks(), RandomState::new()),
            suspects: Waiting::new(read_clocks(), RandomState::new()),
            suspicion: Suspicion::new(foldhash::quality::RandomState::default()),
            apart: false,
            apart_missed: None,
            ending: VecDeque::new(),
            provider_token: None,
            expiry: Expiry::default(),
            random: fastrand::Rng::new(),
            alarms: Vec::new(),
            crashes: (Instant::now(), 0),
            guard,
            turn: Instant::now(),
            shown_at: Instant::now(),
            tally: Tally::default(),
            stop_at: None,
            linger: true,
        }
    }

    fn tell_start_warnings(&mut self) {
        let warnings = std::mem::take(&mut self.config.warnings);
        if !warnings.is_empty() {
            self.raise_alarm(Alarm::StartWarning, warnings.join("; "));
        }
    }

    /// Turns until the app is stopped and drained.
    fn run(&mut self) {
        self.stats.starts.add(1);
        loop {
            self.sleep();
            let now = read_clocks();
            self.turn = now.instant;
            self.take_control(now);
            let took_jobs = self.take_jobs(now);
            let took_bytes = self.advance_links(now);
            self.linger = took_jobs || took_bytes;
            self.sweep(now);
            self.settle(now);
            self.believe(now);
            self.dispatch(now);
            // A connection may have ended while it was written to.
            self.settle(now);
            self.update_gauges();
            self.outbox.flush(&self.stats);
            if self
                .stop_at
                .is_some_and(|at| self.is_empty() || at <= now.instant)
            {
                self.end(now, FailedCause::Stopped);
                return;
            }
        }
    }

    /// Waits for a socket, a timer or a caller. After work it lingers a moment before it really sleeps,
    /// so that a stream of pushes does not cost its callers a wake-up each.
    fn sleep(&mut self) {
        let now = Instant::now();
        let until_timer = self
            .next_timer(now)
            .map(|at| at.saturating_duration_since(now));
        let timeout = if self.links.has_more_to_read() {
            Some(Duration::ZERO)
        // What is shown while it sleeps is true; a reader is gone within a moment.
        } else if self.linger || !self.show_connections(now) {
            Some(until_timer.map_or(LINGER, |until| until.min(LINGER)))
        } else if self.queue.fall_asleep(&self.jobs) {
            until_timer
        } else {
            Some(Duration::ZERO)
        };
        self.links.poll(timeout);
        self.links.growth.slept(now.elapsed());
        self.queue.stay_awake();
    }

    fn next_timer(&self, now: Instant) -> Option<Instant> {
        let waiting = !self.waiting.is_empty() || !self.suspects.is_empty();
        let probe = self.guard.probe_at().filter(|at| waiting && *at > now);
        [
            self.waiting.poll_timeout(),
            self.suspects.poll_timeout(),
            self.parting_ends().filter(|_| self.apart),
            probe,
            self.guard.poll_timeout(),
            self.stop_at,
            self.links.poll_timeout(now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn take_control(&mut self, now: Now) {
        let control = self.queue.take_control();
        self.receiver = control.receiver;
        self.take_news(now, control.news);
        if let (Some(drain), None) = (control.stop, self.stop_at) {
            self.stop_at = Some(now.instant + drain.min(MAX_DRAIN));
        }
    }

    /// Sends what fits, in large writes.
    fn dispatch(&mut self, now: Now) {
        self.refresh_provider_token(now);
        self.flush_retired(now);
        self.part(now);
        // A full output is written and more waits: on while a socket takes it.
        while self.flush_serving(now) && self.fill(now) > 0 {}
        self.fit_connections(now);
    }

    /// Gives all sessions pushes until something is in the way; returns how many.
    fn fill(&mut self, now: Now) -> usize {
        let allowance = self.allowance(now);
        let mut sent = self.fill_sessions(now, allowance);
        if !self.suspects.is_empty() {
            // The first of them may have been put aside just now.
            self.part(now);
            sent += self.fill_apart(now, allowance.saturating_sub(sent));
        }
        self.end_those();
        if sent > 0 && self.guard.is_paused() {
            self.guard.probe_sent(now.instant, self.random.u64(..));
        }
        sent
    }

    fn fill_sessions(&mut self, now: Now, allowance: usize) -> usize {
        let mut sent = 0;
        'sessions: for session in self.links.sessions() {
            while sent < allowance
                && let Some(push) = self.waiting.pop()
            {
                if let Some(cause) = push.overdue(now) {
                    self.ending.push_back((push, cause));
                    continue;
                }
                let suspicion = self.apart.then_some(&self.suspicion);
                let (push, superseded) =
                    suspects::put_aside(suspicion, &mut self.suspects, now, push);
                self.ending
                    .extend(superseded.map(|push| (push, FailedCause::Superseded)));
                let Some(push) = push else {
                    continue;
                };
                match session.send(now, push) {
                    Ok(()) => sent += 1,
                    // No connection to this server could take it, and it must not stand in the others' way.
                    Err((push, Blocked::Http2(http2::Blocked::HeaderListTooLarge { .. }))) => {
                        self.ending.push_back((push, FailedCause::Unreachable));
                    }
                    Err((push, _)) => {
                        let superseded = self.waiting.push_again(now, push);
                        self.ending
                            .extend(superseded.map(|push| (push, FailedCause::Superseded)));
                        continue 'sessions;
                    }
                }
            }
            break;
        }
        sent
    }

    fn is_empty(&self) -> bool {
        self.queue.inside().0 == 0
    }

    /// Says an alarm once; another problem of the same kind is another alarm.
    fn raise_alarm(&mut self, alarm: Alarm, detail: impl Into<String>) {
        let detail = detail.into();
        let said = self
            .alarms
            .iter()
            .any(|(known, what)| *known == alarm && *what == detail);
        if !said && self.alarms.len() < MAX_ALARMS {
            self.alarms.push((alarm, detail.clone()));
            self.tell_receiver(Event::Alarm { alarm, detail });
        }
    }

    /// What the alarms were about is over.
    fn clear_alarms(&mut self) {
        self.alarms.clear();
    }

    fn tell_receiver(&mut self, event: Event) {
        match &self.receiver {
            Some(receiver) => self.outbox.add(receiver, event),
            None => self.stats.events_dropped.add(1),
        }
    }
}

pub(crate) fn read_clocks() -> Now {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Now {
        instant: Instant::now(),
        unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX),
    }
}

/// How long the loop stays half awake after work. Longer saves callers more wake-ups and costs an idle core more.
const LINGER: Duration = Duration::from_millis(1);
/// No drain is longer.
const MAX_DRAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Alarms remembered as said; the texts hold words of the server's.
const MAX_ALARMS: usize = 32;
