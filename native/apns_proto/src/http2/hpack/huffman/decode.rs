//! Huffman code into strings: twelve bits at a time, which is two digits or one longer symbol.

use std::fmt;

use super::code::{CODES, EOS, FIRST, LENGTHS, MAX_LENGTH, SORTED};
use crate::http2::hpack::Error;

/// Where strings are decoded to, again and again. `Debug` shows none of them.
#[derive(Default)]
pub(in crate::http2::hpack) struct Buffer {
    /// Grows to the longest string seen; what lies behind the current one is of no account.
    bytes: Vec<u8>,
}

impl Buffer {
    /// Decodes the whole of `code`.
    pub(in crate::http2::hpack) fn decode(&mut self, code: &[u8]) -> Result<&[u8], Error> {
        // The shortest codes have 5 bits. One byte more, as a look-up always writes two.
        let room = code.len() * 8 / 5 + 2;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        let mut reader = BitReader::new(code);
        let mut len = 0;
        loop {
            reader.refill();
            if reader.count < 4 * LOOKUP_BITS {
                break;
            }
            for _ in 0..4 {
                let step = reader.look_up();
                if step.length == 0 {
                    self.decode_long(&mut reader, len)?;
                    len += 1;
                    break;
                }
                self.put(len, step.pair)?;
                reader.skip(step.length)?;
                len += step.symbols();
            }
        }
        self.decode_tail(reader, len)
    }

    /// Decodes the last bits, symbol by symbol, down to the padding.
    fn decode_tail(&mut self, mut reader: BitReader<'_>, len: usize) -> Result<&[u8], Error> {
        let mut len = len;
        while !reader.is_padding() {
            let step = reader.look_up();
            if step.length == 0 {
                self.decode_long(&mut reader, len)?;
            } else {
                self.put(len, step.pair)?;
                reader.skip(step.first_length)?;
            }
            len += 1;
        }
        self.bytes.get(..len).ok_or(Error::InvalidHuffman)
    }

    /// Decodes one symbol whose code is longer than a look-up.
    #[cold]
    fn decode_long(&mut self, reader: &mut BitReader<'_>, len: usize) -> Result<(), Error> {
        // The short ones before it may have left fewer bits than it has.
        reader.refill();
        let (symbol, length) = reader.long_symbol().ok_or(Error::InvalidHuffman)?;
        self.put(len, [symbol, 0])?;
        reader.skip(length)
    }

    #[inline]
    fn put(&mut self, at: usize, pair: [u8; 2]) -> Result<(), Error> {
        let room = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        *room.ok_or(Error::InvalidHuffman)? = pair;
        Ok(())
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").finish_non_exhaustive()
    }
}

/// The input as a queue of bits.
struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, from the highest down. What lies behind `count` is the start of `rest`, or
    /// nothing yet.
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

    /// Takes up bytes until at least 56 bits are there or no byte is left.
    #[inline]
    fn refill(&mut self) {
        if let Some(eight) = self.rest.first_chunk() {
            // A part of a byte may come along; it is taken up again, unchanged, by the next call.
            self.bits |= u64::from_be_bytes(*eight) >> self.count;
            let whole = (63 - self.count) / 8;
            self.rest = self.rest.get(whole as usize..).unwrap_or_default();
            self.count += 8 * whole;
            return;
        }
        while self.count < 56
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.rest = rest;
        }
    }

    #[inline]
    fn look_up(&self) -> Step {
        STEPS
            .get(self.peek(LOOKUP_BITS) as usize)
            .copied()
            .unwrap_or(Step::LONG)
    }

    #[inline]
    const fn peek(&self, bits: u32) -> u32 {
        (self.bits >> (u64::BITS - bits)) as u32
    }

    #[inline]
    fn skip(&mut self, bits: u8) -> Result<(), Error> {
        self.bits <<= bits;
        // A code that goes on behind the input's end.
        self.count = self
            .count
            .checked_sub(u32::from(bits))
            .ok_or(Error::InvalidHuffman)?;
        Ok(())
    }

    /// Whether all that is left is padding: fewer than 8 bits, all ones (RFC 7541 5.2).
    ///
    /// For the end of the input only, which it makes look as if it went on with ones.
    fn is_padding(&mut self) -> bool {
        self.bits |= u64::MAX >> self.count;
        self.count < 8 && self.bits == u64::MAX
    }

    /// The next symbol, and the length of its code if that is longer than a look-up. EOS is none.
    fn long_symbol(&self) -> Option<(u8, u8)> {
        (LOOKUP_BITS as u8 + 1..=MAX_LENGTH as u8).find_map(|length| {
            let &(first, place) = FIRST.get(usize::from(length))?;
            let offset = self.peek(u32::from(length)).checked_sub(first)?;
            let symbol = *SORTED.get(usize::from(place) + offset as usize)?;
            (*LENGTHS.get(usize::from(symbol))? == length).then_some(())?;
            Some((u8::try_from(symbol).ok()?, length))
        })
    }
}

/// What one look-up gives: one symbol or two.
#[derive(Clone, Copy)]
struct Step {
    pair: [u8; 2],
    /// Bits of the first symbol; 0 if the code is longer than the look-up.
    first_length: u8,
    /// Bits of all symbols.
    length: u8,
}

impl Step {
    const LONG: Self = Self {
        pair: [0; 2],
        first_length: 0,
        length: 0,
    };

    const fn symbols(self) -> usize {
        1 + (self.length != self.first_length) as usize
    }
}

/// Two hexadecimal digits, the most common text here, are 10 to 12 bits.
const LOOKUP_BITS: u32 = 12;

/// The step for each twelve bits.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static STEPS: [Step; 1 << LOOKUP_BITS] = {
    let mut steps = [Step::LONG; 1 << LOOKUP_BITS];
    // Each short symbol claims all look-ups that begin with its code; then each symbol that still
    // fits behind it claims its part of them.
    let mut first = 0;
    while first < EOS {
        let first_length = LENGTHS[first];
        if first_length as u32 <= LOOKUP_BITS {
            let pair = [first as u8, 0];
            let step = Step {
                pair,
                first_length,
                length: first_length,
            };
            fill(&mut steps, CODES[first], step);
            let mut second = 0;
            while second < EOS {
                let length = first_length + LENGTHS[second];
                if length as u32 <= LOOKUP_BITS {
                    let pair = [first as u8, second as u8];
                    let step = Step {
                        pair,
                        first_length,
                        length,
                    };
                    fill(
                        &mut steps,
                        CODES[first] << LENGTHS[second] | CODES[second],
                        step,
                    );
                }
                second += 1;
            }
        }
        first += 1;
    }
    steps
};

/// Lets `step` be the one for all look-ups that begin with its `code`.
#[expect(
    clippy::indexing_slicing,
    reason = "only const: an index out of bounds fails the build"
)]
const fn fill(steps: &mut [Step; 1 << LOOKUP_BITS], code: u32, step: Step) {
    let rest = LOOKUP_BITS - step.length as u32;
    let mut at = code << rest;
    let end = (code + 1) << rest;
    while at < end {
        steps[at as usize] = step;
        at += 1;
    }
}
