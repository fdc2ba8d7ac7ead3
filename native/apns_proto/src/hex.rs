//! Hexadecimal digits by table: every push has a hundred of them, on its way in, to Apple and back.

/// The two lower-case digits of a byte.
pub(crate) const fn digits(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 0xf)]
}

/// Writes the lower-case digits of `bytes` into as much room as they need; what does not fit is left out.
#[inline]
pub(crate) fn write(bytes: &[u8], room: &mut [u8]) {
    let (pairs, _) = room.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = PAIRS.get(usize::from(*byte)).copied().unwrap_or_default();
    }
}

/// Reads pairs of digits of either case. `None`: one is no digit.
#[inline]
pub(crate) fn read(pairs: &[[u8; 2]], room: &mut [u8]) -> Option<()> {
    // Looked at once at the end: a branch for each digit would cost more than the reading.
    let mut all = 0;
    for (byte, [high, low]) in room.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        all |= high | low;
        *byte = high << 4 | low & 0xf;
    }
    (all & NO_DIGIT == 0).then_some(())
}

#[inline]
fn value(digit: u8) -> u8 {
    VALUES.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT)
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..10 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

/// A bit that no digit's value has.
const NO_DIGIT: u8 = 0x80;

#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = digits(byte as u8);
        byte += 1;
    }
    pairs
};

#[expect(
    clippy::indexing_slicing,
    reason = "const: an index out of bounds fails the build"
)]
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut nibble = 0;
    while nibble < 16 {
        let digit = digit(nibble);
        values[digit as usize] = nibble;
        values[digit.to_ascii_uppercase() as usize] = nibble;
        nibble += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_goes_round_and_every_other_character_is_refused() {
        for byte in 0..=u8::MAX {
            let mut room = [0; 2];
            write(&[byte], &mut room);
            assert_eq!(room, *format!("{byte:02x}").as_bytes());
            for pair in [room, room.map(|digit| digit.to_ascii_uppercase())] {
                let mut back = [0];
                assert_eq!(read(&[pair], &mut back), Some(()));
                assert_eq!(back, [byte]);
            }
            let is_digit = byte.is_ascii_hexdigit();
            assert_eq!(read(&[[byte, b'0']], &mut [0]).is_some(), is_digit);
            assert_eq!(read(&[[b'0', byte]], &mut [0]).is_some(), is_digit);
        }
    }
}
