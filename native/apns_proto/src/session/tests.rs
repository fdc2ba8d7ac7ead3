//! The session against a scripted server, under a virtual clock.

mod again;
mod authorization;
mod begun;
mod calls;
mod ends;
mod headers;
mod history;
mod partly_sent;
mod silence;
mod stream_ids;

use std::time::{Duration, Instant};

use super::liveness::{DOUBTFUL_AFTER, QUIET_AFTER};
use super::*;
use crate::apns_id::ApnsId;
use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::expiration::Expiration;
use crate::payload::Payload;
use crate::provider_token::{KeyId, SigningKey, TeamId};
use crate::push_type::PushType;
use crate::request::{Content, Headers, Request};
use crate::topic::Topic;

/// A session, the server's side of the talk as raw frames, and a clock that moves when told.
struct Talk {
    session: Session<u32>,
    now: Now,
    /// Streams on which the server has seen a request, in order.
    requests: Vec<u32>,
    /// Streams on which it has seen the request's end, and RST_STREAM.
    ended: Vec<u32>,
    resets: Vec<u32>,
    pings: usize,
    unread: Vec<u8>,
    preface_seen: bool,
}

impl Talk {
    fn new(authentication: Authentication) -> Self {
        let now = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        Self::begin_at(authentication, now)
    }

    fn begin_at(authentication: Authentication, now: Now) -> Self {
        let config = Config {
            authority: "api.push.apple.com".into(),
            topic: Topic::parse("im.example.chat").unwrap(),
            authentication,
            authorization_coding: AuthorizationCoding::Literal,
            response_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(300),
            ping_timeout: Duration::from_secs(10),
        };
        Self {
            session: Session::new(config, now),
            now,
            requests: Vec::new(),
            ended: Vec::new(),
            resets: Vec::new(),
            pings: 0,
            unread: Vec::new(),
            preface_seen: false,
        }
    }

    /// A session that may send up to `streams` pushes at once.
    fn open(streams: u32) -> Self {
        let mut talk = Self::new(Authentication::Certificate);
        talk.settings(streams);
        talk
    }

    fn advance(&mut self, by: Duration) {
        self.now.instant += by;
        self.now.unix_ms += by.as_millis() as u64;
        if self
            .session
            .poll_timeout()
            .is_some_and(|due| due <= self.now.instant)
        {
            self.session.handle_timeout(self.now);
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.session.handle_input(self.now, &frame);
    }

    fn settings(&mut self, streams: u32) {
        let mut payload = 3u16.to_be_bytes().to_vec();
        payload.extend(streams.to_be_bytes());
        self.frame(4, 0, 0, &payload);
        self.frame(4, 1, 0, &[]);
    }

    fn answer_200(&mut self, stream: u32) {
        self.frame(1, 0x5, stream, &[0x88]);
    }

    /// `:status` as a literal with the static table's name (index 8), then the JSON body.
    fn answer(&mut self, stream: u32, status: &str, body: &str) {
        self.begin(stream, status);
        self.frame(0, 0x1, stream, body.as_bytes());
    }

    /// Only the head of an answer.
    fn begin(&mut self, stream: u32, status: &str) {
        let mut block = vec![0x08, status.len() as u8];
        block.extend(status.as_bytes());
        self.frame(1, 0x4, stream, &block);
    }

    /// The server reads all that was written, and counts requests and PINGs.
    fn server_reads(&mut self) {
        self.unread.extend(self.session.output());
        let n = self.session.output().len();
        self.session.consume_output(n);
        if !self.preface_seen {
            assert_eq!(&self.unread[..24], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            self.unread.drain(..24);
            self.preface_seen = true;
        }
        while self.unread.len() >= 9 {
            let head = &self.unread[..9];
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            match (head[3], head[4] & 1) {
                (1, _) => self.requests.push(stream),
                (0, 1) => self.ended.push(stream),
                (3, _) => self.resets.push(stream),
                (6, 0) => self.pings += 1,
                _ => {}
            }
            self.unread.drain(..9 + len);
        }
    }

    fn send(&mut self, number: u32) -> Result<(), Blocked> {
        self.session
            .send(self.now, push(number, self.now))
            .map_err(|(_, blocked)| blocked)
    }

    fn outcomes(&mut self) -> Vec<(u32, Fate)> {
        std::iter::from_fn(|| self.session.poll_outcome())
            .map(|(push, fate)| (push.context, fate))
            .collect()
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.session.poll_notice()).collect()
    }
}

fn push(number: u32, now: Now) -> Box<Push<u32>> {
    push_with(number, now, PushType::Alert, None, None)
}

pub(crate) fn push_with(
    number: u32,
    now: Now,
    push_type: PushType,
    expiration: Option<u64>,
    collapse_id: Option<&str>,
) -> Box<Push<u32>> {
    let headers = Headers::new(
        push_type,
        None,
        expiration.map(|seconds| Expiration::from_unix_seconds(seconds).unwrap()),
        collapse_id.map(|id| CollapseId::parse(id.as_bytes()).unwrap()),
    )
    .unwrap();
    let payload = Payload::from_json(br#"{"aps":{"alert":"hi"}}"#, push_type).unwrap();
    let request = Request {
        apns_id: ApnsId::from_random([7; 16]),
        device_token: DeviceToken::from_bytes(&number.to_be_bytes().repeat(8)).unwrap(),
        content: Content { headers, payload },
    };
    Box::new(Push::new(
        request,
        number,
        now.instant + Duration::from_secs(3600),
    ))
}

fn status_of(fate: &Fate) -> u16 {
    match fate {
        Fate::Answered(response) => response.status,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn nothing_is_sent_before_the_servers_settings() {
    let mut talk = Talk::new(Authentication::Certificate);
    assert_eq!(talk.send(1), Err(Blocked::Starting));
    talk.settings(10);
    assert_eq!(talk.notices(), [Notice::Ready]);
    assert_eq!(talk.send(1), Ok(()));
}

#[test]
fn an_answered_push_comes_back_once_with_its_answer() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    talk.server_reads();
    let [first, second] = talk.requests[..] else {
        panic!("two requests")
    };
    talk.answer(
        second,
        "410",
        r#"{"reason":"Unregistered","timestamp":1799999999000}"#,
    );
    talk.answer_200(first);
    let outcomes = talk.outcomes();
    assert_eq!(
        outcomes
            .iter()
            .map(|(push, fate)| (*push, status_of(fate)))
            .collect::<Vec<_>>(),
        [(2, 410), (1, 200)]
    );
    let Fate::Answered(gone) = &outcomes[0].1 else {
        panic!()
    };
    assert_eq!(gone.timestamp_ms, Some(1_799_999_999_000));
    assert!(gone.invalidates_token());
    assert_eq!(talk.session.in_flight(), 0);
    assert!(talk.outcomes().is_empty());
}

#[test]
fn with_a_provider_token_one_push_flies_until_an_answer_shows_that_it_is_good() {
    let mut talk = Talk::new(Authentication::ProviderToken);
    talk.settings(100);
    assert_eq!(talk.send(1), Err(Blocked::NoProviderToken));
    talk.session.set_provider_token(&provider_token(&talk));
    talk.send(1).unwrap();
    assert_eq!(talk.send(2), Err(Blocked::Unproven));
    talk.server_reads();
    talk.answer(talk.requests[0], "400", r#"{"reason":"BadDeviceToken"}"#);
    assert!(talk.notices().contains(&Notice::Authenticated));
    for number in 2..50 {
        talk.send(number).unwrap();
    }
}

#[test]
fn the_servers_stream_limit_is_followed_as_it_changes() {
    let mut talk = Talk::open(2);
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    assert_eq!(talk.send(3), Err(Blocked::Http2(http2::Blocked::Streams)));
    talk.settings(3);
    talk.send(3).unwrap();
    talk.settings(1);
    talk.server_reads();
    let [first, second, third] = talk.requests[..] else {
        panic!("three requests")
    };
    talk.answer_200(first);
    talk.answer_200(second);
    assert_eq!(talk.send(4), Err(Blocked::Http2(http2::Blocked::Streams)));
    talk.answer_200(third);
    talk.send(4).unwrap();
}

#[test]
fn silence_from_before_a_push_says_nothing_about_its_answer() {
    let mut talk = Talk::open(10);
    talk.server_reads();
    talk.advance(Duration::from_secs(30));
    talk.send(1).unwrap();
    talk.advance(Duration::from_millis(1));
    talk.server_reads();
    assert_eq!(talk.pings, 0);
    talk.advance(QUIET_AFTER);
    talk.server_reads();
    assert_eq!(talk.pings, 1);
}

#[test]
fn a_push_that_is_given_back_was_not_written() {
    let mut talk = Talk::open(10);
    // SETTINGS_MAX_HEADER_LIST_SIZE 10
    talk.frame(4, 0, 0, &[0, 6, 0, 0, 0, 10]);
    let (push, blocked) = talk.session.send(talk.now, push(1, talk.now)).unwrap_err();
    assert!(matches!(
        blocked,
        Blocked::Http2(http2::Blocked::HeaderListTooLarge { .. })
    ));
    assert_eq!(push.written_ms(), 0);
    assert!(!talk.session.is_retired());
}

#[test]
fn a_dead_server_with_pushes_in_flight_is_found_within_twenty_seconds() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    let mut seconds = 0;
    while !talk.session.is_broken() {
        talk.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds <= 20, "still believed in after {seconds} s");
    }
    talk.server_reads();
    assert_eq!(talk.pings, 1);
    talk.session.handle_closed(false);
    assert_eq!(talk.outcomes(), [(1, Fate::Unknown)]);
}

#[test]
fn after_long_silence_a_push_waits_for_a_sign_of_life() {
    let mut talk = Talk::open(10);
    talk.server_reads();
    talk.advance(DOUBTFUL_AFTER);
    assert_eq!(talk.send(1), Err(Blocked::Silent));
    assert_eq!(talk.session.in_flight(), 0);
    let ping = talk.session.output()[9..17].to_vec();
    talk.server_reads();
    assert_eq!(talk.pings, 1);
    assert_eq!(talk.send(1), Err(Blocked::Silent));
    talk.frame(6, 1, 0, &ping);
    assert_eq!(talk.send(1), Ok(()));
}

#[test]
fn a_dead_idle_connection_costs_no_push() {
    let mut talk = Talk::open(10);
    talk.server_reads();
    talk.advance(DOUBTFUL_AFTER);
    assert_eq!(talk.send(1), Err(Blocked::Silent));
    talk.advance(Duration::from_secs(10));
    assert!(talk.session.is_broken());
    talk.session.handle_closed(false);
    assert!(talk.outcomes().is_empty());
}

#[test]
fn an_expired_provider_token_retires_the_connection() {
    let mut talk = Talk::new(Authentication::ProviderToken);
    talk.settings(10);
    talk.session.set_provider_token(&provider_token(&talk));
    talk.send(1).unwrap();
    talk.server_reads();
    talk.answer(
        talk.requests[0],
        "403",
        r#"{"reason":"ExpiredProviderToken"}"#,
    );
    assert!(talk.session.is_retired());
    assert!(talk.notices().contains(&Notice::Retired {
        reason: "ExpiredProviderToken".into()
    }));
    assert_eq!(status_of(&talk.outcomes()[0].1), 403);
}

fn provider_token(talk: &Talk) -> ProviderToken {
    provider_token_of(talk.now.unix_s())
}

fn provider_token_of(unix_s: u64) -> ProviderToken {
    ProviderToken::issue(
        &SigningKey::from_p8_pem(P8).unwrap(),
        &KeyId::parse("ABC123DEFG").unwrap(),
        &TeamId::parse("DEF123GHIJ").unwrap(),
        unix_s,
    )
}

/// A key made for this test.
const P8: &[u8] = b"-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOu/Z3d9AxwE1hhx1
VBvoHSJ/RFFnzDqLne2UCHgdujWhRANCAAQW8aQPikJekRC5wNPM91HEkNaiKmQS
fbIYqn+YTFATN+bZCuaJXaGoNtqzsTOSccVpK6Jr5cOAZ000IUqnzcjr
-----END PRIVATE KEY-----";
