//! The end of a connection's stream numbers (RFC 9113 section 5.1.1), which is never reached.

use super::*;
use crate::http2::StreamId;

/// A session that has used nearly all stream numbers: so many pushes until it retires.
fn nearly_used_up(pushes: u32) -> Talk {
    let mut talk = Talk::open(10);
    talk.session
        .http2
        .spend_stream_ids(STREAM_IDS_KEPT - 1 + pushes);
    talk
}

#[test]
fn a_session_retires_before_its_stream_numbers_end_and_loses_no_push() {
    let mut talk = nearly_used_up(3);
    talk.send(1).unwrap();
    talk.send(2).unwrap();
    assert_eq!(talk.notices(), [Notice::Ready]);
    assert!(!talk.session.is_retired());

    talk.send(3).unwrap();
    let notices = talk.notices();
    assert_eq!(
        notices,
        [Notice::Retired {
            reason: "its stream numbers are nearly used up".into()
        }]
    );
    let (back, blocked) = talk.session.send(talk.now, push(4, talk.now)).unwrap_err();
    assert_eq!((back.context, blocked), (4, Blocked::Retired));
    assert_eq!(back.written_ms(), 0);

    // What it took is still written and answered.
    talk.server_reads();
    assert_eq!(talk.requests.len(), 3);
    assert_eq!(talk.ended, talk.requests);
    assert!(talk.requests.iter().all(|stream| stream % 2 == 1));
    assert!(*talk.requests.last().unwrap() < StreamId::MAX.get() - STREAM_IDS_KEPT);
    assert!(!talk.session.is_finished());
    for stream in talk.requests.clone() {
        talk.answer_200(stream);
    }
    let told = talk.outcomes();
    let told: Vec<_> = told.iter().map(|(n, fate)| (*n, status_of(fate))).collect();
    assert_eq!(told, [(1, 200), (2, 200), (3, 200)]);
    assert!(talk.session.is_finished());
    // Said once that it is retired.
    assert_eq!(talk.notices(), [Notice::Authenticated]);
}

#[test]
fn a_cut_after_the_last_stream_number_still_tells_every_fate() {
    let mut talk = nearly_used_up(2);
    talk.send(1).unwrap();
    talk.server_reads();
    talk.send(2).unwrap();
    assert!(talk.session.is_retired());
    talk.session.handle_closed(false);
    assert_eq!(
        talk.outcomes(),
        [(1, Fate::Unknown), (2, Fate::NotProcessed)]
    );
    assert!(talk.session.is_finished());
}
