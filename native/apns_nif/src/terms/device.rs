//! Devices: a token, or `#{token := Token, kind => Kind, registered_at => UnixMs}`.

use std::time::{SystemTime, UNIX_EPOCH};

use apns_proto::device_token::DeviceToken;
use rustler::{Binary, Encoder, Env, Term};

use apns_engine::registry::{Device, DeviceKind, MAX_DEVICES_PER_OWNER, RegistryError};

use super::fields::{Fields, Unreadable, Wrong};
use super::values::{bytes, integer, items, set, word};
use super::{Refusal, atoms, binary};

/// One device.
pub(crate) fn read<'a>(env: Env<'a>, term: Term<'a>) -> Result<Device, Refusal<'a>> {
    if let Ok(bytes) = term.decode::<Binary<'a>>() {
        let token = token(env, &bytes)?;
        return Ok(Device {
            token,
            kind: DeviceKind::default(),
            registered_at_ms: now_ms(),
        });
    }
    let mut draft = Draft::default();
    FIELDS
        .read(term, &mut draft)
        .map_err(|unreadable| match unreadable {
            Unreadable::NotAMap => Refusal::BadArg,
            Unreadable::UnknownKey(key) | Unreadable::WrongValue(key, _) => bad(env, key),
        })?;
    Ok(Device {
        token: draft.token.ok_or_else(|| bad(env, atoms::token()))?,
        kind: draft.kind.unwrap_or_default(),
        registered_at_ms: draft.registered_at_ms.unwrap_or_else(now_ms),
    })
}

/// All devices of one owner.
pub(crate) fn read_all<'a>(env: Env<'a>, list: Term<'a>) -> Result<Vec<Device>, Refusal<'a>> {
    let mut devices = Vec::new();
    for item in items(list) {
        // Before the registry can refuse it: the list may be a very long one.
        if devices.len() == MAX_DEVICES_PER_OWNER {
            return Err(refusal(env, RegistryError::TooManyDevicesOfOwner));
        }
        devices.push(read(env, item.ok_or(Refusal::BadArg)?)?);
    }
    Ok(devices)
}

/// A device token.
pub(crate) fn token<'a>(env: Env<'a>, token: &Binary<'a>) -> Result<DeviceToken, Refusal<'a>> {
    DeviceToken::parse(token.as_slice()).map_err(|_| bad(env, atoms::token()))
}

/// What the caller gets for an error of the registry.
pub(crate) fn refusal<'a>(env: Env<'a>, error: RegistryError) -> Refusal<'a> {
    let bound = match error {
        RegistryError::TooManyDevicesOfOwner => atoms::devices_of_owner(),
        RegistryError::TooManyDevices => atoms::devices(),
        RegistryError::TooManyOwners => atoms::owners(),
        error @ RegistryError::OwnerLength => {
            let sentence = binary(env, error.to_string().as_bytes());
            return Refusal::because(env, (atoms::bad_owner(), sentence));
        }
    };
    Refusal::because(env, (atoms::too_many(), bound))
}

fn bad<'a>(env: Env<'a>, field: impl Encoder) -> Refusal<'a> {
    Refusal::because(env, (atoms::bad_device(), field))
}

#[derive(Default)]
struct Draft {
    token: Option<DeviceToken>,
    kind: Option<DeviceKind>,
    registered_at_ms: Option<u64>,
}

static FIELDS: Fields<Draft> = Fields::new(&[
    ("token", |draft, term| {
        let token = DeviceToken::parse(bytes(term)?).map_err(|_| Wrong::Not("a device token"))?;
        set(&mut draft.token, token)
    }),
    ("kind", |draft, term| {
        let kind = match &*word(term)? {
            "alert" => DeviceKind::Alert,
            "voip" => DeviceKind::Voip,
            _ => return Err(Wrong::Not("alert or voip")),
        };
        set(&mut draft.kind, kind)
    }),
    ("registered_at", |draft, term| {
        set(&mut draft.registered_at_ms, integer(term)?)
    }),
]);

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
