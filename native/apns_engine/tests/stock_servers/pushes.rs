//! Pushes made from their number alone, so that each one that arrives can be compared with the one that was sent.

use std::collections::HashMap;

use apns_engine::{App, Target};
use apns_proto::apns_id::ApnsId;
use apns_proto::collapse_id::CollapseId;
use apns_proto::device_token::DeviceToken;
use apns_proto::expiration::Expiration;
use apns_proto::payload::Payload;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Headers};

use super::support::TestSink;

/// So many pushes, each with its own token, body and headers.
#[derive(Clone, Copy)]
pub(crate) struct Pushes {
    pub(crate) count: u32,
    /// Bytes of every payload.
    pub(crate) payload: usize,
}

/// The pushes that were sent and have not been seen to arrive.
pub(crate) struct Missing {
    pushes: Pushes,
    /// In the order of the numbers.
    pub(crate) ids: Vec<ApnsId>,
    by_path: HashMap<String, u32>,
}

impl Pushes {
    /// Queues all of them.
    pub(crate) fn send(self, app: &App<TestSink>) -> Missing {
        let mut ids = Vec::new();
        let mut by_path = HashMap::new();
        for number in 0..self.count {
            let target = Target::Token(token(number));
            let taken = app.notify(target, self.content(number), None, None);
            ids.extend(taken.expect("there is room"));
            by_path.insert(format!("/3/device/{}", token(number).to_hex()), number);
        }
        Missing {
            pushes: self,
            ids,
            by_path,
        }
    }

    fn content(self, number: u32) -> Content {
        let push_type = push_type(number);
        let expiration = expiration(number).map(|at| Expiration::from_unix_seconds(at).unwrap());
        let collapse_id = collapse_id(number).map(|id| CollapseId::parse(id.as_bytes()).unwrap());
        Content {
            headers: Headers::new(push_type, None, expiration, collapse_id).unwrap(),
            payload: Payload::from_json(self.body(number).as_bytes(), push_type).unwrap(),
        }
    }

    /// The number fills the text, so that bodies whose pieces were mixed up show.
    fn body(self, number: u32) -> String {
        let (begin, end) = (r#"{"aps":{"alert":{"body":""#, r#""}}}"#);
        let room = self.payload - begin.len() - end.len();
        let text = format!("{number} ").repeat(room);
        format!("{begin}{}{end}", &text[..room])
    }
}

impl Missing {
    /// A request arrived; its header is as it was sent, and it is the first of its push. Returns the body it should
    /// have.
    pub(crate) fn arrived<'r>(
        &mut self,
        path: &str,
        header: impl Fn(&str) -> Option<&'r str>,
    ) -> String {
        let number = self.by_path.remove(path);
        let number = number.unwrap_or_else(|| panic!("{path} came twice, or was never sent"));
        let id = self.ids[number as usize].to_string();
        assert_eq!(header("apns-id"), Some(id.as_str()), "{path}");
        for (name, sent) in fields(number) {
            assert_eq!(header(name), sent.as_deref(), "{name} of {path}");
        }
        self.pushes.body(number)
    }

    pub(crate) fn assert_none(&self) {
        let missing = self.by_path.len();
        assert_eq!(missing, 0, "so many pushes did not arrive");
    }
}

/// Any digits, as in life: mostly zeros would leave out most of Huffman's code. Apple says that the length may change.
fn token(number: u32) -> DeviceToken {
    let length = match number % 16 {
        0 => DeviceToken::MAX_LEN,
        1 => 33,
        _ => 32,
    };
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(number.into()).fill(&mut bytes);
    DeviceToken::from_bytes(&bytes).unwrap()
}

/// The mix of a chat server, with which fields come, go and change in HPACK's table.
fn push_type(number: u32) -> PushType {
    match number % 8 {
        0 => PushType::Voip,
        1 => PushType::Background,
        _ => PushType::Alert,
    }
}

fn expiration(number: u32) -> Option<u64> {
    number
        .is_multiple_of(5)
        .then(|| YEAR_2096 + u64::from(number))
}

fn collapse_id(number: u32) -> Option<String> {
    number
        .is_multiple_of(3)
        .then(|| format!("Gespräch {number}"))
}

/// Header fields as Apple describes them, not as our code writes them.
fn fields(number: u32) -> [(&'static str, Option<String>); 5] {
    let (topic, push_type, priority) = match push_type(number) {
        PushType::Voip => ("im.example.chat.voip", "voip", "10"),
        PushType::Background => ("im.example.chat", "background", "5"),
        _ => ("im.example.chat", "alert", "10"),
    };
    [
        ("apns-topic", Some(topic.to_owned())),
        ("apns-push-type", Some(push_type.to_owned())),
        ("apns-priority", Some(priority.to_owned())),
        (
            "apns-expiration",
            expiration(number).map(|at| at.to_string()),
        ),
        ("apns-collapse-id", collapse_id(number)),
    ]
}

const YEAR_2096: u64 = 4_000_000_000;
