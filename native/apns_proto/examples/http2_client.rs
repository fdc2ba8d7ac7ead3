//! A small blocking client on top of the sans-IO connection, over TCP without TLS.
//!
//! `http2_client ADDRESS` sends one request for each JSON line it reads,
//! `{"headers": [["name", "value", "how"], ...], "body": "hex"}`, where "how" is the way the field is encoded:
//! `indexed`, `indexed_if_room` (else a literal), `indexed_name`, `literal`, `never_indexed`, `prepared`, or `hex` (the value
//! is a prefix, and behind the first blank the hex digits). It prints one JSON line for each event and ends when every request has an end. The interoperability tests
//! in `test/interop` run it against other people's servers.
#![allow(clippy::print_stdout, reason = "this program's output is its purpose")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use apns_proto::http2::hpack::PreparedLiteral;
use apns_proto::http2::{
    Config, Connection, ErrorCode, Event, HeaderBlock, Processed, ResponseHandler,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest wait for the peer.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Request {
    headers: Vec<(String, String, String)>,
    body: String,
}

/// What came back for one request.
struct Answer {
    request: usize,
    status: u16,
    headers: Vec<(String, String)>,
    trailers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl ResponseHandler for Answer {
    fn status(&mut self, status: u16) {
        self.status = status;
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        self.headers.push((text(name), text(value)));
    }

    fn body(&mut self, data: &[u8]) {
        self.body.extend_from_slice(data);
    }

    fn trailer(&mut self, name: &[u8], value: &[u8]) {
        self.trailers.push((text(name), text(value)));
    }
}

impl Answer {
    fn describe(&self, event: &str) -> Value {
        json!({
            "event": event,
            "request": self.request,
            "status": self.status,
            "headers": self.headers,
            "trailers": self.trailers,
            "body": to_hex(&self.body),
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("usage: http2_client ADDRESS")?;
    let requests: Vec<Request> = io::stdin()
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let input = read_on_a_thread(socket.try_clone()?);
    let mut client = Client {
        connection: Connection::new(Config::default(), Instant::now()),
        requests,
        begun: 0,
        ended: 0,
    };
    client.run(&socket, &input)
}

/// Reading on a thread of its own: neither side ever waits for the other to read first.
fn read_on_a_thread(mut socket: TcpStream) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(len) = socket.read(&mut buffer) {
            let piece = buffer.get(..len).unwrap_or_default().to_vec();
            if len == 0 || sender.send(piece).is_err() {
                break;
            }
        }
    });
    receiver
}

struct Client {
    connection: Connection<Answer>,
    requests: Vec<Request>,
    begun: usize,
    ended: usize,
}

impl Client {
    fn run(
        &mut self,
        mut socket: &TcpStream,
        input: &mpsc::Receiver<Vec<u8>>,
    ) -> Result<(), Box<dyn Error>> {
        while self.ended < self.requests.len() {
            self.open_streams()?;
            let written = socket.write(self.connection.output())?;
            self.connection.consume_output(written);
            if !self.connection.output().is_empty() {
                continue;
            }
            match input.recv_timeout(PATIENCE) {
                Ok(bytes) => self.connection.handle_input(Instant::now(), &bytes),
                Err(_) => return self.give_up(),
            }
            while let Some(event) = self.connection.poll_event() {
                self.report(event);
            }
            if self.connection.is_closed() {
                return self.give_up();
            }
            if self.connection.is_going_away() && self.connection.open_streams() == 0 {
                break;
            }
        }
        self.connection.go_away(ErrorCode::NO_ERROR);
        socket.write_all(self.connection.output())?;
        Ok(())
    }

    fn open_streams(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(request) = self.requests.get(self.begun) {
            let answer = Answer {
                request: self.begun,
                status: 0,
                headers: Vec::new(),
                trailers: Vec::new(),
                body: Vec::new(),
            };
            let body = from_hex(&request.body)?;
            let header = |block: &mut HeaderBlock<'_>| write_headers(block, &request.headers);
            match self.connection.open_stream(answer, header, &body) {
                Ok(_) => self.begun += 1,
                Err((_, blocked)) if blocked.is_passing() => break,
                Err((answer, blocked)) => {
                    println!("{}", answer.describe(&format!("blocked: {blocked}")));
                    self.begun += 1;
                    self.ended += 1;
                }
            }
        }
        Ok(())
    }

    fn report(&mut self, event: Event<Answer>) {
        let (line, ended) = match event {
            Event::Response { state, .. } => (state.describe("response"), 1),
            Event::Reset {
                state,
                code,
                processed,
                ..
            } => {
                let not = if processed == Processed::No {
                    " not processed"
                } else {
                    ""
                };
                (state.describe(&format!("reset {code}{not}")), 1)
            }
            Event::NotProcessed { state, .. } => (state.describe("not processed"), 1),
            Event::GoAway {
                last_stream,
                code,
                debug_data,
            } => {
                let debug_data = text(&debug_data);
                (
                    json!({"event": format!("goaway {last_stream} {code} {debug_data}")}),
                    0,
                )
            }
            Event::ConnectionError(error) => (json!({"event": format!("error: {error}")}), 0),
            _ => return,
        };
        println!("{line}");
        self.ended += ended;
    }

    fn give_up(&mut self) -> Result<(), Box<dyn Error>> {
        for open in self.connection.drain_streams() {
            println!("{}", open.state.describe("unanswered"));
        }
        Err("the connection ended before all requests did".into())
    }
}

fn write_headers(block: &mut HeaderBlock<'_>, headers: &[(String, String, String)]) {
    for (name, value, how) in headers {
        let name = name.as_bytes();
        match how.as_str() {
            "indexed" => block.indexed(name, value.as_bytes()),
            "indexed_if_room" if block.has_room_for(name, value.as_bytes()) => {
                block.indexed(name, value.as_bytes());
            }
            "indexed_name" => block.indexed_name(name, value.as_bytes()),
            "never_indexed" => block.never_indexed(name, value.as_bytes()),
            "prepared" => block.prepared(&PreparedLiteral::new(name, value.as_bytes())),
            "hex" => {
                let (prefix, digits) = value.split_once(' ').unwrap_or((value, ""));
                let bytes = from_hex(digits).unwrap_or_default();
                block.literal_hex(name, prefix.as_bytes(), &bytes);
            }
            _ => block.literal(name, value.as_bytes()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of hex digits".into());
    }
    pairs
        .iter()
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}
