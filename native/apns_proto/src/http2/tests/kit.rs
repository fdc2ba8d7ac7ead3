//! A connection and its scripted peer under a virtual clock.
//!
//! What happened is told in short lines, so that a test reads like the exchange it is about.

use std::time::{Duration, Instant};

pub(super) use super::wire::*;
use crate::http2::hpack::{Decoder, Encoder};
use crate::http2::{
    Blocked, Config, Connection, Event, Processed, ResetCause, ResponseHandler, StreamId,
};

/// What a stream's handler saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) tag: u32,
    pub(super) text: String,
}

impl ResponseHandler for Seen {
    fn status(&mut self, status: u16) {
        self.text += &format!(" {status}");
    }
    fn header(&mut self, name: &[u8], value: &[u8]) {
        self.text += &format!(" {}={}", name.escape_ascii(), value.escape_ascii());
    }
    fn body(&mut self, data: &[u8]) {
        self.text += &match data.len() {
            ..=20 => format!(" <{}>", data.escape_ascii()),
            len => format!(" <{len} bytes>"),
        };
    }
    fn trailer(&mut self, name: &[u8], value: &[u8]) {
        self.text += &format!(" {}~{}", name.escape_ascii(), value.escape_ascii());
    }
}

/// A field list as text.
pub(super) type Fields = Vec<(String, String)>;

/// A connection, its peer, and the time.
pub(super) struct Pair {
    pub(super) client: Connection<Seen>,
    pub(super) now: Instant,
    pub(super) encoder: Encoder,
    pub(super) decoder: Decoder,
    received: Vec<u8>,
    header_block: Vec<u8>,
    /// Header lists the peer received, oldest first.
    pub(super) requests: Vec<(u32, Fields)>,
    pub(super) opened: u32,
}

impl<R: ResponseHandler> Connection<R> {
    /// As after so many requests that the stream numbers allow `left` more.
    pub(crate) fn spend_stream_ids(&mut self, left: u32) {
        self.next_stream = Some(StreamId::new(StreamId::MAX.get() - 2 * (left - 1)));
    }
}

impl Pair {
    /// A connection on which only the client has spoken.
    pub(super) fn unsettled(config: Config) -> Self {
        let now = Instant::now();
        Self {
            client: Connection::new(config, now),
            now,
            encoder: Encoder::new(4096, 4096),
            decoder: Decoder::new(4096),
            received: Vec::new(),
            header_block: Vec::new(),
            requests: Vec::new(),
            opened: 0,
        }
    }

    /// A connection behind the exchange of SETTINGS, with nothing left to poll or read.
    pub(super) fn settled(config: Config, peer_settings: &[(u16, u32)]) -> Self {
        let mut pair = Self::unsettled(config);
        pair.input(&settings(peer_settings));
        pair.input(&frame(SETTINGS, ACK, 0, &[]));
        assert_eq!(pair.events(), ["settings"]);
        pair.received = pair.client.output()[PREFACE.len()..].to_vec();
        pair.client.consume_output(usize::MAX);
        assert!(pair.sent().contains(&"SETTINGS 0 ACK".into()));
        pair
    }

    pub(super) fn new() -> Self {
        Self::settled(Config::default(), &[])
    }

    /// A new pair with this many streams open and their requests read.
    pub(super) fn with_open_streams(count: u32) -> Self {
        let mut pair = Self::new();
        for _ in 0..count {
            pair.open(b"{}");
        }
        pair.sent();
        pair
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn input(&mut self, bytes: &[u8]) {
        self.client.handle_input(self.now, bytes);
    }

    /// The peer sends HEADERS with these fields.
    pub(super) fn headers(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) {
        let block = self.block(fields);
        self.input(&frame(HEADERS, flags | END_HEADERS, stream, &block));
    }

    pub(super) fn data(&mut self, stream: u32, flags: u8, data: &[u8]) {
        self.input(&frame(DATA, flags, stream, data));
    }

    /// The peer answers 200 without a body.
    pub(super) fn accept(&mut self, stream: u32) {
        self.headers(stream, END_STREAM, &[(":status", "200")]);
    }

    pub(super) fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        let mut list = self.encoder.block(&mut block);
        for (name, value) in fields {
            list.indexed(name.as_bytes(), value.as_bytes());
        }
        block
    }

    pub(super) fn try_open(&mut self, body: &[u8]) -> Result<u32, Blocked> {
        let fields = [(":method", "POST"), (":path", "/")];
        self.try_open_with(&fields, body)
    }

    pub(super) fn try_open_with(
        &mut self,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<u32, Blocked> {
        let can_open = self.client.can_open(body.len());
        let state = Seen {
            tag: self.opened,
            text: String::new(),
        };
        let header = |block: &mut crate::http2::HeaderBlock<'_>| {
            for (name, value) in fields {
                block.indexed(name.as_bytes(), value.as_bytes());
            }
        };
        let opened = self.client.open_stream(state.clone(), header, body);
        match opened {
            Ok(stream) => {
                assert_eq!(can_open, Ok(()));
                self.opened += 1;
                Ok(stream.get())
            }
            Err((returned, blocked)) => {
                assert_eq!(returned, state);
                if !matches!(blocked, Blocked::HeaderListTooLarge { .. }) {
                    assert_eq!(can_open, Err(blocked));
                }
                Err(blocked)
            }
        }
    }

    pub(super) fn open(&mut self, body: &[u8]) -> u32 {
        self.try_open(body).unwrap()
    }

    /// The frames that the client has sent since, consumed.
    pub(super) fn frames(&mut self) -> Vec<Frame> {
        self.received.extend_from_slice(self.client.output());
        self.client.consume_output(usize::MAX);
        let frames = parse_frames(&mut self.received);
        for frame in &frames {
            self.read_header_block(frame);
        }
        frames
    }

    /// The same, a line for each.
    pub(super) fn sent(&mut self) -> Vec<String> {
        self.frames().iter().map(describe_frame).collect()
    }

    fn read_header_block(&mut self, frame: &Frame) {
        if !matches!(frame.kind, HEADERS | CONTINUATION) {
            return;
        }
        self.header_block.extend(&frame.payload);
        if frame.flags & END_HEADERS != 0 {
            let block = std::mem::take(&mut self.header_block);
            let mut fields = Fields::new();
            let mut sink = |name: &[u8], value: &[u8]| {
                fields.push((
                    name.escape_ascii().to_string(),
                    value.escape_ascii().to_string(),
                ));
            };
            self.decoder.decode(&block, usize::MAX, &mut sink).unwrap();
            self.requests.push((frame.stream, fields));
        }
    }

    /// The events since, a line for each.
    pub(super) fn events(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.client.poll_event())
            .map(|event| describe_event(&event))
            .collect()
    }

    /// The one connection error there is, as its code.
    pub(super) fn connection_error(&mut self) -> String {
        let events = self.events();
        let last = events.last().expect("an event");
        let error = last
            .strip_prefix("error ")
            .unwrap_or_else(|| panic!("{events:?}"));
        assert!(self.client.is_closed());
        let code = error.split(':').next().unwrap().to_owned();
        if code != "NO_ERROR" {
            let sent = self.sent();
            assert!(
                sent.last()
                    .unwrap()
                    .starts_with(&format!("GOAWAY 0 {code}")),
                "{sent:?}"
            );
        }
        code
    }

    /// The connection has not failed and still works in both directions.
    pub(super) fn assert_works(&mut self) {
        let stream = self.open(b"{}");
        self.accept(stream);
        assert_eq!(
            self.events().last().unwrap(),
            &format!("response {stream}: 200")
        );
    }
}

pub(super) fn describe_event(event: &Event<Seen>) -> String {
    match event {
        Event::Settings => "settings".into(),
        Event::Response { stream, state } => format!("response {stream}:{}", state.text),
        Event::Reset {
            stream,
            state,
            code,
            cause,
            processed,
        } => {
            let by = match cause {
                ResetCause::Peer => "peer".into(),
                ResetCause::Malformed(fault) => format!("us: {fault}"),
                other => format!("us: {other:?}"),
            };
            let processed = match processed {
                Processed::No => ", not processed",
                Processed::Unknown => "",
                Processed::Yes => ", processed",
            };
            format!("reset {stream}:{} {code} by {by}{processed}", state.text)
        }
        Event::GoAway {
            last_stream,
            code,
            debug_data,
        } => format!("goaway {last_stream} {code} {}", debug_data.escape_ascii())
            .trim()
            .into(),
        Event::NotProcessed { stream, .. } => format!("not processed {stream}"),
        Event::Pong { round_trip } => format!("pong {round_trip:?}"),
        Event::ConnectionError(error) => format!("error {}: {}", error.code, error.detail),
    }
}

pub(super) fn stream(id: u32) -> StreamId {
    StreamId::new(id)
}
