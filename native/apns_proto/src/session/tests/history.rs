//! Laws that hold in every history, however the server behaves and wherever the connection is cut.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::{Authentication, Talk};
use crate::session::Fate;

/// One thing that happens. Indices choose among the requests the server has seen, wrapping around.
#[derive(Debug, Clone)]
enum Step {
    Send,
    ServerReads,
    /// The transport takes only so many bytes, and the server sees none of them yet.
    PartialWrite(usize),
    Answer(usize, &'static str, &'static str),
    Reset(usize, u32),
    GoAway(usize),
    Settings(u32),
    Advance(u64),
    /// Bytes that are no frame the server may send.
    Garbage(Vec<u8>),
    Cut(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Send),
        4 => Just(Step::ServerReads),
        1 => (0usize..600).prop_map(Step::PartialWrite),
        6 => (any::<usize>(), prop_oneof![
            Just(("200", "")),
            Just(("410", r#"{"reason":"Unregistered","timestamp":1}"#)),
            Just(("503", r#"{"reason":"ServiceUnavailable"}"#)),
            Just(("403", r#"{"reason":"ExpiredProviderToken"}"#)),
            Just(("999", "not json")),
        ]).prop_map(|(index, (status, body))| Step::Answer(index, status, body)),
        1 => (any::<usize>(), 0u32..14).prop_map(|(index, code)| Step::Reset(index, code)),
        1 => any::<usize>().prop_map(Step::GoAway),
        1 => (0u32..20).prop_map(Step::Settings),
        2 => (0u64..40).prop_map(Step::Advance),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        1 => any::<bool>().prop_map(Step::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn every_push_that_was_sent_comes_back_exactly_once(steps in proptest::collection::vec(step(), 1..80)) {
        let mut talk = Talk::new(Authentication::Certificate);
        talk.settings(10);
        let mut sent = 0;
        let mut back: HashMap<u32, Fate> = HashMap::new();
        // Requests of which the server has read the last byte: only they can have been acted upon.
        let mut wholly_read: Vec<u32> = Vec::new();
        for step in steps {
            match step {
                Step::Send => {
                    if talk.send(sent + 1).is_ok() {
                        sent += 1;
                    }
                }
                Step::ServerReads => {
                    talk.server_reads();
                    wholly_read = talk.requests.clone();
                }
                Step::PartialWrite(n) => {
                    let n = n.min(talk.session.output().len());
                    talk.unread.extend(&talk.session.output()[..n]);
                    talk.session.consume_output(n);
                }
                Step::Answer(index, status, body) if !wholly_read.is_empty() => {
                    let stream = wholly_read[index % wholly_read.len()];
                    if status == "200" { talk.answer_200(stream) } else { talk.answer(stream, status, body) }
                }
                Step::Reset(index, code) if !wholly_read.is_empty() => {
                    let stream = wholly_read[index % wholly_read.len()];
                    talk.frame(3, 0, stream, &code.to_be_bytes());
                }
                Step::GoAway(index) => {
                    let last = wholly_read.get(index % (wholly_read.len() + 1)).copied().unwrap_or(0);
                    talk.frame(7, 0, 0, &[&last.to_be_bytes()[..], &[0; 4]].concat());
                }
                Step::Settings(streams) => talk.settings(streams),
                Step::Advance(seconds) => talk.advance(Duration::from_secs(seconds)),
                Step::Garbage(bytes) => talk.session.handle_input(talk.now, &bytes),
                Step::Cut(refused) => talk.session.handle_closed(refused),
                Step::Answer(..) | Step::Reset(..) => {}
            }
            for (number, fate) in talk.outcomes() {
                prop_assert!(number >= 1 && number <= sent, "a push that was never sent");
                prop_assert!(back.insert(number, fate).is_none(), "push {number} came back twice");
            }
            prop_assert_eq!(back.len() + talk.session.in_flight(), sent as usize, "taken = back + inside");
        }
        talk.session.handle_closed(false);
        for (number, fate) in talk.outcomes() {
            prop_assert!(back.insert(number, fate).is_none(), "push {number} came back twice");
        }
        prop_assert_eq!(back.len(), sent as usize);
        prop_assert_eq!(talk.session.in_flight(), 0);
    }
}
