//! Events as maps: `#{event := Kind, ...}`. What is absent has no key.

use std::time::Duration;

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use rustler::types::atom::Atom;
use rustler::{Encoder, Env, NewBinary, Term};

use apns_engine::Event;
use apns_engine::event::{Accepted, Failed, Rejected, TokenInvalid};

use super::{atom, atoms, binary};

/// The map of one event.
pub(crate) fn encode<'a>(env: Env<'a>, event: &Event) -> Term<'a> {
    match event {
        Event::Accepted(accepted) => self::accepted(env, accepted),
        Event::Rejected(rejected) => self::rejected(env, rejected),
        Event::Failed(failed) => self::failed(env, failed),
        Event::TokenInvalid(invalid) => token_invalid(env, invalid),
        Event::ConnectionUp { address } => Pairs::of(env, atoms::connection_up())
            .text(atoms::address(), address)
            .map(),
        Event::ConnectionDown { reason, retry_in } => Pairs::of(env, atoms::connection_down())
            .text(atoms::reason(), reason)
            .some(atoms::retry_in(), retry_in.map(milliseconds))
            .map(),
        Event::Paused => Pairs::of(env, atoms::paused()).map(),
        Event::Resumed { after } => Pairs::of(env, atoms::resumed())
            .put(atoms::paused_ms(), milliseconds(*after))
            .map(),
        Event::CredentialsReloaded { detail } => Pairs::of(env, atoms::credentials_reloaded())
            .text(atoms::detail(), detail)
            .map(),
        Event::Alarm { alarm, detail } => Pairs::of(env, atoms::alarm())
            .put(atoms::alarm(), atom(env, alarm.as_str()))
            .text(atoms::detail(), detail)
            .map(),
    }
}

fn accepted<'a>(env: Env<'a>, accepted: &Accepted) -> Term<'a> {
    let Accepted {
        apns_id,
        owner,
        device_token,
        unique_id,
    } = accepted;
    Pairs::of(env, atoms::accepted())
        .push(apns_id, owner.as_deref(), device_token)
        .some_text(atoms::unique_id(), unique_id.as_deref())
        .map()
}

fn rejected<'a>(env: Env<'a>, rejected: &Rejected) -> Term<'a> {
    let Rejected {
        apns_id,
        owner,
        device_token,
        status,
        reason,
        timestamp_ms,
    } = rejected;
    Pairs::of(env, atoms::rejected())
        .push(apns_id, owner.as_deref(), device_token)
        .put(atoms::status(), status)
        .some_text(
            atoms::reason(),
            reason.as_ref().map(|reason| reason.as_str()),
        )
        .some(atoms::timestamp(), *timestamp_ms)
        .map()
}

fn failed<'a>(env: Env<'a>, failed: &Failed) -> Term<'a> {
    let Failed {
        apns_id,
        owner,
        device_token,
        cause,
        last_answer,
    } = failed;
    let (status, reason) = match last_answer {
        Some((status, reason)) => (Some(*status), reason.as_ref()),
        None => (None, None),
    };
    Pairs::of(env, atoms::failed())
        .push(apns_id, owner.as_deref(), device_token)
        .put(atoms::cause(), atom(env, cause.as_str()))
        .some(atoms::status(), status)
        .some_text(atoms::reason(), reason.map(|reason| reason.as_str()))
        .map()
}

fn token_invalid<'a>(env: Env<'a>, invalid: &TokenInvalid) -> Term<'a> {
    let TokenInvalid {
        owner,
        device_token,
        reason,
        timestamp_ms,
    } = invalid;
    Pairs::of(env, atoms::token_invalid())
        .device(owner.as_deref(), device_token)
        .some_text(
            atoms::reason(),
            reason.as_ref().map(|reason| reason.as_str()),
        )
        .put(atoms::timestamp(), timestamp_ms)
        .map()
}

/// The pairs of an event's map; each key is put once. On the stack: there is an event for every push.
struct Pairs<'a> {
    env: Env<'a>,
    keys: [Term<'a>; MOST],
    values: [Term<'a>; MOST],
    len: usize,
}

impl<'a> Pairs<'a> {
    fn of(env: Env<'a>, kind: Atom) -> Self {
        let filler = kind.to_term(env);
        let empty = Self {
            env,
            keys: [filler; MOST],
            values: [filler; MOST],
            len: 0,
        };
        empty.put(atoms::event(), kind)
    }

    fn put(mut self, key: Atom, value: impl Encoder) -> Self {
        debug_assert!(
            self.len < MOST,
            "an event has more keys than there is room for"
        );
        if let (Some(a_key), Some(a_value)) =
            (self.keys.get_mut(self.len), self.values.get_mut(self.len))
        {
            *a_key = key.to_term(self.env);
            *a_value = value.encode(self.env);
            self.len += 1;
        }
        self
    }

    fn some(self, key: Atom, value: Option<impl Encoder>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    fn text(self, key: Atom, text: &str) -> Self {
        let text = binary(self.env, text.as_bytes());
        self.put(key, text)
    }

    fn some_text(self, key: Atom, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    fn push(self, apns_id: &ApnsId, owner: Option<&[u8]>, token: &DeviceToken) -> Self {
        let apns_id = binary(self.env, &apns_id.to_ascii());
        self.put(atoms::apns_id(), apns_id).device(owner, token)
    }

    fn device(self, owner: Option<&[u8]>, token: &DeviceToken) -> Self {
        let owner = owner.map(|owner| binary(self.env, owner));
        let mut hex = NewBinary::new(self.env, 2 * token.as_bytes().len());
        token.write_hex(&mut hex);
        let hex: Term<'a> = hex.into();
        self.some(atoms::owner(), owner).put(atoms::token(), hex)
    }

    fn map(self) -> Term<'a> {
        let keys = self.keys.get(..self.len).unwrap_or_default();
        let values = self.values.get(..self.len).unwrap_or_default();
        let map = Term::map_from_term_arrays(self.env, keys, values);
        map.unwrap_or_else(|_| Term::map_new(self.env))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Pairs of the largest event.
const MOST: usize = 7;
