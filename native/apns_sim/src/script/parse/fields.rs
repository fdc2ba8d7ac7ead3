//! One step's fields: each is taken once, in its right form, and none may be left.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::request::is_device_token;
use crate::script::ScriptError;

/// The fields that nobody has asked for yet.
pub(super) struct Fields {
    left: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(value: Value) -> Result<Self, ScriptError> {
        let Value::Object(mut left) = value else {
            return Err(ScriptError::new(format!(
                "A step is an object, like {{\"status\":410}}, not {}.",
                shown(&value)
            )));
        };
        if let Some(unknown) = left.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(ScriptError::new(format!(
                "\"{unknown}\" is no field of a step."
            )));
        }
        // What is null is as good as left out.
        left.retain(|_, value| !value.is_null());
        Ok(Self { left })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// A text that is not taken yet.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.left.get(name)?.as_str()
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// A whole number within `range`.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ScriptError> {
        self.take(name, |value| {
            value
                .as_u64()
                .filter(|number| range.contains(number))
                .ok_or_else(|| match *range.end() {
                    u64::MAX => format!("a whole number from {}", range.start()),
                    end => format!("a whole number from {} to {end}", range.start()),
                })
        })
    }

    /// A whole number of a smaller type, from `least` to all it can be.
    pub(super) fn small<T: TryFrom<u64>>(
        &mut self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<T>, ScriptError> {
        Ok(self
            .number(name, least..=most)?
            .and_then(|number| T::try_from(number).ok()))
    }

    /// A whole number that may be negative, and must be there.
    pub(super) fn integer(&mut self, name: &str) -> Result<i64, ScriptError> {
        let taken = self.take(name, |value| {
            value.as_i64().ok_or_else(|| "a whole number".to_owned())
        });
        Ok(taken?.unwrap_or(0))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ScriptError> {
        self.take(name, |value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| "a text in quotes".to_owned())
        })
    }

    /// True or false; true when it is left out.
    pub(super) fn switch(&mut self, name: &str) -> Result<bool, ScriptError> {
        let taken = self.take(name, |value| {
            value.as_bool().ok_or_else(|| "true or false".to_owned())
        });
        Ok(taken?.unwrap_or(true))
    }

    /// True when it is there and says so.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ScriptError> {
        Ok(self.has(name) && self.switch(name)?)
    }

    /// One of several words, which must be there.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<T, ScriptError> {
        let value = self.left.remove(name).unwrap_or(Value::Null);
        let chosen = words
            .iter()
            .find(|(word, _)| value.as_str() == Some(word))
            .map(|(_, chosen)| *chosen);
        chosen.ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            wrong(name, &listed(&words), &value)
        })
    }

    /// A device token, which must be there.
    pub(super) fn token(&mut self, name: &str) -> Result<String, ScriptError> {
        let token = self.text(name)?.unwrap_or_default();
        match is_device_token(&token) {
            true => Ok(token.to_ascii_lowercase()),
            false => Err(ScriptError::new(
                "A device token is hex of 1 to 100 bytes; \"*\" as a rule's \"token\" means any.",
            )),
        }
    }

    /// A rule's device token; `None` for any.
    pub(super) fn token_or_any(&mut self) -> Result<Option<String>, ScriptError> {
        if self.peek("token") == Some("*") {
            self.remove("token");
        }
        let named = self.has("token");
        named.then(|| self.token("token")).transpose()
    }

    /// Header fields: an object of texts.
    pub(super) fn headers(&mut self, name: &str) -> Result<Vec<(String, String)>, ScriptError> {
        let taken = self.take(name, |value| {
            let read = || {
                let mut fields = Vec::new();
                for (name, value) in value.as_object()? {
                    // HTTP/2 has header names in lower case only (RFC 9113 §8.2.1).
                    let name = name.to_ascii_lowercase();
                    http::HeaderName::try_from(&name).ok()?;
                    let text = value.as_str()?;
                    http::HeaderValue::try_from(text).ok()?;
                    fields.push((name, text.to_owned()));
                }
                Some(fields)
            };
            read()
                .ok_or_else(|| "an object of header fields, like {\"x-name\":\"text\"}".to_owned())
        });
        Ok(taken?.unwrap_or_default())
    }

    /// Whole numbers within `range`.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        range: RangeInclusive<u16>,
    ) -> Result<Vec<u16>, ScriptError> {
        let taken = self.take(name, |value| {
            let read = || {
                let numbers = value.as_array()?.iter().map(|number| {
                    let number = u16::try_from(number.as_u64()?).ok()?;
                    range.contains(&number).then_some(number)
                });
                numbers.collect::<Option<Vec<u16>>>()
            };
            let (first, last) = (range.start(), range.end());
            read().ok_or_else(|| format!("an array of whole numbers from {first} to {last}"))
        });
        Ok(taken?.unwrap_or_default())
    }

    /// Bytes as hex; none when it is left out.
    pub(super) fn hex(&mut self, name: &str) -> Result<Vec<u8>, ScriptError> {
        let taken = self.take(name, |value| {
            let bytes = value.as_str().and_then(bytes_of);
            bytes.ok_or_else(|| "hex, two digits a byte".to_owned())
        });
        Ok(taken?.unwrap_or_default())
    }

    /// A field that the step's kind does not use is a misunderstanding, not to be passed over.
    pub(super) fn none_left(&self) -> Result<(), ScriptError> {
        match self.left.keys().next() {
            Some(name) => Err(ScriptError::new(format!(
                "\"{name}\" means nothing in this kind of step."
            ))),
            None => Ok(()),
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, ScriptError> {
        let Some(value) = self.left.remove(name) else {
            return Ok(None);
        };
        read(&value)
            .map(Some)
            .map_err(|right| wrong(name, &right, &value))
    }
}

/// `"a", "b" or "c"`.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

pub(super) fn wrong(name: &str, right: &str, value: &Value) -> ScriptError {
    ScriptError::new(format!("\"{name}\" is {right}, not {}.", shown(value)))
}

/// The value as it was written, or its beginning.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high << 4 | low).ok(),
        _ => None,
    });
    bytes.collect()
}

/// Characters of a wrong value that an error repeats.
const MAX_SHOWN: usize = 60;
/// All fields that some step has.
const NAMES: &[&str] = &[
    "now",
    "open",
    "unregister",
    "register",
    "listener",
    "tls",
    "clock_offset_s",
    "date",
    "token_updates",
    "token",
    "stream",
    "every",
    "connection",
    "skip",
    "times",
    "status",
    "reason",
    "timestamp",
    "delay_ms",
    "retry_after",
    "interim",
    "headers",
    "body",
    "trailers",
    "early",
    "action",
    "topic",
    "code",
    "last_stream",
    "twice",
    "at_byte",
    "reset",
    "value",
    "header_table_size",
    "initial_window_size",
    "max_frame_size",
    "max_header_list_size",
    "type",
    "flags",
    "stream_id",
    "payload",
    "count",
];
