//! The provider token in header blocks: a literal, or an index of the server's table (RFC 7541).

use super::history::server::{HEADERS, Reader};
use super::*;
use crate::http2::hpack::Decoder;
use crate::request;

/// A session, and a server that decodes what it sends.
struct Wire {
    talk: Talk,
    reader: Reader,
    decoder: Decoder,
    stream: u32,
}

/// What the server saw of a request.
struct Seen {
    fields: Vec<(String, String)>,
    /// Of its header block.
    bytes: usize,
}

impl Seen {
    fn bearer(&self) -> &str {
        let mut bearers = self
            .fields
            .iter()
            .filter(|(name, _)| name == "authorization");
        let (_, bearer) = bearers.next().expect("a bearer");
        assert_eq!(bearers.next(), None);
        bearer
    }

    /// Whether the provider token is in it by its bytes.
    fn is_whole(&self) -> bool {
        // Its Huffman code is some 150 bytes long, and all else that requests have, as literals, 200.
        self.bytes > SHORT
    }
}

/// More than a header block whose only literals are the path and the apns-id.
const SHORT: usize = 110;

impl Wire {
    fn new(coding: AuthorizationCoding) -> Self {
        let mut talk = Talk::new(Authentication::ProviderToken);
        talk.session.config.authorization_coding = coding;
        talk.settings(1000);
        let mut wire = Self {
            talk,
            reader: Reader::default(),
            decoder: Decoder::new(4096),
            stream: 1,
        };
        wire.give(0);
        wire
    }

    /// The server's table has so many bytes from now on.
    fn table_size(&mut self, size: u32) {
        let mut payload = vec![0, 1];
        payload.extend(size.to_be_bytes());
        self.talk.frame(4, 0, 0, &payload);
    }

    /// The n-th provider token is in use from now on.
    fn give(&mut self, n: u64) {
        self.talk.session.set_provider_token(&renewed(n));
    }

    fn send(&mut self, push: Box<Push<u32>>) -> Seen {
        self.talk.session.send(self.talk.now, push).unwrap();
        self.see()
    }

    fn see(&mut self) -> Seen {
        let session = &mut self.talk.session;
        let frames = self.reader.read(session.output());
        session.consume_output(usize::MAX);
        let (_, _, stream, block) = frames
            .into_iter()
            .find(|(kind, ..)| *kind == HEADERS)
            .expect("a request");
        let mut fields = Vec::new();
        let mut sink = |name: &[u8], value: &[u8]| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push((text(name), text(value)));
        };
        self.decoder.decode(&block, 16_384, &mut sink).unwrap();
        self.stream = stream;
        self.talk.answer_200(stream);
        self.talk.outcomes();
        Seen {
            fields,
            bytes: block.len(),
        }
    }

    fn push(&mut self) -> Seen {
        let push = push(1, self.talk.now);
        self.send(push)
    }
}

fn renewed(n: u64) -> ProviderToken {
    provider_token_of(1_800_000_000 + n * ProviderToken::GRID)
}

/// What the entry takes in a table (RFC 7541 section 4.1).
fn entry_size() -> u32 {
    (request::AUTHORIZATION.len() + renewed(0).bearer().len() + 32) as u32
}

#[test]
fn the_provider_token_is_a_literal_in_every_request_unless_asked_for_otherwise() {
    assert_eq!(AuthorizationCoding::default(), AuthorizationCoding::Literal);
    let mut wire = Wire::new(AuthorizationCoding::Literal);
    for _ in 0..3 {
        let seen = wire.push();
        assert!(seen.is_whole());
        assert_eq!(seen.bearer(), renewed(0).bearer());
    }
}

#[test]
fn an_indexed_provider_token_is_written_once_and_is_a_byte_from_then_on() {
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    let mut literal = Wire::new(AuthorizationCoding::Literal);
    assert!(wire.push().is_whole());
    literal.push();
    for _ in 0..3 {
        let seen = wire.push();
        assert_eq!(seen.bearer(), renewed(0).bearer());
        let other = literal.push();
        assert_eq!(seen.fields, other.fields);
        let prepared = wire.talk.session.bearer.as_ref().unwrap().literal();
        assert_eq!(seen.bytes + prepared.encoded_len(), other.bytes + 1);
    }
}

#[test]
fn a_renewed_provider_token_is_written_once_more() {
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    wire.push();
    wire.push();
    wire.give(1);
    let seen = wire.push();
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(1).bearer(), true)
    );
    let seen = wire.push();
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(1).bearer(), false)
    );
    // What is given again is still in the table.
    wire.give(0);
    let seen = wire.push();
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(0).bearer(), false)
    );
}

#[test]
fn old_provider_tokens_age_out_of_the_table_and_every_field_is_still_read() {
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    let mut literal = Wire::new(AuthorizationCoding::Literal);
    let types = [PushType::Alert, PushType::Background, PushType::Voip];
    let mut written_again = 0;
    for n in 0..30 {
        let token = renewed(n);
        wire.talk.session.set_provider_token(&token);
        literal.talk.session.set_provider_token(&token);
        for round in 0..3 {
            for push_type in types {
                let push = |now| push_with(1, now, push_type, Some(1_900_000_000 + n), Some("c"));
                let seen = wire.send(push(wire.talk.now));
                assert_eq!(seen.fields, literal.send(push(literal.talk.now)).fields);
                assert_eq!(seen.bearer(), token.bearer());
                written_again += usize::from(round > 0 && seen.is_whole());
            }
        }
    }
    // What a new one evicts is written again by the first push that needs it, and stays.
    assert_eq!(written_again, 0);
    wire.give(0);
    assert!(wire.push().is_whole());
}

#[test]
fn a_table_that_it_would_fill_gets_no_provider_token() {
    let enough = 4 * entry_size();
    let sizes = [
        0,
        32,
        entry_size() - 1,
        entry_size(),
        2 * entry_size(),
        enough - 1,
    ];
    for size in sizes {
        let mut wire = Wire::new(AuthorizationCoding::Indexed);
        wire.table_size(size);
        for _ in 0..3 {
            let seen = wire.push();
            assert!(seen.is_whole(), "{size}");
            assert_eq!(seen.bearer(), renewed(0).bearer());
        }
    }
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    wire.table_size(enough);
    assert_eq!([0; 3].map(|_| wire.push().is_whole()), [true, false, false]);
}

#[test]
fn the_table_s_size_may_change_at_any_time() {
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    let whole = |wire: &mut Wire| {
        [0; 2].map(|_| {
            let seen = wire.push();
            assert_eq!(seen.bearer(), renewed(0).bearer());
            seen.is_whole()
        })
    };
    assert_eq!(whole(&mut wire), [true, false]);
    wire.table_size(0);
    assert_eq!(whole(&mut wire), [true, true]);
    wire.table_size(4096);
    assert_eq!(whole(&mut wire), [true, false]);
    // Smaller, and the entry stays.
    wire.table_size(2000);
    assert_eq!(whole(&mut wire), [false, false]);
    // It was smaller for a moment: the entry is gone.
    wire.table_size(100);
    wire.table_size(4096);
    assert_eq!(whole(&mut wire), [true, false]);
    // More than we use.
    wire.table_size(65_536);
    assert_eq!(whole(&mut wire), [false, false]);
}

#[test]
fn a_request_that_is_refused_for_its_size_leaves_the_table_in_step() {
    let mut wire = Wire::new(AuthorizationCoding::Indexed);
    wire.push();
    wire.give(1);
    // SETTINGS_MAX_HEADER_LIST_SIZE 10: the request with the new provider token is written and taken back.
    wire.talk.frame(4, 0, 0, &[0, 6, 0, 0, 0, 10]);
    let push = push(1, wire.talk.now);
    let (push, _) = wire.talk.session.send(wire.talk.now, push).unwrap_err();
    wire.talk.frame(4, 0, 0, &[0, 6, 0, 1, 0, 0]);
    let seen = wire.send(push);
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(1).bearer(), true)
    );
    let seen = wire.push();
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(1).bearer(), false)
    );
}

#[test]
fn a_push_that_goes_again_on_another_connection_brings_its_provider_token_along() {
    let mut first = Wire::new(AuthorizationCoding::Indexed);
    first.push();
    let now = first.talk.now;
    first.talk.session.send(now, push(2, now)).unwrap();
    // REFUSED_STREAM
    first.talk.frame(3, 0, first.stream + 2, &[0, 0, 0, 7]);
    let (push, fate) = first.talk.session.poll_outcome().unwrap();
    assert_eq!(fate, Fate::NotProcessed);
    let mut second = Wire::new(AuthorizationCoding::Indexed);
    let seen = second.send(push);
    assert_eq!(
        (seen.bearer(), seen.is_whole()),
        (renewed(0).bearer(), true)
    );
    assert!(!second.push().is_whole());
    // The refused one was read, too, and only an index there.
    assert!(!first.see().is_whole() && !first.push().is_whole());
}
