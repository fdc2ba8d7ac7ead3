//! The encoder's search key: a string's length and both its ends.
//!
//! Keys are compared before bytes are. Up to 16 bytes, which most names and many values of ours
//! have, equal keys mean equal strings, so a search seldom reads a table's bytes at all.

/// Length and ends of a string.
///
/// Not `Debug`, as it holds parts of values, which may be secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    len: usize,
    /// The first and the last eight bytes, or four, or all; the ends of a short string overlap.
    head: u64,
    tail: u64,
}

/// The longest string of which the two ends leave nothing out.
const MAX_COVERED: usize = 16;

impl Key {
    #[inline]
    pub(super) const fn of(bytes: &[u8]) -> Self {
        let (head, tail) = ends(bytes);
        Self {
            len: bytes.len(),
            head,
            tail,
        }
    }

    /// The string's length.
    pub(super) const fn len(self) -> usize {
        self.len
    }

    /// A number of 16 bits for a hash table.
    #[inline]
    pub(super) const fn hash(self) -> usize {
        let mixed = self.head ^ self.tail.rotate_left(24) ^ self.len as u64;
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
    }
}

/// The keys of a field's name and value.
#[derive(Clone, Copy)]
pub(super) struct FieldKeys {
    pub(super) name: Key,
    pub(super) value: Key,
}

impl FieldKeys {
    pub(super) const fn of(name: &[u8], value: &[u8]) -> Self {
        Self {
            name: Key::of(name),
            value: Key::of(value),
        }
    }
}

/// A string to look for, with its key.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) key: Key,
}

impl<'a> Sought<'a> {
    #[inline]
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            key: Key::of(bytes),
        }
    }

    /// Whether the string with this key is the one; `bytes` reads it if the key does not tell.
    #[inline]
    pub(super) fn is<'b>(self, key: Key, bytes: impl FnOnce() -> &'b [u8]) -> bool {
        self.key == key && (key.len <= MAX_COVERED || self.bytes == bytes())
    }
}

const fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_equal_only_if_every_byte_is() {
        for len in 0..40 {
            let string: Vec<u8> = (0..len).collect();
            let sought = Sought::new(&string);
            assert!(sought.is(Key::of(&string), || &string));
            for changed in 0..string.len() {
                let mut other = string.clone();
                other[changed] ^= 0x80;
                assert!(
                    !sought.is(Key::of(&other), || &other),
                    "byte {changed} of {len}"
                );
            }
            let longer = [&string[..], &[0]].concat();
            assert!(!sought.is(Key::of(&longer), || &longer));
        }
    }
}
