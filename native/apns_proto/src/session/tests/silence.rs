//! A server that answers PING and nothing else, and one that leaves no room for a push.

use super::calls::long_push;
use super::*;

const NO_ANSWERS: &str = "the server does not answer pushes";

impl Talk {
    /// A second passes, and a sign of life comes: this is about pushes and not about the connection.
    fn second(&mut self) {
        self.advance(Duration::from_secs(1));
        self.frame(8, 0, 0, &1u32.to_be_bytes());
    }

    fn seconds(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.second();
        }
    }

    fn was_retired_because(&mut self, why: &str) -> bool {
        self.notices()
            .iter()
            .any(|notice| matches!(notice, Notice::Retired { reason } if reason.contains(why)))
    }
}

#[test]
fn a_late_answer_among_good_ones_is_given_up_and_its_stream_reset() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    for number in 2..=31 {
        assert_eq!(talk.outcomes().iter().find(|(push, _)| *push == 1), None);
        talk.send(number).unwrap();
        talk.server_reads();
        talk.answer_200(*talk.requests.last().unwrap());
        talk.second();
    }
    talk.second();
    assert!(talk.outcomes().contains(&(1, Fate::Unknown)));
    talk.server_reads();
    assert_eq!(talk.resets, [talk.requests[0]]);
    assert_eq!(talk.session.in_flight(), 0);
    assert!(!talk.session.is_retired());
    assert_eq!(talk.send(32), Ok(()));
}

#[test]
fn a_connection_that_answers_pings_and_no_push_is_left() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.seconds(29);
    assert!(!talk.session.is_retired());
    talk.seconds(2);
    assert_eq!(talk.outcomes(), [(1, Fate::Unknown)]);
    assert!(talk.session.is_retired());
    assert!(talk.was_retired_because(NO_ANSWERS));
    assert!(!talk.session.is_broken());
}

#[test]
fn three_late_answers_in_a_row_are_enough_though_younger_pushes_wait() {
    for (unanswered, left) in [(2, false), (3, true)] {
        let mut talk = Talk::open(100);
        for number in 0..unanswered {
            talk.send(number).unwrap();
        }
        talk.server_reads();
        talk.seconds(20);
        talk.send(10).unwrap();
        talk.server_reads();
        talk.seconds(11);
        assert_eq!(talk.outcomes().len(), unanswered as usize);
        assert_eq!(talk.session.in_flight(), 1);
        assert_eq!(talk.session.is_retired(), left, "{unanswered} late answers");
    }
}

#[test]
fn an_answer_ends_the_row_of_late_ones() {
    let mut talk = Talk::open(100);
    for round in 0..3 {
        talk.send(2 * round).unwrap();
        talk.send(2 * round + 1).unwrap();
        talk.server_reads();
        talk.seconds(20);
        // In flight while the two are given up, and answered then.
        talk.send(100 + round).unwrap();
        talk.server_reads();
        talk.seconds(11);
        talk.answer_200(*talk.requests.last().unwrap());
        assert_eq!(talk.outcomes().len(), 3);
        assert!(!talk.session.is_retired());
    }
}

#[test]
fn a_push_lost_after_the_last_answer_and_alone_in_flight_is_reason_enough() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.answer_200(talk.requests[0]);
    talk.send(2).unwrap();
    talk.server_reads();
    talk.seconds(31);
    assert_eq!(talk.outcomes().last(), Some(&(2, Fate::Unknown)));
    assert!(talk.was_retired_because(NO_ANSWERS));
}

#[test]
fn a_server_that_allows_no_stream_while_none_is_open_is_left() {
    let mut talk = Talk::open(0);
    talk.server_reads();
    let idle = talk.session.poll_timeout();
    assert_eq!(talk.send(1), Err(Blocked::Http2(http2::Blocked::Streams)));
    let due = talk.session.poll_timeout();
    assert_eq!(due, Some(talk.now.instant + Duration::from_secs(30)));
    assert!(due < idle);
    talk.advance(Duration::from_secs(29));
    // Asking again does not put it off.
    assert!(talk.send(1).is_err());
    assert!(!talk.session.is_retired());
    talk.advance(Duration::from_secs(1));
    assert!(talk.was_retired_because("as many streams are open as allowed"));
    assert!(talk.session.is_finished());
    assert!(talk.session.poll_timeout() > Some(talk.now.instant));
}

#[test]
fn a_window_that_stays_full_while_nothing_is_in_flight_is_left() {
    let mut talk = Talk::open(100);
    for len in [[4096; 15].as_slice(), &[4095]].concat() {
        let push = long_push(PushType::Voip, len, talk.now);
        talk.session.send(talk.now, push).unwrap();
        talk.server_reads();
    }
    let full = Blocked::Http2(http2::Blocked::ConnectionWindow);
    assert_eq!(talk.send(1), Err(full));
    for stream in talk.requests.clone() {
        talk.answer_200(stream);
    }
    // While pushes were in flight, answers might have made room: the time counts from now.
    talk.advance(Duration::from_secs(20));
    assert_eq!(talk.send(1), Err(full));
    talk.advance(Duration::from_secs(29));
    assert!(!talk.session.is_retired());
    talk.advance(Duration::from_secs(1));
    assert!(talk.was_retired_because("the connection's window has no room"));
}

#[test]
fn room_that_comes_in_time_keeps_the_connection() {
    let mut talk = Talk::open(0);
    assert!(talk.send(1).is_err());
    talk.advance(Duration::from_secs(20));
    talk.settings(1);
    talk.advance(Duration::from_secs(20));
    assert!(!talk.session.is_retired());
    // No room again: from the beginning.
    talk.settings(0);
    assert!(talk.send(1).is_err());
    talk.advance(Duration::from_secs(29));
    assert!(!talk.session.is_retired());
    talk.settings(1);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.settings(0);
    talk.advance(Duration::from_secs(2));
    assert!(talk.send(2).is_err());
    assert!(!talk.session.is_retired());
}

#[test]
fn nobody_is_woken_for_room_that_nobody_wants() {
    let mut talk = Talk::open(0);
    talk.server_reads();
    let ping = talk.session.poll_timeout().unwrap();
    assert!(ping >= talk.now.instant + Duration::from_secs(299));
    talk.advance(Duration::from_secs(200));
    assert!(!talk.session.is_retired());
}
