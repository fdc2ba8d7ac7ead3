//! The payload: the JSON object that a device receives, of a size that Apple takes.
//!
//! It is made by [`Notification::to_payload`](crate::notification::Notification::to_payload), or checked here if the
//! caller brings finished JSON. Payloads are private: they are in no error and no `Debug` output.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::push_type::PushType;

/// A JSON object within the limit of its push type. Cheap to clone: all devices of a notification share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// Checks finished JSON and takes it byte for byte.
    ///
    /// It must be one JSON object (RFC 8259) in UTF-8 with nothing after it but white space. A lone surrogate escape, a
    /// number beyond `f64` and more than 127 levels of nesting count as no JSON. Apple's keys in it are not checked.
    ///
    /// # Errors
    /// Every [`PayloadError`]; the size is looked at first.
    pub fn from_json(json: &[u8], push_type: PushType) -> Result<Self, PayloadError> {
        check_size(json.len(), push_type)?;
        // The parser does not look at the bytes of a string that nobody keeps, so it would let bad UTF-8 pass.
        let text = std::str::from_utf8(json).map_err(|error| PayloadError::NotJson {
            position: error.valid_up_to(),
        })?;
        // Most payloads are plain, and then the parser need not decode what it reads.
        if is_plain(json) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            return Ok(Self(json.into()));
        }
        match serde_json::from_str::<AnyJson>(text) {
            Ok(AnyJson::Object) => Ok(Self(json.into())),
            Ok(AnyJson::Other) => Err(PayloadError::NotAnObject),
            Err(error) => Err(PayloadError::NotJson {
                position: position(text, &error),
            }),
        }
    }

    /// Takes JSON that this crate has written.
    pub(crate) fn from_written(json: &[u8]) -> Self {
        Self(json.into())
    }

    /// The JSON.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its length in bytes; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a payload is at least {}")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Shows the length only.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// Why bytes are not a payload. Carries no part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Not JSON, not UTF-8, or more than one JSON text.
    #[error("the payload is not valid JSON from byte {position} on")]
    NotJson {
        /// Bytes before the fault.
        position: usize,
    },
    /// JSON, but a list, a string, ...
    #[error("the payload is JSON, but not an object")]
    NotAnObject,
    /// More than Apple takes for this push type.
    #[error("the payload has {bytes} bytes, Apple takes at most {limit}")]
    TooLarge {
        /// Length of the payload in bytes.
        bytes: usize,
        /// Apple's limit for the push type in bytes.
        limit: usize,
    },
}

/// A size that Apple does not take; each public error has it as a variant of its own.
pub(crate) struct TooLarge {
    pub(crate) bytes: usize,
    pub(crate) limit: usize,
}

impl From<TooLarge> for PayloadError {
    fn from(TooLarge { bytes, limit }: TooLarge) -> Self {
        Self::TooLarge { bytes, limit }
    }
}

/// Whether Apple takes a payload of this many bytes.
pub(crate) const fn check_size(bytes: usize, push_type: PushType) -> Result<(), TooLarge> {
    let limit = push_type.payload_limit();
    if bytes > limit {
        Err(TooLarge { bytes, limit })
    } else {
        Ok(())
    }
}

/// serde_json counts lines, and bytes of a line from 1; an admin with a one-line payload wants bytes.
fn position(text: &str, error: &serde_json::Error) -> usize {
    let lines = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// Whether no string has escapes, no number can be too large and no nesting too deep, and whether the text begins as an
/// object does: what [`AnyJson`] finds and [`IgnoredAny`] does not. In doubt it is not plain.
///
/// Bytes are folded into bytes, without early exits: so the compiler looks at sixteen or more of them at a time.
fn is_plain(json: &[u8]) -> bool {
    let backslash = |any, byte: &u8| any | u8::from(*byte == b'\\');
    let opens = |count, byte: &u8| count + u8::from((*byte == b'{') | (*byte == b'['));
    let mut nesting = 0;
    let mut backslashes = 0;
    for chunk in json.chunks(PLAIN_NESTING.into()) {
        nesting = chunk.iter().fold(0, opens).saturating_add(nesting);
        backslashes = chunk.iter().fold(backslashes, backslash);
    }
    json.first() == Some(&b'{')
        && backslashes == 0
        && nesting < PLAIN_NESTING
        && !has_large_number(json)
}

/// Whether a number may be beyond `f64`: it has an exponent of three digits, or very many digits. Text may look so, too.
fn has_large_number(json: &[u8]) -> bool {
    let is_digit = |byte: u8| byte.wrapping_sub(b'0') < 10;
    let exponent = |digit: u8, e: u8| is_digit(digit) & (e | 0x20 == b'e');
    let (firsts, seconds) = match json {
        [_, seconds @ ..] => (json.get(..seconds.len()).unwrap_or_default(), seconds),
        [] => return false,
    };
    let pairs = firsts.iter().zip(seconds);
    let exponents = pairs.fold(0, |any, (digit, e)| any | u8::from(exponent(*digit, *e)));
    let large = |window: &[u8]| {
        let [digit, e, rest @ ..] = window else {
            return false;
        };
        let sign_or_digit = |byte: &u8| is_digit(*byte) || *byte == b'+';
        exponent(*digit, *e) && rest.iter().all(sign_or_digit)
    };
    let long = |chunk: &[u8]| chunk.iter().all(|byte| is_digit(*byte));
    (exponents != 0 && json.windows(5).any(large)) || json.chunks_exact(MANY_DIGITS).any(long)
}

/// Below the parser's 127 levels.
const PLAIN_NESTING: u8 = 64;
/// Of a number beyond `f64` without an exponent, or with one of two digits, two hundred digits stand in a row.
const MANY_DIGITS: usize = 64;

/// Walks a whole JSON text and keeps nothing. Unlike `serde::de::IgnoredAny` it has every string decoded, so that bad
/// escapes are found.
enum AnyJson {
    Object,
    Other,
}

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJsonVisitor)
    }
}

struct AnyJsonVisitor;

impl<'de> Visitor<'de> for AnyJsonVisitor {
    type Value = AnyJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<AnyJson, E> {
        Ok(AnyJson::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnyJson, A::Error> {
        while list.next_element::<AnyJson>()?.is_some() {}
        Ok(AnyJson::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<AnyJson, A::Error> {
        while object.next_entry::<AnyJson, AnyJson>()?.is_some() {}
        Ok(AnyJson::Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_is_taken_byte_for_byte() {
        let json = br#" {"aps": {"alert": "h\u00e9\ud83d\ude00", "badge": 1e0}, "x": [null, true, -1.5, []]}
"#;
        let payload = Payload::from_json(json, PushType::Alert).unwrap();
        assert_eq!(payload.as_bytes(), json);
        assert_eq!(payload.len(), json.len());
        assert_eq!(
            format!("{payload:?}"),
            format!("Payload({} bytes)", json.len())
        );
    }

    #[test]
    fn json_that_is_no_object_is_refused() {
        for json in ["[]", "null", "1", "true", r#""{}""#, r#"[{"aps":{}}]"#] {
            assert_eq!(
                Payload::from_json(json.as_bytes(), PushType::Alert),
                Err(PayloadError::NotAnObject),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_the_place() {
        let cases: [(&[u8], usize); 16] = [
            (b"", 0),
            (b"{", 1),
            (b"{}x", 2),
            (b"{}{}", 2),
            (b"{\"a\":1,}", 7),
            (b"{'a':1}", 1),
            (b"{1:1}", 1),
            (b"{\"a\":01}", 6),
            (b"{\"a\":NaN}", 5),
            (b"{\"a\":\"\xff\"}", 6),
            (b"{\"a\":\"\n\"}", 6),
            (b"\xef\xbb\xbf{}", 0),
            (b"{\"a\":1}\0", 7),
            (b"{\"a\":\"\\x\"}", 7),
            (b"{\"a\":\n\"\\ud800\"}", 13),
            (b"{\"a\":1e999}", 9),
        ];
        for (json, expected) in cases {
            let error = Payload::from_json(json, PushType::Alert).unwrap_err();
            let PayloadError::NotJson { position } = error else {
                panic!("{json:?}: {error}")
            };
            assert!(
                position.abs_diff(expected) <= 1,
                "{:?}: {position}",
                json.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn lone_surrogates_are_found_in_keys_too() {
        for json in [
            r#"{"\ud800":1}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"a":["\ud800\u0041"]}"#,
        ] {
            assert!(
                matches!(
                    Payload::from_json(json.as_bytes(), PushType::Alert),
                    Err(PayloadError::NotJson { .. })
                ),
                "{json}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(Payload::from_json(nested(126).as_bytes(), PushType::Alert).is_ok());
        assert!(Payload::from_json(nested(127).as_bytes(), PushType::Alert).is_err());
        assert!(Payload::from_json(nested(2000).as_bytes(), PushType::Alert).is_err());
    }

    #[test]
    fn the_limit_is_that_of_the_push_type_to_the_byte() {
        for (push_type, limit) in [(PushType::Alert, 4096), (PushType::Voip, 5120)] {
            let json = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
            assert_eq!(
                Payload::from_json(json(limit).as_bytes(), push_type).map(|payload| payload.len()),
                Ok(limit)
            );
            let error = Payload::from_json(json(limit + 1).as_bytes(), push_type);
            assert_eq!(
                error,
                Err(PayloadError::TooLarge {
                    bytes: limit + 1,
                    limit
                })
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Payload::from_json(&bytes, PushType::Alert);
        }

        #[test]
        fn numbers_are_taken_exactly_when_serde_json_reads_them(
            number in "-?(0|[1-9][0-9]{0,8})([0-9]{0,400})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,4})?",
        ) {
            let text = format!(r#"{{"a":{number}}}"#);
            let value = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(Payload::from_json(text.as_bytes(), PushType::Alert).is_ok(), value.is_ok());
        }

        #[test]
        fn text_that_looks_like_json_is_taken_exactly_when_serde_json_reads_an_object(
            text in "[\\[\\]{}:,\"\\\\ua0-9e. -]{0,24}",
        ) {
            let object = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.is_object());
            prop_assert_eq!(Payload::from_json(text.as_bytes(), PushType::Alert).is_ok(), object);
        }
    }
}
