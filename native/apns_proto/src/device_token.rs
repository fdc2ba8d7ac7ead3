//! The device token: the name under which Apple knows one app on one device.
//!
//! Its length is Apple's to choose. It is 32 bytes today for apps, longer for Live Activities, and Apple has announced
//! up to 100. A token is no password, but whoever holds it and a key can push: [`fmt::Debug`] shows its first characters only.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::hex;

/// A device token: 1 to 100 bytes.
///
/// Tokens of up to 32 bytes, which is nearly all of them, live without an allocation of their own.
#[derive(Clone)]
pub struct DeviceToken(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_LEN] },
    Heap(Box<[u8]>),
}

impl DeviceToken {
    /// The longest token Apple has announced, in bytes.
    pub const MAX_LEN: usize = 100;

    /// Reads a token as clients and databases give it: hex digits in either case, or the raw bytes.
    ///
    /// Text is hex, or a mistake: a wrong letter, a lost digit, a space. Taken as raw bytes, it would be a token that Apple
    /// calls dead. 32 random bytes are practically never all text, let alone hex: that is one case in 10¹³.
    ///
    /// ```
    /// use apns_proto::device_token::DeviceToken;
    ///
    /// let hex = b"00FC13ADFF785122B4AD28809A3420982341241421348097878E577C991DE8F0";
    /// let token = DeviceToken::parse(hex)?;
    /// assert_eq!(token.as_bytes().len(), 32);
    /// assert_eq!(token.short(), "00fc13ad");
    /// # Ok::<(), apns_proto::device_token::DeviceTokenError>(())
    /// ```
    ///
    /// # Errors
    /// Every [`DeviceTokenError`]: [`DeviceTokenError::NotHex`] and [`DeviceTokenError::OddLength`] for text.
    pub fn parse(bytes: &[u8]) -> Result<Self, DeviceTokenError> {
        match Self::from_hex(bytes) {
            Err(DeviceTokenError::NotHex) if !is_text(bytes) => Self::from_bytes(bytes),
            result => result,
        }
    }

    /// Reads a token from hex digits in either case.
    ///
    /// # Errors
    /// Every [`DeviceTokenError`].
    pub fn from_hex(text: &[u8]) -> Result<Self, DeviceTokenError> {
        // Before any byte is looked at: a caller may bring megabytes.
        if text.len() > LONGEST_LOOKED_AT {
            let bytes = text.len() / 2;
            return Err(DeviceTokenError::TooLong { bytes });
        }
        let (pairs, rest) = text.as_chunks::<2>();
        let mut raw = [0; Self::MAX_LEN];
        // A longer one is no token, but what is wrong with it first is for its writer to know.
        let fits = pairs.len() <= Self::MAX_LEN;
        let is_hex = match fits {
            true => hex::read(pairs, &mut raw).is_some(),
            false => pairs.as_flattened().iter().all(u8::is_ascii_hexdigit),
        };
        if !is_hex || !rest.iter().all(u8::is_ascii_hexdigit) {
            return Err(DeviceTokenError::NotHex);
        }
        if !rest.is_empty() {
            return Err(DeviceTokenError::OddLength);
        }
        if !fits {
            return Err(DeviceTokenError::TooLong { bytes: pairs.len() });
        }
        Self::from_bytes(raw.get(..pairs.len()).unwrap_or_default())
    }

    /// Takes the raw bytes of a token.
    ///
    /// # Errors
    /// [`DeviceTokenError::Empty`] and [`DeviceTokenError::TooLong`].
    pub fn from_bytes(raw: &[u8]) -> Result<Self, DeviceTokenError> {
        if raw.is_empty() {
            return Err(DeviceTokenError::Empty);
        }
        if raw.len() > Self::MAX_LEN {
            return Err(DeviceTokenError::TooLong { bytes: raw.len() });
        }
        let mut bytes = [0; INLINE_LEN];
        match (bytes.get_mut(..raw.len()), u8::try_from(raw.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(raw);
                Ok(Self(Repr::Inline { len, bytes }))
            }
            _ => Ok(Self(Repr::Heap(raw.into()))),
        }
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Heap(bytes) => bytes,
        }
    }

    /// The whole token in lower-case hex, as Apple's `:path` and our database have it. Not for logs: see [`Self::short`].
    #[must_use]
    pub fn to_hex(&self) -> String {
        text(self.as_bytes())
    }

    /// Writes the hex digits of [`to_hex`](Self::to_hex) into room for two for each byte.
    pub fn write_hex(&self, room: &mut [u8]) {
        hex::write(self.as_bytes(), room);
    }

    /// The first eight hex characters: enough to find a device in a log, too little to push to it.
    #[must_use]
    pub fn short(&self) -> String {
        text(
            self.as_bytes()
                .get(..SHORT_LEN)
                .unwrap_or_else(|| self.as_bytes()),
        )
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceToken({}…)", self.short())
    }
}

impl PartialEq for DeviceToken {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for DeviceToken {}

impl Ord for DeviceToken {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for DeviceToken {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Hashes as the bytes do, so that a table of tokens can be asked with a borrowed slice.
impl Hash for DeviceToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for DeviceToken {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Why bytes are not a device token. Carries no part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceTokenError {
    /// There is nothing.
    #[error("the device token is empty")]
    Empty,
    /// More than [`DeviceToken::MAX_LEN`] bytes.
    #[error(
        "the device token has {bytes} bytes, Apple's have at most {}",
        DeviceToken::MAX_LEN
    )]
    TooLong {
        /// Length of the token in bytes.
        bytes: usize,
    },
    /// It is text, or ought to be hex, and there is another character.
    #[error("the device token is not all hex digits")]
    NotHex,
    /// It is hex, and a digit is missing.
    #[error("the device token has an odd number of hex digits: one is lost")]
    OddLength,
}

/// Bytes of what may be a token in hex; anything near it is told what is wrong with it.
const LONGEST_LOOKED_AT: usize = 16 * DeviceToken::MAX_LEN;

/// What people and programs write: printable ASCII, with the line end that a file may have left.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| hex::digits(*byte).map(char::from))
        .collect()
}

/// Today's app tokens have 32 bytes.
const INLINE_LEN: usize = 32;
/// Bytes shown by [`DeviceToken::short`].
const SHORT_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hex_of_either_case_and_raw_bytes_are_the_same_token() {
        let raw: Vec<u8> = (200..232).collect();
        let token = DeviceToken::parse(&raw).unwrap();
        let lower = token.to_hex();
        assert_eq!(lower.len(), 64);
        assert_eq!(DeviceToken::parse(lower.as_bytes()).unwrap(), token);
        assert_eq!(
            DeviceToken::parse(lower.to_uppercase().as_bytes()).unwrap(),
            token
        );
        assert_eq!(token.as_bytes(), raw);
    }

    #[test]
    fn text_that_is_not_hex_is_no_token() {
        let one_wrong_letter = [&[b'a'; 63], b"g".as_slice()].concat();
        let cases: [(&[u8], _); 8] = [
            (b"zz", DeviceTokenError::NotHex),
            (b"abcx", DeviceTokenError::NotHex),
            (b"00fc 13ad", DeviceTokenError::NotHex),
            (b"<00fc13ad>", DeviceTokenError::NotHex),
            (b"00fc13ad\n", DeviceTokenError::NotHex),
            (&one_wrong_letter, DeviceTokenError::NotHex),
            (b"abc", DeviceTokenError::OddLength),
            (&[b'a'; 63], DeviceTokenError::OddLength),
        ];
        for (text, error) in cases {
            assert_eq!(
                DeviceToken::parse(text),
                Err(error),
                "{}",
                text.escape_ascii()
            );
        }
        assert_eq!(
            DeviceToken::parse(b"abcd").unwrap().as_bytes(),
            [0xab, 0xcd]
        );
    }

    #[test]
    fn one_byte_that_is_no_text_makes_raw_bytes() {
        for raw in [b"abc\x00".as_slice(), b"abcd\x7f", b"\xe4bcd", &[1]] {
            assert_eq!(DeviceToken::parse(raw).unwrap().as_bytes(), raw);
        }
    }

    #[test]
    fn the_length_is_one_to_a_hundred_bytes() {
        let cases: [(&[u8], _); 6] = [
            (&[], Some(DeviceTokenError::Empty)),
            (&[7], None),
            (&[7; 100], None),
            (&[7; 101], Some(DeviceTokenError::TooLong { bytes: 101 })),
            (&[b'a'; 200], None),
            (&[b'a'; 202], Some(DeviceTokenError::TooLong { bytes: 101 })),
        ];
        for (bytes, error) in cases {
            assert_eq!(
                DeviceToken::parse(bytes).err(),
                error,
                "{} bytes",
                bytes.len()
            );
        }
    }

    #[test]
    fn asked_for_hex_it_says_what_is_wrong() {
        assert_eq!(
            DeviceToken::from_hex(b"abc"),
            Err(DeviceTokenError::OddLength)
        );
        assert_eq!(
            DeviceToken::from_hex(b"<abcd>"),
            Err(DeviceTokenError::NotHex)
        );
        assert_eq!(DeviceToken::from_hex(b""), Err(DeviceTokenError::Empty));
    }

    #[test]
    fn debug_shows_eight_characters_only() {
        let token = DeviceToken::from_bytes(&[0xab; 32]).unwrap();
        assert_eq!(format!("{token:?}"), "DeviceToken(abababab…)");
        assert_eq!(DeviceToken::from_bytes(&[1]).unwrap().short(), "01");
    }

    #[test]
    fn a_table_of_tokens_can_be_asked_with_a_slice() {
        let table: HashSet<_> = [vec![1; 32], vec![2; 64]]
            .map(|raw| DeviceToken::from_bytes(&raw).unwrap())
            .into();
        assert!(table.contains([1; 32].as_slice()));
        assert!(table.contains([2; 64].as_slice()));
        assert!(!table.contains([1; 31].as_slice()));
    }

    proptest! {
        #[test]
        fn hex_goes_round(raw in proptest::collection::vec(any::<u8>(), 1..=100)) {
            let token = DeviceToken::from_bytes(&raw).unwrap();
            prop_assert_eq!(token.as_bytes(), &raw);
            prop_assert_eq!(DeviceToken::from_hex(token.to_hex().as_bytes()).unwrap(), token.clone());
            prop_assert_eq!(DeviceToken::parse(token.to_hex().to_uppercase().as_bytes()).unwrap(), token);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let taken = DeviceToken::parse(&bytes).is_ok();
            prop_assert!(!taken || !bytes.is_empty());
        }

        #[test]
        fn order_is_that_of_the_bytes(
            a in proptest::collection::vec(any::<u8>(), 1..50),
            b in proptest::collection::vec(any::<u8>(), 1..50),
        ) {
            let (x, y) = (DeviceToken::from_bytes(&a).unwrap(), DeviceToken::from_bytes(&b).unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        }
    }
}
