//! One header list being written.

use super::dynamic_table::Marks;
use super::encoder::{Encoder, Told};
use super::representation::{INCREMENTAL, INDEXED, NEVER_INDEXED, WITHOUT_INDEXING};
use super::static_table::{self, Match};
use super::{FIELD_OVERHEAD, PreparedLiteral, fingerprint, huffman, integer};

/// One header list, written field by field in the order of the calls.
///
/// Names are lower case, values as HTTP allows; neither is checked here. Dropping the block keeps
/// what was written, and it must then be sent; [`abandon`](Self::abandon) takes it back.
#[derive(Debug)]
pub struct HeaderBlock<'a> {
    encoder: &'a mut Encoder,
    out: &'a mut Vec<u8>,
    start: usize,
    list_size: usize,
    told_before: Told,
    table_changed: bool,
}

impl<'a> HeaderBlock<'a> {
    pub(super) fn begin(encoder: &'a mut Encoder, out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        let told_before = encoder.write_size_updates(out);
        Self {
            encoder,
            out,
            start,
            list_size: 0,
            told_before,
            table_changed: false,
        }
    }

    /// A field that is the same in many requests: an index once the peer's table has it, else a
    /// literal that puts it there.
    pub fn indexed(&mut self, name: &[u8], value: &[u8]) {
        self.list_size += name.len() + value.len() + FIELD_OVERHEAD;
        let mark = fingerprint::of(name);
        let in_static = static_table::find(name, mark, value);
        if let Some(Match::Field(index)) = in_static {
            return integer::encode(self.out, INDEXED, index);
        }
        let marks = Marks {
            name: mark,
            field: fingerprint::of_field(mark, fingerprint::of(value)),
        };
        if let Some(position) = self.encoder.table.find(marks.field, name, value) {
            return integer::encode(self.out, INDEXED, static_table::LEN + 1 + position);
        }
        if name.len() + value.len() + FIELD_OVERHEAD > self.encoder.table.max_size() {
            // Inserting it would only empty the table (RFC 7541 4.4).
            return self.write_literal(WITHOUT_INDEXING, mark, name, value);
        }
        // Written before the insertion, which may evict the entry that the name's index means.
        self.write_literal(INCREMENTAL, mark, name, value);
        self.encoder.table.insert(marks, name, value);
        self.table_changed = true;
    }

    /// A field whose name is common but whose value is not: the first time it is put in the
    /// peer's table, from then on it is a literal that takes its name from there.
    pub fn indexed_name(&mut self, name: &[u8], value: &[u8]) {
        let mark = fingerprint::of(name);
        if self.name_index(mark, name).is_some() {
            self.literal(name, value);
        } else {
            self.indexed(name, value);
        }
    }

    /// A field that leaves the table alone: a literal without indexing, with the name's index
    /// where a table has it, and Huffman coding where that is shorter.
    pub fn literal(&mut self, name: &[u8], value: &[u8]) {
        self.list_size += name.len() + value.len() + FIELD_OVERHEAD;
        self.write_literal(WITHOUT_INDEXING, fingerprint::of(name), name, value);
    }

    /// A secret: as [`literal`](Self::literal), and no intermediary may index it either
    /// (RFC 7541 6.2.3).
    pub fn never_indexed(&mut self, name: &[u8], value: &[u8]) {
        self.list_size += name.len() + value.len() + FIELD_OVERHEAD;
        self.write_literal(NEVER_INDEXED, fingerprint::of(name), name, value);
    }

    /// A field that was encoded beforehand.
    pub fn prepared(&mut self, field: &PreparedLiteral) {
        self.list_size += field.list_size();
        self.out.extend_from_slice(field.encoded());
    }

    /// As [`literal`](Self::literal), for the value `prefix` followed by `bytes` in lower-case
    /// hexadecimal digits, which is never made as text.
    pub fn literal_hex(&mut self, name: &[u8], prefix: &[u8], bytes: &[u8]) {
        self.list_size += name.len() + prefix.len() + 2 * bytes.len() + FIELD_OVERHEAD;
        self.write_name(WITHOUT_INDEXING, fingerprint::of(name), name);
        huffman::encode_hex_string(self.out, prefix, bytes);
    }

    /// Size of the list so far as the peer's SETTINGS_MAX_HEADER_LIST_SIZE counts it: name, value
    /// and 32 for each field, uncompressed (RFC 9113 6.5.2).
    #[must_use]
    pub const fn list_size(&self) -> usize {
        self.list_size
    }

    /// Bytes written so far, compressed.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Takes the block back: its bytes are removed from the output and nothing may be sent of it.
    ///
    /// If it had changed the table, the next block empties the peer's and fills it again, so this
    /// is for exceptions only.
    pub fn abandon(self) {
        self.out.truncate(self.start);
        self.encoder
            .forget_block(self.told_before, self.table_changed);
    }

    fn write_literal(&mut self, representation: (u8, u8), mark: u32, name: &[u8], value: &[u8]) {
        self.write_name(representation, mark, name);
        huffman::encode_string(self.out, value);
    }

    fn write_name(&mut self, representation: (u8, u8), mark: u32, name: &[u8]) {
        match self.name_index(mark, name) {
            Some(index) => integer::encode(self.out, representation, index),
            None => {
                integer::encode(self.out, representation, 0);
                huffman::encode_string(self.out, name);
            }
        }
    }

    fn name_index(&self, mark: u32, name: &[u8]) -> Option<usize> {
        static_table::find_name(name, mark).or_else(|| {
            let position = self.encoder.table.find_name(mark, name)?;
            Some(static_table::LEN + 1 + position)
        })
    }
}
