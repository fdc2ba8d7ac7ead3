//! A scripted answer: what it says and in which form.

use serde::Serialize;

use crate::reason::Reason;

/// A scripted answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The HTTP status; 200 is an acceptance.
    pub status: u16,
    /// The reason, also one that Apple does not know; none with 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `timestamp` in the body: Unix ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// How long the answer is held back: ms.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// `retry-after` header: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Interim answers before this one: statuses of 100 to 199. They are not held back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<u16>,
    /// Header fields besides Apple's; one of Apple's own names takes the place of Apple's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, in place of the JSON that tells reason and timestamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Fields of a trailer section behind the body; none when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<(String, String)>,
    /// Answers when the request's header has come, without waiting for its body and without asking the judge, and
    /// resets the stream with NO_ERROR behind the answer (RFC 9113 §8.1).
    #[serde(skip_serializing_if = "is_false")]
    pub early: bool,
}

impl Answer {
    /// 200, after so many ms.
    #[must_use]
    pub fn accepted_after(delay_ms: u64) -> Self {
        Self {
            status: 200,
            delay_ms,
            ..Self::default()
        }
    }

    /// A reason of Apple's table, with its status.
    #[must_use]
    pub fn refused(reason: Reason) -> Self {
        Self {
            status: reason.status(),
            reason: Some(reason.name().to_owned()),
            ..Self::default()
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}
