//! The `apns-id`: the UUID that names one push to one device, from `notify` to its outcome.
//!
//! It stays the same when a push is sent again. Apple echoes it, but does not recognise a repeated push by it.

use std::fmt;
use std::ops::Range;

use crate::hex;

/// A UUID, sent as `apns-id` and echoed by Apple.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApnsId([u8; 16]);

impl ApnsId {
    /// Length of the canonical text in bytes.
    pub const TEXT_LEN: usize = 36;

    /// Makes a version 4 UUID (RFC 9562) of 16 random bytes.
    #[must_use]
    pub const fn from_random(mut random: [u8; 16]) -> Self {
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        Self(random)
    }

    /// Reads the canonical form, 8-4-4-4-12 hex digits in either case. Any version is taken: the id may be a caller's own.
    ///
    /// # Errors
    /// [`ApnsIdError`] for everything else.
    pub fn parse(text: &[u8]) -> Result<Self, ApnsIdError> {
        let text: &[u8; Self::TEXT_LEN] = text.try_into().map_err(|_| ApnsIdError)?;
        let mut id = [0; 16];
        if HYPHENS.iter().any(|place| text.get(*place) != Some(&b'-')) {
            return Err(ApnsIdError);
        }
        for (group, bytes) in GROUPS {
            let (group, room) = (text.get(group), id.get_mut(bytes));
            let (group, room) = group.zip(room).ok_or(ApnsIdError)?;
            let (pairs, _) = group.as_chunks();
            hex::read(pairs, room).ok_or(ApnsIdError)?;
        }
        Ok(Self(id))
    }

    /// The 16 bytes of the UUID.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The canonical text in lower case, as Apple asks for it.
    #[must_use]
    pub fn to_ascii(&self) -> [u8; Self::TEXT_LEN] {
        let mut text = [b'-'; Self::TEXT_LEN];
        for (group, bytes) in GROUPS {
            if let (Some(room), Some(bytes)) = (text.get_mut(group), self.0.get(bytes)) {
                hex::write(bytes, room);
            }
        }
        text
    }
}

impl fmt::Display for ApnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ascii()
            .iter()
            .try_for_each(|&character| fmt::Write::write_char(f, char::from(character)))
    }
}

impl fmt::Debug for ApnsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApnsId({self})")
    }
}

/// The text is not a canonical UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an apns-id is a UUID of 36 characters: 8-4-4-4-12 hex digits")]
pub struct ApnsIdError;

/// Where in the text each group of bytes stands.
const GROUPS: [(Range<usize>, Range<usize>); 5] = [
    (0..8, 0..4),
    (9..13, 4..6),
    (14..18, 6..8),
    (19..23, 8..10),
    (24..36, 10..16),
];

/// What stands between them.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_of_either_case_is_read_and_lower_case_is_written() {
        let id = ApnsId::parse(b"123E4567-e89b-12D3-a456-426655440000").unwrap();
        assert_eq!(id.to_string(), "123e4567-e89b-12d3-a456-426655440000");
        assert_eq!(
            format!("{id:?}"),
            "ApnsId(123e4567-e89b-12d3-a456-426655440000)"
        );
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let cases = [
            "",
            "123e4567e89b12d3a456426655440000",
            "{123e4567-e89b-12d3-a456-42665544000}",
            "123e4567-e89b-12d3-a456-42665544000",
            "123e4567-e89b-12d3-a456-4266554400000",
            "123e4567-e89b-12d3-a456+426655440000",
            "123e4567-e89b-12d3-a456-42665544000g",
            "123e456--e89b-12d3-a456-426655440000",
        ];
        for text in cases {
            assert_eq!(ApnsId::parse(text.as_bytes()), Err(ApnsIdError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_make_a_version_4_uuid_that_goes_round(random: [u8; 16]) {
            let id = ApnsId::from_random(random);
            let text = id.to_string();
            prop_assert_eq!(text.as_bytes()[14], b'4');
            prop_assert!(b"89ab".contains(&text.as_bytes()[19]));
            prop_assert_eq!(ApnsId::parse(text.as_bytes()).unwrap(), id);
            prop_assert_eq!(ApnsId::parse(text.to_uppercase().as_bytes()).unwrap(), id);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 30..40)) {
            let _ = ApnsId::parse(&bytes);
        }
    }
}
