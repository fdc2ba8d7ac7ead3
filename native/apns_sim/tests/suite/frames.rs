//! The form of frames: padded, header blocks in parts, and frames as a script writes them.

use crate::support::raw::{
    CONTINUATION, DATA, Frame, GOAWAY, HEADERS, PING, RST_STREAM, RawProvider, SETTINGS,
    WINDOW_UPDATE,
};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

const PADDED: u8 = 8;
const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

fn of_stream(frames: &[Frame], stream: u32) -> Vec<&Frame> {
    frames
        .iter()
        .filter(|frame| frame.stream == stream)
        .collect()
}

#[test]
fn headers_and_data_are_padded() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"open":"padding","value":100}"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, "xyz").await;
        let frames = raw.frames_until(DATA).await;
        let [headers, data] = of_stream(&frames, 1)[..] else {
            panic!("HEADERS and DATA: {frames:?}")
        };
        assert_eq!(headers.flags, PADDED | END_HEADERS);
        assert_eq!(data.flags, PADDED | END_STREAM);
        for frame in [headers, data] {
            assert_eq!(frame.payload[0], 100);
            assert!(frame.payload.ends_with(&[0; 100]));
        }
        let content = &data.payload[1..data.payload.len() - 100];
        assert_eq!(content, br#"{"reason":"BadDeviceToken"}"#);
        let mut provider = Provider::connect(&simulator).await;
        assert_eq!(
            provider.push_to("xyz").await.unwrap().reason(),
            "BadDeviceToken"
        );
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn padding_takes_window_and_a_provider_that_does_not_give_it_back_is_sent_no_more() {
    run(async {
        let simulator = simulator();
        let script = r#"[{"open":"padding","value":255},{"open":"max_streams","value":1000}]"#;
        simulator.script_json(script).unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        let mut left = 65_535;
        for stream in (1..1001).step_by(2) {
            raw.push(stream, "xyz").await;
            left -= 256 + r#"{"reason":"BadDeviceToken"}"#.len();
            if left < 283 {
                break;
            }
            raw.next_of(DATA).await;
        }
        raw.next_of(DATA).await;
        let answered = simulator.journal(1).len() as u64;
        raw.push(2001, "xyz").await;
        simulator.wait_for(answered + 1, DEADLINE).unwrap();
        // With the first PING's answer h2 has written all that it will, and the second comes behind it.
        for _ in 0..2 {
            let frames = raw.frames_so_far().await;
            let sent = frames.iter().any(|frame| frame.kind == DATA);
            assert!(!sent, "{left} are left");
        }
        raw.send(WINDOW_UPDATE, 0, 0, &283u32.to_be_bytes()).await;
        assert_eq!(raw.next_of(DATA).await.stream, 2001);
    });
}

#[test]
fn header_blocks_go_on_in_continuation_frames() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"[{"open":"continuation","value":10},{"open":"padding","value":3}]"#)
            .unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        let mut frames = raw.frames_until(HEADERS).await;
        while frames.last().unwrap().flags & END_HEADERS == 0 {
            frames.push(raw.next().await.unwrap());
        }
        let block = of_stream(&frames, 1);
        let kinds: Vec<u8> = block.iter().map(|frame| frame.kind).collect();
        assert_eq!(kinds[0], HEADERS);
        assert!(
            kinds.len() > 3 && kinds[1..].iter().all(|kind| *kind == CONTINUATION),
            "{kinds:?}"
        );
        assert_eq!(block[0].flags, PADDED | END_STREAM);
        assert_eq!(block[0].payload.len(), 1 + 10 + 3);
        assert!(block[1..].iter().all(|frame| frame.payload.len() <= 10));
        // A provider that puts them together understands them.
        let mut provider = Provider::connect(&simulator).await;
        for _ in 0..3 {
            let answer = provider.push().await.unwrap();
            assert!(answer.status == 200 && answer.headers["apns-id"].len() == 36);
        }
        simulator
            .script_json(r#"{"now":"continuation","value":1}"#)
            .unwrap();
        assert_eq!(
            provider.push_to("xyz").await.unwrap().reason(),
            "BadDeviceToken"
        );
    });
}

#[test]
fn frames_are_sent_as_a_script_writes_them() {
    run(async {
        let simulator = simulator();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        let script = r#"[{"now":"frame","type":6,"payload":"6e6f7420616e7377","count":3},
                         {"now":"frame","type":250,"flags":7,"stream_id":9,"payload":"00ff"},
                         {"now":"frame","type":4,"payload":"000300000007"}]"#;
        simulator.script_json(script).unwrap();
        let mut frames = Vec::new();
        while frames.len() < 5 {
            // The acknowledgement of the provider's own SETTINGS may come between them.
            let next = raw.next().await.unwrap();
            frames.extend((next.flags != 1).then_some(next));
        }
        assert!(
            frames[..3]
                .iter()
                .all(|f| f.kind == PING && f.payload == b"not answ")
        );
        let unknown = Frame {
            kind: 250,
            flags: 7,
            stream: 9,
            payload: vec![0, 0xff],
        };
        assert_eq!(frames[3], unknown);
        assert_eq!(frames[4].settings(), [(3, 7)]);
        // Its acknowledgements are not h2's, and disturb nothing.
        raw.acknowledge_settings().await;
        raw.acknowledge_settings().await;
        raw.push(1, TOKEN).await;
        assert_eq!(raw.next_of(HEADERS).await.stream, 1);
    });
}

#[test]
fn a_request_can_be_followed_by_any_frame_on_its_stream() {
    run(async {
        let simulator = simulator();
        // Interim 103 that ends the stream, which RFC 9113 §8.1 calls malformed: 08 03 "103".
        let script = r#"{"action":"frame","type":1,"flags":5,"payload":"0803313033","times":1}"#;
        simulator.script_json(script).unwrap();
        let mut provider = Provider::connect(&simulator).await;
        let error = provider.push().await.unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR), "{error}");
    });
}

#[test]
fn a_refused_stream_is_closed_again_behind_it() {
    run(async {
        let simulator = simulator();
        let script = r#"[{"open":"refuse_twice"},{"action":"refused_stream","times":1}]"#;
        simulator.script_json(script).unwrap();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.push(1, TOKEN).await;
        let codes = [raw.next_of(RST_STREAM).await, raw.next_of(RST_STREAM).await];
        assert_eq!(
            codes.map(|frame| (frame.stream, frame.number())),
            [(1, 7), (1, 5)]
        );
        raw.push(3, TOKEN).await;
        let frames = raw.frames_until(HEADERS).await;
        assert!(
            !frames.iter().any(|frame| frame.kind == GOAWAY),
            "{frames:?}"
        );
    });
}
