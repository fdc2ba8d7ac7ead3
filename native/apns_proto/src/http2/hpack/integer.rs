//! Integers with a prefix of N bits (RFC 7541 5.1).

use super::Error;

/// Bytes after the prefix that a 32-bit value can need. A longer run is refused even if its value
/// is small: zeros could otherwise be written without end.
const MAX_CONTINUATION: usize = 5;

/// Appends `value`; `flags` are the bits above the prefix of `prefix_bits` bits (1 to 8).
#[inline]
pub(super) fn encode(out: &mut Vec<u8>, (flags, prefix_bits): (u8, u8), value: usize) {
    match fits_prefix(prefix_bits, value) {
        Some(value) => out.push(flags | value),
        None => {
            let limit = prefix_mask(prefix_bits);
            out.push(flags | limit);
            encode_rest(out, value - usize::from(limit));
        }
    }
}

/// The value as the prefix holds it, if it needs no byte after it.
#[inline]
pub(super) fn fits_prefix(prefix_bits: u8, value: usize) -> Option<u8> {
    u8::try_from(value)
        .ok()
        .filter(|&value| value < prefix_mask(prefix_bits))
}

fn encode_rest(out: &mut Vec<u8>, mut rest: usize) {
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads the integer at the start of `input`, and returns it with what follows it.
#[inline]
pub(super) fn decode(input: &[u8], prefix_bits: u8) -> Result<(u32, &[u8]), Error> {
    let (&first, rest) = input.split_first().ok_or(Error::Truncated)?;
    let mask = prefix_mask(prefix_bits);
    let value = first & mask;
    if value < mask {
        Ok((u32::from(value), rest))
    } else {
        decode_rest(u64::from(value), rest)
    }
}

fn decode_rest(mut value: u64, input: &[u8]) -> Result<(u32, &[u8]), Error> {
    let mut input = input;
    for position in 0..MAX_CONTINUATION {
        let (&byte, rest) = input.split_first().ok_or(Error::Truncated)?;
        input = rest;
        value += u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Error::IntegerOverflow)?;
            return Ok((value, input));
        }
    }
    Err(Error::IntegerOverflow)
}

const fn prefix_mask(prefix_bits: u8) -> u8 {
    u8::MAX >> (8 - prefix_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(prefix_bits: u8, value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, (0, prefix_bits), value);
        out
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        // RFC 7541 C.1
        for (prefix_bits, value, bytes) in [
            (5, 10, &[0x0a][..]),
            (5, 1337, &[0x1f, 0x9a, 0x0a]),
            (8, 42, &[0x2a]),
        ] {
            assert_eq!(encoded(prefix_bits, value), bytes);
            assert_eq!(decode(bytes, prefix_bits), Ok((value as u32, &[][..])));
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for prefix_bits in 1..=8 {
            let edges = (0..32).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
            for value in edges.chain([u32::MAX as usize]) {
                let mut bytes = encoded(prefix_bits, value);
                bytes.push(0xee);
                assert_eq!(decode(&bytes, prefix_bits), Ok((value as u32, &[0xee][..])));
            }
        }
    }

    #[test]
    fn the_bits_above_the_prefix_are_kept_on_writing_and_ignored_on_reading() {
        let mut out = Vec::new();
        encode(&mut out, (0xe0, 5), 1337);
        assert_eq!(out, [0xff, 0x9a, 0x0a]);
        assert_eq!(decode(&out, 5), Ok((1337, &[][..])));
    }

    #[test]
    fn integers_out_of_range_are_refused() {
        // 2^32 exactly, a sixth byte, and zeros without end
        for bytes in [
            &[0x1f, 0xe1, 0xff, 0xff, 0xff, 0x0f][..],
            &[0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            &[0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            &[0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(decode(bytes, 5), Err(Error::IntegerOverflow));
        }
        assert_eq!(
            decode(&[0x1f, 0xe0, 0xff, 0xff, 0xff, 0x0f], 5),
            Ok((u32::MAX, &[][..]))
        );
    }

    #[test]
    fn an_integer_cut_short_is_refused() {
        for bytes in [
            &[][..],
            &[0x1f],
            &[0x1f, 0x80],
            &[0x1f, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(decode(bytes, 5), Err(Error::Truncated));
        }
    }
}
