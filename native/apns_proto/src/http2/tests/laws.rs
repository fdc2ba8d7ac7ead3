//! Laws checked on random input and random histories.

use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::kit::*;
use crate::http2::{Config, ErrorCode, Event};

/// One thing that may happen. Numbers are brought into range where they are used.
#[derive(Debug, Clone)]
enum Step {
    Open {
        body: usize,
    },
    Reset {
        stream: usize,
    },
    Consume {
        bytes: usize,
    },
    Respond {
        stream: usize,
        end: bool,
    },
    Data {
        stream: usize,
        len: usize,
        end: bool,
    },
    PeerReset {
        stream: usize,
        refused: bool,
    },
    GoAway {
        stream: usize,
    },
    Limit {
        streams: u32,
    },
    Window {
        size: u32,
    },
    Credit {
        stream: usize,
        bytes: u32,
    },
    Garbage {
        kind: u8,
        flags: u8,
        stream: usize,
        payload: Vec<u8>,
    },
    Time {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        100 => (0..3_000_usize).prop_map(|body| Step::Open { body }),
        10 => any::<usize>().prop_map(|stream| Step::Reset { stream }),
        60 => (0..5_000_usize).prop_map(|bytes| Step::Consume { bytes }),
        60 => any::<(usize, bool)>().prop_map(|(stream, end)| Step::Respond { stream, end }),
        40 => (any::<usize>(), 0..3_000_usize, any::<bool>())
            .prop_map(|(stream, len, end)| Step::Data { stream, len, end }),
        20 => any::<(usize, bool)>().prop_map(|(stream, refused)| Step::PeerReset { stream, refused }),
        1 => any::<usize>().prop_map(|stream| Step::GoAway { stream }),
        10 => (0..20_u32).prop_map(|streams| Step::Limit { streams }),
        10 => (0..4_000_u32).prop_map(|size| Step::Window { size }),
        40 => (any::<usize>(), 1..9_000_u32).prop_map(|(stream, bytes)| Step::Credit { stream, bytes }),
        2 => (0..11_u8, any::<u8>(), any::<usize>(), vec(any::<u8>(), 0..20))
            .prop_map(|(kind, flags, stream, payload)| Step::Garbage { kind, flags, stream, payload }),
        5 => (0..400_u64).prop_map(|ms| Step::Time { ms }),
    ]
}

/// One of the streams opened last; most of them are open.
fn pick(pair: &Pair, index: usize) -> u32 {
    let back = index as u32 % pair.opened.clamp(1, 15);
    2 * (pair.opened.max(1) - back) - 1
}

/// One in a few is the connection, or a stream that was not opened.
fn pick_any(pair: &Pair, index: usize) -> u32 {
    match index % 20 {
        0..5 => 0,
        5 => 2 * pair.opened + 1,
        _ => pick(pair, index),
    }
}

fn pick_for_credit(pair: &Pair, index: usize) -> u32 {
    if index.is_multiple_of(2) {
        0
    } else {
        pick(pair, index)
    }
}

fn play(pair: &mut Pair, step: &Step, given_back: &mut BTreeMap<u32, u32>) {
    if pair.opened == 0 {
        // Frames for streams before the first would only end the connection.
        let _ = pair.try_open(b"xxxxx");
    }
    match step {
        Step::Open { body } => {
            let _ = pair.try_open(&vec![b'x'; *body]);
        }
        Step::Reset { stream } => {
            let stream = super::kit::stream(pick(pair, *stream));
            if let Some(ended) = pair.client.reset_stream(stream, ErrorCode::CANCEL) {
                *given_back.entry(ended.state.tag).or_default() += 1;
            }
        }
        Step::Consume { bytes } => pair.client.consume_output(*bytes),
        Step::Respond { stream, end } => {
            let flags = if *end { END_STREAM } else { 0 };
            pair.headers(
                pick(pair, *stream),
                flags,
                &[(":status", "200"), ("apns-id", "x")],
            );
        }
        Step::Data { stream, len, end } => {
            pair.data(pick(pair, *stream), u8::from(*end), &vec![b'y'; *len]);
        }
        Step::PeerReset { stream, refused } => {
            pair.input(&rst_stream(
                pick(pair, *stream),
                if *refused { 7 } else { 2 },
            ));
        }
        Step::GoAway { stream } => pair.input(&go_away(pick(pair, *stream), 0, b"x")),
        Step::Limit { streams } => pair.input(&settings(&[(MAX_STREAMS, *streams)])),
        Step::Window { size } => pair.input(&settings(&[(WINDOW, *size)])),
        Step::Credit { stream, bytes } => {
            pair.input(&window_update(pick_for_credit(pair, *stream), *bytes))
        }
        Step::Garbage {
            kind,
            flags,
            stream,
            payload,
        } => {
            pair.input(&frame(*kind, *flags, pick_any(pair, *stream), payload));
        }
        Step::Time { ms } => {
            pair.advance(std::time::Duration::from_millis(*ms));
            pair.client.handle_timeout(pair.now);
        }
    }
}

fn note(event: Event<Seen>, given_back: &mut BTreeMap<u32, u32>) {
    if let Event::Response { state, .. }
    | Event::Reset { state, .. }
    | Event::NotProcessed { state, .. } = event
    {
        *given_back.entry(state.tag).or_default() += 1;
    }
}

/// What the peer allows, and what it must receive.
#[derive(Default)]
struct Windows {
    connection: i64,
    initial: i64,
    /// Credit less bytes received.
    streams: BTreeMap<u32, i64>,
    /// Lengths of the bodies of streams whose HEADERS are still to come, oldest first.
    bodies: VecDeque<usize>,
    missing: BTreeMap<u32, usize>,
}

impl Windows {
    fn check(&mut self, frame: &Frame) -> Result<(), TestCaseError> {
        let len = frame.payload.len();
        if frame.kind == HEADERS {
            let body = self.bodies.pop_front().expect("a request that was opened");
            self.missing.insert(frame.stream, body);
            prop_assert_eq!(body == 0, frame.flags & END_STREAM != 0);
        } else if frame.kind == DATA {
            let stream = self.streams.entry(frame.stream).or_default();
            *stream -= len as i64;
            self.connection -= len as i64;
            prop_assert!(self.connection >= 0 && self.initial + *stream >= 0);
            let missing = self.missing.get_mut(&frame.stream).expect("HEADERS first");
            prop_assert!(len <= *missing && len <= 16_384);
            *missing -= len;
            prop_assert_eq!(*missing == 0, frame.flags & END_STREAM != 0);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Every state that was taken comes out exactly once, and in between the open ones are what is missing.
    #[test]
    fn every_state_comes_back_exactly_once(steps in vec(step(), 1..200)) {
        let config = Config { max_open_streams: 12, max_output: 4_000, ..Config::default() };
        let mut pair = Pair::settled(config, &[(WINDOW, 2_000)]);
        let mut given_back = BTreeMap::new();
        for step in &steps {
            play(&mut pair, step, &mut given_back);
            while let Some(event) = pair.client.poll_event() {
                note(event, &mut given_back);
            }
            let ended: u32 = given_back.values().sum();
            prop_assert_eq!(pair.client.open_streams() as u32 + ended, pair.opened);
            prop_assert!(pair.client.open_streams() <= 12);
            // The bound, one request on top, and answers.
            prop_assert!(pair.client.output().len() <= 4_000 + 3_100 + 1_024 * 17 + 100);
        }
        for open in pair.client.drain_streams() {
            *given_back.entry(open.state.tag).or_default() += 1;
        }
        prop_assert_eq!(given_back.len() as u32, pair.opened);
        prop_assert!(given_back.values().all(|times| *times == 1));
    }

    /// Never more is sent than both windows allow, and what a stream ends with is its whole body.
    #[test]
    fn windows_are_never_passed(steps in vec(step(), 1..200)) {
        let mut pair = Pair::settled(Config::default(), &[(WINDOW, 2_000)]);
        let mut model = Windows { connection: 65_535, initial: 2_000, ..Windows::default() };
        let mut given_back = BTreeMap::new();
        for step in &steps {
            if matches!(step, Step::Garbage { .. } | Step::Consume { .. }) {
                continue;
            }
            let opened = pair.opened;
            play(&mut pair, step, &mut given_back);
            match step {
                Step::Credit { stream, bytes } => {
                    let stream = pick_for_credit(&pair, *stream);
                    let window = match stream {
                        0 => &mut model.connection,
                        _ => model.streams.entry(stream).or_default(),
                    };
                    *window += i64::from(*bytes);
                }
                Step::Window { size } => model.initial = i64::from(*size),
                _ => {}
            }
            if pair.opened > opened {
                let first = (opened == 0).then_some(5);
                let body = if let Step::Open { body } = step { Some(*body) } else { None };
                model.bodies.extend(first.into_iter().chain(body).take((pair.opened - opened) as usize));
            }
            for frame in pair.frames() {
                model.check(&frame)?;
            }
        }
    }

    /// No bytes make it panic or grow without bound, and a failed connection has said so once.
    #[test]
    fn any_input_is_survived(start in any::<bool>(), pieces in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let mut pair = if start { Pair::with_open_streams(3) } else { Pair::unsettled(Config::default()) };
        pair.client.consume_output(usize::MAX);
        for piece in &pieces {
            pair.input(piece);
            prop_assert!(pair.client.output().len() < 20_000);
        }
        let errors = pair.events().iter().filter(|event| event.starts_with("error")).count();
        prop_assert_eq!(errors, usize::from(pair.client.is_closed()));
    }

    /// The same for frames that are well-formed but say anything.
    #[test]
    fn any_frames_are_survived(frames in vec((0..11_u8, any::<u8>(), 0..9_u32, vec(any::<u8>(), 0..40)), 0..60)) {
        let mut pair = Pair::with_open_streams(3);
        for (kind, flags, stream, payload) in &frames {
            pair.input(&frame(*kind, *flags, *stream, payload));
        }
        let events = pair.events();
        let ended = events.iter().filter(|event| {
            ["response", "reset", "not processed"].iter().any(|start| event.starts_with(start))
        });
        prop_assert_eq!(ended.count() + pair.client.drain_streams().len(), 3);
    }

    /// However the transport cuts the bytes, the same happens.
    #[test]
    fn any_cut_of_the_input_gives_the_same(steps in vec(step(), 1..40), cuts in vec(1..200_usize, 1..30)) {
        let mut script = Pair::with_open_streams(12);
        let mut bytes = Vec::new();
        for step in &steps {
            let piece = match step {
                Step::Respond { stream, end } => {
                    let block = script.block(&[(":status", "200"), ("apns-id", "x")]);
                    frame(HEADERS, END_HEADERS | u8::from(*end), pick(&script, *stream), &block)
                }
                Step::Data { stream, len, end } => {
                    frame(DATA, u8::from(*end), pick(&script, *stream), &vec![b'y'; *len])
                }
                Step::PeerReset { stream, .. } => rst_stream(pick(&script, *stream), 7),
                Step::GoAway { stream } => go_away(pick(&script, *stream), 0, b"x"),
                Step::Window { size } => settings(&[(WINDOW, *size)]),
                Step::Credit { stream, bytes } => window_update(pick_for_credit(&script, *stream), *bytes),
                Step::Garbage { kind, flags, stream, payload } => {
                    frame(*kind, *flags, pick_any(&script, *stream), payload)
                }
                _ => continue,
            };
            bytes.extend(piece);
        }
        let mut whole = Pair::with_open_streams(12);
        whole.input(&bytes);
        let mut cut = Pair::with_open_streams(12);
        let mut rest = &bytes[..];
        for len in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*len));
            cut.input(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(joined(whole.events()), joined(cut.events()));
        prop_assert_eq!(whole.sent(), cut.sent());
    }
}

/// SETTINGS events are told once as long as they are not polled, so they come out the same too.
fn joined(events: Vec<String>) -> String {
    events.join("\n")
}
