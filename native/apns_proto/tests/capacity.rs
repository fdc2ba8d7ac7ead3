//! The table of docs/capacity.md, measured: a session under a virtual clock, and a server that is nothing but a round trip, a limit of
//! streams and a window.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use apns_proto::now::Now;
use apns_proto::payload::Payload;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers, Request};
use apns_proto::session::{Authentication, AuthorizationCoding, Config, Fate, Push, Session};
use apns_proto::topic::Topic;

const DOCUMENT: &str = include_str!("../../../docs/capacity.md");

/// What a measured rate may differ from the document's, in per cent.
const TOLERANCE: f64 = 2.0;
/// What is to be carried, in the document's last column.
const WANTED_PER_S: u64 = 100_000;

/// A row of the table.
#[derive(Debug)]
struct Row {
    round_trip: Duration,
    streams: u32,
    window: u32,
    payload: usize,
    calls_per_s: u64,
    messages_per_s: u64,
    connections: u64,
}

impl Row {
    fn read(line: &str) -> Self {
        let cells: Vec<u64> = line
            .trim_matches('|')
            .split('|')
            .map(|cell| {
                let digits: String = cell.trim().replace(',', "").replace(" ms", "");
                digits
                    .parse()
                    .unwrap_or_else(|_| panic!("{cell:?} in {line}"))
            })
            .collect();
        let [
            round_trip,
            streams,
            window,
            payload,
            calls_per_s,
            messages_per_s,
            connections,
        ] = cells[..]
        else {
            panic!("seven cells: {line}")
        };
        Self {
            round_trip: Duration::from_millis(round_trip),
            streams: u32::try_from(streams).expect("streams"),
            window: u32::try_from(window).expect("a window"),
            payload: usize::try_from(payload).expect("a payload"),
            calls_per_s,
            messages_per_s,
            connections,
        }
    }

    /// The document's formula: what is in flight goes once per round trip.
    fn by_formula(&self, kept_streams: u32, kept_bytes: u32) -> u64 {
        let bytes = (self.window - kept_bytes) as usize;
        let in_flight = ((self.streams - kept_streams) as usize).min(bytes / self.payload);
        in_flight as u64 * 1_000 / u64::try_from(self.round_trip.as_millis()).expect("a time")
    }
}

fn rows() -> Vec<Row> {
    let head = "| round trip | streams | window | payload | calls/s | messages/s | connections |\n";
    let (_, table) = DOCUMENT.split_once(head).expect("the table");
    let rows: Vec<_> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(Row::read)
        .collect();
    assert!(rows.len() >= 10, "{} rows", rows.len());
    rows
}

#[test]
fn the_document_says_what_a_session_sends_in_a_second_of_virtual_time() {
    for row in rows() {
        for (push_type, documented) in [
            (PushType::Voip, row.calls_per_s),
            (PushType::Alert, row.messages_per_s),
        ] {
            let measured = pushes_per_s(&row, push_type);
            let off = (measured / documented as f64 - 1.0).abs() * 100.0;
            assert!(
                off <= TOLERANCE,
                "{push_type}: {measured:.0}/s, but {row:?}"
            );
        }
    }
}

#[test]
fn the_document_calculates_with_its_own_formula() {
    for row in rows() {
        assert_eq!(row.by_formula(0, 0), row.calls_per_s, "{row:?}");
        assert_eq!(row.by_formula(8, 5_120), row.messages_per_s, "{row:?}");
        let connections = WANTED_PER_S.div_ceil(row.messages_per_s);
        assert_eq!(connections, row.connections, "{row:?}");
    }
}

/// Answers in a second when there is always another push to send.
fn pushes_per_s(row: &Row, push_type: PushType) -> f64 {
    /// Round trips until the stream is even, and those that are counted.
    const WARM_UP: u32 = 3;
    const COUNTED: u32 = 20;
    let mut talk = Talk::begin(row, push_type);
    talk.run(row.round_trip * WARM_UP);
    let before = talk.answered;
    talk.run(row.round_trip * COUNTED);
    let counted = f64::from(talk.answered - before);
    counted / (row.round_trip * COUNTED).as_secs_f64()
}

/// A session that always has more to send, and its server at the other end of a long line.
struct Talk {
    session: Session<u32>,
    server: Server,
    now: Now,
    one_way: Duration,
    to_server: VecDeque<(Instant, Vec<u8>)>,
    to_session: VecDeque<(Instant, Vec<u8>)>,
    content: Content,
    sent: u32,
    answered: u32,
}

impl Talk {
    fn begin(row: &Row, push_type: PushType) -> Self {
        let now = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        let config = Config {
            authority: "api.push.apple.com".into(),
            topic: Topic::parse("im.example.chat").expect("a topic"),
            authentication: Authentication::Certificate,
            authorization_coding: AuthorizationCoding::default(),
            response_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(10),
        };
        let json = format!(r#"{{"aps":{{}},"x":"{}"}}"#, "x".repeat(row.payload - 17));
        let payload = Payload::from_json(json.as_bytes(), push_type).expect("a payload");
        assert_eq!(payload.len(), row.payload);
        let headers = Headers::new(push_type, None, None, None).expect("headers");
        let server = Server::new(row);
        Self {
            session: Session::new(config, now),
            to_session: VecDeque::from([(now.instant, server.hello())]),
            server,
            now,
            one_way: row.round_trip / 2,
            to_server: VecDeque::new(),
            content: Content { headers, payload },
            sent: 0,
            answered: 0,
        }
    }

    /// Lets so much time go by.
    fn run(&mut self, time: Duration) {
        let end = self.now.instant + time;
        loop {
            let due = [
                self.to_server.front().map(|(at, _)| *at),
                self.to_session.front().map(|(at, _)| *at),
                self.session.poll_timeout(),
            ];
            let next = due.into_iter().flatten().min().unwrap_or(end);
            if next > end {
                break;
            }
            let passed = next.saturating_duration_since(self.now.instant);
            self.now.instant += passed;
            self.now.unix_ms += u64::try_from(passed.as_millis()).expect("a time");
            self.arrive();
            if self.session.poll_timeout() <= Some(self.now.instant) {
                self.session.handle_timeout(self.now);
            }
            self.take_outcomes();
            self.send_all();
        }
        assert!(!self.session.is_broken(), "the session gave its server up");
        self.now.instant = end;
    }

    /// What is due at either end.
    fn arrive(&mut self) {
        let now = self.now.instant;
        while let Some(bytes) = due(&mut self.to_server, now) {
            let answer = self.server.read(&bytes);
            self.to_session.push_back((now + self.one_way, answer));
        }
        while let Some(bytes) = due(&mut self.to_session, now) {
            self.session.handle_input(self.now, &bytes);
        }
    }

    fn take_outcomes(&mut self) {
        while let Some((_, fate)) = self.session.poll_outcome() {
            assert!(matches!(&fate, Fate::Answered(answer) if answer.status == 200));
            self.answered += 1;
        }
        while self.session.poll_notice().is_some() {}
    }

    fn send_all(&mut self) {
        loop {
            while self.session.send(self.now, self.push()).is_ok() {
                self.sent += 1;
            }
            let output = self.session.output().to_vec();
            if output.is_empty() {
                return;
            }
            self.session.consume_output(output.len());
            self.to_server
                .push_back((self.now.instant + self.one_way, output));
        }
    }

    fn push(&self) -> Box<Push<u32>> {
        let request = Request {
            apns_id: ApnsId::from_random([7; 16]),
            device_token: DeviceToken::from_bytes(&[1; 32]).expect("a token"),
            content: self.content.clone(),
        };
        let give_up_at = self.now.instant + Duration::from_secs(3600);
        Box::new(Push::new(request, self.sent, give_up_at))
    }
}

fn due(line: &mut VecDeque<(Instant, Vec<u8>)>, now: Instant) -> Option<Vec<u8>> {
    let (at, _) = line.front()?;
    if *at > now {
        return None;
    }
    line.pop_front().map(|(_, bytes)| bytes)
}

/// Answers 200 at once and gives credit for what it has read. That its limits are kept shows in the rate.
struct Server {
    streams: u32,
    window: u32,
    unread: Vec<u8>,
    preface_left: usize,
}

impl Server {
    fn new(row: &Row) -> Self {
        Self {
            streams: row.streams,
            window: row.window,
            unread: Vec::new(),
            preface_left: PREFACE_LEN,
        }
    }

    /// SETTINGS, and a window beyond the protocol's initial one.
    fn hello(&self) -> Vec<u8> {
        let mut settings = vec![0, 3];
        settings.extend(self.streams.to_be_bytes());
        let mut bytes = frame(SETTINGS, 0, 0, &settings);
        if self.window > INITIAL_WINDOW {
            bytes.extend(credit(self.window - INITIAL_WINDOW));
        }
        bytes
    }

    fn read(&mut self, bytes: &[u8]) -> Vec<u8> {
        let preface = self.preface_left.min(bytes.len());
        self.preface_left -= preface;
        self.unread.extend(&bytes[preface..]);
        let mut answers = Vec::new();
        let (mut at, mut used) = (0, 0);
        while let Some(head) = self.unread.get(at..at + 9) {
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let end = at + 9 + len as usize;
            let (kind, ends) = (head[3], head[4] & 1 == 1);
            let Some(payload) = self.unread.get(at + 9..end) else {
                break;
            };
            match (kind, ends) {
                (DATA, _) => {
                    used += len;
                    if ends {
                        // `:status` 200 of the static table.
                        answers.extend(frame(HEADERS, 0x5, stream, &[0x88]));
                    }
                }
                (SETTINGS, false) => answers.extend(frame(SETTINGS, 1, 0, &[])),
                (PING, false) => answers.extend(frame(PING, 1, 0, payload)),
                _ => {}
            }
            at = end;
        }
        self.unread.drain(..at);
        if used > 0 {
            answers.extend(credit(used));
        }
        answers
    }
}

fn credit(bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a short frame");
    let mut frame = len.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const PREFACE_LEN: usize = 24;
/// The window of a connection before any WINDOW_UPDATE (RFC 9113, 6.9.2).
const INITIAL_WINDOW: u32 = 65_535;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
