//! One connection to APNs as pushes see it: who is in flight, what may be sent, what became of each.
//!
//! **Every push that [`Session::send`] took comes back exactly once from [`Session::poll_outcome`]**,
//! with the [`Fate`] of its try; [`Push::next`] then decides whether it ends or is sent again.

mod bearer;
mod config;
mod in_flight;
mod incoming;
mod liveness;
mod notice;
mod push;
mod reserve;
mod stalls;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use config::{Authentication, AuthorizationCoding, Config};
pub use notice::{Blocked, Notice};
pub use push::{FailedCause, Fate, Push};
pub use verdict::Next;

use crate::http2::{self, Connection, EndedStream, ErrorCode, Processed};
use crate::lanes::Lane;
use crate::now::Now;
use crate::provider_token::ProviderToken;
use bearer::Bearer;
use in_flight::{InFlight, Opening, Runs};
use liveness::Liveness;
use reserve::reserve_beside;
use stalls::Stalls;

/// One connection's pushes. Bytes and facts in, bytes and outcomes out; no clock, no socket.
///
/// After any call: take [`poll_outcome`](Self::poll_outcome) and [`poll_notice`](Self::poll_notice) until they are empty, write
/// [`output`](Self::output), and call [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
/// When the transport ends, [`handle_closed`](Self::handle_closed) gives back what is still in flight.
#[derive(Debug)]
pub struct Session<C> {
    http2: Connection<InFlight<C>>,
    config: Config,
    runs: Runs,
    bearer: Option<Bearer>,
    phase: Phase,
    /// An answer showed that our credentials work. Until then Apple grants one stream to provider tokens, and
    /// counts more as abuse.
    proven: bool,
    liveness: Liveness,
    stalls: Stalls,
    round_trip: Option<Duration>,
    outcomes: VecDeque<(Box<Push<C>>, Fate)>,
    notices: VecDeque<Notice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The server's SETTINGS have not come.
    Starting,
    /// Pushes may be sent.
    Open,
    /// No new pushes; answers to old ones may come.
    Retired,
    /// The transport is gone.
    Closed,
}

impl<C> Session<C> {
    /// A session on a connection that has just been made; the preface is in [`output`](Self::output) at once.
    pub fn new(config: Config, now: Now) -> Self {
        let http2_config = http2::Config {
            ping_timeout: config.ping_timeout,
            ..http2::Config::default()
        };
        Self {
            http2: Connection::new(http2_config, now.instant),
            runs: Runs::default(),
            bearer: None,
            phase: Phase::Starting,
            proven: false,
            liveness: Liveness::new(config.ping_interval, now.instant),
            stalls: Stalls::new(now.instant),
            round_trip: None,
            outcomes: VecDeque::new(),
            notices: VecDeque::new(),
            config,
        }
    }

    // -- getters

    /// Pushes that were sent and not yet answered.
    pub fn in_flight(&self) -> usize {
        self.http2.open_streams()
    }

    /// Pushes that may be in flight at once as far as streams go: the lower of the server's limit and ours; 0 before
    /// its SETTINGS came.
    pub fn max_streams(&self) -> usize {
        self.http2.max_concurrent_streams()
    }

    /// Bytes of payload that the server's window for the connection still takes.
    pub fn window_left(&self) -> usize {
        self.http2.send_window_left()
    }

    /// How long the last PING was on its way there and back, if one was answered.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether this session will never take another push.
    pub fn is_retired(&self) -> bool {
        matches!(self.phase, Phase::Retired | Phase::Closed)
    }

    /// Whether the server has said hello, and pushes may follow.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the server broke the rules, does not answer a PING, or reads nothing: close the transport. Without writing the output:
    /// our GOAWAY stands behind requests, which are surely unprocessed as long as they are not written.
    pub fn is_broken(&self) -> bool {
        self.phase != Phase::Closed && self.http2.is_closed()
    }

    /// Whether requests stand in [`output`](Self::output) of which the transport has not taken the last byte.
    pub fn holds_unsent_requests(&self) -> bool {
        self.http2.output_position() > self.http2.consumed_position() && self.in_flight() > 0
    }

    /// PINGs sent since this was asked last.
    pub fn take_pings(&mut self) -> u64 {
        self.liveness.take_pings()
    }

    /// Whether nothing is left to do but close the transport.
    pub fn is_finished(&self) -> bool {
        self.is_retired() && self.in_flight() == 0 && self.outcomes.is_empty()
    }

    /// Whether more connections would help: this one takes pushes, and only its streams or its window are in the way of
    /// the next. Not while the server holds us to one stream because it does not know us yet.
    pub fn is_saturated(&self) -> bool {
        let blocked = self.can_send(Lane::Message, USUAL_PAYLOAD);
        matches!(
            blocked,
            Err(Blocked::Http2(
                http2::Blocked::Streams | http2::Blocked::ConnectionWindow
            ))
        )
    }

    /// Whether a push whose payload has `payload_len` bytes can be sent at once. What a message would leave free, a
    /// call may take. That somebody waits for room is noted by [`send`](Self::send) alone.
    pub fn can_send(&self, lane: Lane, payload_len: usize) -> Result<(), Blocked> {
        match self.phase {
            Phase::Starting => return Err(Blocked::Starting),
            Phase::Retired | Phase::Closed => return Err(Blocked::Retired),
            Phase::Open => {}
        }
        if self.config.authentication == Authentication::ProviderToken {
            if self.bearer.is_none() {
                return Err(Blocked::NoProviderToken);
            }
            if !self.proven && self.in_flight() > 0 {
                return Err(Blocked::Unproven);
            }
        }
        // A PING after silence asks whether the connection lives: nothing is risked on it before the answer.
        if self.liveness.is_asked() && self.in_flight() == 0 {
            return Err(Blocked::Silent);
        }
        self.http2
            .can_open_leaving(reserve_beside(lane), payload_len)
            .map_err(Blocked::Http2)
    }

    // -- commands

    /// The provider token that pushes carry from now on.
    pub fn set_provider_token(&mut self, token: &ProviderToken) {
        self.bearer = Some(Bearer::new(token, self.config.authorization_coding));
        // The index of the old one may be in them.
        self.runs = Runs::default();
    }

    /// Sends a push, or gives it back with what is in the way.
    pub fn send(&mut self, now: Now, push: Box<Push<C>>) -> Result<(), (Box<Push<C>>, Blocked)> {
        let lane = Lane::of(&push.request.content.headers);
        if let Err(blocked) = self.can_send(lane, push.request.content.payload.len()) {
            self.take_refusal(now, blocked);
            return Err((push, blocked));
        }
        if self.in_flight() == 0 && self.liveness.is_doubtful(now.instant) {
            self.ping(now);
            return Err((push, Blocked::Silent));
        }
        if self.in_flight() == 0 {
            self.liveness.busy(now.instant);
        }
        let opening = Opening {
            push,
            config: &self.config,
            runs: &self.runs,
            bearer: self.bearer.as_ref(),
            now,
            answers_before: self.stalls.answers(),
        };
        let sent = self
            .http2
            .open_stream_leaving(reserve_beside(lane), opening);
        match sent {
            Ok(_) => {
                self.stalls.sent();
                if self.http2.stream_ids_left() < STREAM_IDS_KEPT {
                    self.retire("its stream numbers are nearly used up".to_owned());
                }
                Ok(())
            }
            Err((Opening { push, .. }, blocked)) => {
                let blocked = Blocked::Http2(blocked);
                self.take_refusal(now, blocked);
                Err((push, blocked))
            }
        }
    }

    /// What no time mends needs another connection; but a header list that is too large, no other either.
    fn take_refusal(&mut self, now: Now, blocked: Blocked) {
        match blocked {
            Blocked::Http2(http2::Blocked::HeaderListTooLarge { .. }) => {}
            Blocked::Http2(blocked) if blocked.is_passing() => self.note_no_room(now),
            Blocked::Http2(blocked) => self.retire(blocked.to_string()),
            _ => {}
        }
    }

    /// Takes no more pushes; those in flight may still be answered.
    pub fn retire(&mut self, reason: String) {
        if matches!(self.phase, Phase::Starting | Phase::Open) {
            self.phase = Phase::Retired;
            self.notices.push_back(Notice::Retired { reason });
        }
    }

    /// Says goodbye to the server. Call when [`is_finished`](Self::is_finished), before closing the transport.
    pub fn say_goodbye(&mut self) {
        self.http2.go_away(ErrorCode::NO_ERROR);
    }

    // -- facts

    /// Bytes came from the server.
    pub fn handle_input(&mut self, now: Now, bytes: &[u8]) {
        self.liveness.heard(now.instant);
        self.http2.handle_input(now.instant, bytes);
        self.take_events();
        self.look_for_room();
    }

    /// The moment of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Now) {
        self.http2.handle_timeout(now.instant);
        self.take_events();
        if self.phase == Phase::Closed {
            return;
        }
        self.end_stalls(now);
        let ping_at = self.liveness.ping_at(self.in_flight());
        if ping_at.is_some_and(|at| at <= now.instant) {
            self.ping(now);
        }
    }

    /// The transport is gone. `refused` means that the server turned us away before it can have looked at a push
    /// (TLS 1.3 tells of a refused client certificate only after the handshake).
    pub fn handle_closed(&mut self, refused: bool) {
        self.take_events();
        self.phase = Phase::Closed;
        let streams: Vec<_> = self.http2.drain_streams().collect();
        let answering = |ended: &EndedStream<_>| ended.processed == Processed::Yes;
        let refused = refused && self.stalls.answers() == 0 && !streams.iter().any(answering);
        for ended in streams {
            let processed = if refused {
                Processed::No
            } else {
                ended.processed
            };
            self.end_unanswered(ended.state, processed);
        }
    }

    // -- polls

    /// The next push whose try has ended.
    pub fn poll_outcome(&mut self) -> Option<(Box<Push<C>>, Fate)> {
        self.outcomes.pop_front()
    }

    /// The next thing the owner should know.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Closed {
            return None;
        }
        let ping = self.liveness.ping_at(self.in_flight());
        [ping, self.stalls_due(), self.http2.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Bytes for the server, the oldest first.
    pub fn output(&self) -> &[u8] {
        self.http2.output()
    }

    /// The transport took the first `n` bytes of [`output`](Self::output).
    pub fn consume_output(&mut self, n: usize) {
        self.http2.consume_output(n);
    }

    // -- inside

    fn ping(&mut self, now: Now) {
        self.http2.ping(now.instant);
        self.liveness.asked();
    }
}

/// Bytes that a window should have room for: a usual payload.
const USUAL_PAYLOAD: usize = 512;
/// Stream numbers left at which a connection is replaced: a fraction of the 2^30, and enough for what is under way.
const STREAM_IDS_KEPT: u32 = 1 << 16;
