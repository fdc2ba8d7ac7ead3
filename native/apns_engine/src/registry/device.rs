//! Devices, and what is too many of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use apns_proto::device_token::DeviceToken;

/// Which pushes a device's token takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// The app's token: every push but calls.
    #[default]
    Alert,
    /// PushKit's token: calls only.
    Voip,
}

/// One device of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Where a push goes.
    pub token: DeviceToken,
    /// Which pushes go there.
    pub kind: DeviceKind,
    /// Unix milliseconds of the last registration: what Apple says about the token before that is out of date.
    pub registered_at_ms: u64,
}

/// Why a device was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The owner's name has not 1 to [`MAX_OWNER_LEN`] bytes.
    #[error("an owner has 1 to {MAX_OWNER_LEN} bytes")]
    OwnerLength,
    /// The owner would have more than [`MAX_DEVICES_PER_OWNER`].
    #[error("an owner has at most {MAX_DEVICES_PER_OWNER} devices")]
    TooManyDevicesOfOwner,
    /// All owners together would have more than the registry's limit.
    #[error("the registry is full of devices")]
    TooManyDevices,
    /// There would be more than the registry's limit.
    #[error("the registry is full of owners")]
    TooManyOwners,
}

pub(super) fn check_length(owner: &[u8]) -> Result<(), RegistryError> {
    match owner.len() {
        1..=MAX_OWNER_LEN => Ok(()),
        _ => Err(RegistryError::OwnerLength),
    }
}

pub(super) fn without_repetition(devices: Vec<Device>) -> Result<Box<[Device]>, RegistryError> {
    let mut places: HashMap<DeviceToken, usize> = HashMap::new();
    let mut distinct: Vec<Device> = Vec::new();
    for device in devices {
        match places.entry(device.token.clone()) {
            Entry::Occupied(place) => {
                if let Some(earlier) = distinct.get_mut(*place.get()) {
                    *earlier = device;
                }
            }
            Entry::Vacant(place) => {
                if distinct.len() >= MAX_DEVICES_PER_OWNER {
                    return Err(RegistryError::TooManyDevicesOfOwner);
                }
                place.insert(distinct.len());
                distinct.push(device);
            }
        }
    }
    Ok(distinct.into_boxed_slice())
}

/// Longest owner, in bytes: a full JID, three parts of 1023 bytes and two separators (RFC 7622 §3.1). ejabberd's
/// owners are bare JIDs, at most 2047.
pub const MAX_OWNER_LEN: usize = 3071;
/// Devices of one owner at most: far more than anybody carries, and what one `notify` may queue at once.
pub const MAX_DEVICES_PER_OWNER: usize = 100;
