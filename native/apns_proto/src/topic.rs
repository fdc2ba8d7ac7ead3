//! The topic: the app a push is for, in most cases its bundle id, with a suffix for some push types.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::push_type::PushType;

/// The bundle id of an app (for MDM the UID of the certificate's subject), without any suffix. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The longest topic taken, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Checks the text: 1 to 255 of `A-Z a-z 0-9 . - _`.
    ///
    /// # Errors
    /// Every [`TopicError`].
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        if text.is_empty() {
            return Err(TopicError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(TopicError::TooLong { bytes: text.len() });
        }
        match text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'))
        {
            Some(character) => Err(TopicError::Character(character)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text, without suffix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `apns-topic` for a push of this type.
    ///
    /// The suffix is always added, even if the topic ends with it: `com.example.voip` is a good bundle id too.
    #[must_use]
    pub fn for_push_type(&self, push_type: PushType) -> Cow<'_, str> {
        match push_type.topic_suffix() {
            "" => Cow::Borrowed(&self.0),
            suffix => Cow::Owned([&self.0, suffix].concat()),
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

/// Why text is not a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// There is nothing.
    #[error("the topic is empty: it is the app's bundle id, com.example.chat for instance")]
    Empty,
    /// Longer than [`Topic::MAX_LEN`].
    #[error("the topic has {bytes} bytes, {} are allowed", Topic::MAX_LEN)]
    TooLong {
        /// Length of the text in bytes.
        bytes: usize,
    },
    /// A character that no bundle id has.
    #[error(
        "the topic has the character {0:?}: a bundle id is made of letters, digits, '.', '-' and '_'"
    )]
    Character(char),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_push_type_has_its_suffix() {
        let topic = Topic::parse("com.example.chat").unwrap();
        let cases = [
            (PushType::Alert, "com.example.chat"),
            (PushType::Background, "com.example.chat"),
            (PushType::Voip, "com.example.chat.voip"),
            (PushType::Complication, "com.example.chat.complication"),
            (
                PushType::Fileprovider,
                "com.example.chat.pushkit.fileprovider",
            ),
            (PushType::Location, "com.example.chat.location-query"),
            (PushType::Pushtotalk, "com.example.chat.voip-ptt"),
            (
                PushType::Liveactivity,
                "com.example.chat.push-type.liveactivity",
            ),
            (PushType::Widgets, "com.example.chat.push-type.widgets"),
            (PushType::Controls, "com.example.chat.push-type.controls"),
            (PushType::Mdm, "com.example.chat"),
        ];
        assert_eq!(cases.len(), PushType::ALL.len());
        for (push_type, text) in cases {
            assert_eq!(topic.for_push_type(push_type), text);
        }
    }

    #[test]
    fn texts_are_refused_with_the_reason() {
        let long = "a".repeat(256);
        let cases = [
            ("", TopicError::Empty),
            (long.as_str(), TopicError::TooLong { bytes: 256 }),
            ("com.example chat", TopicError::Character(' ')),
            ("com.example\r\nx", TopicError::Character('\r')),
            ("com.exämple", TopicError::Character('ä')),
            ("com.example/x", TopicError::Character('/')),
        ];
        for (text, error) in cases {
            assert_eq!(Topic::parse(text), Err(error), "{text:?}");
        }
        assert!(Topic::parse(&long[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_kept(text in ".{0,300}") {
            if let Ok(topic) = Topic::parse(&text) {
                prop_assert_eq!(topic.as_str(), text);
            }
        }
    }
}
