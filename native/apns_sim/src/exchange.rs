//! One request and its answer: the body is read, the judge asked, the script obeyed, the journal written.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;

use crate::answering;
use crate::client_certificate::ClientIdentity;
use crate::clock::machine_us;
use crate::connection::{Connection, Slot};
use crate::entry::{Entry, authorization_digest, headers_of};
use crate::journal::Place;
use crate::judge::{Case, Judgement};
use crate::random;
use crate::reason::Reason;
use crate::request::{Request, short};
use crate::script::{Answer, ConnectionAction, Effect};
use crate::state::{State, count};
use crate::stream_limit::Answered;

/// One stream of a connection, from its HEADERS to its end.
pub(crate) struct Exchange {
    /// Given back before the answer leaves, because a provider that has it may open the next stream.
    pub(crate) slot: Option<Slot>,
    pub(crate) state: Arc<State>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    pub(crate) respond: SendResponse<Bytes>,
    pub(crate) stream: u32,
}

impl Exchange {
    /// Serves a request; `effect` is what a script wants for it.
    pub(crate) async fn serve(self, request: http::Request<RecvStream>, effect: Option<Effect>) {
        let (head, body) = request.into_parts();
        if let Some(Effect::Answer(answer)) = &effect
            && answer.early
        {
            let request = Request::without_body(http::Request::from_parts(head, ()));
            return self.answer_early(&request, body, answer).await;
        }
        let Some(body) = read_body(body).await else {
            return count(&self.state.counters.abandoned);
        };
        let request = Request::new(http::Request::from_parts(head, ()), body);
        if let Some(Effect::Connection(action)) = &effect {
            if let Some(fault) = ends_all(action) {
                self.record(&request, Outcome::fault(fault));
                self.connection.act_for(action, Some(self.stream));
                return self.wait_for_reset().await;
            }
            self.connection.act_for(action, Some(self.stream));
        }
        if self.connection.is_given_up(self.stream) {
            return self.leave_unanswered(&request, "goaway").await;
        }
        match effect {
            Some(Effect::RefusedStream) => self.refuse(&request),
            Some(Effect::Reset { code, .. }) => self.reset(&request, code),
            Some(Effect::Stall) => self.leave_unanswered(&request, "stall").await,
            Some(Effect::Cut) => {
                self.record(&request, Outcome::fault("cut"));
                self.connection.cut();
            }
            Some(Effect::Answer(answer)) => self.answer(&request, Some(answer)).await,
            Some(Effect::Goaway(_) | Effect::Connection(_)) | None => {
                self.answer(&request, None).await;
            }
        }
    }

    /// Resets the stream as one that was never looked at.
    pub(crate) fn refuse(self, request: &Request) {
        self.end_with(request, "refused_stream", h2::Reason::REFUSED_STREAM);
    }

    /// Resets the stream; `code` leaves open whether the request was processed.
    pub(crate) fn reset(self, request: &Request, code: u32) {
        self.end_with(request, "reset", code.into());
    }

    fn end_with(mut self, request: &Request, fault: &'static str, code: h2::Reason) {
        self.record(request, Outcome::fault(fault));
        self.slot = None;
        self.connection.wire().expect_end(self.stream);
        self.respond.send_reset(code);
    }

    async fn answer(mut self, request: &Request, scripted: Option<Answer>) {
        if let Some(fault) = self.connection.wire().fault() {
            return self.leave_unanswered(request, fault).await;
        }
        let judgement = self.judge(request);
        let answer = match &judgement.refusal {
            Some(refusal) => Answer {
                timestamp: refusal.timestamp_ms,
                ..Answer::refused(refusal.reason)
            },
            None => scripted.unwrap_or_else(|| Answer::accepted_after(0)),
        };
        let Some(apns_id) = self.prepare(request, &answer).await else {
            return;
        };
        self.slot = None;
        self.connection.handle_answer(answered(&judgement, &answer));
        self.connection.wire().expect_end(self.stream);
        answering::send(&mut self.respond, &self.state, &answer, &apns_id);
    }

    /// All that comes before an answer leaves: writes it down, sends the interim ones, holds it back as long as a
    /// script wants. Returns its `apns-id`; `None` when there is nothing to answer any more.
    async fn prepare(&mut self, request: &Request, answer: &Answer) -> Option<String> {
        if answer.delay_ms == 0 {
            if !self.connection.may_answer(self.stream) {
                self.record(request, Outcome::fault("goaway"));
                self.give_up().await;
                return None;
            }
            let (apns_id, _) = self.record_answer(request, answer);
            answering::send_interim(&mut self.respond, answer);
            return Some(apns_id);
        }
        let (apns_id, place) = self.record_answer(request, answer);
        answering::send_interim(&mut self.respond, answer);
        if !self.hold_back(Duration::from_millis(answer.delay_ms)).await {
            return None;
        }
        if !self.connection.may_answer(self.stream) {
            self.take_back(place, answer, "goaway");
            self.give_up().await;
            return None;
        }
        Some(apns_id)
    }

    /// Answers a request whose body may not have come. h2 resets a stream that was answered before its end when it
    /// is dropped; where the end has come meanwhile, that is left to the wire, so that the provider always sees it.
    async fn answer_early(mut self, request: &Request, body: RecvStream, answer: &Answer) {
        let Some(apns_id) = self.prepare(request, answer).await else {
            return;
        };
        self.slot = None;
        let wire = self.connection.wire();
        wire.expect_end(self.stream);
        if has_ended(body) {
            wire.reset_behind_end(self.stream);
        }
        answering::send(&mut self.respond, &self.state, answer, &apns_id);
    }

    fn judge(&self, request: &Request) -> Judgement {
        let State {
            rules,
            devices,
            clock,
            ..
        } = &*self.state;
        self.connection.with_memory(|memory| {
            Case::new(
                request,
                rules,
                devices,
                self.identity.as_deref(),
                memory,
                clock.now(),
                self.state.token_updates(),
            )
            .judge()
        })
    }

    /// Waits; `false` when the provider ended the stream meanwhile.
    async fn hold_back(&mut self, delay: Duration) -> bool {
        let respond = &mut self.respond;
        let reset = std::future::poll_fn(|cx| respond.poll_reset(cx));
        tokio::time::timeout(delay, reset).await.is_err()
    }

    async fn leave_unanswered(self, request: &Request, fault: &'static str) {
        self.record(request, Outcome::fault(fault));
        self.wait_for_reset().await;
    }

    /// Holds the stream open until the provider gives it up or the connection ends.
    async fn wait_for_reset(mut self) {
        self.give_up().await;
    }

    async fn give_up(&mut self) {
        if self.connection.is_given_up(self.stream) {
            self.slot = None; // A GOAWAY does not wait for the streams it gave up.
        }
        let respond = &mut self.respond;
        let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
    }

    /// Writes an answer down; returns its `apns-id`, and where it stands.
    fn record_answer(&self, request: &Request, answer: &Answer) -> (String, Place) {
        let apns_id = request.apns_id().map_or_else(random::uuid, str::to_owned);
        let outcome = Outcome {
            answer: Some(answer),
            apns_id: Some(&apns_id),
            fault: None,
        };
        let place = self.record(request, outcome);
        (apns_id, place)
    }

    /// An answer that was written down does not leave.
    fn take_back(&self, place: Place, answer: &Answer, fault: &'static str) {
        let State {
            counters, journal, ..
        } = &*self.state;
        counters.of(Some(answer)).fetch_sub(1, Ordering::Relaxed);
        count(counters.of(None));
        journal.take_back(place, fault);
    }

    fn record(&self, request: &Request, outcome: Outcome<'_>) -> Place {
        let State {
            counters, journal, ..
        } = &*self.state;
        count(counters.of(outcome.answer));
        let (headers, provider_token) = headers_of(&request.headers);
        let entry = Entry {
            sequence: 0,
            received_at_us: machine_us(),
            connection: self.connection.number(),
            stream_id: self.stream,
            method: request.method.to_string(),
            path: request.path.clone(),
            token: request.device_token(),
            headers,
            provider_token,
            authorization_digest: authorization_digest(&request.headers),
            payload: request.body.clone(),
            status: outcome.answer.map(|answer| answer.status),
            reason: outcome.answer.and_then(|answer| answer.reason.clone()),
            apns_id: outcome.apns_id.map(str::to_owned),
            fault: outcome.fault,
        };
        self.state.tell(|| {
            let token = entry.token.as_deref().map(short).unwrap_or_default();
            let status = entry
                .status
                .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            let why = entry.reason.as_deref().or(entry.fault).unwrap_or_default();
            format!(
                "connection {} stream {} device {token}: {status} {why}",
                entry.connection, entry.stream_id
            )
        });
        journal.record(entry)
    }
}

/// What the journal says became of a request.
struct Outcome<'a> {
    answer: Option<&'a Answer>,
    apns_id: Option<&'a str>,
    fault: Option<&'static str>,
}

impl Outcome<'_> {
    const fn fault(fault: &'static str) -> Self {
        Self {
            answer: None,
            apns_id: None,
            fault: Some(fault),
        }
    }
}

fn answered(judgement: &Judgement, answer: &Answer) -> Answered {
    match (answer.status, answer.reason.as_deref()) {
        (200, _) => Answered::Accepted,
        (_, Some(reason)) if reason == Reason::BAD_DEVICE_TOKEN.name() => Answered::BadDeviceToken,
        _ if judgement.authenticated => Answered::Refused,
        _ => Answered::NotAuthenticated,
    }
}

/// What the journal calls an action after which no answer leaves.
const fn ends_all(action: &ConnectionAction) -> Option<&'static str> {
    match action {
        ConnectionAction::Stall => Some("stall"),
        ConnectionAction::Mute => Some("mute"),
        ConnectionAction::Cut | ConnectionAction::Reset => Some("cut"),
        _ => None,
    }
}

/// Whether the request's last byte is there. What came of its body is thrown away.
fn has_ended(mut body: RecvStream) -> bool {
    let mut looking = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(chunk))) = body.poll_data(&mut looking) {
        let _ = body.flow_control().release_capacity(chunk.len());
    }
    body.is_end_stream()
}

/// Reads the body, at most a little more than Apple takes of any push; `None` when the provider gave up.
async fn read_body(mut body: RecvStream) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while whole.len() <= MAX_BODY {
        let Some(chunk) = body.data().await else {
            break;
        };
        let chunk = chunk.ok()?;
        // The window is given back at once: the provider is held up by scripts only.
        let _ = body.flow_control().release_capacity(chunk.len());
        whole.extend_from_slice(&chunk);
    }
    Some(whole.freeze())
}

/// One byte more than the largest payload there is, a VoIP push's, is too large for any.
const MAX_BODY: usize = 5120;
