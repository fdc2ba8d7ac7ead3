//! Erlang terms ↔ the engine's types. Nothing outside this folder knows how a term looks.
//!
//! - `fields`: reads a map by a table of its keys
//! - `values`: the values that such keys may have
//! - `json`: terms that become JSON
//! - `options`, `device`, `notify`, `notification`, `headers`: the arguments of the functions
//! - `event`, `mailbox`: what an app tells, and the one place that sends messages
//! - `stats`: what an app counts

pub(crate) mod device;
pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod mailbox;
pub(crate) mod notification;
pub(crate) mod notify;
pub(crate) mod options;
pub(crate) mod stats;
pub(crate) mod values;

use rustler::types::atom::Atom;
use rustler::{Encoder, Env, Error, NewBinary, NifResult, Term};

/// Why a function does not do what it was asked for.
pub(crate) enum Refusal<'a> {
    /// An argument has the wrong type: the exception `badarg`.
    BadArg,
    /// The caller gets `{error, Reason}`.
    Reason(Term<'a>),
}

impl<'a> Refusal<'a> {
    /// `{error, Reason}`.
    pub(crate) fn because(env: Env<'a>, reason: impl Encoder) -> Self {
        Self::Reason(reason.encode(env))
    }
}

impl From<rustler::Error> for Refusal<'_> {
    /// A term of the wrong type is the caller's programming error: `badarg`.
    fn from(_: rustler::Error) -> Self {
        Self::BadArg
    }
}

/// What a function returns: the term that `work` came to, `{error, Reason}`, or `badarg`.
pub(crate) fn answer<'a>(
    env: Env<'a>,
    work: impl FnOnce() -> Result<Term<'a>, Refusal<'a>>,
) -> NifResult<Term<'a>> {
    match work() {
        Ok(term) => Ok(term),
        Err(Refusal::Reason(reason)) => Ok(env.error_tuple(reason)),
        Err(Refusal::BadArg) => Err(Error::BadArg),
    }
}

/// A binary of these bytes.
pub(crate) fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    NewBinary::from_slice(env, bytes).into()
}

/// An atom of a name that the program has, never one that came from outside: atoms are not freed.
pub(crate) fn atom<'a>(env: Env<'a>, name: &'static str) -> Term<'a> {
    Atom::from_str(env, name)
        .unwrap_or_else(|_| atoms::error())
        .to_term(env)
}

pub(crate) mod atoms {
    //! The atoms of answers, events and reasons.
    rustler::atoms! {
        ok, error,
        // messages and events
        apns, alert, event, accepted, rejected, failed, token_invalid, connection_up, connection_down, paused,
        resumed, paused_ms, credentials_reloaded, alarm, rejections,
        connection_list, peer, state,
        apns_id, owner, token, unique_id, status, reason, timestamp, cause, address, retry_in, detail,
        // reasons
        unknown_app, unknown_owner, overloaded, stopped, already_started, bad_option, app,
        bad_notification, payload_too_large, bad_device, bad_owner, too_many, devices_of_owner,
        devices, owners,
        payload
    }
}
