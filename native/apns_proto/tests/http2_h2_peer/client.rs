//! Our side: the connection under test, driven over the pipe.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use apns_proto::http2::{
    Blocked, Config, Connection, ErrorCode, Event, HeaderBlock, Processed, ResponseHandler,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::request::{body, body_len, expected_headers, response_body, status, write_headers};

/// A small linear generator; quality does not matter, repeatability does.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[derive(Debug, Default)]
struct Answer {
    n: u32,
    status: u16,
    apns_id: Vec<u8>,
    body: Vec<u8>,
    trailer: Vec<u8>,
}

impl ResponseHandler for Answer {
    fn status(&mut self, status: u16) {
        self.status = status;
    }
    fn header(&mut self, name: &[u8], value: &[u8]) {
        if name == b"apns-id" {
            self.apns_id = value.to_vec();
        }
    }
    fn body(&mut self, data: &[u8]) {
        self.body.extend_from_slice(data);
    }
    fn trailer(&mut self, name: &[u8], value: &[u8]) {
        assert_eq!(name, b"n");
        self.trailer = value.to_vec();
    }
}

impl Answer {
    fn check(&self) {
        let n = self.n;
        assert_eq!(self.status, status(n));
        assert_eq!(self.apns_id, expected_headers(n)[1].1.as_bytes());
        assert_eq!(self.body, response_body(n).as_bytes());
        let trailer = if n.is_multiple_of(15) {
            n.to_string()
        } else {
            String::new()
        };
        assert_eq!(self.trailer, trailer.as_bytes());
    }
}

#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) waiting: VecDeque<u32>,
    pub(crate) answered: BTreeMap<u32, u32>,
    pub(crate) reset: u32,
    pub(crate) not_processed: u32,
    /// Reasons for not opening, as seen.
    pub(crate) blocked: BTreeMap<String, u32>,
}

/// Sends what waits over one connection, until all is answered or the peer has closed.
pub(crate) async fn send_all(pipe: DuplexStream, progress: &mut Progress, cut: usize) {
    let mut random = Random(cut as u64);
    let mut connection = Connection::new(Config::default(), Instant::now());
    let (mut read, mut write) = tokio::io::split(pipe);
    let mut buffer = vec![0; cut];
    loop {
        while let Some(event) = connection.poll_event() {
            handle_event(event, progress);
        }
        while let Some(&n) = progress.waiting.front() {
            if let Err(blocked) = connection.can_open(body_len(n)) {
                *progress.blocked.entry(format!("{blocked:?}")).or_default() += 1;
                break;
            }
            let state = Answer {
                n,
                ..Answer::default()
            };
            let header = |block: &mut HeaderBlock<'_>| write_headers(n, block);
            let opened = connection.open_stream(state, header, &body(n));
            assert!(opened.is_ok());
            progress.waiting.pop_front();
        }
        let going = connection.can_open(0) == Err(Blocked::GoingAway);
        let idle = connection.open_streams() == 0 && (progress.waiting.is_empty() || going);
        if idle && connection.output().is_empty() {
            assert_eq!(connection.drain_streams().len(), 0);
            return;
        }
        let len = connection.output().len().min(1 + random.below(cut));
        let room = 1 + random.below(cut);
        tokio::select! {
            written = write.write(&connection.output()[..len]), if len > 0 => {
                let written = written.unwrap();
                connection.consume_output(written);
            }
            received = read.read(&mut buffer[..room]) => {
                let received = received.unwrap();
                assert_ne!(received, 0, "the peer closed with {} streams open", connection.open_streams());
                connection.handle_input(Instant::now(), &buffer[..received]);
            }
        }
    }
}

fn handle_event(event: Event<Answer>, progress: &mut Progress) {
    match event {
        Event::Response { state, .. } => {
            state.check();
            *progress.answered.entry(state.n).or_default() += 1;
        }
        Event::Reset {
            state,
            code,
            processed,
            ..
        } => {
            // Any reset of half a request says the same.
            assert!(processed == Processed::No || code != ErrorCode::REFUSED_STREAM);
            progress.reset += 1;
            progress.waiting.push_back(state.n);
        }
        Event::NotProcessed { state, .. } => {
            progress.not_processed += 1;
            progress.waiting.push_back(state.n);
        }
        Event::Settings | Event::GoAway { .. } | Event::Pong { .. } => {}
        other => panic!("{other:?}"),
    }
}
