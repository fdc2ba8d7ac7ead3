//! Owner → devices: the node's hot copy, read by every `notify`.

use std::sync::Arc;

use apns_proto::device_token::DeviceToken;

/// What a device's token is good for.
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
    /// Unix milliseconds of the last registration.
    pub registered_at_ms: u64,
}

/// A bound of the registry is reached, or the owner's name is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Not 1 to [`MAX_OWNER_LEN`] bytes.
    #[error("an owner has 1 to {MAX_OWNER_LEN} bytes")]
    OwnerLength,
    /// More than [`MAX_DEVICES_PER_OWNER`].
    #[error("an owner has at most {MAX_DEVICES_PER_OWNER} devices")]
    TooManyDevicesOfOwner,
    /// More than [`MAX_DEVICES`] in all.
    #[error("the registry holds at most {MAX_DEVICES} devices")]
    TooManyDevices,
    /// More than [`MAX_OWNERS`] in all.
    #[error("the registry holds at most {MAX_OWNERS} owners")]
    TooManyOwners,
}

/// Bytes of an owner at most: a full JID's (RFC 7622 §3.1: three parts of 1023 octets and two separators).
pub const MAX_OWNER_LEN: usize = 3071;
/// Devices of one owner at most.
pub const MAX_DEVICES_PER_OWNER: usize = 100;
/// Devices of all owners at most.
pub const MAX_DEVICES: usize = 4_000_000;
/// Owners at most, with and without devices.
pub const MAX_OWNERS: usize = 4_000_000;

/// Owner → devices.
#[derive(Debug)]
pub struct Registry {}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }

    /// Adds a device; the same token again replaces kind and time of registration.
    pub fn register(&self, _owner: &[u8], _device: Device) -> Result<(), RegistryError> {
        todo!()
    }

    /// Removes a device; the last one leaves a known owner without devices. `false`: was not there.
    pub fn unregister(&self, _owner: &[u8], _token: &DeviceToken) -> bool {
        todo!()
    }

    /// Replaces all devices of an owner; of a token given twice the later counts.
    pub fn set_devices(&self, _owner: &[u8], _devices: Vec<Device>) -> Result<(), RegistryError> {
        todo!()
    }

    /// The owner becomes unknown. `false`: was not known.
    pub fn forget_owner(&self, _owner: &[u8]) -> bool {
        todo!()
    }

    /// Calls `f` with the owner's shared key and devices; `None`: unknown owner. `f` runs under a read lock.
    pub fn with_devices<T>(
        &self,
        _owner: &[u8],
        _f: impl FnOnce(&Arc<[u8]>, &[Device]) -> T,
    ) -> Option<T> {
        todo!()
    }

    /// When this device of this owner was registered, Unix milliseconds.
    #[must_use]
    pub fn registered_at_ms(&self, _owner: &[u8], _token: &DeviceToken) -> Option<u64> {
        todo!()
    }

    /// How many owners are known.
    #[must_use]
    pub fn owners(&self) -> usize {
        todo!()
    }

    /// How many devices all owners have.
    #[must_use]
    pub fn devices(&self) -> usize {
        todo!()
    }
}
