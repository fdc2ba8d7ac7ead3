//! Laws of the header compression on random histories of one connection.

#![allow(clippy::indexing_slicing)]

use apns_proto::http2::hpack::{Decoder, Encoder, Error, HeaderBlock, PreparedLiteral};
use proptest::prelude::*;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// One field and the way it is written.
#[derive(Debug, Clone)]
enum Field {
    Indexed(Vec<u8>, Vec<u8>),
    IndexedName(Vec<u8>, Vec<u8>),
    Literal(Vec<u8>, Vec<u8>),
    NeverIndexed(Vec<u8>, Vec<u8>),
    Prepared(Vec<u8>, Vec<u8>),
    Hex(Vec<u8>, Vec<u8>, Vec<u8>),
}

impl Field {
    fn write(&self, block: &mut HeaderBlock<'_>) {
        match self {
            Self::Indexed(name, value) => block.indexed(name, value),
            Self::IndexedName(name, value) => block.indexed_name(name, value),
            Self::Literal(name, value) => block.literal(name, value),
            Self::NeverIndexed(name, value) => block.never_indexed(name, value),
            Self::Prepared(name, value) => block.prepared(&PreparedLiteral::new(name, value)),
            Self::Hex(name, prefix, bytes) => block.literal_hex(name, prefix, bytes),
        }
    }

    fn read(&self) -> (Vec<u8>, Vec<u8>) {
        match self.clone() {
            Self::Indexed(name, value)
            | Self::IndexedName(name, value)
            | Self::Literal(name, value)
            | Self::NeverIndexed(name, value)
            | Self::Prepared(name, value) => (name, value),
            Self::Hex(name, prefix, bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                (name, [prefix, digits.into_bytes()].concat())
            }
        }
    }
}

/// What happens on a connection.
#[derive(Debug, Clone)]
enum Step {
    TableSize(u32),
    Block(Vec<Field>),
    /// A block that is begun and taken back.
    Abandoned(Vec<Field>),
}

/// Few different names and values, so that tables are hit, and some that are large or odd.
fn string() -> impl Strategy<Value = Vec<u8>> {
    let common = prop::sample::select(vec![
        "",
        ":method",
        ":path",
        "POST",
        "apns-topic",
        "apns-id",
        "com.example.app",
        "com.example.app.voip",
        "alert",
        "10",
        "cache-control",
    ]);
    prop_oneof![
        6 => common.prop_map(|text| text.as_bytes().to_vec()),
        1 => "[a-z0-9-]{1,40}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

fn field() -> impl Strategy<Value = Field> {
    let pair = || (string(), string());
    prop_oneof![
        6 => pair().prop_map(|(name, value)| Field::Indexed(name, value)),
        2 => pair().prop_map(|(name, value)| Field::IndexedName(name, value)),
        1 => pair().prop_map(|(name, value)| Field::Literal(name, value)),
        1 => pair().prop_map(|(name, value)| Field::NeverIndexed(name, value)),
        1 => pair().prop_map(|(name, value)| Field::Prepared(name, value)),
        1 => (string(), string(), prop::collection::vec(any::<u8>(), 0..101))
            .prop_map(|(name, prefix, bytes)| Field::Hex(name, prefix, bytes)),
    ]
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    prop::collection::vec(field(), 0..8)
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![Just(0u32), 32..300u32, Just(4096), Just(65_536)];
    prop_oneof![
        2 => size.prop_map(Step::TableSize),
        6 => fields().prop_map(Step::Block),
        1 => fields().prop_map(Step::Abandoned),
    ]
}

fn decode(decoder: &mut Decoder, block: &[u8], max_list_size: usize) -> (Fields, Option<Error>) {
    let mut fields = Vec::new();
    let result = decoder.decode(block, max_list_size, &mut |name: &[u8], value: &[u8]| {
        fields.push((name.to_vec(), value.to_vec()));
    });
    (fields, result.err())
}

fn list_size(fields: &[(Vec<u8>, Vec<u8>)]) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32)
        .sum()
}

proptest! {
    /// Whatever happens on a connection, the peer reads what was written.
    #[test]
    fn what_is_encoded_is_decoded(
        own_cap in prop_oneof![Just(0u32), 32..400u32, Just(4096), Just(65_536)],
        steps in prop::collection::vec(step(), 0..16),
    ) {
        let mut encoder = Encoder::new(4096, own_cap);
        let mut decoder = Decoder::new(65_536);
        for step in steps {
            let mut out = b"before".to_vec();
            match step {
                Step::TableSize(size) => encoder.set_max_table_size(size),
                Step::Abandoned(fields) => {
                    let mut block = encoder.block(&mut out);
                    fields.iter().for_each(|field| field.write(&mut block));
                    block.abandon();
                    prop_assert_eq!(out, b"before");
                }
                Step::Block(fields) => {
                    let mut block = encoder.block(&mut out);
                    fields.iter().for_each(|field| field.write(&mut block));
                    let expected: Fields = fields.iter().map(Field::read).collect();
                    prop_assert_eq!(block.list_size(), list_size(&expected));
                    prop_assert_eq!(block.encoded_len(), out.len() - 6);
                    let read = decode(&mut decoder, &out[6..], usize::MAX);
                    prop_assert_eq!(read, (expected, None));
                }
            }
        }
    }

    /// The sizes that a block opens with never pass what the peer allows at that moment: a decoder
    /// made for just that size accepts them.
    #[test]
    fn the_peers_table_size_is_kept(
        own_cap in 0..5000u32,
        sizes in prop::collection::vec(0..5000u32, 1..6),
    ) {
        let mut encoder = Encoder::new(4096, own_cap);
        let mut out = Vec::new();
        sizes.iter().for_each(|&size| encoder.set_max_table_size(size));
        encoder.block(&mut out);
        let allowed = sizes.last().copied().unwrap_or(4096);
        prop_assert_eq!(decode(&mut Decoder::new(allowed), &out, 0), (vec![], None));
    }

    /// Any bytes are read or refused; what is handed out is within the limit, and a refusal for
    /// size alone leaves the table as reading the list would.
    #[test]
    fn any_bytes_are_read_or_refused(
        blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
        max_list_size in 0..600usize,
    ) {
        let mut bounded = Decoder::new(200);
        let mut unbounded = Decoder::new(200);
        for block in blocks {
            let (all, verdict) = decode(&mut unbounded, &block, usize::MAX);
            let (some, bounded_verdict) = decode(&mut bounded, &block, max_list_size);
            prop_assert!(list_size(&some) <= max_list_size);
            prop_assert_eq!(&some[..], &all[..some.len()]);
            match verdict {
                None if list_size(&all) <= max_list_size => prop_assert_eq!(bounded_verdict, None),
                None => prop_assert_eq!(bounded_verdict, Some(Error::ListTooLarge)),
                Some(_) => {
                    prop_assert_eq!(bounded_verdict, verdict);
                    break;
                }
            }
        }
    }

    /// As before, on blocks that are almost right.
    #[test]
    fn a_damaged_block_is_read_or_refused(
        lists in prop::collection::vec(fields(), 1..6),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut encoder = Encoder::new(300, 300);
        let mut decoder = Decoder::new(300);
        for list in &lists {
            let mut out = Vec::new();
            let mut block = encoder.block(&mut out);
            list.iter().for_each(|field| field.write(&mut block));
            for (at, byte) in damage.iter().filter(|_| !list.is_empty()) {
                let at = at.index(out.len());
                out[at] ^= byte;
            }
            out.truncate(cut.index(out.len() + 1).max(out.len() / 2));
            if decode(&mut decoder, &out, 10_000).1.is_some() {
                break;
            }
        }
    }
}
