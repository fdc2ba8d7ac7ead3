//! Strings and hexadecimal digits into Huffman code.

use super::code::{BYTES, CODES, Codes, LENGTHS, Run};
use crate::apns_id::ApnsId;
use crate::hex::digits;
use crate::http2::hpack::integer;
use crate::http2::hpack::representation::{HUFFMAN_STRING, RAW_STRING};

/// Appends a string literal (RFC 7541 5.2), Huffman coded where that is shorter.
pub(in crate::http2::hpack) fn encode_string(out: &mut Vec<u8>, string: &[u8]) {
    let coded = encode_usual(out, string.len(), |writer| writer.put_bytes(string));
    if coded.is_none() {
        encode_any(out, string);
    }
}

/// Appends the string literal `prefix` followed by `bytes` in lower-case hexadecimal digits.
pub(in crate::http2::hpack) fn encode_hex_string(out: &mut Vec<u8>, prefix: &[u8], bytes: &[u8]) {
    let raw_len = prefix.len() + 2 * bytes.len();
    let coded = encode_usual(out, raw_len, |writer| {
        writer.put_bytes(prefix)?.put_hex(bytes)
    });
    if coded.is_none() {
        let digits = bytes.iter().flat_map(|&byte| digits(byte));
        let string: Vec<u8> = prefix.iter().copied().chain(digits).collect();
        encode_any(out, &string);
    }
}

/// Appends the string literal of a UUID: 8-4-4-4-12 lower-case hexadecimal digits.
pub(in crate::http2::hpack) fn encode_uuid(out: &mut Vec<u8>, uuid: ApnsId) {
    let coded = encode_usual(out, ApnsId::TEXT_LEN, |writer| {
        writer.put_uuid(uuid.as_bytes())
    });
    if coded.is_none() {
        encode_any(out, &uuid.to_ascii());
    }
}

/// Appends any string, by adding up the length first.
#[cold]
fn encode_any(out: &mut Vec<u8>, string: &[u8]) {
    let bits: usize = string
        .iter()
        .map(|&byte| BYTES.one(byte).length as usize)
        .sum();
    let len = bits.div_ceil(8);
    if len >= string.len() {
        integer::encode(out, RAW_STRING, string.len());
        return out.extend_from_slice(string);
    }
    integer::encode(out, HUFFMAN_STRING, len);
    let (mut waiting, mut count) = (0u64, 0);
    for &byte in string {
        let Run { bits, length } = BYTES.one(byte);
        waiting = waiting << length | bits;
        count += length;
        while count >= 8 {
            count -= 8;
            out.push((waiting >> count) as u8);
        }
    }
    if count > 0 {
        out.push((waiting << (8 - count)) as u8 | u8::MAX >> count);
    }
}

/// Appends the string of `raw_len` bytes that `write` writes, if its code is shorter than it and
/// made of usual bytes. Otherwise appends nothing.
///
/// The string is coded first and its length put before it afterwards: to add up the lengths
/// beforehand costs half as much as the coding.
#[inline]
fn encode_usual(
    out: &mut Vec<u8>,
    raw_len: usize,
    write: impl for<'a> FnOnce(BitWriter<'a>) -> Option<BitWriter<'a>>,
) -> Option<()> {
    let start = out.len();
    out.resize(start + 1 + raw_len + SLACK, 0);
    let room = out.get_mut(start + 1..)?;
    let len = write(BitWriter::new(room)).and_then(BitWriter::finish);
    let len = len.filter(|&len| len < raw_len);
    out.truncate(start + len.map_or(0, |len| 1 + len));
    put_length(out, start, len?)
}

/// Puts `len` before the string at `start`, where one byte is kept for it.
#[inline]
fn put_length(out: &mut Vec<u8>, start: usize, len: usize) -> Option<()> {
    let (flag, prefix_bits) = HUFFMAN_STRING;
    match integer::fits_prefix(prefix_bits, len) {
        Some(len) => *out.get_mut(start)? = flag | len,
        None => insert_length(out, start, len)?,
    }
    Some(())
}

/// Puts a `len` of several bytes there, which no string of a usual request has.
#[cold]
fn insert_length(out: &mut Vec<u8>, start: usize, len: usize) -> Option<()> {
    out.remove(start);
    let end = out.len();
    integer::encode(out, HUFFMAN_STRING, len);
    out.get_mut(start..)?.rotate_left(end - start);
    Some(())
}

/// A write may pass the end of the string by this many bytes.
const SLACK: usize = 7;

/// Writes bits, eight bytes at a time whether they are full or not: a branch on how many bits are
/// waiting would be mispredicted for every other byte of a device token.
///
/// It is handed on by value, which keeps it in registers.
struct BitWriter<'a> {
    room: &'a mut [u8],
    position: usize,
    /// The bits that do not fill a byte yet, from the highest down.
    bits: u64,
    /// How many these are, below 8.
    count: u32,
}

impl<'a> BitWriter<'a> {
    const fn new(room: &'a mut [u8]) -> Self {
        Self {
            room,
            position: 0,
            bits: 0,
            count: 0,
        }
    }

    #[inline]
    fn put_bytes(mut self, bytes: &[u8]) -> Option<Self> {
        // At most 7 * 8 bits: letters, digits and the punctuation of names, URLs and base64url.
        let (sevens, rest) = bytes.as_chunks::<7>();
        for seven in sevens {
            self = self.put(BYTES.run(seven))?;
        }
        self.put(BYTES.run(rest))
    }

    /// Appends the digits of `bytes`.
    #[inline]
    fn put_hex(mut self, bytes: &[u8]) -> Option<Self> {
        // At most 4 * 12 bits.
        let (fours, rest) = bytes.as_chunks::<4>();
        for four in fours {
            self = self.put(PAIRS.run(four))?;
        }
        self.put(PAIRS.run(rest))
    }

    /// Appends the text of a UUID.
    #[inline]
    fn put_uuid(self, uuid: &[u8; 16]) -> Option<Self> {
        // At most 6 + 4 * 12 bits.
        let hyphen = BYTES.one(b'-');
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *uuid;
        self.put(PAIRS.run(&[a, b, c, d]))?
            .put(PAIRS.run_after(hyphen, &[e, f]))?
            .put(PAIRS.run_after(hyphen, &[g, h]))?
            .put(PAIRS.run_after(hyphen, &[i, j]))?
            .put(PAIRS.run_after(hyphen, &[k, l, m, n]))?
            .put(PAIRS.run(&[o, p]))
    }

    /// Appends `run`, unless it is too long or the room at its end.
    #[inline]
    fn put(mut self, run: Run) -> Option<Self> {
        if run.length > MAX_RUN {
            return None;
        }
        self.count += run.length;
        // No bits at all would ask for a shift by 64.
        self.bits |= run.bits << ((u64::BITS - self.count) % u64::BITS);
        *self.room.get_mut(self.position..)?.first_chunk_mut()? = self.bits.to_be_bytes();
        let full = self.count / 8;
        self.position += full as usize;
        self.bits <<= 8 * full;
        self.count %= 8;
        Some(self)
    }

    /// Pads the last byte with ones, the start of EOS, and returns the length in bytes.
    #[inline]
    fn finish(self) -> Option<usize> {
        if self.count == 0 {
            return Some(self.position);
        }
        let [last, ..] = self.bits.to_be_bytes();
        *self.room.get_mut(self.position)? = last | u8::MAX >> self.count;
        Some(self.position + 1)
    }
}

/// The most bits in one write: with up to 7 bits waiting they fit 64, and leave none behind that
/// no byte was written for.
const MAX_RUN: u32 = 56;

/// For each byte, the code of its two digits: half the look-ups of a coder that takes digits, and
/// no text in between.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static PAIRS: Codes = {
    let mut pairs = Codes {
        bits: [0; 256],
        lengths: [0; 256],
    };
    let mut byte = 0;
    while byte < 256 {
        let [high, low] = digits(byte as u8);
        let (high, low) = (high as usize, low as usize);
        pairs.bits[byte] = (CODES[high] << LENGTHS[low] | CODES[low]) as u64;
        pairs.lengths[byte] = LENGTHS[high] + LENGTHS[low];
        byte += 1;
    }
    pairs
};
