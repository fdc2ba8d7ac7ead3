//! The `apns-collapse-id` header: pushes with the same one are shown as one notification.
//!
//! The engine leans on it too: only a push that has one may be sent twice when its fate is unknown.

use std::fmt;

/// 1 to 64 bytes of text that may stand in a header.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollapseId(Box<str>);

impl CollapseId {
    /// Apple's limit, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Checks the text. UTF-8 beyond ASCII is allowed, as HTTP allows it (RFC 9110, 5.5, `obs-text`).
    ///
    /// # Errors
    /// Every [`CollapseIdError`]: it does not shorten, for two ids cut to the same text would replace each other's
    /// notification.
    pub fn parse(text: &[u8]) -> Result<Self, CollapseIdError> {
        if text.is_empty() {
            return Err(CollapseIdError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(CollapseIdError::TooLong { bytes: text.len() });
        }
        let text = std::str::from_utf8(text).map_err(|_| CollapseIdError::NotUtf8)?;
        if text.chars().any(char::is_control) {
            return Err(CollapseIdError::ControlCharacter);
        }
        // RFC 9113, 8.2.1: a field value that starts or ends with a space makes the whole request malformed.
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(CollapseIdError::OuterSpace);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the header.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Shows the length only: the id may be made from a message.
impl fmt::Debug for CollapseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollapseId({} bytes)", self.0.len())
    }
}

/// Why bytes are not a collapse-id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollapseIdError {
    /// There is nothing.
    #[error("the collapse-id is empty: leave it out instead")]
    Empty,
    /// Longer than [`CollapseId::MAX_LEN`].
    #[error(
        "the collapse-id has {bytes} bytes, Apple takes at most {}: use a hash of it",
        CollapseId::MAX_LEN
    )]
    TooLong {
        /// Length of the text in bytes.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("the collapse-id is not UTF-8: write raw bytes in hex or base64")]
    NotUtf8,
    /// A control character, a line break for instance.
    #[error("the collapse-id has a control character, which no HTTP header may carry")]
    ControlCharacter,
    /// A space at its start or end.
    #[error("the collapse-id starts or ends with a space, which no HTTP/2 header may")]
    OuterSpace,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_taken_or_refused_with_the_reason() {
        let cases: [(&[u8], _); 13] = [
            (b"m", None),
            (b"chat 42/a,b;c=\"d\"", None),
            ("größer".as_bytes(), None),
            (&[b'x'; 64], None),
            (b"", Some(CollapseIdError::Empty)),
            (&[b'x'; 65], Some(CollapseIdError::TooLong { bytes: 65 })),
            (b"\xff\xfe", Some(CollapseIdError::NotUtf8)),
            (b"a\r\nb", Some(CollapseIdError::ControlCharacter)),
            (b"a\0b", Some(CollapseIdError::ControlCharacter)),
            (b"a\x7f", Some(CollapseIdError::ControlCharacter)),
            (
                "a\u{85}".as_bytes(),
                Some(CollapseIdError::ControlCharacter),
            ),
            (b" a", Some(CollapseIdError::OuterSpace)),
            (b"a ", Some(CollapseIdError::OuterSpace)),
        ];
        for (text, error) in cases {
            assert_eq!(CollapseId::parse(text).err(), error, "{text:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_text() {
        let id = CollapseId::parse(b"alice@example.org").unwrap();
        assert_eq!(format!("{id:?}"), "CollapseId(17 bytes)");
    }

    proptest! {
        #[test]
        fn what_is_taken_is_a_header_value_in_the_eyes_of_the_http_crate(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            if let Ok(id) = CollapseId::parse(&bytes) {
                prop_assert_eq!(id.as_bytes(), &bytes);
                prop_assert!(http::HeaderValue::from_bytes(&bytes).is_ok());
            }
        }

        #[test]
        fn visible_ascii_of_legal_length_is_taken(text in "[!-~]{1,64}") {
            let id = CollapseId::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(id.as_str(), text);
        }
    }
}
