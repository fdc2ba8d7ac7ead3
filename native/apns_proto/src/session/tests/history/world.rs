//! A session, the server at its other end, and the transport between them, which moves when told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::Talk;
use super::super::calls::long_push;
use super::Step;
use super::credentials::Credentials;
use super::server::{HEADERS, Reader, Server};
use crate::apns_id::ApnsId;
use crate::http2::hpack::Decoder;
use crate::now::Now;
use crate::push_type::PushType;
use crate::session::{Fate, Push};

/// Both ends and what is between them.
pub(crate) struct World {
    pub(crate) talk: Talk,
    pub(crate) server: Server,
    /// Taken by the transport, not yet read by the server.
    uplink: Vec<u8>,
    /// Of what the server sent.
    delivered: usize,
    /// Reads what the transport takes, for which pushes were handed over wholly.
    tap: Reader,
    headers: Decoder,
    streams: Vec<u32>,
    /// Places in `taken`.
    handed: BTreeSet<usize>,
    pub(crate) is_cut: bool,
    credentials: Credentials,
    /// What the session took. The server's n-th request is the n-th of these.
    taken: Vec<Taken>,
    fates: BTreeMap<usize, Fate>,
    /// Pushes of whose answer the head came in while they were in flight.
    begun: BTreeMap<usize, u16>,
}

/// A push as it was when the session took it.
struct Taken {
    number: u32,
    apns_id: ApnsId,
    bearer: Option<&'static str>,
}

/// A push whose try has ended.
pub(crate) type Ended = (Box<Push<u32>>, Fate);

impl World {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self::over(Talk::new(credentials.authentication), credentials)
    }

    /// `talk` has not begun.
    pub(crate) fn over(mut talk: Talk, credentials: Credentials) -> Self {
        talk.session.config.authorization_coding = credentials.coding;
        let mut world = Self {
            talk,
            server: Server::default(),
            uplink: Vec::new(),
            delivered: 0,
            tap: Reader::default(),
            headers: Decoder::new(4096),
            streams: Vec::new(),
            handed: BTreeSet::new(),
            is_cut: false,
            credentials,
            taken: Vec::new(),
            fates: BTreeMap::new(),
            begun: BTreeMap::new(),
        };
        if let Some(token) = world.credentials.token() {
            world.talk.session.set_provider_token(token);
        }
        world.server.limit(10);
        world.deliver(usize::MAX);
        world
    }

    pub(crate) fn play(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Send { call, len } => {
                let number = self.taken.len() as u32 + 1;
                let push = push_of(number, *call, *len, self.talk.now);
                self.offer(push)?.ok();
            }
            Step::Write(n) => self.write(*n)?,
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
            Step::Life(seconds) => self.live(*seconds)?,
            Step::Token => {
                if let Some(token) = self.credentials.renew() {
                    self.talk.session.set_provider_token(token);
                }
            }
            Step::Cut(turned_away) => self.cut(*turned_away),
        }
        Ok(())
    }

    /// A push is sent, or comes back.
    pub(crate) fn offer(
        &mut self,
        push: Box<Push<u32>>,
    ) -> Result<Result<(), Box<Push<u32>>>, TestCaseError> {
        let taken = Taken {
            number: push.context,
            apns_id: push.request.apns_id,
            bearer: self.credentials.token().map(|token| token.bearer()),
        };
        let in_flight = self.taken.len() - self.fates.len();
        let sent = self.talk.session.send(self.talk.now, push);
        let (said, sent) = match sent {
            Ok(()) => (Ok(()), Ok(())),
            Err((push, blocked)) => (Err(blocked), Err(push)),
        };
        self.credentials.judge(said, in_flight)?;
        if sent.is_ok() {
            self.taken.push(taken);
        }
        Ok(sent)
    }

    pub(crate) fn write(&mut self, n: usize) -> Result<(), TestCaseError> {
        if self.is_cut {
            return Ok(());
        }
        let output = self.talk.session.output();
        let taken = output[..n.min(output.len())].to_vec();
        self.talk.session.consume_output(taken.len());
        for (kind, flags, stream, payload) in self.tap.read(&taken) {
            match (kind, flags & 1) {
                (HEADERS, _) => {
                    self.look_at_headers(&payload)?;
                    self.streams.push(stream);
                }
                (0, 1) => {
                    let at = self.streams.iter().position(|other| *other == stream);
                    self.handed.insert(at.expect("HEADERS first"));
                }
                _ => {}
            }
        }
        self.uplink.extend(taken);
        Ok(())
    }

    /// Whose request it is, and with which credentials.
    fn look_at_headers(&mut self, block: &[u8]) -> Result<(), TestCaseError> {
        let (mut apns_id, mut bearer) = (None, None);
        let mut sink = |name: &[u8], value: &[u8]| match name {
            b"apns-id" => apns_id = ApnsId::parse(value).ok(),
            b"authorization" => bearer = Some(value.to_vec()),
            _ => {}
        };
        let decoded = self.headers.decode(block, 16_384, &mut sink);
        prop_assert_eq!(decoded, Ok(()));
        let taken = &self.taken[self.streams.len()];
        prop_assert_eq!(apns_id, Some(taken.apns_id));
        prop_assert_eq!(bearer.as_deref(), taken.bearer.map(str::as_bytes));
        Ok(())
    }

    pub(crate) fn server_reads(&mut self, n: usize) {
        let n = n.min(self.uplink.len());
        let bytes: Vec<u8> = self.uplink.drain(..n).collect();
        self.server.read(&bytes);
    }

    pub(crate) fn deliver(&mut self, n: usize) {
        if self.is_cut {
            return;
        }
        let rest = &self.server.sent[self.delivered..];
        let bytes = rest[..n.min(rest.len())].to_vec();
        self.delivered += bytes.len();
        self.talk.session.handle_input(self.talk.now, &bytes);
        for (place, request) in self.server.requests.iter().enumerate() {
            if let Some((status, end)) = request.answer
                && end <= self.delivered
                && !self.fates.contains_key(&place)
            {
                self.begun.insert(place, status);
            }
        }
    }

    fn live(&mut self, seconds: u64) -> Result<(), TestCaseError> {
        for _ in 0..seconds {
            self.write(usize::MAX)?;
            self.server_reads(usize::MAX);
            self.deliver(usize::MAX);
            self.talk.advance(Duration::from_secs(1));
        }
        Ok(())
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
    pub(crate) fn take_outcomes(&mut self) -> Result<Vec<Ended>, TestCaseError> {
        if self.talk.session.is_broken() {
            // As the owner does, and without writing the output.
            self.talk.session.handle_closed(false);
            self.is_cut = true;
        }
        let outcomes: Vec<_> = std::iter::from_fn(|| self.talk.session.poll_outcome()).collect();
        for (push, fate) in &outcomes {
            let number = push.context;
            // A push may be sent again on the same connection: the last time counts.
            let place = self.taken.iter().rposition(|taken| taken.number == number);
            prop_assert!(place.is_some(), "never sent: {number}");
            let place = place.unwrap_or_default();
            let request = self.server.requests.get(place);
            match fate {
                Fate::Unknown => {
                    let excused = request.is_some_and(|request| request.is_broken);
                    prop_assert!(
                        excused || self.handed.contains(&place),
                        "{number} is of unknown fate and never left"
                    );
                }
                Fate::Answered(response) => {
                    let said = request.and_then(|request| request.answer);
                    prop_assert_eq!(said.map(|(status, _)| status), Some(response.status));
                    self.credentials.learn(response);
                }
                Fate::NotProcessed => {}
            }
            let again = self.fates.insert(place, fate.clone());
            prop_assert!(again.is_none(), "{number} came back twice");
        }
        let back = self.fates.len();
        prop_assert_eq!(back + self.talk.session.in_flight(), self.taken.len());
        Ok(outcomes)
    }

    /// The pushes for which a device may ring, as the server knows; as often as it may.
    pub(crate) fn may_have_rung(&self) -> impl Iterator<Item = u32> {
        let requests = self.server.requests.iter().zip(&self.taken);
        requests
            .filter(|(request, _)| request.may_ring())
            .map(|(_, taken)| taken.number)
    }

    /// All is over: the server has read everything it will ever read.
    pub(crate) fn judge(&mut self) -> Result<(), TestCaseError> {
        self.server_reads(usize::MAX);
        for (place, fate) in &self.fates {
            let number = self.taken[*place].number;
            if let Some(status) = self.begun.get(place) {
                let refused = matches!(status, 400 | 403 | 429) && *fate == Fate::NotProcessed;
                let answered = matches!(fate, Fate::Answered(answer) if answer.status == *status);
                prop_assert!(
                    refused || answered,
                    "{number}: {status} came, and then {fate:?}"
                );
            } else if *fate == Fate::NotProcessed
                && let Some(request) = self.server.requests.get(*place)
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

/// A push that is told from all others.
pub(crate) fn push_of(number: u32, call: bool, len: usize, now: Now) -> Box<Push<u32>> {
    let push_type = if call {
        PushType::Voip
    } else {
        PushType::Alert
    };
    let mut push = long_push(push_type, len, now);
    push.context = number;
    push.request.apns_id = ApnsId::from_random(u128::from(number).to_be_bytes());
    push
}
