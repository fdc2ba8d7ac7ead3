//! Strings and hexadecimal digits into Huffman code.

use super::code::{CODES, LENGTHS};
use crate::http2::hpack::integer;
use crate::http2::hpack::representation::{HUFFMAN_STRING, RAW_STRING};

/// Appends a string literal (RFC 7541 5.2), Huffman coded where that is shorter.
pub(in crate::http2::hpack) fn encode_string(out: &mut Vec<u8>, string: &[u8]) {
    let bits: usize = string.iter().map(|&byte| length(byte)).sum();
    let len = bits.div_ceil(8);
    if len < string.len() {
        integer::encode(out, HUFFMAN_STRING, len);
        let mut writer = BitWriter::new(out);
        writer.put_bytes(string);
        writer.finish();
    } else {
        integer::encode(out, RAW_STRING, string.len());
        out.extend_from_slice(string);
    }
}

/// Appends the string literal `prefix` followed by `bytes` in lower-case hexadecimal digits.
pub(in crate::http2::hpack) fn encode_hex_string(out: &mut Vec<u8>, prefix: &[u8], bytes: &[u8]) {
    let prefix_bits: usize = prefix.iter().map(|&byte| length(byte)).sum();
    let bits = prefix_bits
        + bytes
            .iter()
            .map(|&byte| pair(byte).1 as usize)
            .sum::<usize>();
    let len = bits.div_ceil(8);
    let raw_len = prefix.len() + 2 * bytes.len();
    if len < raw_len {
        integer::encode(out, HUFFMAN_STRING, len);
        let mut writer = BitWriter::new(out);
        writer.put_bytes(prefix);
        for &byte in bytes {
            let (code, length) = pair(byte);
            writer.put(code, length);
        }
        writer.finish();
    } else {
        integer::encode(out, RAW_STRING, raw_len);
        out.extend_from_slice(prefix);
        out.extend(bytes.iter().flat_map(|&byte| digits(byte)));
    }
}

/// Collects bits and appends them to the output in fours of bytes.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The last `count` bits are waiting, fewer than 32 between two calls.
    bits: u64,
    count: u32,
}

impl<'a> BitWriter<'a> {
    const fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            bits: 0,
            count: 0,
        }
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.put(code(byte), length(byte) as u32);
        }
    }

    /// Appends the last `length` bits of `code`, at most 32: with those waiting they fit `bits`.
    #[inline]
    fn put(&mut self, code: u32, length: u32) {
        self.bits = self.bits << length | u64::from(code);
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            self.out
                .extend_from_slice(&((self.bits >> self.count) as u32).to_be_bytes());
        }
    }

    /// Pads the last byte with ones, the start of EOS.
    fn finish(self) {
        let padding = self.count.wrapping_neg() % 8;
        let bits = (self.bits << padding) | ((1 << padding) - 1);
        let rest = ((self.count + padding) / 8) as usize;
        let tail = (bits as u32).to_be_bytes();
        self.out
            .extend_from_slice(tail.get(tail.len() - rest..).unwrap_or_default());
    }
}

fn code(byte: u8) -> u32 {
    CODES.get(usize::from(byte)).copied().unwrap_or_default()
}

fn length(byte: u8) -> usize {
    LENGTHS
        .get(usize::from(byte))
        .copied()
        .map_or(0, usize::from)
}

/// Code and length in bits of the two hexadecimal digits of `byte`.
fn pair(byte: u8) -> (u32, u32) {
    let pair = PAIRS.get(usize::from(byte)).copied().unwrap_or_default();
    (u32::from(pair >> 4), u32::from(pair & 0xf))
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

/// For each byte, the code of its two digits (at most 12 bits) and, in the low four bits, its
/// length: half the look-ups of a coder that takes digits, and no text in between.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static PAIRS: [u16; 256] = {
    let mut pairs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let [high, low] = digits(byte as u8);
        let (high, low) = (high as usize, low as usize);
        let code = (CODES[high] << LENGTHS[low]) | CODES[low];
        pairs[byte] = (code as u16) << 4 | (LENGTHS[high] + LENGTHS[low]) as u16;
        byte += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_table_is_the_plain_coder_for_every_byte() {
        for byte in 0..=255u8 {
            for bytes in [&[byte][..], &[byte, 0xff], &[0, byte, 0x9f, byte]] {
                let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                for prefix in ["", "/3/device/", "{^~}\u{7f}\u{1}"] {
                    let (mut plain, mut paired) = (Vec::new(), Vec::new());
                    encode_string(&mut plain, format!("{prefix}{text}").as_bytes());
                    encode_hex_string(&mut paired, prefix.as_bytes(), bytes);
                    assert_eq!(paired, plain, "{prefix}{text}");
                }
            }
        }
    }

    #[test]
    fn a_string_that_huffman_coding_does_not_shorten_is_raw() {
        let mut out = Vec::new();
        encode_string(&mut out, b"");
        encode_string(&mut out, b"\x01\x02");
        assert_eq!(out, b"\x00\x02\x01\x02");
    }
}
