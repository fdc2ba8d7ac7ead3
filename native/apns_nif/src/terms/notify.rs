//! The arguments of `notify`, and what it answers.

use apns_proto::apns_id::ApnsId;
use apns_proto::notification::NotificationError;
use apns_proto::payload::{Payload, PayloadError};
use apns_proto::request::{Content, Headers};
use rustler::{Binary, Encoder, Env, LocalPid, Term};

use apns_engine::{NotifyError, Target};

use super::fields::{self, Unreadable, Wrong};
use super::headers::{self, HEADERS, REPLY_TO, Truncate};
use super::{Refusal, atom, atoms, binary, device, notification};

/// A notification, ready to be queued.
pub(crate) struct Order {
    /// What all devices share.
    pub(crate) content: Content,
    /// A name of the caller's for the push.
    pub(crate) apns_id: Option<ApnsId>,
    /// Who gets the outcomes.
    pub(crate) reply_to: Option<LocalPid>,
}

/// An owner, or `{token, Token}`.
pub(crate) fn target<'a>(env: Env<'a>, term: Term<'a>) -> Result<Target<'a>, Refusal<'a>> {
    if let Ok(owner) = term.decode::<Binary<'a>>() {
        return Ok(Target::Owner(owner.as_slice()));
    }
    let (tag, token): (Term<'a>, Binary<'a>) = term.decode()?;
    if tag != atoms::token().to_term(env) {
        return Err(Refusal::BadArg);
    }
    device::token(env, &token).map(Target::Token)
}

/// A notification map or finished JSON, with its options.
pub(crate) fn read<'a>(
    env: Env<'a>,
    notification: Term<'a>,
    opts: Term<'a>,
) -> Result<Order, Refusal<'a>> {
    let mut draft = headers::Draft::default();
    let read = fields::read(opts, |key, value| {
        HEADERS
            .set(&mut draft, key, value)
            .or_else(|| REPLY_TO.set(&mut draft, key, value))
    });
    read.map_err(|error| unreadable(env, error, &draft))?;
    let content = match notification.decode::<Binary<'a>>() {
        Ok(json) => finished(env, json.as_slice(), &mut draft),
        Err(_) => written(env, notification, &mut draft),
    }?;
    Ok(Order {
        content,
        apns_id: draft.apns_id,
        reply_to: draft.reply_to,
    })
}

/// Finished JSON, which is sent as it is: nothing can be cut off.
fn finished<'a>(
    env: Env<'a>,
    json: &[u8],
    draft: &mut headers::Draft,
) -> Result<Content, Refusal<'a>> {
    if draft.truncate.is_some() {
        return Err(bad(env, atom(env, "truncate")));
    }
    let headers = headers(env, draft)?;
    let payload = Payload::from_json(json, headers.push_type);
    let payload = payload.map_err(|error| unusable_json(env, &error))?;
    Ok(Content { headers, payload })
}

/// A notification map.
fn written<'a>(
    env: Env<'a>,
    map: Term<'a>,
    draft: &mut headers::Draft,
) -> Result<Content, Refusal<'a>> {
    let mut notification =
        notification::read(map, draft).map_err(|error| unreadable(env, error, draft))?;
    let headers = headers(env, draft)?;
    let payload = notification
        .check_headers(&headers)
        .and_then(|()| match draft.truncate {
            Some(Truncate::Body) => notification.to_truncated_payload(headers.push_type),
            None => notification.to_payload(headers.push_type),
        });
    let payload = payload.map_err(|error| unsendable(env, &error))?;
    Ok(Content { headers, payload })
}

fn headers<'a>(env: Env<'a>, draft: &mut headers::Draft) -> Result<Headers, Refusal<'a>> {
    draft
        .headers()
        .map_err(|error| bad(env, atom(env, error.field())))
}

/// `{ok, ApnsIds}`.
pub(crate) fn taken<'a>(env: Env<'a>, ids: &[ApnsId]) -> Term<'a> {
    let text = |id: &ApnsId| binary(env, &id.to_ascii());
    let list = match ids {
        // Most calls: a cell needs no array to be made first.
        [only] => Term::list_new_empty(env).list_prepend(text(only)),
        ids => ids.iter().map(text).collect::<Vec<_>>().encode(env),
    };
    (atoms::ok(), list).encode(env)
}

/// What the caller gets when nothing was queued.
pub(crate) fn refusal<'a>(env: Env<'a>, error: NotifyError) -> Refusal<'a> {
    match error {
        NotifyError::UnknownOwner => Refusal::because(env, atoms::unknown_owner()),
        NotifyError::Overloaded => Refusal::because(env, atoms::overloaded()),
        NotifyError::ApnsIdShared => bad(env, atoms::apns_id()),
        NotifyError::NeedsToken | NotifyError::NeedsProviderToken => {
            bad(env, atom(env, "push_type"))
        }
        NotifyError::Stopped => Refusal::because(env, atoms::stopped()),
    }
}

fn unreadable<'a>(env: Env<'a>, error: Unreadable<'a>, draft: &headers::Draft) -> Refusal<'a> {
    match error {
        Unreadable::NotAMap => Refusal::BadArg,
        Unreadable::WrongValue(_, Wrong::TooLarge(bytes)) => {
            too_large(env, bytes, draft.push_type().payload_limit())
        }
        Unreadable::UnknownKey(field)
        | Unreadable::WrongValue(_, Wrong::Inside(field))
        | Unreadable::WrongValue(field, _) => bad(env, field),
    }
}

fn unusable_json<'a>(env: Env<'a>, error: &PayloadError) -> Refusal<'a> {
    match error {
        PayloadError::TooLarge { bytes, limit } => too_large(env, *bytes, *limit),
        _ => bad(env, atoms::payload()),
    }
}

fn unsendable<'a>(env: Env<'a>, error: &NotificationError) -> Refusal<'a> {
    match error {
        NotificationError::TooLarge { bytes, limit } => too_large(env, *bytes, *limit),
        other => bad(env, atom(env, other.field())),
    }
}

fn too_large<'a>(env: Env<'a>, bytes: usize, limit: usize) -> Refusal<'a> {
    Refusal::because(env, (atoms::payload_too_large(), bytes, limit))
}

fn bad<'a>(env: Env<'a>, field: impl Encoder) -> Refusal<'a> {
    Refusal::because(env, (atoms::bad_notification(), field))
}
