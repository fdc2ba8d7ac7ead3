//! The code itself: lengths, codes, and the symbols in the order of their codes.

/// The end-of-string symbol. It is never sent; the padding is the start of its code.
pub(super) const EOS: usize = 256;

/// Bits of the longest code, that of EOS among others.
pub(super) const MAX_LENGTH: usize = 30;

const SYMBOLS: usize = 257;

/// Length in bits of each symbol's code (RFC 7541 Appendix B).
pub(super) const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, // 0x00
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, // 0x10
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, // 0x20
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 0x30
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, // 0x40
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // 0x50
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, // 0x60
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // 0x70
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, // 0x80
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, // 0x90
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, // 0xa0
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, // 0xb0
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, // 0xc0
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, // 0xd0
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, // 0xe0
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, // 0xf0
    30, // EOS
];

/// The symbols in the order of their codes.
pub(super) static SORTED: [u16; SYMBOLS] = CANON.sorted;

/// For each length: the first code of that length, and its place in [`SORTED`].
pub(super) static FIRST: [(u32, u16); MAX_LENGTH + 1] = CANON.first;

/// Code of each symbol, in the low bits.
pub(super) const CODES: [u32; SYMBOLS] = CANON.codes;

/// Codes one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    /// The bits, in the low end.
    pub(super) bits: u64,
    /// How many. A run of more than 64 has lost its start.
    pub(super) length: u32,
}

/// What is coded in one step, for each byte. Bits and lengths lie apart, so that appending costs
/// five instructions: an entry of both would have to be taken to pieces.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) bits: [u64; 256],
    pub(super) lengths: [u8; 256],
}

impl Codes {
    /// The codes of all bytes of `string` as one run.
    #[inline]
    pub(super) fn run(&self, string: &[u8]) -> Run {
        self.run_after(Run::default(), string)
    }

    /// The same, behind the codes of `before`.
    #[inline]
    pub(super) fn run_after(&self, before: Run, string: &[u8]) -> Run {
        string.iter().fold(before, |run, &byte| {
            let Run { bits, length } = self.one(byte);
            Run {
                bits: run.bits << length | bits,
                length: run.length + length,
            }
        })
    }

    /// The code of `byte`.
    #[inline]
    pub(super) fn one(&self, byte: u8) -> Run {
        let bits = self
            .bits
            .get(usize::from(byte))
            .copied()
            .unwrap_or_default();
        let length = self
            .lengths
            .get(usize::from(byte))
            .copied()
            .unwrap_or_default();
        Run {
            bits,
            length: u32::from(length),
        }
    }
}

/// The code of each byte.
#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
pub(super) static BYTES: Codes = {
    let mut codes = Codes {
        bits: [0; 256],
        lengths: [0; 256],
    };
    let mut byte = 0;
    while byte < 256 {
        codes.bits[byte] = CODES[byte] as u64;
        codes.lengths[byte] = LENGTHS[byte];
        byte += 1;
    }
    codes
};

struct Canon {
    codes: [u32; SYMBOLS],
    sorted: [u16; SYMBOLS],
    first: [(u32, u16); MAX_LENGTH + 1],
}

#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
const CANON: Canon = {
    let mut canon = Canon {
        codes: [0; SYMBOLS],
        sorted: [0; SYMBOLS],
        first: [(0, 0); MAX_LENGTH + 1],
    };
    let mut code = 0;
    let mut place = 0;
    let mut length = 1;
    while length <= MAX_LENGTH {
        canon.first[length] = (code, place as u16);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                canon.codes[symbol] = code;
                canon.sorted[place] = symbol as u16;
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        code <<= 1;
        length += 1;
    }
    canon
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_appendix_b() {
        for (symbol, code) in [
            (0, 0x1ff8),
            (1, 0x007f_ffd8),
            (10, 0x3fff_fffc),
            (usize::from(b' '), 0x14),
            (usize::from(b'0'), 0x0),
            (usize::from(b'a'), 0x3),
            (usize::from(b'f'), 0x25),
            (usize::from(b'~'), 0x1ffd),
            (127, 0x0fff_fffc),
            (128, 0xf_ffe6),
            (249, 0x0fff_fffe),
            (255, 0x03ff_ffee),
            (EOS, 0x3fff_ffff),
        ] {
            assert_eq!(CODES[symbol], code, "symbol {symbol}");
        }
    }

    #[test]
    fn the_code_is_complete() {
        let space: u64 = LENGTHS.iter().map(|length| 1 << (32 - length)).sum();
        assert_eq!(space, 1 << 32);
    }
}
