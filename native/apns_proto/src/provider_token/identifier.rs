//! Key id and team id: Apple's names for a signing key and for the developer account it belongs to.

use std::fmt;

/// Declares an identifier of ten capital letters and digits.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; LEN]);

        impl $name {
            /// Checks the text: ten of `A-Z 0-9`.
            ///
            /// # Errors
            /// [`IdentifierError`], which says where to find the right one.
            pub fn parse(text: &str) -> Result<Self, IdentifierError> {
                parse(text, $what).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                // `parse` lets ASCII pass only.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
    };
}

identifier!(
    /// The id of a signing key, the token's `kid`. Not secret: it is in the name of the file that Apple gives out.
    KeyId,
    "key id"
);
identifier!(
    /// The id of a developer team, the token's `iss`. Not secret.
    TeamId,
    "team id"
);

/// Why text is no key id or team id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Not ten characters.
    #[error("the {what} has {length} characters, Apple's have 10: {}", place(what))]
    Length {
        /// `"key id"` or `"team id"`.
        what: &'static str,
        /// Number of characters given.
        length: usize,
    },
    /// A character other than capital letters and digits.
    #[error(
        "the {what} has the character {character:?}, Apple's have capital letters and digits only: {}",
        place(what)
    )]
    Character {
        /// `"key id"` or `"team id"`.
        what: &'static str,
        /// The first wrong character.
        character: char,
    },
}

fn place(what: &str) -> &'static str {
    match what {
        "key id" => "it is in the name of the key's file, AuthKey_<key id>.p8",
        _ => "it is on the membership page of your Apple developer account",
    }
}

fn parse(text: &str, what: &'static str) -> Result<[u8; LEN], IdentifierError> {
    let legal = |c: &char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if let Some(character) = text.chars().find(|c| !legal(c)) {
        return Err(IdentifierError::Character { what, character });
    }
    let length = text.len();
    text.as_bytes()
        .try_into()
        .map_err(|_| IdentifierError::Length { what, length })
}

/// Apple's identifiers have ten characters.
const LEN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_capital_letters_and_digits_are_an_identifier() {
        let key_id = KeyId::parse("ABC123DEFG").unwrap();
        assert_eq!(
            (key_id.as_str(), format!("{key_id:?}")),
            ("ABC123DEFG", "KeyId(ABC123DEFG)".to_owned())
        );
        assert_eq!(
            TeamId::parse("0123456789").unwrap().to_string(),
            "0123456789"
        );
    }

    #[test]
    fn anything_else_is_refused_with_the_place_to_look() {
        let cases = [
            ("", "0 characters"),
            ("ABC123DEF", "9 characters"),
            ("ABC123DEFGH", "11 characters"),
            ("abc123defg", "'a'"),
            ("ABC123DEF\n", "'\\n'"),
            ("\"ABC123DE\"", "'\"'"),
            ("ABC123DEFÖ", "'Ö'"),
        ];
        for (text, part) in cases {
            let error = KeyId::parse(text).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("AuthKey_"),
                "{text:?}: {error}"
            );
            let error = TeamId::parse(text).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("membership"),
                "{text:?}: {error}"
            );
        }
    }
}
