//! The promise that a push whose answer is good allocates nothing.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Instant;

use apns_proto::http2::{Config, Connection, Event, ResponseHandler};

/// Keeps of an answer what a session keeps of a good one.
struct Answer {
    status: u16,
    apns_id: [u8; 36],
}

impl ResponseHandler for Answer {
    fn status(&mut self, status: u16) {
        self.status = status;
    }
    fn header(&mut self, name: &[u8], value: &[u8]) {
        if name == b"apns-id" && value.len() == 36 {
            self.apns_id.copy_from_slice(value);
        }
    }
    fn body(&mut self, _data: &[u8]) {}
}

const APNS_ID: &[u8; 36] = b"01234567-89ab-4def-8123-456789abcdef";

/// Opens streams as long as there is room, writes everything, and has all of them answered; returns how many.
fn round(connection: &mut Connection<Answer>, now: Instant, input: &mut Vec<u8>) -> u32 {
    input.clear();
    let mut opened: u32 = 0;
    while connection.can_open(200).is_ok() {
        let token = [opened as u8; 32];
        let header = |block: &mut apns_proto::http2::HeaderBlock<'_>| {
            block.indexed(b":method", b"POST");
            block.literal_hex(b":path", b"/3/device/", &token);
            block.indexed(b"apns-topic", b"im.example.chat");
            block.indexed_name(b"apns-id", APNS_ID);
        };
        let state = Answer {
            status: 0,
            apns_id: [0; 36],
        };
        let Ok(stream) = connection.open_stream(state, header, &[b'x'; 200]) else {
            panic!("refused");
        };
        // HEADERS with END_STREAM: `:status: 200`, and `apns-id` as a literal without indexing.
        input.extend([0, 0, 47, 1, 0x5]);
        input.extend(stream.get().to_be_bytes());
        input.extend([0x88, 0x00, 7]);
        input.extend(b"apns-id");
        input.push(36);
        input.extend(APNS_ID);
        opened += 1;
    }
    // Credit for what was sent.
    input.extend([0, 0, 4, 8, 0, 0, 0, 0, 0]);
    input.extend((200 * opened).to_be_bytes());
    connection.consume_output(connection.output().len());
    connection.handle_input(now, input);
    let mut answered = 0;
    while let Some(event) = connection.poll_event() {
        let Event::Response { state, .. } = event else {
            panic!("not a response");
        };
        assert_eq!((state.status, &state.apns_id), (200, APNS_ID));
        answered += 1;
    }
    assert_eq!(answered, opened);
    answered
}

#[test]
fn a_push_allocates_nothing_once_the_buffers_have_grown() {
    let now = Instant::now();
    let mut connection = Connection::new(Config::default(), now);
    connection.handle_input(now, &[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    assert!(matches!(connection.poll_event(), Some(Event::Settings)));
    let mut input = Vec::new();
    for _ in 0..10 {
        round(&mut connection, now, &mut input);
    }
    let mut pushes = 0;
    let allocations = allocation_counter::measure(|| {
        for _ in 0..50 {
            pushes += round(&mut connection, now, &mut input);
        }
    });
    assert!(pushes > 5_000, "{pushes}");
    assert_eq!(allocations.count_total, 0);
}
