//! A cheap 32-bit mark of a byte string, so that most entries of a table need not be compared.
//!
//! It reads the length and both ends only. That is enough to tell our own headers apart; strings
//! with the same mark are always compared whole before they count as equal.

/// The mark of `bytes`. Usable at compile time, for the static table.
pub(super) const fn of(bytes: &[u8]) -> u32 {
    let (head, tail) = ends(bytes);
    let mixed = (head ^ (bytes.len() as u64).rotate_right(8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 32) ^ tail).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> 32) as u32
}

/// The mark of a whole field, from the marks of its name and value.
pub(super) const fn of_field(name: u32, value: u32) -> u32 {
    name.rotate_left(11) ^ value
}

/// The first and the last eight bytes; they overlap in a shorter string.
const fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (
            u32::from_le_bytes(*head) as u64,
            u32::from_le_bytes(*tail) as u64,
        )
    } else {
        match *bytes {
            [a, b, c, ..] => (u32::from_le_bytes([a, b, c, 0]) as u64, 0),
            [a, b] => (u32::from_le_bytes([a, b, 0, 0]) as u64, 0),
            [a] => (a as u64, 0),
            [] => (0, 0),
        }
    }
}
