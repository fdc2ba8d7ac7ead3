//! A provider that speaks HTTP/2 frame by frame, and so can break rules and see what h2's client hides.

use std::sync::Arc;

use apns_sim::Simulator;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{DEADLINE, HELLO, Signer, Spec, TOPIC, client_config};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The number in the last four bytes: a RST_STREAM's code, a SETTINGS' last value, a WINDOW_UPDATE's size.
    pub(crate) fn number(&self) -> u32 {
        u32::from_be_bytes(self.payload[self.payload.len() - 4..].try_into().unwrap())
    }

    /// A SETTINGS frame's entries.
    pub(crate) fn settings(&self) -> Vec<(u16, u32)> {
        let entries = self.payload.chunks(6);
        entries
            .map(|entry| {
                let id = u16::from_be_bytes(entry[..2].try_into().unwrap());
                (id, u32::from_be_bytes(entry[2..].try_into().unwrap()))
            })
            .collect()
    }
}

pub(crate) struct RawProvider {
    tls: TlsStream<TcpStream>,
    bearer: String,
}

impl RawProvider {
    /// Connects and sends the preface with empty SETTINGS; acknowledges nothing by itself.
    pub(crate) async fn connect(simulator: &Simulator) -> Self {
        let tcp = TcpStream::connect(simulator.provider_addr()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(client_config(simulator, None)));
        let mut tls = connector
            .connect(ServerName::try_from("localhost").unwrap(), tcp)
            .await
            .unwrap();
        tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let bearer = Signer::of(simulator).bearer(&Spec::of(simulator));
        let mut raw = Self { tls, bearer };
        raw.send(SETTINGS, 0, 0, &[]).await;
        raw
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.tls.write_all(&frame).await.unwrap();
        self.tls.flush().await.unwrap();
    }

    pub(crate) async fn acknowledge_settings(&mut self) {
        self.send(SETTINGS, 1, 0, &[]).await;
    }

    /// A whole good request.
    pub(crate) async fn push(&mut self, stream: u32, token: &str) {
        self.open(stream, token).await;
        self.send(DATA, 1, stream, HELLO.as_bytes()).await;
    }

    /// A good request's HEADERS, without its body.
    pub(crate) async fn open(&mut self, stream: u32, token: &str) {
        let bearer = self.bearer.clone();
        let fields = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", &format!("/3/device/{token}")),
            ("authorization", &bearer),
            ("apns-topic", TOPIC),
            ("apns-push-type", "alert"),
        ];
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0); // a literal that is not indexed, with a new name (RFC 7541 §6.2.2)
            push_text(&mut block, name);
            push_text(&mut block, value);
        }
        self.send(HEADERS, 4, stream, &block).await;
    }

    /// The next frame; `None` when the connection has ended, however.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        timeout(DEADLINE, self.tls.read_exact(&mut header))
            .await
            .expect("a frame in time")
            .ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        timeout(DEADLINE, self.tls.read_exact(&mut payload))
            .await
            .expect("a whole frame")
            .ok()?;
        let stream = u32::from_be_bytes(header[5..].try_into().unwrap());
        Some(Frame {
            kind: header[3],
            flags: header[4],
            stream,
            payload,
        })
    }

    /// The next frame of a kind that is not an acknowledgement; others are passed over.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the connection ended before frame kind {kind}"));
            let acknowledgement = matches!(kind, SETTINGS | PING) && frame.flags & 1 != 0;
            if frame.kind == kind && !acknowledgement {
                return frame;
            }
        }
    }

    /// All frames up to the first of a kind, with that one.
    pub(crate) async fn frames_until(&mut self, kind: u8) -> Vec<Frame> {
        let mut frames = Vec::new();
        while frames.last().is_none_or(|last: &Frame| last.kind != kind) {
            frames.push(self.next().await.expect("the connection is open"));
        }
        frames
    }

    /// All frames up to the answer to a PING sent now: what the simulator had to say so far.
    pub(crate) async fn frames_so_far(&mut self) -> Vec<Frame> {
        self.send(PING, 0, 0, b"so far??").await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("the connection is open");
            if frame.kind == PING && frame.payload == b"so far??" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Whether the simulator has not sent one byte inside TLS.
    pub(crate) async fn has_heard_nothing(&mut self) -> bool {
        let read = self.tls.read_u8();
        tokio::select! {
            biased;
            _ = read => false,
            () = std::future::ready(()) => true,
        }
    }

    /// How TCP and TLS ended: `true` with a close_notify.
    pub(crate) async fn ended_politely(mut self) -> bool {
        let mut rest = Vec::new();
        timeout(DEADLINE, self.tls.read_to_end(&mut rest))
            .await
            .expect("an end in time")
            .is_ok()
    }
}

fn push_text(block: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 127 => block.push(length),
        // The length as an integer with a 7-bit prefix (RFC 7541 §5.1).
        _ => {
            let mut rest = text.len() - 127;
            block.push(127);
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend(text.bytes());
}
