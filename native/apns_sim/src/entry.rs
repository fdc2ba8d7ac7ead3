//! One entry of the journal, and its form in JSON.

use bytes::Bytes;
use http::HeaderMap;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::provider_token::{Claims, ProviderToken};

/// What arrived in one stream, and what the simulator did with it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Counts from 1 in the order of arrival; starts over at a reset.
    pub sequence: u64,
    /// When the request was whole: Unix µs, the machine's clock.
    pub received_at_us: u64,
    /// Counts the provider's connections from 1.
    pub connection: u64,
    /// The HTTP/2 stream.
    pub stream_id: u32,
    /// The HTTP method.
    pub method: String,
    /// The whole path.
    pub path: String,
    /// The device token in lower case, if the path holds one.
    pub token: Option<String>,
    /// All header fields but `authorization`, in no order; a name comes as often as it was sent.
    pub headers: Vec<(String, String)>,
    /// What the provider token says of itself; `None` without one.
    pub provider_token: Option<Claims>,
    /// The first 16 hex digits of the SHA-256 of the `authorization` header: tells whether two are the same, and is of
    /// no other use.
    pub authorization_digest: Option<String>,
    /// The body as it came; one that is too large is cut off behind the limit. Empty when a fault came before it.
    pub payload: Bytes,
    /// The answer's status; `None` when a script left the request without one.
    pub status: Option<u16>,
    /// The answer's reason; `None` when it was accepted.
    pub reason: Option<String>,
    /// The answer's `apns-id`.
    pub apns_id: Option<String>,
    /// The fault in the answer's place: `refused_stream`, `reset`, `stall`, `mute`, `cut`, `goaway`.
    pub fault: Option<&'static str>,
}

impl Entry {
    /// The value of a header field; the first, when it was sent more than once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The payload, if it is JSON.
    #[must_use]
    pub fn payload_json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// The answer does not leave, for this reason.
    pub(crate) fn take_back_answer(&mut self, fault: &'static str) {
        self.status = None;
        self.reason = None;
        self.apns_id = None;
        self.fault = Some(fault);
    }

    /// Bytes of memory, roughly.
    pub(crate) fn cost(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 48)
            .sum();
        size_of::<Self>() + self.payload.len() + 2 * self.path.len() + headers
    }
}

/// Takes the header fields apart for an entry. The token itself stays out: journals are printed and shared.
pub(crate) fn headers_of(headers: &HeaderMap) -> (Vec<(String, String)>, Option<Claims>) {
    let mut claims = None;
    let mut fields = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        if name == http::header::AUTHORIZATION {
            let read = value.to_str().ok().and_then(ProviderToken::read);
            claims = Some(read.map(|token| token.claims).unwrap_or_default());
        } else {
            fields.push((
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            ));
        }
    }
    (fields, claims)
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("sequence", &self.sequence)?;
        map.serialize_entry("received_at_us", &self.received_at_us)?;
        map.serialize_entry("connection", &self.connection)?;
        map.serialize_entry("stream_id", &self.stream_id)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("token", &self.token)?;
        map.serialize_entry("headers", &Headers(self))?;
        map.serialize_entry("authorization_digest", &self.authorization_digest)?;
        // Byte for byte as it came, when it is JSON: the reader's parser sees what a phone would.
        let text = str::from_utf8(&self.payload).unwrap_or_default();
        let payload = serde_json::from_str::<&RawValue>(text)
            .ok()
            .filter(|_| self.payload_json().is_some());
        map.serialize_entry("payload", &payload)?;
        if payload.is_none() && !self.payload.is_empty() {
            map.serialize_entry("payload_raw", &String::from_utf8_lossy(&self.payload))?;
        }
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("apns_id", &self.apns_id)?;
        map.serialize_entry("fault", &self.fault)?;
        map.end()
    }
}

/// See [`Entry::authorization_digest`].
pub(crate) fn authorization_digest(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    let first = digest.as_ref().iter().take(8);
    Some(first.map(|byte| format!("{byte:02x}")).collect())
}

/// Header fields as a JSON object: a string, or an array of strings for a name sent more than once.
struct Headers<'a>(&'a Entry);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = &self.0.headers;
        let mut map = serializer.serialize_map(None)?;
        for (at, (name, value)) in fields.iter().enumerate() {
            let values: Vec<&str> = fields
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
                .collect();
            let first = fields.iter().position(|(other, _)| other == name) == Some(at);
            match (first, values.len()) {
                (true, 1) => map.serialize_entry(name, value)?,
                (true, _) => map.serialize_entry(name, &values)?,
                (false, _) => {}
            }
        }
        if let Some(claims) = &self.0.provider_token {
            map.serialize_entry("authorization", claims)?;
        }
        map.end()
    }
}
