//! The fast coders against the plain definition, bit by bit.

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::code::{CODES, EOS, LENGTHS};
use super::{Buffer, encode_hex_string, encode_string};
use crate::http2::hpack::Error;

/// Each symbol by its code and length.
static SYMBOLS: LazyLock<HashMap<(u32, u8), usize>> = LazyLock::new(|| {
    (0..=EOS)
        .map(|symbol| ((CODES[symbol], LENGTHS[symbol]), symbol))
        .collect()
});

/// Decodes as RFC 7541 5.2 says, one bit after the other.
fn decode_plainly(code: &[u8]) -> Result<Vec<u8>, Error> {
    let mut string = Vec::new();
    let (mut bits, mut length) = (0u32, 0u8);
    for position in 0..8 * code.len() {
        bits = bits << 1 | u32::from(code[position / 8] >> (7 - position % 8) & 1);
        length += 1;
        if let Some(&symbol) = SYMBOLS.get(&(bits, length)) {
            string.push(u8::try_from(symbol).map_err(|_| Error::InvalidHuffman)?);
            (bits, length) = (0, 0);
        }
    }
    let padding_is_good = length < 8 && bits == (1 << length) - 1;
    padding_is_good
        .then_some(string)
        .ok_or(Error::InvalidHuffman)
}

/// Encodes with one code after the other, whether that is shorter or not.
fn encode_plainly(string: &[u8]) -> Vec<u8> {
    let codes = string
        .iter()
        .map(|&byte| (CODES[usize::from(byte)], LENGTHS[usize::from(byte)]));
    let mut bits: String = codes
        .map(|(code, length)| format!("{code:00$b}", length.into()))
        .collect();
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    let bytes = bits.as_bytes().chunks(8);
    bytes
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

/// The string literal that a string must become.
fn string_literal(string: &[u8]) -> Vec<u8> {
    let code = encode_plainly(string);
    let (flag, content) = if code.len() < string.len() {
        (0x80, &code[..])
    } else {
        (0, string)
    };
    let mut out = Vec::new();
    crate::http2::hpack::integer::encode(&mut out, (flag, 7), content.len());
    out.extend_from_slice(content);
    out
}

/// Mostly text, as in headers, but every byte at times.
fn string() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => 0x20..0x7fu8, 1 => any::<u8>()];
    prop_oneof![
        prop::collection::vec(byte, 0..300),
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9a-f]{0,200}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn a_string_is_encoded_as_the_standard_says(string in string()) {
        // Something before it, as in a real block.
        let mut out = vec![0xaa; 3];
        encode_string(&mut out, &string);
        prop_assert_eq!(&out[..3], [0xaa; 3]);
        prop_assert_eq!(&out[3..], string_literal(&string));
    }

    #[test]
    fn hexadecimal_digits_are_encoded_as_their_text(
        prefix in string(),
        bytes in prop::collection::vec(any::<u8>(), 0..110),
    ) {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut out = Vec::new();
        encode_hex_string(&mut out, &prefix, &bytes);
        prop_assert_eq!(out, string_literal(&[&prefix, digits.as_bytes()].concat()));
    }

    #[test]
    fn every_code_is_decoded_as_the_standard_says(string in string(), other in string()) {
        let mut buffer = Buffer::default();
        buffer.decode(&encode_plainly(&other)).unwrap();
        prop_assert_eq!(buffer.decode(&encode_plainly(&string)), Ok(&string[..]));
    }

    #[test]
    fn any_bytes_are_accepted_or_refused_as_the_standard_says(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xff)], 0..40),
    ) {
        let mut buffer = Buffer::default();
        prop_assert_eq!(buffer.decode(&bytes).map(<[u8]>::to_vec), decode_plainly(&bytes));
    }

    #[test]
    fn a_damaged_code_is_accepted_or_refused_as_the_standard_says(
        string in string(),
        cut in any::<prop::sample::Index>(),
        damage in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut code = encode_plainly(&string);
        code.truncate(cut.index(code.len() + 1));
        if !code.is_empty() {
            let at = damage.0.index(code.len());
            code[at] ^= damage.1;
        }
        let mut buffer = Buffer::default();
        prop_assert_eq!(buffer.decode(&code).map(<[u8]>::to_vec), decode_plainly(&code));
    }
}

#[test]
fn the_pair_table_is_the_plain_coder_for_every_byte() {
    for byte in 0..=255 {
        for bytes in [&[byte][..], &[byte, 0xff], &[0, byte, 0x9f, byte, byte]] {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut out = Vec::new();
            encode_hex_string(&mut out, b"", bytes);
            assert_eq!(out, string_literal(digits.as_bytes()), "{digits}");
        }
    }
}

#[test]
fn padding_and_end_of_string_are_checked() {
    let mut buffer = Buffer::default();
    for (code, what) in [
        (&[0xff][..], "8 bits of padding alone"),
        (&[0x1f, 0xff], "`a` with 11 bits of padding"),
        (&[0x18], "`a` with zeros as padding"),
        (&[0xff, 0xff, 0xff, 0xff], "EOS"),
        (&[0x1f, 0xff, 0xff, 0xff, 0xff], "EOS after `a`"),
        (&[0xff, 0xff, 0xfe], "a code cut short"),
    ] {
        assert_eq!(buffer.decode(code), Err(Error::InvalidHuffman), "{what}");
    }
    assert_eq!(buffer.decode(&[0x1f]), Ok(&b"a"[..]));
    assert_eq!(buffer.decode(&[]), Ok(&b""[..]));
}

#[test]
fn a_long_code_behind_many_short_ones_is_decoded() {
    // 48 bits are looked up without a refill: the long code then starts where few are left.
    let mut buffer = Buffer::default();
    for short in 0..24 {
        for long in [0, 2, 10, b'\\', 0x80, 0xff] {
            let string = [&vec![b'-'; short][..], &[long], b"tail"].concat();
            assert_eq!(buffer.decode(&encode_plainly(&string)), Ok(&string[..]));
        }
    }
}
