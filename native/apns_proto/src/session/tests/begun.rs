//! Answers of which the status came, and the end did not.

use super::*;

impl Talk {
    /// A session with one push of which the server has read everything, and the beginning of its answer.
    fn begun(status: &str) -> Self {
        let mut talk = Self::open(10);
        talk.send(1).unwrap();
        talk.server_reads();
        talk.begin(talk.requests[0], status);
        talk
    }

    fn one_fate(&mut self) -> Fate {
        let mut outcomes = self.outcomes();
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0).1
    }
}

#[test]
fn goaway_takes_no_answer_back() {
    let mut talk = Talk::begun("200");
    talk.send(2).unwrap();
    talk.server_reads();
    talk.frame(7, 0, 0, &[0; 8]);
    assert_eq!(talk.outcomes(), [(2, Fate::NotProcessed)]);
    assert!(!talk.session.is_finished());
    talk.session.handle_closed(false);
    assert_eq!(status_of(&talk.one_fate()), 200);
}

#[test]
fn an_answer_may_end_after_a_goaway_that_leaves_its_stream_out() {
    let mut talk = Talk::begun("410");
    talk.frame(7, 0, 0, &[0; 8]);
    talk.frame(0, 1, 1, br#"{"reason":"ExpiredToken"}"#);
    let Fate::Answered(response) = talk.one_fate() else {
        panic!("no answer")
    };
    assert_eq!(response.reason.unwrap().as_str(), "ExpiredToken");
    assert!(talk.session.is_finished());
}

#[test]
fn an_accepted_push_stays_accepted_however_its_stream_ends() {
    type End = fn(&mut Talk);
    let ends: [(&str, End); 7] = [
        ("NO_ERROR", |talk| talk.frame(3, 0, 1, &[0, 0, 0, 0])),
        ("REFUSED_STREAM", |talk| talk.frame(3, 0, 1, &[0, 0, 0, 7])),
        ("CANCEL", |talk| talk.frame(3, 0, 1, &[0, 0, 0, 8])),
        ("a cut", |talk| talk.session.handle_closed(false)),
        ("an alert", |talk| talk.session.handle_closed(true)),
        ("too much time", |talk| {
            for _ in 0..31 {
                talk.advance(Duration::from_secs(1));
                talk.frame(6, 1, 0, &[0xff; 8]);
            }
        }),
        ("too much of a body", |talk| {
            talk.frame(0, 0, 1, &[b' '; 16_384]);
            talk.frame(0, 0, 1, b" ");
        }),
    ];
    for (name, end) in ends {
        let mut talk = Talk::begun("200");
        end(&mut talk);
        assert_eq!(status_of(&talk.one_fate()), 200, "{name}");
    }
}

#[test]
fn a_malformed_answer_is_none() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    // `:status: 200`, `content-length: 9` (static table's name 28), and then 1 byte.
    talk.frame(1, 4, 1, &[0x88, 0x0f, 0x0d, 1, b'9']);
    talk.frame(0, 1, 1, b"x");
    assert_eq!(talk.one_fate(), Fate::Unknown);
}

#[test]
fn a_status_that_decides_alone_needs_no_body() {
    for status in ["404", "405", "410", "413", "500", "503"] {
        let mut talk = Talk::begun(status);
        talk.session.handle_closed(false);
        let Fate::Answered(response) = talk.one_fate() else {
            panic!("{status} is no answer")
        };
        assert_eq!(response.status.to_string(), status);
        assert_eq!(response.invalidates_token(), status == "410");
    }
}

#[test]
fn a_refusal_whose_reason_was_lost_is_asked_for_again() {
    for status in ["400", "403", "429"] {
        let mut talk = Talk::begun(status);
        talk.frame(0, 0, 1, br#"{"reason":"Expired"#);
        talk.session.handle_closed(false);
        assert_eq!(talk.one_fate(), Fate::NotProcessed, "{status}");
    }
}

#[test]
fn a_reason_that_came_whole_counts() {
    let mut talk = Talk::begun("403");
    talk.frame(0, 0, 1, br#"{"reason":"ExpiredProviderToken"}"#);
    talk.frame(3, 0, 1, &0u32.to_be_bytes());
    let Fate::Answered(response) = talk.one_fate() else {
        panic!("no answer")
    };
    assert_eq!(response.reason.unwrap().as_str(), "ExpiredProviderToken");
    assert!(talk.session.is_retired());
}

#[test]
fn an_interim_response_begins_no_answer() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.begin(talk.requests[0], "103");
    talk.frame(7, 0, 0, &[0; 8]);
    assert_eq!(talk.one_fate(), Fate::NotProcessed);
}

#[test]
fn a_server_that_began_to_answer_did_not_turn_us_away() {
    let mut talk = Talk::begun("200");
    talk.send(2).unwrap();
    talk.server_reads();
    talk.session.handle_closed(true);
    let outcomes = talk.outcomes();
    assert_eq!(status_of(&outcomes[0].1), 200);
    assert_eq!(outcomes[1], (2, Fate::Unknown));
}

#[test]
fn an_answer_that_began_shows_that_the_credentials_work() {
    let mut talk = Talk::begun("200");
    talk.frame(3, 0, 1, &0u32.to_be_bytes());
    assert!(talk.notices().contains(&Notice::Authenticated));
}
