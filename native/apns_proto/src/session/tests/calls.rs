//! What messages leave free for calls, and when a session says that another connection would help.

use super::*;

/// Sends messages until one is refused; how many went.
fn fill(talk: &mut Talk, payload_len: usize) -> usize {
    let mut sent = 0;
    loop {
        let push = long_push(PushType::Alert, payload_len, talk.now);
        if talk.session.send(talk.now, push).is_err() {
            return sent;
        }
        sent += 1;
        // The socket takes everything, so that the output is never what is in the way.
        talk.server_reads();
    }
}

pub(super) fn long_push(push_type: PushType, payload_len: usize, now: Now) -> Box<Push<u32>> {
    let mut push = push_with(1, now, push_type, None, None);
    let frame_len = br#"{"aps":{"alert":""}}"#.len();
    let text = "x".repeat(payload_len - frame_len);
    let json = format!(r#"{{"aps":{{"alert":"{text}"}}}}"#);
    let payload = Payload::from_json(json.as_bytes(), push_type).unwrap();
    let headers = push.request.content.headers.clone();
    push.request.content = Content { headers, payload };
    push
}

#[test]
fn streams_are_kept_for_calls() {
    for (limit, messages) in [(100, 92), (1000, 992), (16, 14), (7, 7), (1, 1)] {
        let mut talk = Talk::open(limit);
        assert_eq!(fill(&mut talk, 22), messages, "limit {limit}");
        let mut calls = 0;
        while talk
            .session
            .send(talk.now, long_push(PushType::Voip, 22, talk.now))
            .is_ok()
        {
            calls += 1;
        }
        assert_eq!(messages + calls, limit as usize, "limit {limit}");
    }
}

#[test]
fn the_largest_call_fits_a_window_that_messages_have_filled() {
    let mut talk = Talk::open(1000);
    let sent = fill(&mut talk, 1000);
    assert_eq!(sent, (65_535 - 5120) / 1000);
    let message = long_push(PushType::Alert, 1000, talk.now);
    let (_, blocked) = talk.session.send(talk.now, message).unwrap_err();
    assert_eq!(blocked, Blocked::Http2(http2::Blocked::ConnectionWindow));
    let call = long_push(PushType::Voip, 5120, talk.now);
    assert!(talk.session.send(talk.now, call).is_ok());
}

#[test]
fn the_largest_call_fits_an_output_that_messages_have_filled() {
    let mut talk = Talk::open(1000);
    // More window than output.
    talk.frame(8, 0, 0, &1_000_000u32.to_be_bytes());
    let blocked = loop {
        let message = long_push(PushType::Alert, 1000, talk.now);
        if let Err((_, blocked)) = talk.session.send(talk.now, message) {
            break blocked;
        }
    };
    assert_eq!(blocked, Blocked::Http2(http2::Blocked::OutputFull));
    let call = long_push(PushType::Voip, 4096, talk.now);
    assert!(talk.session.send(talk.now, call).is_ok());
}

#[test]
fn only_full_streams_and_a_full_window_ask_for_another_connection() {
    let mut talk = Talk::open(100);
    assert!(!talk.session.is_saturated());
    fill(&mut talk, 22);
    assert!(talk.session.is_saturated());
    let first = talk.requests[0];
    talk.answer_200(first);
    assert!(!talk.session.is_saturated());

    let mut talk = Talk::open(1000);
    fill(&mut talk, 1000);
    assert!(talk.session.is_saturated());
    talk.session.retire("a test".into());
    assert!(!talk.session.is_saturated());
}

#[test]
fn a_server_that_does_not_know_us_yet_is_no_reason_for_another_connection() {
    let mut talk = Talk::new(Authentication::ProviderToken);
    talk.settings(100);
    talk.session.set_provider_token(&provider_token(&talk));
    talk.send(1).unwrap();
    assert_eq!(talk.send(2), Err(Blocked::Unproven));
    assert!(!talk.session.is_saturated());
}

#[test]
fn the_parts_of_a_large_message_leave_the_window_that_is_kept_for_calls() {
    let mut talk = Talk::open(100);
    // SETTINGS_INITIAL_WINDOW_SIZE 3000, later as much as anybody wants.
    talk.frame(4, 0, 0, &[0, 4, 0, 0, 0x0b, 0xb8]);
    assert_eq!(fill(&mut talk, 3000), (65_535 - 5120) / 3000);
    let message = long_push(PushType::Alert, 4096, talk.now);
    talk.session.send(talk.now, message).unwrap();
    talk.server_reads();
    let stream = *talk.requests.last().unwrap();
    talk.frame(8, 0, stream, &10_000u32.to_be_bytes());
    talk.server_reads();
    // 415 bytes were left beside the reserve: they went, and no more.
    assert!(!talk.ended.contains(&stream));
    talk.frame(4, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]);
    let call = long_push(PushType::Voip, 5120, talk.now);
    assert!(talk.session.send(talk.now, call).is_ok());
    talk.server_reads();
    assert!(talk.ended.contains(talk.requests.last().unwrap()));
}

#[test]
fn a_large_message_alone_in_flight_uses_the_whole_window() {
    let mut talk = Talk::open(100);
    talk.frame(4, 0, 0, &[0, 4, 0, 0, 0x0b, 0xb8]);
    fill(&mut talk, 3000);
    let message = long_push(PushType::Alert, 4096, talk.now);
    talk.session.send(talk.now, message).unwrap();
    talk.server_reads();
    let stream = *talk.requests.last().unwrap();
    talk.frame(8, 0, stream, &10_000u32.to_be_bytes());
    for other in talk.requests.clone() {
        if other != stream {
            talk.answer_200(other);
        }
    }
    // What is kept free would stay free: no answer is under way that could make room for the rest.
    talk.server_reads();
    assert!(talk.ended.contains(&stream));
}
