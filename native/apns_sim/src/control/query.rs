//! The query of `GET /journal`.

use std::time::Duration;

use super::error::ControlError;
use crate::journal::Query;
use crate::request::is_device_token;

/// What to read, and how long to wait for it.
#[derive(Debug)]
pub(super) struct JournalQuery {
    pub(super) query: Query,
    pub(super) wait: Duration,
}

impl JournalQuery {
    pub(super) fn parse(text: &str) -> Result<Self, ControlError> {
        let mut parsed = Self {
            query: Query::all_since(0),
            wait: Duration::ZERO,
        };
        for (name, value) in text.split('&').filter(|pair| !pair.is_empty()).map(pair) {
            match name {
                "since" => parsed.query.since = number(name, value, u64::MAX)?,
                "limit" => {
                    let limit = number(name, value, u64::MAX)?;
                    parsed.query.limit = usize::try_from(limit).unwrap_or(usize::MAX);
                }
                "wait_ms" => parsed.wait = Duration::from_millis(number(name, value, MAX_WAIT_MS)?),
                "token" if is_device_token(value) => {
                    parsed.query.token = Some(value.to_ascii_lowercase())
                }
                "token" => {
                    return Err(fail(
                        "\"token\" is a device token: hex of 1 to 100 bytes.".to_owned(),
                    ));
                }
                _ => {
                    return Err(fail(format!(
                        "{name:?} is no parameter; there are \"since\", \"token\", \"limit\" and \"wait_ms\"."
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn number(name: &str, value: &str, max: u64) -> Result<u64, ControlError> {
    let number = value.parse().ok().filter(|number| *number <= max);
    number.ok_or_else(|| {
        fail(format!(
            "{name:?} is a whole number from 0 to {max}, not {value:?}."
        ))
    })
}

fn fail(sentence: String) -> ControlError {
    ControlError::bad_request(sentence, EXAMPLE)
}

const EXAMPLE: &str = "curl 'http://127.0.0.1:PORT/journal?since=1&limit=100&wait_ms=5000'";
/// Longer waits are made of several.
const MAX_WAIT_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameters_are_read() {
        let parsed = JournalQuery::parse("since=5&token=AAff&limit=3&wait_ms=100").unwrap();
        assert_eq!(parsed.query.since, 5);
        assert_eq!(parsed.query.token.as_deref(), Some("aaff"));
        assert_eq!(parsed.query.limit, 3);
        assert_eq!(parsed.wait, Duration::from_millis(100));
        assert_eq!(JournalQuery::parse("").unwrap().query.since, 0);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "since=x",
            "since=-1",
            "token=zz",
            "wait_ms=60001",
            "sinse=1",
            "limit",
            "since",
        ] {
            assert!(JournalQuery::parse(text).is_err(), "{text}");
        }
    }
}
