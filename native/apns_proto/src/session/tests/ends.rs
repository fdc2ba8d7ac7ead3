//! How tries end when the server or the transport says so.

use super::Talk;
use crate::session::{Blocked, Fate, Notice};

#[test]
fn above_goaways_last_stream_nothing_was_processed_and_below_it_answers_still_count() {
    let mut talk = Talk::open(10);
    for number in 1..=3 {
        talk.send(number).unwrap();
    }
    talk.server_reads();
    let [first, second, _third] = talk.requests[..] else {
        panic!("three requests")
    };
    let mut payload = first.to_be_bytes().to_vec();
    payload.extend([0, 0, 0, 0]);
    payload.extend(br#"{"reason":"Shutdown"}"#);
    talk.frame(7, 0, 0, &payload);
    assert_eq!(
        talk.outcomes(),
        [(2, Fate::NotProcessed), (3, Fate::NotProcessed)]
    );
    assert!(talk.notices().contains(&Notice::GoingAway {
        reason: "Shutdown".into(),
        calm: false
    }));
    assert_eq!(talk.send(4), Err(Blocked::Retired));
    assert!(!talk.session.is_finished());
    talk.answer_200(first);
    talk.answer_200(second);
    assert_eq!(talk.outcomes().len(), 1);
    assert!(talk.session.is_finished());
}

#[test]
fn a_refused_stream_was_not_processed() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.frame(3, 0, talk.requests[0], &7u32.to_be_bytes());
    assert_eq!(talk.outcomes(), [(1, Fate::NotProcessed)]);
}

#[test]
fn when_the_transport_ends_only_what_was_wholly_written_has_an_unknown_fate() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.send(2).unwrap();
    // All of the second request but its last byte leaves.
    let n = talk.session.output().len() - 1;
    talk.session.consume_output(n);
    talk.session.handle_closed(false);
    assert_eq!(
        talk.outcomes(),
        [(1, Fate::Unknown), (2, Fate::NotProcessed)]
    );
    assert!(talk.session.is_finished());
}

#[test]
fn a_server_that_turns_us_away_has_processed_nothing() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.session.handle_closed(true);
    assert_eq!(talk.outcomes(), [(1, Fate::NotProcessed)]);
}

#[test]
fn an_alert_after_an_answer_does_not_prove_that_nothing_was_processed() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.answer_200(talk.requests[0]);
    assert_eq!(talk.outcomes().len(), 1);
    talk.send(2).unwrap();
    talk.server_reads();
    talk.session.handle_closed(true);
    assert_eq!(talk.outcomes(), [(2, Fate::Unknown)]);
}
