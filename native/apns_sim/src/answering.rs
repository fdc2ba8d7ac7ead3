//! An answer's way into frames: its header, its body, what comes before and behind.

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::clock::http_date;
use crate::options::Environment;
use crate::random;
use crate::script::Answer;
use crate::state::State;

/// Sends the interim answers that come before `answer`.
pub(crate) fn send_interim(respond: &mut SendResponse<Bytes>, answer: &Answer) {
    for status in &answer.interim {
        if let Ok(response) = Response::builder().status(*status).body(()) {
            // A provider that has gone in the meantime needs no answer.
            let _ = respond.send_informational(response);
        }
    }
}

/// Sends `answer` and ends the stream.
pub(crate) fn send(
    respond: &mut SendResponse<Bytes>,
    state: &State,
    answer: &Answer,
    apns_id: &str,
) {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = headers_of(state, answer, apns_id);
    let body = body_of(answer);
    let trailers = map_of(&answer.trailers);
    let ends = [body.is_empty(), trailers.is_empty()];
    // A provider that has gone in the meantime needs no answer.
    let Ok(mut stream) = respond.send_response(response, ends == [true, true]) else {
        return;
    };
    if !body.is_empty() {
        let _ = stream.send_data(body.into(), trailers.is_empty());
    }
    if !trailers.is_empty() {
        let _ = stream.send_trailers(trailers);
    }
}

/// Apple's fields, and the script's in their place or beside them.
fn headers_of(state: &State, answer: &Answer, apns_id: &str) -> HeaderMap {
    let mut fields = vec![("apns-id", apns_id.to_owned())];
    if state.rules.environment == Environment::Development {
        fields.push(("apns-unique-id", random::uuid()));
    }
    if let Some(seconds) = answer.retry_after {
        fields.push(("retry-after", seconds.to_string()));
    }
    if state.sends_dates() {
        fields.push(("date", http_date(state.clock.now())));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in map_of(&answer.headers) {
        // Names come once from a JSON object, so there is one for each.
        name.map(|name| headers.insert(name, value));
    }
    headers
}

/// What is no header field is left out: the Rust API checks nothing.
fn map_of(fields: &[(String, String)]) -> HeaderMap {
    let fields = fields.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value).ok()?))
    });
    fields.collect()
}

/// Empty on success, as Apple's; else the reason, and with 410 the time.
fn body_of(answer: &Answer) -> Vec<u8> {
    if let Some(body) = &answer.body {
        return body.clone().into_bytes();
    }
    let Some(reason) = &answer.reason else {
        return Vec::new();
    };
    let body = match answer.timestamp {
        Some(timestamp) => serde_json::json!({ "reason": reason, "timestamp": timestamp }),
        None => serde_json::json!({ "reason": reason }),
    };
    body.to_string().into_bytes()
}
