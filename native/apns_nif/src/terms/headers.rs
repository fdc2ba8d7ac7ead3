//! The headers of a notification, and whether it may be cut: from the options of `notify/4` or from the notification
//! itself.

use apns_proto::apns_id::ApnsId;
use apns_proto::collapse_id::CollapseId;
use apns_proto::expiration::Expiration;
use apns_proto::priority::Priority;
use apns_proto::push_type::PushType;
use apns_proto::request::{Headers, HeadersError};
use rustler::{LocalPid, Term};

use super::fields::{Fields, Wrong};
use super::values::{bytes, integer, set, word};

/// What was given so far; a field given twice is an error, wherever it was given first.
#[derive(Default)]
pub(crate) struct Draft {
    push_type: Option<PushType>,
    priority: Option<Priority>,
    expiration: Option<Expiration>,
    collapse_id: Option<CollapseId>,
    /// What may be cut off where the payload is too large.
    pub(crate) truncate: Option<Truncate>,
    /// A name of the caller's for the push.
    pub(crate) apns_id: Option<ApnsId>,
    /// Who gets the outcomes.
    pub(crate) reply_to: Option<LocalPid>,
}

/// What may be cut off where a payload is too large.
#[derive(Clone, Copy)]
pub(crate) enum Truncate {
    /// The end of the alert's body.
    Body,
}

impl Draft {
    /// The given push type or the usual one.
    pub(crate) fn push_type(&self) -> PushType {
        self.push_type.unwrap_or(PushType::Alert)
    }

    /// The headers, checked against each other. The collapse-id is taken out.
    pub(crate) fn headers(&mut self) -> Result<Headers, HeadersError> {
        Headers::new(
            self.push_type(),
            self.priority,
            self.expiration,
            self.collapse_id.take(),
        )
    }
}

/// What may stand in the options or in the notification.
pub(crate) static HEADERS: Fields<Draft> = Fields::new(&[
    ("push_type", |draft, term| {
        let push_type = PushType::parse(&word(term)?);
        set(
            &mut draft.push_type,
            push_type.map_err(|_| Wrong::Not("a push type"))?,
        )
    }),
    ("priority", |draft, term| {
        set(&mut draft.priority, priority(term)?)
    }),
    ("expiration", |draft, term| {
        let expiration = Expiration::from_unix_seconds(integer(term)?);
        set(
            &mut draft.expiration,
            expiration.map_err(|_| Wrong::Not("Unix time in seconds"))?,
        )
    }),
    ("collapse_id", |draft, term| {
        let collapse_id = CollapseId::parse(bytes(term)?);
        set(
            &mut draft.collapse_id,
            collapse_id.map_err(|_| Wrong::Not("a collapse-id"))?,
        )
    }),
    ("apns_id", |draft, term| {
        let apns_id = ApnsId::parse(bytes(term)?);
        set(
            &mut draft.apns_id,
            apns_id.map_err(|_| Wrong::Not("a UUID"))?,
        )
    }),
    ("truncate", |draft, term| match &*word(term)? {
        "body" => set(&mut draft.truncate, Truncate::Body),
        _ => Err(Wrong::Not("body")),
    }),
]);

/// What may stand in the options alone.
pub(crate) static REPLY_TO: Fields<Draft> = Fields::new(&[("reply_to", |draft, term| {
    let pid = term.decode();
    set(
        &mut draft.reply_to,
        pid.map_err(|_| Wrong::Not("a pid of this node"))?,
    )
})]);

/// Apple's numbers, or words for them.
fn priority<'a>(term: Term<'a>) -> Result<Priority, Wrong<'a>> {
    if !term.is_atom() {
        return Priority::parse(integer(term)?).map_err(|_| Wrong::Not(PRIORITY));
    }
    match &*word(term)? {
        "immediate" => Ok(Priority::Immediate),
        "power_considerate" => Ok(Priority::PowerConsiderate),
        "low" => Ok(Priority::Low),
        _ => Err(Wrong::Not(PRIORITY)),
    }
}

const PRIORITY: &str = "10, 5 or 1";
