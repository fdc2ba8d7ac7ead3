//! The judge: an ordered list of what Apple checks of a request. The first check that fails gives the answer.
//!
//! Apple publishes the reasons and not their order. This is the order of [`CHECKS`], and why: what can be told
//! from the request line comes first, then who is asking, then what the headers say, then the body, and only then
//! the device, because that look-up is the dear one. Observed answers agree: a request without a provider token is
//! told so whatever its device token is, and a wrong topic hides a wrong device token.

mod authentication;
#[cfg(test)]
mod tests;

pub(crate) use authentication::Memory;
pub use authentication::TokenUpdates;

use crate::client_certificate::ClientIdentity;
use crate::devices::{Device, Devices};
use crate::options::Environment;
use crate::provider_token::TrustedKey;
use crate::push_type::PushType;
use crate::reason::Reason;
use crate::request::{Request, Target, is_device_token, is_uuid};

/// Checks in Apple's order.
const CHECKS: &[Check] = &[
    method,
    path,
    duplicate_headers,
    authentication::check,
    apns_id,
    push_type,
    topic,
    expiration,
    priority,
    collapse_id,
    payload_present,
    payload_size,
    device_token,
    device,
];

type Check = fn(&mut Case<'_>) -> Result<(), Refusal>;

/// What is judged, and all that the judgement depends on.
pub(crate) struct Case<'a> {
    pub(crate) request: &'a Request,
    pub(crate) rules: &'a Rules,
    pub(crate) devices: &'a Devices,
    /// The client certificate the connection was made with.
    pub(crate) identity: Option<&'a ClientIdentity>,
    /// What the connection's earlier requests left.
    pub(crate) memory: &'a mut Memory,
    /// Apple's clock: Unix seconds.
    pub(crate) now: i64,
    pub(crate) token_updates: TokenUpdates,
    /// Found on the way; the topic's, the priority's and the payload's rules hang on it.
    push_type: PushType,
    /// Whether the provider is who it says, known once the authentication check has passed.
    authenticated: bool,
}

/// What is the same for all requests.
pub(crate) struct Rules {
    pub(crate) topics: Vec<String>,
    pub(crate) keys: Vec<TrustedKey>,
    pub(crate) environment: Environment,
}

/// Apple's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// With 410: Unix ms.
    pub(crate) timestamp_ms: Option<u64>,
}

/// The outcome of a judgement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) refusal: Option<Refusal>,
    /// Whether the request came as far as a known provider. The connection's stream limit hangs on it.
    pub(crate) authenticated: bool,
}

impl<'a> Case<'a> {
    pub(crate) fn new(
        request: &'a Request,
        rules: &'a Rules,
        devices: &'a Devices,
        identity: Option<&'a ClientIdentity>,
        memory: &'a mut Memory,
        now: i64,
        token_updates: TokenUpdates,
    ) -> Self {
        let push_type = PushType::UNNAMED;
        Self {
            request,
            rules,
            devices,
            identity,
            memory,
            now,
            token_updates,
            push_type,
            authenticated: false,
        }
    }

    /// The request's topic; a certificate for one topic says it in the request's place.
    fn topic(&self) -> Option<&'a [u8]> {
        let only = || match self.identity?.topics.as_slice() {
            [only] => Some(only.as_bytes()),
            _ => None,
        };
        self.request.header("apns-topic").or_else(only)
    }

    pub(crate) fn judge(mut self) -> Judgement {
        let refusal = CHECKS.iter().find_map(|check| check(&mut self).err());
        Judgement {
            refusal,
            authenticated: self.authenticated,
        }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            timestamp_ms: None,
        }
    }
}

fn method(case: &mut Case<'_>) -> Result<(), Refusal> {
    demand(
        case.request.method == http::Method::POST,
        Reason::METHOD_NOT_ALLOWED,
    )
}

fn path(case: &mut Case<'_>) -> Result<(), Refusal> {
    match case.request.target() {
        Target::Device(_) => Ok(()),
        Target::NoDevice => Err(Reason::MISSING_DEVICE_TOKEN.into()),
        Target::Unknown => Err(Reason::BAD_PATH.into()),
    }
}

fn duplicate_headers(case: &mut Case<'_>) -> Result<(), Refusal> {
    let headers = &case.request.headers;
    let twice = headers.keys().any(|name| {
        let apples = name == http::header::AUTHORIZATION || name.as_str().starts_with("apns-");
        apples && headers.get_all(name).iter().nth(1).is_some()
    });
    demand(!twice, Reason::DUPLICATE_HEADERS)
}

fn apns_id(case: &mut Case<'_>) -> Result<(), Refusal> {
    let id = case.request.header("apns-id");
    demand(
        id.is_none_or(|id| str::from_utf8(id).is_ok_and(is_uuid)),
        Reason::BAD_MESSAGE_ID,
    )
}

fn push_type(case: &mut Case<'_>) -> Result<(), Refusal> {
    if let Some(name) = case.request.header("apns-push-type") {
        case.push_type = PushType::find(name).ok_or(Reason::INVALID_PUSH_TYPE)?;
    }
    Ok(())
}

/// A topic of another app, and one whose suffix is not the push type's, is disallowed: seen with VoIP pushes sent
/// under the bare bundle id.
fn topic(case: &mut Case<'_>) -> Result<(), Refusal> {
    let topic = case.topic().ok_or(Reason::MISSING_TOPIC)?;
    let shaped = (1..=MAX_TOPIC_BYTES).contains(&topic.len())
        && topic
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte));
    let topic = str::from_utf8(topic)
        .ok()
        .filter(|_| shaped)
        .ok_or(Reason::BAD_TOPIC)?;
    let allowed = case
        .rules
        .topics
        .iter()
        .any(|bundle| is_topic_of(bundle, topic, case.push_type))
        && case
            .identity
            .is_none_or(|identity| identity.topics.iter().any(|named| named == topic));
    demand(allowed, Reason::TOPIC_DISALLOWED)
}

/// Whether `topic` is the app's for pushes of this type. Without a type, any suffix will do, as it did before the
/// header existed.
fn is_topic_of(bundle: &str, topic: &str, push_type: PushType) -> bool {
    let Some(suffix) = topic.strip_prefix(bundle) else {
        return false;
    };
    if push_type.name.is_empty() {
        PushType::all().any(|known| known.topic_suffix == suffix)
    } else {
        suffix == push_type.topic_suffix
    }
}

fn expiration(case: &mut Case<'_>) -> Result<(), Refusal> {
    let expiration = case.request.header("apns-expiration");
    let is_date = |text: &[u8]| text.iter().all(u8::is_ascii_digit) && decimal(text).is_some();
    demand(expiration.is_none_or(is_date), Reason::BAD_EXPIRATION_DATE)
}

/// An absent priority counts as 10, Apple's default, which a background push must not have.
fn priority(case: &mut Case<'_>) -> Result<(), Refusal> {
    let priority = case.request.header("apns-priority").unwrap_or(b"10");
    let allowed = case
        .push_type
        .priorities
        .iter()
        .any(|allowed| allowed.as_bytes() == priority);
    demand(allowed, Reason::BAD_PRIORITY)
}

fn collapse_id(case: &mut Case<'_>) -> Result<(), Refusal> {
    let id = case.request.header("apns-collapse-id");
    demand(
        id.is_none_or(|id| (1..=MAX_COLLAPSE_ID_BYTES).contains(&id.len())),
        Reason::BAD_COLLAPSE_ID,
    )
}

/// Apple documents no reason for a body that is not a JSON object. It is refused as empty: a push that shows
/// nothing on a phone must not look accepted here.
fn payload_present(case: &mut Case<'_>) -> Result<(), Refusal> {
    if case.request.body.len() > case.push_type.payload_limit {
        return Ok(()); // the next check's business, and perhaps cut short
    }
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(&case.request.body);
    demand(
        object.is_ok_and(|object| !object.is_empty()),
        Reason::PAYLOAD_EMPTY,
    )
}

fn payload_size(case: &mut Case<'_>) -> Result<(), Refusal> {
    demand(
        case.request.body.len() <= case.push_type.payload_limit,
        Reason::PAYLOAD_TOO_LARGE,
    )
}

fn device_token(case: &mut Case<'_>) -> Result<(), Refusal> {
    let shaped = matches!(case.request.target(), Target::Device(token) if is_device_token(token));
    demand(shaped, Reason::BAD_DEVICE_TOKEN)
}

fn device(case: &mut Case<'_>) -> Result<(), Refusal> {
    let token = case.request.device_token().unwrap_or_default();
    match case.devices.find(&token) {
        Some(Device::Unregistered {
            timestamp_ms,
            reason,
        }) => Err(Refusal {
            reason,
            timestamp_ms: Some(timestamp_ms),
        }),
        Some(Device::Registered { topic: bundle }) => {
            let topic = case.topic().and_then(|topic| str::from_utf8(topic).ok());
            let its = topic.is_none_or(|topic| is_topic_of(&bundle, topic, case.push_type));
            demand(its, Reason::DEVICE_TOKEN_NOT_FOR_TOPIC)
        }
        None => Ok(()),
    }
}

fn demand(met: bool, reason: Reason) -> Result<(), Refusal> {
    if met { Ok(()) } else { Err(reason.into()) }
}

fn decimal(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

const MAX_TOPIC_BYTES: usize = 255;
const MAX_COLLAPSE_ID_BYTES: usize = 64;
