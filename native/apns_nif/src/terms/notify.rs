//! The arguments of `notify`, and what it answers.

use apns_proto::apns_id::ApnsId;
use apns_proto::notification::NotificationError;
use apns_proto::payload::{Payload, PayloadError};
use apns_proto::request::Content;
use rustler::{Binary, Encoder, Env, LocalPid, Term};

use apns_engine::{NotifyError, Target};

use super::fields::{self, Unreadable, Wrong};
use super::headers::{self, HEADERS, REPLY_TO};
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
    let mut headers = headers::Draft::default();
    let read = fields::read(opts, |key, value| {
        HEADERS
            .set(&mut headers, key, value)
            .or_else(|| REPLY_TO.set(&mut headers, key, value))
    });
    read.map_err(|error| unreadable(env, error, &headers))?;
    let payload = if let Ok(json) = notification.decode::<Binary<'a>>() {
        let payload = Payload::from_json(json.as_slice(), headers.push_type());
        payload.map_err(|error| unusable_json(env, &error))?
    } else {
        let notification = notification::read(notification, &mut headers)
            .map_err(|error| unreadable(env, error, &headers))?;
        let payload = notification.to_payload(headers.push_type());
        payload.map_err(|error| unsendable(env, &error))?
    };
    let (apns_id, reply_to) = (headers.apns_id, headers.reply_to);
    let headers = headers
        .headers()
        .map_err(|error| bad(env, atom(env, error.field())))?;
    Ok(Order {
        content: Content { headers, payload },
        apns_id,
        reply_to,
    })
}

/// `{ok, ApnsIds}`.
pub(crate) fn taken<'a>(env: Env<'a>, ids: &[ApnsId]) -> Term<'a> {
    let ids: Vec<Term<'a>> = ids.iter().map(|id| binary(env, &id.to_ascii())).collect();
    (atoms::ok(), ids).encode(env)
}

/// What the caller gets when nothing was queued.
pub(crate) fn refusal<'a>(env: Env<'a>, error: NotifyError) -> Refusal<'a> {
    match error {
        NotifyError::UnknownOwner => Refusal::because(env, atoms::unknown_owner()),
        NotifyError::Overloaded => Refusal::because(env, atoms::overloaded()),
        NotifyError::ApnsIdShared => bad(env, atoms::apns_id()),
        NotifyError::NeedsToken => bad(env, atom(env, "push_type")),
        NotifyError::Stopped => Refusal::because(env, atoms::stopped()),
    }
}

fn unreadable<'a>(env: Env<'a>, error: Unreadable<'a>, headers: &headers::Draft) -> Refusal<'a> {
    match error {
        Unreadable::NotAMap => Refusal::BadArg,
        Unreadable::WrongValue(_, Wrong::TooLarge(bytes)) => {
            too_large(env, bytes, headers.push_type().payload_limit())
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
