//! Strings and hexadecimal digits into Huffman code.

use super::code::{CODES, Code, LENGTHS, Run};
use crate::http2::hpack::integer;
use crate::http2::hpack::representation::{HUFFMAN_STRING, RAW_STRING};

/// Appends a string literal (RFC 7541 5.2), Huffman coded where that is shorter.
pub(in crate::http2::hpack) fn encode_string(out: &mut Vec<u8>, string: &[u8]) {
    if encode_shorter(out, string.len(), |writer| writer.put_bytes(string)).is_none() {
        integer::encode(out, RAW_STRING, string.len());
        out.extend_from_slice(string);
    }
}

/// Appends the string literal `prefix` followed by `bytes` in lower-case hexadecimal digits.
pub(in crate::http2::hpack) fn encode_hex_string(out: &mut Vec<u8>, prefix: &[u8], bytes: &[u8]) {
    let raw_len = prefix.len() + 2 * bytes.len();
    let coded = encode_shorter(out, raw_len, |writer| {
        writer.put_bytes(prefix)?;
        writer.put_hex(bytes)
    });
    if coded.is_none() {
        integer::encode(out, RAW_STRING, raw_len);
        out.extend_from_slice(prefix);
        out.extend(bytes.iter().flat_map(|&byte| digits(byte)));
    }
}

/// Appends what `write` writes, or nothing if that is not shorter than `raw_len`.
///
/// The string is coded first and its length put before it afterwards: to add up the lengths
/// beforehand costs half as much as the coding.
#[inline]
fn encode_shorter(
    out: &mut Vec<u8>,
    raw_len: usize,
    write: impl FnOnce(&mut BitWriter<'_>) -> Option<()>,
) -> Option<()> {
    let start = out.len();
    out.resize(start + 1 + raw_len + SLACK, 0);
    let len = out.get_mut(start + 1..).and_then(|room| {
        let mut writer = BitWriter::new(room);
        write(&mut writer)?;
        writer.finish()
    });
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
    fn put_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.put_joined(eight)?;
        }
        self.put_joined(rest)
    }

    /// Appends at most eight bytes, in one go if their codes are of the usual 5 to 7 bits.
    #[inline]
    fn put_joined(&mut self, bytes: &[u8]) -> Option<()> {
        let codes = bytes.iter().map(|&byte| Code::of(byte));
        let joined = codes.clone().fold(Run::default(), Run::then);
        if joined.length <= MAX_RUN {
            return self.put(joined);
        }
        codes
            .into_iter()
            .try_for_each(|code| self.put(Run::default().then(code)))
    }

    /// Appends the digits of `bytes`, at most 4 * 12 bits at a time.
    #[inline]
    fn put_hex(&mut self, bytes: &[u8]) -> Option<()> {
        let (fours, rest) = bytes.as_chunks::<4>();
        for four in fours {
            self.put(joined_pairs(four))?;
        }
        self.put(joined_pairs(rest))
    }

    /// Appends at most [`MAX_RUN`] bits, unless the room is at its end.
    #[inline]
    fn put(&mut self, run: Run) -> Option<()> {
        self.count += run.length;
        // No bits at all would ask for a shift by 64.
        self.bits |= run.bits << ((u64::BITS - self.count) % u64::BITS);
        *self.room.get_mut(self.position..)?.first_chunk_mut()? = self.bits.to_be_bytes();
        let full = self.count / 8;
        self.position += full as usize;
        self.bits <<= 8 * full;
        self.count %= 8;
        Some(())
    }

    /// Pads the last byte with ones, the start of EOS, and returns the length in bytes.
    fn finish(self) -> Option<usize> {
        if self.count == 0 {
            return Some(self.position);
        }
        let [last, ..] = self.bits.to_be_bytes();
        *self.room.get_mut(self.position)? = last | u8::MAX >> self.count;
        Some(self.position + 1)
    }
}

/// With up to 7 bits waiting, these fit 64, and leave none behind that no byte was written for.
const MAX_RUN: u32 = 56;

#[inline]
fn joined_pairs(bytes: &[u8]) -> Run {
    let pairs = bytes
        .iter()
        .map(|&byte| PAIRS.get(usize::from(byte)).copied().unwrap_or_default());
    pairs.fold(Run::default(), Run::then)
}

const fn digits(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 0xf)]
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..10 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

/// For each byte, the code of its two digits: half the look-ups of a coder that takes digits, and
/// no text in between.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static PAIRS: [Code; 256] = {
    let mut pairs = [Code::new(0, 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let [high, low] = digits(byte as u8);
        let (high, low) = (high as usize, low as usize);
        let bits = CODES[high] << LENGTHS[low] | CODES[low];
        pairs[byte] = Code::new(bits, LENGTHS[high] + LENGTHS[low]);
        byte += 1;
    }
    pairs
};
