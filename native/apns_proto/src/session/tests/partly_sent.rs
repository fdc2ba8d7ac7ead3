//! Requests of which the transport or the server has not everything.

use super::*;

impl Talk {
    /// A session whose next requests stay without the end of their bodies.
    fn narrow() -> Self {
        let mut talk = Self::open(10);
        // SETTINGS_INITIAL_WINDOW_SIZE 5
        talk.frame(4, 0, 0, &[0, 4, 0, 0, 0, 5]);
        talk
    }

    /// Time in which the server says something, but nothing of pushes.
    fn seconds_of_life(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.advance(Duration::from_secs(1));
            self.frame(6, 1, 0, &[0xff; 8]);
        }
    }
}

#[test]
fn a_request_whose_body_has_no_end_was_not_processed_when_it_is_given_up() {
    let mut talk = Talk::narrow();
    talk.send(1).unwrap();
    talk.server_reads();
    talk.seconds_of_life(31);
    assert_eq!(talk.outcomes(), [(1, Fate::NotProcessed)]);
    // Credit that comes now does not send the rest.
    talk.frame(8, 0, talk.requests[0], &100u32.to_be_bytes());
    talk.server_reads();
    assert!(talk.ended.is_empty());
    assert_eq!(talk.resets, talk.requests);
}

#[test]
fn a_request_whose_body_has_no_end_was_not_processed_whatever_the_code_of_its_reset() {
    for code in [0, 2, 7, 8, 0xdead] {
        let mut talk = Talk::narrow();
        talk.send(1).unwrap();
        talk.server_reads();
        talk.frame(3, 0, talk.requests[0], &u32::to_be_bytes(code));
        assert_eq!(talk.outcomes(), [(1, Fate::NotProcessed)], "{code}");
    }
}

#[test]
fn a_malformed_answer_to_half_a_request_leaves_it_unprocessed() {
    let mut talk = Talk::narrow();
    talk.send(1).unwrap();
    talk.server_reads();
    // DATA before HEADERS
    talk.frame(0, 0, talk.requests[0], b"x");
    assert_eq!(talk.outcomes(), [(1, Fate::NotProcessed)]);
}

#[test]
fn a_reset_before_the_last_byte_has_left_shows_that_nothing_was_processed() {
    for (left_behind, fate) in [(1, Fate::NotProcessed), (0, Fate::Unknown)] {
        let mut talk = Talk::open(10);
        talk.server_reads();
        talk.send(1).unwrap();
        let n = talk.session.output().len() - left_behind;
        talk.session.consume_output(n);
        talk.frame(3, 0, 1, &8u32.to_be_bytes());
        assert_eq!(talk.outcomes(), [(1, fate)]);
    }
}

#[test]
fn a_request_that_may_still_leave_is_not_given_up() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.send(2).unwrap();
    talk.seconds_of_life(29);
    assert!(!talk.session.is_broken());
    talk.seconds_of_life(2);
    // Its bytes would leave after all if it went another way now; so the transport is given up, and then they cannot.
    assert!(talk.outcomes().iter().all(|(push, _)| *push == 1));
    assert!(talk.session.is_broken());
    assert!(talk.session.is_retired());
    talk.session.handle_closed(false);
    assert!(talk.outcomes().contains(&(2, Fate::NotProcessed)));
}

#[test]
fn an_answer_is_late_only_when_its_request_has_long_left() {
    let mut talk = Talk::open(10);
    talk.send(1).unwrap();
    talk.seconds_of_life(20);
    talk.server_reads();
    talk.seconds_of_life(29);
    assert!(talk.outcomes().is_empty());
    assert!(!talk.session.is_broken());
    talk.seconds_of_life(3);
    assert_eq!(talk.outcomes(), [(1, Fate::Unknown)]);
}

#[test]
fn the_answer_to_a_body_in_parts_is_awaited_from_the_end_of_the_body() {
    let mut talk = Talk::narrow();
    talk.send(1).unwrap();
    talk.server_reads();
    talk.seconds_of_life(20);
    talk.frame(8, 0, talk.requests[0], &100u32.to_be_bytes());
    // Whole now, and long in leaving.
    talk.seconds_of_life(20);
    talk.server_reads();
    assert_eq!(talk.ended, talk.requests);
    talk.seconds_of_life(29);
    assert!(talk.outcomes().is_empty());
    assert!(!talk.session.is_broken());
    talk.seconds_of_life(3);
    assert_eq!(talk.outcomes(), [(1, Fate::Unknown)]);
}
