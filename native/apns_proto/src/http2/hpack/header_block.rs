//! One header list being written.

use std::fmt;

use crate::apns_id::ApnsId;

use super::encoder::{Encoder, Told};
use super::key::Sought;
use super::representation::{INCREMENTAL, INDEXED, NEVER_INDEXED, WITHOUT_INDEXING};
use super::static_table::{self, Match};
use super::{FIELD_OVERHEAD, IndexedRun, PreparedLiteral, huffman, integer};

/// One header list, written field by field in the order of the calls.
///
/// Names are lower case, values as HTTP allows; neither is checked here. Dropping the block keeps
/// what was written, and it must then be sent; [`abandon`](Self::abandon) takes it back. `Debug`
/// shows its sizes only.
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
    #[inline]
    pub fn indexed(&mut self, name: &[u8], value: &[u8]) {
        // Inlined so far, so that the key of a constant name is made at compile time.
        self.write_indexed(Sought::new(name), Sought::new(value));
    }

    /// Fields that are [`indexed`](Self::indexed) all, and are the same whenever they come with this `run`: `write` writes
    /// them, unless the table has not changed since it did. The run must have come with this encoder only.
    #[inline]
    pub fn run(&mut self, run: &IndexedRun, write: impl FnOnce(&mut Self)) {
        if let Some(coded) = run.in_state(self.encoder.table.changes()) {
            self.out.extend_from_slice(coded.bytes());
            self.list_size += coded.list_size();
            return;
        }
        self.write_run(run, write);
    }

    /// A field whose name is common but whose value is not: the first time it is put in the
    /// peer's table, from then on it is a literal that takes its name from there.
    #[inline]
    pub fn indexed_name(&mut self, name: &[u8], value: &[u8]) {
        self.write_indexed_name(Sought::new(name), value);
    }

    /// As [`indexed_name`](Self::indexed_name), for the text of a UUID, which is made only where it is put in the table.
    #[inline]
    pub fn indexed_name_uuid(&mut self, name: &[u8], uuid: ApnsId) {
        let name = Sought::new(name);
        match self.name_index(name) {
            Some(index) => {
                self.count(name.bytes, ApnsId::TEXT_LEN);
                integer::encode(self.out, WITHOUT_INDEXING, index);
                huffman::encode_uuid(self.out, uuid);
            }
            None => self.write_indexed(name, Sought::new(&uuid.to_ascii())),
        }
    }

    /// A field that leaves the table alone: a literal without indexing, with the name's index
    /// where a table has it, and Huffman coding where that is shorter.
    #[inline]
    pub fn literal(&mut self, name: &[u8], value: &[u8]) {
        self.write_literal(WITHOUT_INDEXING, Sought::new(name), value);
    }

    /// A secret: as [`literal`](Self::literal), and no intermediary may index it either
    /// (RFC 7541 6.2.3).
    pub fn never_indexed(&mut self, name: &[u8], value: &[u8]) {
        self.write_literal(NEVER_INDEXED, Sought::new(name), value);
    }

    /// Whether a field this large can be [`indexed`](Self::indexed) and leave the other fields their place: it takes a
    /// quarter of the table at most. A larger one and they would evict each other, and be written whole each time.
    #[inline]
    #[must_use]
    pub const fn has_room_for(&self, name: &[u8], value: &[u8]) -> bool {
        (name.len() + value.len() + FIELD_OVERHEAD) * MIN_SHARES <= self.encoder.table.max_size()
    }

    /// A field that was encoded beforehand.
    pub fn prepared(&mut self, field: &PreparedLiteral) {
        self.list_size += field.list_size();
        self.out.extend_from_slice(field.encoded());
    }

    /// As [`literal`](Self::literal), for the value `prefix` followed by `bytes` in lower-case
    /// hexadecimal digits, which is never made as text.
    #[inline]
    pub fn literal_hex(&mut self, name: &[u8], prefix: &[u8], bytes: &[u8]) {
        self.write_literal_hex(Sought::new(name), prefix, bytes);
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

    #[cold]
    fn write_run(&mut self, run: &IndexedRun, write: impl FnOnce(&mut Self)) {
        let changes = self.encoder.table.changes();
        let (start, list_size) = (self.out.len(), self.list_size);
        write(self);
        // A field that was put in the table just now is an index from the next time on.
        if self.encoder.table.changes() == changes {
            let code = self.out.get(start..).unwrap_or_default();
            run.keep(changes, self.list_size - list_size, code);
        }
    }

    fn write_indexed(&mut self, name: Sought<'_>, value: Sought<'_>) {
        match self.field_index(name, value) {
            Some(index) => {
                self.count(name.bytes, value.bytes.len());
                integer::encode(self.out, INDEXED, index);
            }
            None => self.write_new(name, value.bytes),
        }
    }

    /// Writes a field that no table has yet, and puts it in the dynamic one if it can be there.
    #[cold]
    fn write_new(&mut self, name: Sought<'_>, value: &[u8]) {
        if name.bytes.len() + value.len() + FIELD_OVERHEAD > self.encoder.table.max_size() {
            // Inserting it would only empty the table (RFC 7541 4.4).
            return self.write_literal(WITHOUT_INDEXING, name, value);
        }
        // Written before the insertion, which may evict the entry that the name's index means.
        self.write_literal(INCREMENTAL, name, value);
        self.encoder.table.insert(name.bytes, value);
        self.table_changed = true;
    }

    fn write_indexed_name(&mut self, name: Sought<'_>, value: &[u8]) {
        match self.name_index(name) {
            Some(index) => {
                self.count(name.bytes, value.len());
                integer::encode(self.out, WITHOUT_INDEXING, index);
                huffman::encode_string(self.out, value);
            }
            None => self.write_indexed(name, Sought::new(value)),
        }
    }

    fn write_literal(&mut self, representation: (u8, u8), name: Sought<'_>, value: &[u8]) {
        self.count(name.bytes, value.len());
        self.write_name(representation, name);
        huffman::encode_string(self.out, value);
    }

    fn write_literal_hex(&mut self, name: Sought<'_>, prefix: &[u8], bytes: &[u8]) {
        self.count(name.bytes, prefix.len() + 2 * bytes.len());
        self.write_name(WITHOUT_INDEXING, name);
        huffman::encode_hex_string(self.out, prefix, bytes);
    }

    fn write_name(&mut self, representation: (u8, u8), name: Sought<'_>) {
        match self.name_index(name) {
            Some(index) => integer::encode(self.out, representation, index),
            None => {
                integer::encode(self.out, representation, 0);
                huffman::encode_string(self.out, name.bytes);
            }
        }
    }

    const fn count(&mut self, name: &[u8], value_len: usize) {
        self.list_size += name.len() + value_len + FIELD_OVERHEAD;
    }

    fn field_index(&self, name: Sought<'_>, value: Sought<'_>) -> Option<usize> {
        match static_table::find(name, value) {
            Some(Match::Field(index)) => Some(index),
            _ => self.encoder.table.find(name, value).map(index_of),
        }
    }

    fn name_index(&self, name: Sought<'_>) -> Option<usize> {
        static_table::find_name(name).or_else(|| self.encoder.table.find_name(name).map(index_of))
    }
}

/// Into how many fields of a size the table is divided at least, for one to have room in it. The other fields of an app's
/// requests take some 300 bytes, a provider token 240: in the usual table of 4096 there is room for all, and for the
/// provider tokens of hours.
const MIN_SHARES: usize = 4;

/// The index of an entry of the dynamic table, which follow those of the static one.
const fn index_of(position: usize) -> usize {
    static_table::LEN + 1 + position
}

impl fmt::Debug for HeaderBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderBlock")
            .field("list_size", &self.list_size)
            .field("encoded_len", &self.encoded_len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a block comes to.
    pub(in super::super) fn written(
        encoder: &mut Encoder,
        write: impl FnOnce(&mut HeaderBlock<'_>),
    ) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut encoder.block(&mut out));
        out
    }

    #[test]
    fn an_indexed_field_is_inserted_once_and_then_one_byte() {
        let mut encoder = Encoder::new(4096, 4096);
        let first = written(&mut encoder, |block| block.indexed(b"n", b"v"));
        assert_eq!(first, [0x40, 1, b'n', 1, b'v']);
        assert_eq!(
            written(&mut encoder, |block| block.indexed(b"n", b"v")),
            [0xbe]
        );
        // Another value: the name's index, and the first entry is now one further.
        let other = written(&mut encoder, |block| block.indexed(b"n", b"w"));
        assert_eq!(other, [0x7e, 1, b'w']);
        assert_eq!(
            written(&mut encoder, |block| block.indexed(b"n", b"v")),
            [0xbf]
        );
    }

    #[test]
    fn a_uuid_is_coded_as_its_text_is() {
        let uuids = (0..=u8::MAX).map(|byte| ApnsId::from_random([byte; 16]));
        let (mut encoder, mut other) = (Encoder::new(4096, 4096), Encoder::new(4096, 4096));
        for uuid in uuids {
            let mut sizes = [0; 2];
            let ours = written(&mut encoder, |block| {
                block.indexed_name_uuid(b"apns-id", uuid);
                sizes[0] = block.list_size();
            });
            let text = written(&mut other, |block| {
                block.indexed_name(b"apns-id", &uuid.to_ascii());
                sizes[1] = block.list_size();
            });
            assert_eq!(ours, text);
            assert_eq!(sizes[0], sizes[1]);
        }
    }

    #[test]
    fn an_indexed_name_is_inserted_once_and_then_a_literal_takes_it() {
        let mut encoder = Encoder::new(4096, 4096);
        let first = written(&mut encoder, |block| block.indexed_name(b"n", b"v"));
        assert_eq!(first, [0x40, 1, b'n', 1, b'v']);
        let second = written(&mut encoder, |block| block.indexed_name(b"n", b"w"));
        assert_eq!(second, [0x0f, 0x2f, 1, b'w']);
    }

    #[test]
    fn literals_leave_the_table_alone() {
        let mut encoder = Encoder::new(4096, 4096);
        for _ in 0..2 {
            assert_eq!(
                written(&mut encoder, |block| block.literal(b"n", b"v")),
                [0x00, 1, b'n', 1, b'v']
            );
            assert_eq!(
                written(&mut encoder, |block| block
                    .never_indexed(b"authorization", b"v")),
                [0x1f, 0x08, 1, b'v']
            );
            assert_eq!(
                written(&mut encoder, |block| block.literal_hex(
                    b":path",
                    b"/",
                    &[0xab]
                )),
                [0x04, 3, b'/', b'a', b'b']
            );
        }
    }

    #[test]
    fn a_field_that_does_not_fit_the_table_is_a_literal() {
        for table_size in [0, 33] {
            let mut encoder = Encoder::new(table_size, 4096);
            encoder.block(&mut Vec::new());
            let literal = written(&mut encoder, |block| block.indexed(b"n", b"v"));
            assert_eq!(literal, [0x00, 1, b'n', 1, b'v']);
        }
    }

    #[test]
    fn an_index_stays_right_when_the_block_itself_evicts_entries() {
        // Room for two entries of 34 bytes.
        let mut encoder = Encoder::new(70, 4096);
        let mut out = Vec::new();
        let mut block = encoder.block(&mut out);
        for value in [b"1", b"2", b"3", b"2", b"1"] {
            block.indexed(b"n", value);
        }
        let expected = [
            0x3f, 39, 0x40, 1, b'n', 1, b'1', 0x7e, 1, b'2', 0x7e, 1, b'3', 0xbf, 0x7e, 1, b'1',
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn debug_output_shows_no_field() {
        let mut encoder = Encoder::new(4096, 4096);
        let mut out = Vec::new();
        let mut block = encoder.block(&mut out);
        block.indexed(b"authorization", b"secret");
        let shown = format!("{block:?}");
        assert_eq!(shown, "HeaderBlock { list_size: 51, encoded_len: 6, .. }");
        let shown = format!("{encoder:?}");
        assert!(
            shown.contains("entries: 1, size: 51, max_size: 4096"),
            "{shown}"
        );
        assert!(
            !shown.contains("115, 101"),
            "the bytes of a value in {shown}"
        );
    }

    #[test]
    fn after_an_abandoned_block_both_tables_start_anew() {
        let mut encoder = Encoder::new(4096, 4096);
        written(&mut encoder, |block| block.indexed(b"n", b"v"));
        let mut out = vec![0xee];
        let mut block = encoder.block(&mut out);
        block.indexed(b"n", b"v");
        block.abandon();
        assert_eq!(out, [0xee]);
        // Nothing was inserted, so nothing is lost.
        assert_eq!(
            written(&mut encoder, |block| block.indexed(b"n", b"v")),
            [0xbe]
        );
        let mut block = encoder.block(&mut out);
        block.indexed(b"n", b"w");
        block.abandon();
        let next = written(&mut encoder, |block| block.indexed(b"n", b"v"));
        assert_eq!(next, [0x20, 0x3f, 0xe1, 0x1f, 0x40, 1, b'n', 1, b'v']);
    }
}
