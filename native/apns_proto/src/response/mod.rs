//! What Apple answered to a push, and what follows from it.
//!
//! Apple's answer is a status, an echo of the `apns-id` and, unless all is well, a small JSON body. The response says
//! whether to try again; when, how often and on which connection is the session's business.

mod reason;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;

pub use self::reason::Reason;
use self::reason::Row;

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Look-up key of Apple's Push Notifications Console; the development environment only.
    pub unique_id: Option<Box<str>>,
    /// Why not.
    pub reason: Option<Reason>,
    /// With status 410: when Apple last found the token dead, Unix time in milliseconds.
    pub timestamp_ms: Option<u64>,
    /// What the server asks to wait, at most [`Self::MAX_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
    /// The server's time when it refused the push, Unix seconds; of an accepted push it is not kept.
    pub date_s: Option<u64>,
}

impl Response {
    /// The longest `retry-after` believed: nobody's word stops pushes for longer.
    pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

    /// What became of the push.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.retry_advice() {
            _ if self.is_accepted() => Verdict::Accepted,
            RetryAdvice::Never => Verdict::Rejected,
            RetryAdvice::OnNewConnection
            | RetryAdvice::AfterPause
            | RetryAdvice::AfterBackoff { .. } => Verdict::TryAgain,
        }
    }

    /// Who has to act for the next push to fare better; `None` if this one was accepted.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        (!self.is_accepted()).then(|| self.row().fault)
    }

    /// Whether and when the same push may be sent again.
    #[must_use]
    pub fn retry_advice(&self) -> RetryAdvice {
        if self.is_accepted() {
            return RetryAdvice::Never;
        }
        match self.row().advice {
            RetryAdvice::AfterBackoff { at_least } => RetryAdvice::AfterBackoff {
                at_least: at_least.max(self.retry_after),
            },
            advice => advice,
        }
    }

    /// Whether Apple says that the device token is dead for this topic. The caller compares times before it forgets
    /// the token, and doubts Apple's word when it hits many tokens at once: then the topic or the environment is wrong.
    #[must_use]
    pub fn invalidates_token(&self) -> bool {
        self.status == 410 || (!self.is_accepted() && self.row().invalidates_token)
    }

    /// Whether the answer proves that Apple took the connection's credentials. Only such an answer raises Apple's limit of
    /// one stream. Faults of the request prove nothing: some are found before the provider token is looked at. Nor does a
    /// 429 without a known reason, which may be about the token.
    #[must_use]
    pub fn shows_authentication(&self) -> bool {
        match self.fault() {
            None | Some(Fault::Token) => true,
            Some(Fault::Throttle) => self.reason.as_ref().is_some_and(Reason::is_known),
            Some(_) => false,
        }
    }

    const fn is_accepted(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// A known reason counts only with a status of its class, so that no body of a 5xx can kill a token.
    fn row(&self) -> Row {
        self.reason
            .as_ref()
            .and_then(|reason| Row::of(reason.as_str()))
            .filter(|row| row.status / 100 == self.status / 100)
            .copied()
            .unwrap_or_else(|| Row::of_status(self.status))
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Apple took it. Never read this as "delivered".
    Accepted,
    /// Apple refused it for good: sent again unchanged, it is refused again.
    Rejected,
    /// Not this time: see [`Response::retry_advice`].
    TryAgain,
}

/// Who or what is to blame for a push that was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// This push: its headers, its payload. Others are not concerned.
    Request,
    /// This device token.
    Token,
    /// The app's configuration: topic, environment, key or certificate. Every push of the app fares alike.
    Configuration,
    /// The provider token on this connection.
    Authentication,
    /// This connection.
    Connection,
    /// Too many pushes to this device.
    Throttle,
    /// Apple.
    Server,
}

/// Whether and when a push may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryAdvice {
    /// Never unchanged.
    Never,
    /// On another connection, as soon as there is one. This one is of no more use for any push.
    OnNewConnection,
    /// On another connection, when the app goes on after a pause. This one is of no more use, and Apple counts what is
    /// wrong for the whole team: more pushes now would make it worse. The provider token stays the same.
    AfterPause,
    /// After a growing pause, on any connection.
    AfterBackoff {
        /// The shortest pause that Apple asks for, if it does.
        at_least: Option<Duration>,
    },
}

/// Collects a response as the connection reads it. An answer of status 200 in production allocates nothing.
///
/// ```
/// use apns_proto::response::{Fault, Reason, ResponseBuilder, Verdict};
///
/// let mut builder = ResponseBuilder::new();
/// builder.status(410);
/// builder.header(b"apns-id", b"123e4567-e89b-12d3-a456-426655440000");
/// builder.body(br#"{"reason":"Unregistered","timestamp":1764000000000}"#);
/// let response = builder.finish();
/// assert_eq!(response.verdict(), Verdict::Rejected);
/// assert_eq!(response.fault(), Some(Fault::Token));
/// assert_eq!(response.reason, Some(Reason::UNREGISTERED));
/// assert!(response.invalidates_token());
/// ```
#[derive(Debug, Default)]
pub struct ResponseBuilder {
    status: u16,
    /// Of a push that was not accepted, and in the development environment.
    details: Option<Box<Details>>,
}

#[derive(Debug, Default)]
struct Details {
    unique_id: Option<Box<str>>,
    retry_after: Option<Duration>,
    date_s: Option<u64>,
    body: Vec<u8>,
}

impl ResponseBuilder {
    /// The most that is kept of a body, in bytes. Apple's have less than 100; a longer one is not Apple's, and cut.
    pub const MAX_BODY: usize = 1024;

    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the final `:status`.
    pub fn status(&mut self, status: u16) {
        self.status = status;
    }

    /// Takes a header; those of no interest, and values that cannot be read, are passed over. The echo of the `apns-id` is of
    /// none: the stream says which push is answered.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        if name == b"apns-unique-id" {
            self.details().unique_id = unique_id(value);
        } else if name == b"retry-after" {
            self.details().retry_after = retry_after(value);
        } else if name == b"date" && self.status >= 400 {
            self.details().date_s = date_s(value);
        }
    }

    /// Takes a piece of the body.
    pub fn body(&mut self, data: &[u8]) {
        let body = &mut self.details().body;
        let room = Self::MAX_BODY.saturating_sub(body.len());
        body.extend_from_slice(data.get(..room).unwrap_or(data));
    }

    /// The response is complete.
    #[must_use]
    pub fn finish(self) -> Response {
        let details = self
            .details
            .map_or_else(Details::default, |details| *details);
        let body = ErrorBody::parse(&details.body);
        Response {
            status: self.status,
            unique_id: details.unique_id,
            reason: body.reason,
            timestamp_ms: body.timestamp_ms,
            retry_after: details.retry_after,
            date_s: details.date_s,
        }
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }
}

/// Apple's reason in the debug data of a GOAWAY, if it has one. The text is bounded and safe to show.
#[must_use]
pub fn reason_of_debug_data(debug_data: &[u8]) -> Option<Reason> {
    ErrorBody::parse(debug_data).reason
}

/// The JSON in which Apple says what is wrong: body of an error response, debug data of a GOAWAY.
#[derive(Default)]
struct ErrorBody {
    reason: Option<Reason>,
    timestamp_ms: Option<u64>,
}

impl ErrorBody {
    /// Reads what can be read. What is not Apple's JSON gives nothing: the status, or the GOAWAY's code, decides then.
    fn parse(json: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            reason: Option<Cow<'a, str>>,
            timestamp: Option<serde_json::Number>,
        }

        if json.is_empty() {
            return Self::default();
        }
        let Ok(wire) = serde_json::from_slice::<Wire<'_>>(json) else {
            return Self::default();
        };
        Self {
            reason: wire
                .reason
                .filter(|text| !text.is_empty())
                .map(|text| Reason::parse(&text)),
            timestamp_ms: wire
                .timestamp
                .and_then(|number| number.as_u64())
                .map(timestamp_ms),
        }
    }
}

/// Old pages of Apple's say seconds, today's milliseconds: what would be before March 1973 as milliseconds is seconds.
const fn timestamp_ms(number: u64) -> u64 {
    if number < 100_000_000_000 {
        number * 1000
    } else {
        number
    }
}

/// Seconds only: Apple sends no date here, and reading one needs a clock.
fn retry_after(value: &[u8]) -> Option<Duration> {
    let seconds = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(Response::MAX_RETRY_AFTER))
}

/// An HTTP date (RFC 9110 section 5.6.7).
fn date_s(value: &[u8]) -> Option<u64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Apple's is a UUID; anything short and visible will do.
fn unique_id(value: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(value).ok()?;
    (matches!(text.len(), 1..=64) && text.bytes().all(|byte| byte.is_ascii_graphic()))
        .then(|| text.into())
}
