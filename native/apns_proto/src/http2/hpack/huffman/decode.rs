//! Huffman code into strings: twelve bits at a time, which is two digits or one longer symbol.

use super::code::{CODES, EOS, FIRST, LENGTHS, MAX_LENGTH, SORTED};
use crate::http2::hpack::Error;

/// Where strings are decoded to, again and again.
#[derive(Debug, Default)]
pub(in crate::http2::hpack) struct Buffer {
    /// Grows to the longest string seen; what lies behind the current one is of no account.
    bytes: Vec<u8>,
}

impl Buffer {
    /// Decodes the whole of `code`. The shortest code has 5 bits, so the string has at most 8/5 of
    /// its bytes.
    pub(in crate::http2::hpack) fn decode(&mut self, code: &[u8]) -> Result<&[u8], Error> {
        // One byte more: a look-up always writes two.
        let room = code.len() * 8 / 5 + 2;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        let mut reader = BitReader::new(code);
        let mut len = 0;
        loop {
            reader.refill();
            if reader.count < LOOKUP_BITS {
                break;
            }
            let step = Step::at(reader.peek(LOOKUP_BITS));
            if step.symbols == 0 {
                let (symbol, length) = reader.long_symbol().ok_or(Error::InvalidHuffman)?;
                self.put(len, [symbol, 0])?;
                reader.skip(length);
                len += 1;
            } else {
                self.put(len, step.pair)?;
                reader.skip(step.length);
                len += usize::from(step.symbols);
            }
        }
        self.decode_tail(reader, len)
    }

    fn put(&mut self, at: usize, pair: [u8; 2]) -> Result<(), Error> {
        let room = self
            .bytes
            .get_mut(at..at + 2)
            .ok_or(Error::InvalidHuffman)?;
        room.copy_from_slice(&pair);
        Ok(())
    }

    /// Decodes the last bits, fewer than one look-up takes, symbol by symbol.
    fn decode_tail(&mut self, mut reader: BitReader<'_>, len: usize) -> Result<&[u8], Error> {
        let mut len = len;
        while let Some((symbol, length)) = reader.short_symbol() {
            self.put(len, [symbol, 0])?;
            reader.skip(length);
            len += 1;
        }
        if !reader.is_padding() {
            return Err(Error::InvalidHuffman);
        }
        self.bytes.get(..len).ok_or(Error::InvalidHuffman)
    }
}

/// The input as a queue of bits.
struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest down. Below `count` bits all are zero.
    bits: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    const fn new(code: &'a [u8]) -> Self {
        Self {
            rest: code,
            bits: 0,
            count: 0,
        }
    }

    /// Takes up bytes until no more fit or none is left.
    fn refill(&mut self) {
        while self.count <= 56
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.rest = rest;
        }
    }

    const fn peek(&self, bits: u32) -> u32 {
        (self.bits >> (64 - bits)) as u32
    }

    const fn skip(&mut self, bits: u32) {
        self.bits <<= bits;
        self.count -= bits;
    }

    /// The next symbol if its code is longer than a look-up; none for EOS and for the start of a
    /// code that the input does not complete.
    fn long_symbol(&self) -> Option<(u8, u32)> {
        (LOOKUP_BITS + 1..=MAX_LENGTH as u32).find_map(|length| self.symbol(length))
    }

    fn short_symbol(&self) -> Option<(u8, u32)> {
        (1..=LOOKUP_BITS).find_map(|length| self.symbol(length))
    }

    /// The next symbol, if its code has `length` bits and no shorter one fits.
    fn symbol(&self, length: u32) -> Option<(u8, u32)> {
        let &(first, place) = FIRST.get(length as usize)?;
        let offset = self.peek(length).checked_sub(first)? as usize;
        let &symbol = SORTED.get(usize::from(place) + offset)?;
        let fits = LENGTHS
            .get(usize::from(symbol))
            .is_some_and(|&l| u32::from(l) == length);
        (fits && length <= self.count).then_some(())?;
        Some((u8::try_from(symbol).ok()?, length))
    }

    /// Whether what is left is padding: fewer than 8 bits, all ones (RFC 7541 5.2).
    const fn is_padding(&self) -> bool {
        self.count < 8 && self.peek(32) == !(u32::MAX >> self.count)
    }
}

/// What one look-up gives.
#[derive(Clone, Copy)]
struct Step {
    pair: [u8; 2],
    /// How many symbols of `pair` count; 0 if the code is longer than the look-up.
    symbols: u8,
    /// Bits to skip.
    length: u32,
}

impl Step {
    fn at(bits: u32) -> Self {
        let [first, second, symbols, length] =
            STEPS.get(bits as usize).copied().unwrap_or_default();
        Self {
            pair: [first, second],
            symbols,
            length: u32::from(length),
        }
    }
}

/// Two hexadecimal digits, the most common text here, are 10 to 12 bits.
const LOOKUP_BITS: u32 = 12;

/// For each twelve bits: first and second symbol, their number, their bits together.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static STEPS: [[u8; 4]; 1 << LOOKUP_BITS] = {
    let mut steps = [[0; 4]; 1 << LOOKUP_BITS];
    // Each short symbol claims all look-ups that begin with its code; then, behind each short
    // symbol, each second one that still fits claims its part of them.
    let mut first = 0;
    while first < EOS {
        let length = LENGTHS[first] as u32;
        if length <= LOOKUP_BITS {
            fill(
                &mut steps,
                CODES[first],
                length,
                [first as u8, 0, 1, length as u8],
            );
            let mut second = 0;
            while second < EOS {
                let both = length + LENGTHS[second] as u32;
                if both <= LOOKUP_BITS {
                    let code = CODES[first] << LENGTHS[second] | CODES[second];
                    fill(
                        &mut steps,
                        code,
                        both,
                        [first as u8, second as u8, 2, both as u8],
                    );
                }
                second += 1;
            }
        }
        first += 1;
    }
    steps
};

#[expect(
    clippy::indexing_slicing,
    reason = "only const: an index out of bounds fails the build"
)]
const fn fill(steps: &mut [[u8; 4]; 1 << LOOKUP_BITS], code: u32, length: u32, step: [u8; 4]) {
    let mut at = code << (LOOKUP_BITS - length);
    let end = (code + 1) << (LOOKUP_BITS - length);
    while at < end {
        steps[at as usize] = step;
        at += 1;
    }
}
