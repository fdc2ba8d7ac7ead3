//! A provider that speaks HTTP/2 frame by frame, and so can break rules and see what h2's client hides.

use std::io;
use std::sync::Arc;

use apns_sim::Simulator;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
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
pub(crate) const CONTINUATION: u8 = 9;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
        let mut raw = Self::connect_silently(simulator).await;
        raw.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
            .await
            .unwrap();
        raw
    }

    /// Connects with a send buffer so small that TCP holds little of what the simulator does not read.
    pub(crate) async fn connect_narrowly(simulator: &Simulator) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(32 * 1024).unwrap();
        let tcp = socket.connect(simulator.provider_addr()).await.unwrap();
        let mut raw = Self::over_tcp(simulator, tcp, client_config(simulator, None)).await;
        raw.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
            .await
            .unwrap();
        raw
    }

    /// Does the TLS handshake and sends nothing.
    pub(crate) async fn connect_silently(simulator: &Simulator) -> Self {
        Self::over(simulator, client_config(simulator, None)).await
    }

    pub(crate) async fn over(simulator: &Simulator, config: rustls::ClientConfig) -> Self {
        let tcp = TcpStream::connect(simulator.provider_addr()).await.unwrap();
        Self::over_tcp(simulator, tcp, config).await
    }

    async fn over_tcp(simulator: &Simulator, tcp: TcpStream, config: rustls::ClientConfig) -> Self {
        tcp.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let tls = connector
            .connect(ServerName::try_from("localhost").unwrap(), tcp)
            .await
            .unwrap();
        let bearer = Signer::of(simulator).bearer(&Spec::of(simulator));
        Self { tls, bearer }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.write_all(bytes).await?;
        self.tls.flush().await
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload))
            .await
            .unwrap();
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
        let block = self.header_block(token);
        self.send(HEADERS, 4, stream, &block).await;
    }

    /// The header block of a good request, which neither uses nor changes the dynamic table.
    pub(crate) fn header_block(&self, token: &str) -> Vec<u8> {
        let fields = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", &format!("/3/device/{token}")),
            ("authorization", &self.bearer),
            ("apns-topic", TOPIC),
            ("apns-push-type", "alert"),
        ];
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0); // a literal that is not indexed, with a new name (RFC 7541 §6.2.2)
            push_text(&mut block, name);
            push_text(&mut block, value);
        }
        block
    }

    /// The preface, SETTINGS and a whole good request in stream 1.
    pub(crate) fn first_bytes(&self, token: &str) -> Vec<u8> {
        let push = self.push_bytes(1, token);
        [PREFACE, &frame(SETTINGS, 0, 0, &[]), &push].concat()
    }

    /// A whole good request.
    pub(crate) fn push_bytes(&self, stream: u32, token: &str) -> Vec<u8> {
        let headers = frame(HEADERS, 4, stream, &self.header_block(token));
        [headers, frame(DATA, 1, stream, HELLO.as_bytes())].concat()
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

    /// All whole frames that have come by now.
    pub(crate) async fn frames_there(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            tokio::select! {
                biased;
                frame = self.next() => frames.extend(frame),
                () = std::future::ready(()) => return frames,
            }
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
    pub(crate) async fn ended_politely(self) -> bool {
        self.end().await.is_ok()
    }

    /// Reads to the end; what kind of error it was unless a close_notify came first.
    pub(crate) async fn end(mut self) -> Result<(), io::ErrorKind> {
        let mut rest = Vec::new();
        let read = timeout(DEADLINE, self.tls.read_to_end(&mut rest));
        let read = read.await.expect("an end in time");
        read.map(drop).map_err(|error| error.kind())
    }

    /// The error that reading meets first.
    pub(crate) async fn read_error(&mut self) -> io::Error {
        let read = timeout(DEADLINE, self.tls.read_u8());
        read.await.expect("an end in time").unwrap_err()
    }
}

/// Any frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
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
