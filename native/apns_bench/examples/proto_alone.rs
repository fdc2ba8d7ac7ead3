//! `apns_proto` without a socket, a thread or a clock: a session whose server is a buffer. `tools/instructions` counts
//! what it executes.
//!
//! `proto_alone json|map PUSHES` makes so many pushes from finished JSON or from a notification, sends them and has each
//! answered. Tokens, identifiers and times are the same in each run, so the instructions are, too.

use std::time::{Duration, Instant};
use std::{env, iter};

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use apns_proto::notification::{Alert, AlertDictionary, Notification, Sound};
use apns_proto::now::Now;
use apns_proto::payload::Payload;
use apns_proto::provider_token::{KeyId, ProviderToken, SigningKey, TeamId};
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers, Request};
use apns_proto::session::{
    Authentication, AuthorizationCoding, Blocked, Config, Next, Push, Session,
};
use apns_proto::topic::Topic;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, pushes] = arguments.as_slice() else {
        return Err("usage: proto_alone json|map PUSHES".into());
    };
    let source = match from.as_str() {
        "json" => Source::Json(json()),
        "map" => Source::Map(Box::new(notification())),
        _ => return Err("a push is made from json or from a map".into()),
    };
    let pushes = pushes.parse()?;
    let accepted = Talk::begin()?.run(&source, pushes)?;
    if accepted == pushes {
        Ok(())
    } else {
        Err(format!("of {pushes} pushes {accepted} were accepted").into())
    }
}

/// What each push is made of.
enum Source {
    Json(String),
    Map(Box<Notification>),
}

impl Source {
    /// As the library does for each notification: JSON is checked, a map's is made.
    fn content(&self) -> Result<Content, Failure> {
        let payload = match self {
            Self::Json(json) => Payload::from_json(json.as_bytes(), PushType::Alert)?,
            Self::Map(notification) => notification.to_payload(PushType::Alert)?,
        };
        let headers = Headers::new(PushType::Alert, None, None, None)?;
        Ok(Content { headers, payload })
    }
}

/// A session and its server, which has read all that left, and answers when nothing more can be sent.
struct Talk {
    session: Session<u64>,
    now: Now,
    /// The stream that the server sees next.
    stream: u32,
    /// What the server has to say.
    answers: Vec<u8>,
    /// Bytes of payload for which it owes credit.
    owed: u32,
}

impl Talk {
    fn begin() -> Result<Self, Failure> {
        let now = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        let config = Config {
            authority: "api.push.apple.com".into(),
            topic: Topic::parse("im.example.chat")?,
            authentication: Authentication::ProviderToken,
            authorization_coding: AuthorizationCoding::default(),
            response_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(300),
            ping_timeout: Duration::from_secs(10),
        };
        let mut session = Session::new(config, now);
        session.set_provider_token(&ProviderToken::issue(
            &SigningKey::from_p8_pem(P8)?,
            &KeyId::parse("ABC123DEFG")?,
            &TeamId::parse("DEF123GHIJ")?,
            now.unix_s(),
        ));
        session.handle_input(now, SETTINGS);
        session.handle_input(now, SETTINGS_ACK);
        session.handle_input(now, &credit(WINDOW));
        Ok(Self {
            session,
            now,
            stream: 1,
            answers: Vec::new(),
            owed: 0,
        })
    }

    /// Sends so many pushes; returns how many were accepted.
    fn run(&mut self, source: &Source, pushes: u64) -> Result<u64, Failure> {
        let mut accepted = 0;
        let mut numbers = 0..pushes;
        let mut next = numbers.next();
        while accepted < pushes {
            while let Some(number) = next {
                match self.send(source, number)? {
                    Ok(()) => next = numbers.next(),
                    Err(_) => break,
                }
            }
            if self.session.output().is_empty() {
                accepted += self.hear()?;
            } else {
                self.session.consume_output(self.session.output().len());
            }
        }
        Ok(accepted)
    }

    fn send(&mut self, source: &Source, number: u64) -> Result<Result<(), Blocked>, Failure> {
        // What is refused would be made again; the library does not make it twice either.
        if let Err(blocked) = self.session.can_send(LANE, PAYLOAD) {
            return Ok(Err(blocked));
        }
        let content = source.content()?;
        let payload_len = u32::try_from(content.payload.len())?;
        let request = Request {
            apns_id: ApnsId::from_random(u128::from(number).to_be_bytes()),
            device_token: token(number)?,
            content,
        };
        let give_up_at = self.now.instant + Duration::from_secs(3600);
        let push = Box::new(Push::new(request, number, give_up_at));
        let sent = self.session.send(self.now, push);
        if sent.is_ok() {
            self.owed += payload_len;
            self.answer();
        }
        Ok(sent.map_err(|(_, blocked)| blocked))
    }

    /// 200, and an apns-id with the stream's number in it.
    fn answer(&mut self) {
        let at = self.answers.len();
        self.answers.extend_from_slice(ANSWER);
        let number = self.stream.to_be_bytes();
        self.stream += 2;
        if let Some(answer) = self.answers.get_mut(at..) {
            let (head, digits) = answer.split_at_mut(HEAD_LEN);
            for (place, byte) in head.iter_mut().rev().zip(number.iter().rev()) {
                *place = *byte;
            }
            for (place, byte) in digits.iter_mut().rev().zip(number) {
                *place = b'0' + byte % 10;
            }
        }
    }

    /// The server's answers arrive, in pieces as TLS brings them; how many pushes are over.
    fn hear(&mut self) -> Result<u64, Failure> {
        if self.answers.is_empty() {
            return Err("the session is blocked and waits for nothing".into());
        }
        self.answers.extend_from_slice(&credit(self.owed));
        self.owed = 0;
        let mut accepted = 0;
        for piece in self.answers.chunks(TLS_RECORD) {
            self.session.handle_input(self.now, piece);
            while let Some((mut push, fate)) = self.session.poll_outcome() {
                match push.next(&fate, self.now, push.context) {
                    Next::Accepted => accepted += 1,
                    other => return Err(format!("{other:?}: {fate:?}").into()),
                }
            }
        }
        self.answers.clear();
        iter::from_fn(|| self.session.poll_notice()).for_each(drop);
        Ok(accepted)
    }
}

/// A notification of [`PAYLOAD`] bytes as JSON.
fn notification() -> Notification {
    let body = "x".repeat(PAYLOAD - EMPTY.len());
    let alert = AlertDictionary {
        title: Some("Alice".to_owned()),
        body: Some(body),
        ..AlertDictionary::default()
    };
    Notification {
        alert: Some(Alert::from(alert)),
        sound: Some(Sound::Name("default".to_owned())),
        ..Notification::default()
    }
}

/// The same, finished.
fn json() -> String {
    let body = "x".repeat(PAYLOAD - EMPTY.len());
    EMPTY.replace("\"\"", &format!("\"{body}\""))
}

/// WINDOW_UPDATE of the connection.
fn credit(bytes: u32) -> [u8; 13] {
    let [a, b, c, d] = bytes.to_be_bytes();
    [0, 0, 4, 8, 0, 0, 0, 0, 0, a, b, c, d]
}

/// Digits of all kinds, since Huffman's code is not equally long for them: splitmix64.
fn token(number: u64) -> Result<DeviceToken, Failure> {
    let word = |place: u64| {
        let mut z = (number * 4 + place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let bytes = [0, 1, 2, 3].map(|place| word(place).to_be_bytes());
    Ok(DeviceToken::from_bytes(bytes.as_flattened())?)
}

/// Bytes of each payload.
const PAYLOAD: usize = 200;
const EMPTY: &str = r#"{"aps":{"alert":{"title":"Alice","body":""},"sound":"default"}}"#;
const LANE: apns_proto::lanes::Lane = apns_proto::lanes::Lane::Message;
/// A connection's window that is never in the way.
const WINDOW: u32 = 16 * 1024 * 1024;
/// Most bytes that TLS hands over at once.
const TLS_RECORD: usize = 16 * 1024;
const HEAD_LEN: usize = 9;
/// SETTINGS_MAX_CONCURRENT_STREAMS is 1,000, as Apple's.
const SETTINGS: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 3, 0xe8];
const SETTINGS_ACK: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
/// HEADERS with END_STREAM and END_HEADERS; `:status` 200 from the static table; `apns-id` as a literal without indexing.
const ANSWER: &[u8; 56] =
    b"\x00\x00\x2f\x01\x05\x00\x00\x00\x00\x88\x00\x07apns-id\x246d1c5d3e-0000-4000-8000-000000000000";
/// A key made for this program.
const P8: &[u8] = b"-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOu/Z3d9AxwE1hhx1
VBvoHSJ/RFFnzDqLne2UCHgdujWhRANCAAQW8aQPikJekRC5wNPM91HEkNaiKmQS
fbIYqn+YTFATN+bZCuaJXaGoNtqzsTOSccVpK6Jr5cOAZ000IUqnzcjr
-----END PRIVATE KEY-----";
