//! Laws that hold in every history, however the server behaves and wherever the connection is cut.
//!
//! The server at the other end keeps a record of what it has truly done, and the laws compare.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use self::server::{Reader, Server};
use super::calls::long_push;
use super::{Authentication, Talk};
use crate::push_type::PushType;
use crate::session::Fate;

/// One thing that happens. Indices choose among the requests the server has seen, wrapping around.
#[derive(Debug, Clone)]
enum Step {
    Send {
        call: bool,
        len: usize,
    },
    /// The transport takes so many bytes at most.
    Write(usize),
    /// The server reads so many bytes at most of what the transport took.
    ServerReads(usize),
    Begin(usize, u16, u8),
    Body(usize, &'static str, bool, u8),
    Interim(usize),
    Reset(usize, u32),
    GoAway(usize),
    Limit(u32),
    InitialWindow(u32),
    Credit(usize, u32),
    BreakStream(usize),
    /// Bytes that are no frame the server may send.
    Garbage(Vec<u8>),
    /// So many bytes of what the server sent arrive at most.
    Deliver(usize),
    /// Seconds in which nothing moves.
    Silence(u64),
    /// Seconds in which all bytes move and PINGs are answered.
    Life(u64),
    /// The transport ends; the server may have turned the client away.
    Cut(bool),
}

/// Mostly all, now and then a part.
fn bytes() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(usize::MAX), 1 => 0usize..300]
}

fn padding() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0u8), 1 => 1u8..20]
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => Just(22usize), 2 => 23usize..200, 1 => 3000usize..4096];
    let status = prop_oneof![
        4 => Just(200u16),
        4 => proptest::sample::select(&[400u16, 403, 410, 429, 503, 999][..]),
    ];
    let body = proptest::sample::select(
        &[
            "",
            "{}",
            "not json",
            r#"{"reason":"BadDeviceToken"}"#,
            r#"{"reason":"ExpiredProviderToken"}"#,
            r#"{"reason":"Unregistered","timestamp":1}"#,
        ][..],
    );
    prop_oneof![
        12 => (proptest::bool::weighted(0.2), len).prop_map(|(call, len)| Step::Send { call, len }),
        8 => bytes().prop_map(Step::Write),
        8 => bytes().prop_map(Step::ServerReads),
        8 => (any::<usize>(), status, padding())
            .prop_map(|(index, status, padding)| Step::Begin(index, status, padding)),
        8 => (any::<usize>(), body, proptest::bool::weighted(0.7), padding())
            .prop_map(|(index, body, end, padding)| Step::Body(index, body, end, padding)),
        1 => any::<usize>().prop_map(Step::Interim),
        3 => (any::<usize>(), 0u32..14).prop_map(|(index, code)| Step::Reset(index, code)),
        1 => any::<usize>().prop_map(Step::GoAway),
        2 => (0u32..20).prop_map(Step::Limit),
        2 => prop_oneof![0u32..40, Just(65_535)].prop_map(Step::InitialWindow),
        3 => (any::<usize>(), 1u32..2_000).prop_map(|(index, bytes)| Step::Credit(index, bytes)),
        1 => any::<usize>().prop_map(Step::BreakStream),
        1 => proptest::collection::vec(any::<u8>(), 1..40).prop_map(Step::Garbage),
        8 => bytes().prop_map(Step::Deliver),
        2 => (0u64..40).prop_map(Step::Silence),
        2 => (0u64..35).prop_map(Step::Life),
        1 => any::<bool>().prop_map(Step::Cut),
    ]
}

/// Both ends and what is between them.
struct World {
    talk: Talk,
    server: Server,
    /// Taken by the transport, not yet read by the server.
    uplink: Vec<u8>,
    /// Of what the server sent.
    delivered: usize,
    /// Reads what the transport takes, for which pushes were handed over wholly.
    tap: Reader,
    streams: Vec<u32>,
    handed: BTreeSet<u32>,
    is_cut: bool,
    sent: u32,
    fates: BTreeMap<u32, Fate>,
    /// Pushes of whose answer the head came in while they were in flight.
    begun: BTreeMap<u32, u16>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            talk: Talk::new(Authentication::Certificate),
            server: Server::default(),
            uplink: Vec::new(),
            delivered: 0,
            tap: Reader::default(),
            streams: Vec::new(),
            handed: BTreeSet::new(),
            is_cut: false,
            sent: 0,
            fates: BTreeMap::new(),
            begun: BTreeMap::new(),
        };
        world.server.limit(10);
        world.deliver(usize::MAX);
        world
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Send { call, len } => self.send(*call, *len),
            Step::Write(n) => self.write(*n),
            Step::ServerReads(n) => self.server_reads(*n),
            Step::Begin(index, status, padding) => self.server.begin(*index, *status, *padding),
            Step::Body(index, body, end, padding) => {
                self.server.body(*index, body.as_bytes(), *end, *padding);
            }
            Step::Interim(index) => self.server.interim(*index),
            Step::Reset(index, code) => self.server.reset(*index, *code),
            Step::GoAway(index) => self.server.go_away(*index),
            Step::Limit(streams) => self.server.limit(*streams),
            Step::InitialWindow(size) => self.server.initial_window(*size),
            Step::Credit(index, bytes) => self.server.credit(*index, *bytes),
            Step::BreakStream(index) => self.server.break_stream(*index),
            Step::Garbage(bytes) => self.server.garbage(bytes),
            Step::Deliver(n) => self.deliver(*n),
            Step::Silence(seconds) => self.talk.advance(Duration::from_secs(*seconds)),
            Step::Life(seconds) => self.live(*seconds),
            Step::Cut(turned_away) => self.cut(*turned_away),
        }
    }

    fn send(&mut self, call: bool, len: usize) {
        let push_type = if call {
            PushType::Voip
        } else {
            PushType::Alert
        };
        let mut push = long_push(push_type, len, self.talk.now);
        push.context = self.sent + 1;
        if self.talk.session.send(self.talk.now, push).is_ok() {
            self.sent += 1;
        }
    }

    fn write(&mut self, n: usize) {
        if self.is_cut {
            return;
        }
        let output = self.talk.session.output();
        let taken = output[..n.min(output.len())].to_vec();
        self.talk.session.consume_output(taken.len());
        for (kind, flags, stream, _) in self.tap.read(&taken) {
            match (kind, flags & 1) {
                (1, _) => self.streams.push(stream),
                (0, 1) => {
                    let at = self.streams.iter().position(|other| *other == stream);
                    self.handed.insert(at.expect("HEADERS first") as u32 + 1);
                }
                _ => {}
            }
        }
        self.uplink.extend(taken);
    }

    fn server_reads(&mut self, n: usize) {
        let n = n.min(self.uplink.len());
        let bytes: Vec<u8> = self.uplink.drain(..n).collect();
        self.server.read(&bytes);
    }

    fn deliver(&mut self, n: usize) {
        if self.is_cut {
            return;
        }
        let rest = &self.server.sent[self.delivered..];
        let bytes = rest[..n.min(rest.len())].to_vec();
        self.delivered += bytes.len();
        self.talk.session.handle_input(self.talk.now, &bytes);
        for (number, request) in (1..).zip(&self.server.requests) {
            if let Some((status, end)) = request.answer
                && end <= self.delivered
                && !self.fates.contains_key(&number)
            {
                self.begun.insert(number, status);
            }
        }
    }

    fn live(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.write(usize::MAX);
            self.server_reads(usize::MAX);
            self.deliver(usize::MAX);
            self.talk.advance(Duration::from_secs(1));
        }
    }

    fn cut(&mut self, turned_away: bool) {
        // An alert comes behind all else that the server sent, instead of answers, on a connection that has kept the rules.
        if turned_away && !self.is_cut && !self.server.is_mad {
            self.deliver(usize::MAX);
            if self.begun.is_empty() && !self.talk.session.is_broken() {
                self.server.turn_away();
            }
            self.talk.session.handle_closed(true);
        } else {
            self.talk.session.handle_closed(false);
        }
        self.is_cut = true;
    }

    /// What is told of a push when it comes back, against what is known at that moment.
    fn take_outcomes(&mut self) -> Result<(), TestCaseError> {
        if self.talk.session.is_broken() {
            // As the owner does, and without writing the output.
            self.talk.session.handle_closed(false);
            self.is_cut = true;
        }
        for (number, fate) in self.talk.outcomes() {
            prop_assert!((1..=self.sent).contains(&number), "never sent: {number}");
            let request = self.server.requests.get(number as usize - 1);
            match &fate {
                Fate::Unknown => {
                    let excused = request.is_some_and(|request| request.is_broken);
                    prop_assert!(
                        excused || self.handed.contains(&number),
                        "{number} is of unknown fate and never left"
                    );
                }
                Fate::Answered(response) => {
                    let said = request.and_then(|request| request.answer);
                    prop_assert_eq!(said.map(|(status, _)| status), Some(response.status));
                }
                Fate::NotProcessed => {}
            }
            let again = self.fates.insert(number, fate);
            prop_assert!(again.is_none(), "{number} came back twice");
        }
        let back = self.fates.len();
        prop_assert_eq!(back + self.talk.session.in_flight(), self.sent as usize);
        Ok(())
    }

    /// All is over: the server has read everything it will ever read.
    fn judge(&mut self) -> Result<(), TestCaseError> {
        self.server_reads(usize::MAX);
        for (number, fate) in &self.fates {
            if let Some(status) = self.begun.get(number) {
                let refused = matches!(status, 400 | 403 | 429) && *fate == Fate::NotProcessed;
                let answered = matches!(fate, Fate::Answered(answer) if answer.status == *status);
                prop_assert!(
                    refused || answered,
                    "{number}: {status} came, and then {fate:?}"
                );
            } else if *fate == Fate::NotProcessed
                && let Some(request) = self.server.requests.get(*number as usize - 1)
            {
                prop_assert!(
                    !request.is_whole || request.is_disclaimed,
                    "{number} may have been processed: {request:?}"
                );
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        // Without optimisation the default spends more time on chance than the histories take.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    /// Each push comes back once; "not processed" is told only of what the server never had wholly or has disclaimed,
    /// by then and later; "unknown" only of what left wholly; and an answer that came stays.
    #[test]
    fn what_is_told_of_every_push_is_true(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.play(step);
            world.take_outcomes()?;
        }
        world.play(&Step::Cut(false));
        world.take_outcomes()?;
        prop_assert_eq!(world.talk.session.in_flight(), 0);
        world.judge()?;
    }

    /// A server that only answers PING keeps no push: all come back in a bounded time, or the connection is found broken.
    #[test]
    fn no_push_waits_for_ever(
        steps in proptest::collection::vec(step(), 1..40),
        is_writing in any::<bool>(),
    ) {
        let mut world = World::new();
        for step in steps.iter().filter(|step| !matches!(step, Step::Cut(_))) {
            world.play(step);
            world.take_outcomes()?;
        }
        // Once for the body in parts, once for the socket, once for the answer.
        for _ in 0..3 * 32 {
            if is_writing {
                world.write(usize::MAX);
            }
            world.server_reads(usize::MAX);
            world.deliver(usize::MAX);
            world.talk.advance(Duration::from_secs(1));
            let due = world.talk.session.poll_timeout();
            prop_assert!(due.is_none_or(|due| due > world.talk.now.instant), "a busy loop");
            world.take_outcomes()?;
        }
        prop_assert_eq!(world.talk.session.in_flight(), 0);
    }
}
