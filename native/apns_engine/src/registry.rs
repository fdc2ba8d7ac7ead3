//! Owner → devices: the node's hot copy, read by every `notify`. The truth is the caller's database.
//!
//! Sharded, so that a write (or the rehash of a growing table) holds up one reader in 64, and a read
//! takes a read lock only. Bounded in every direction; what is over a bound is refused by name.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::hash::BuildHasher;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    /// All owners together would have more than [`MAX_DEVICES`].
    #[error("the registry holds at most {MAX_DEVICES} devices")]
    TooManyDevices,
    /// There would be more than [`MAX_OWNERS`].
    #[error("the registry holds at most {MAX_OWNERS} owners")]
    TooManyOwners,
}

/// Longest owner, in bytes: a full JID, three parts of 1023 bytes and two separators (RFC 7622 §3.1). ejabberd's
/// owners are bare JIDs, at most 2047.
pub const MAX_OWNER_LEN: usize = 3071;
/// Devices of one owner at most: far more than anybody carries, and what one `notify` may queue at once.
pub const MAX_DEVICES_PER_OWNER: usize = 100;
/// Devices of all owners at most: some 0.8 GB.
pub const MAX_DEVICES: usize = 4_000_000;
/// Owners at most, with and without devices.
pub const MAX_OWNERS: usize = 4_000_000;

/// Owner → devices, shared by all threads.
///
/// An owner is known or unknown; a known one may have no device. That is not the same: for an unknown owner the
/// caller asks its database.
///
/// A device costs at most 150 bytes beyond its token and its owner's name.
pub struct Registry {
    shards: Box<[Shard; SHARDS]>,
    hasher: RandomState,
    owners: Bounded,
    devices: Bounded,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::with_bounds(MAX_OWNERS, MAX_DEVICES)
    }

    fn with_bounds(owners: usize, devices: usize) -> Self {
        Self {
            shards: Box::new(std::array::from_fn(|_| Shard::default())),
            hasher: RandomState::new(),
            owners: Bounded::new(owners),
            devices: Bounded::new(devices),
        }
    }

    /// Adds a device; the owner becomes known. The same token again replaces kind and time of registration.
    ///
    /// # Errors
    /// Every [`RegistryError`]; nothing has changed then.
    pub fn register(&self, owner: &[u8], device: Device) -> Result<(), RegistryError> {
        check_length(owner)?;
        let mut shard = self.shard(owner).write();
        let Some(devices) = shard.get_mut(owner) else {
            self.owners.add(1).ok_or(RegistryError::TooManyOwners)?;
            if self.devices.add(1).is_none() {
                self.owners.subtract(1);
                return Err(RegistryError::TooManyDevices);
            }
            shard.insert(owner.into(), Box::new([device]));
            return Ok(());
        };
        if let Some(known) = devices.iter_mut().find(|known| known.token == device.token) {
            *known = device;
            return Ok(());
        }
        if devices.len() >= MAX_DEVICES_PER_OWNER {
            return Err(RegistryError::TooManyDevicesOfOwner);
        }
        self.devices.add(1).ok_or(RegistryError::TooManyDevices)?;
        let mut grown = mem::take(devices).into_vec();
        grown.reserve_exact(1);
        grown.push(device);
        *devices = grown.into_boxed_slice();
        Ok(())
    }

    /// Removes a device. The last one leaves a known owner without devices. `false`: it was not there.
    pub fn unregister(&self, owner: &[u8], token: &DeviceToken) -> bool {
        if check_length(owner).is_err() {
            return false;
        }
        let mut shard = self.shard(owner).write();
        let Some(devices) = shard.get_mut(owner) else {
            return false;
        };
        let before = devices.len();
        let mut rest = mem::take(devices).into_vec();
        rest.retain(|device| device.token != *token);
        *devices = rest.into_boxed_slice();
        let removed = before - devices.len();
        self.devices.subtract(removed);
        removed > 0
    }

    /// Replaces all devices of an owner, who becomes known. Of a token given twice the later one counts.
    ///
    /// # Errors
    /// Every [`RegistryError`]; nothing has changed then.
    pub fn set_devices(&self, owner: &[u8], devices: Vec<Device>) -> Result<(), RegistryError> {
        check_length(owner)?;
        let devices = without_repetition(devices)?;
        let new = devices.len();
        let mut shard = self.shard(owner).write();
        match shard.get_mut(owner) {
            Some(place) => {
                let old = place.len();
                self.devices
                    .add(new.saturating_sub(old))
                    .ok_or(RegistryError::TooManyDevices)?;
                self.devices.subtract(old.saturating_sub(new));
                *place = devices;
            }
            None => {
                self.owners.add(1).ok_or(RegistryError::TooManyOwners)?;
                if self.devices.add(new).is_none() {
                    self.owners.subtract(1);
                    return Err(RegistryError::TooManyDevices);
                }
                shard.insert(owner.into(), devices);
            }
        }
        Ok(())
    }

    /// Makes an owner unknown. `false`: it was not known.
    pub fn forget_owner(&self, owner: &[u8]) -> bool {
        if check_length(owner).is_err() {
            return false;
        }
        let Some(devices) = self.shard(owner).write().remove(owner) else {
            return false;
        };
        self.owners.subtract(1);
        self.devices.subtract(devices.len());
        true
    }

    /// Makes all owners unknown, and gives their memory back here and now.
    pub fn clear(&self) {
        for shard in self.shards.iter() {
            let owners = mem::take(&mut *shard.write());
            self.owners.subtract(owners.len());
            self.devices
                .subtract(owners.values().map(|devices| devices.len()).sum());
        }
    }

    /// Calls `f` with the owner's name, shared so that pushes can keep it without a copy, and devices in the order
    /// of registration. `None`: the owner is unknown.
    ///
    /// `f` runs under the shard's read lock: it must be short and must not call the registry.
    pub fn with_devices<T>(
        &self,
        owner: &[u8],
        f: impl FnOnce(&Arc<[u8]>, &[Device]) -> T,
    ) -> Option<T> {
        // Nobody of this name was ever taken, and to hash it takes as long as it is.
        check_length(owner).ok()?;
        let shard = self.shard(owner).read();
        let (owner, devices) = shard.get_key_value(owner)?;
        Some(f(owner, devices))
    }

    /// How many devices an owner has, of either kind. `None`: the owner is unknown.
    #[must_use]
    pub fn count_devices(&self, owner: &[u8]) -> Option<usize> {
        self.with_devices(owner, |_, devices| devices.len())
    }

    /// When this device of this owner was last registered, in Unix milliseconds; `None`: it is not registered.
    #[must_use]
    pub fn registered_at_ms(&self, owner: &[u8], token: &DeviceToken) -> Option<u64> {
        self.with_devices(owner, |_, devices| {
            let device = devices.iter().find(|device| device.token == *token);
            device.map(|device| device.registered_at_ms)
        })
        .flatten()
    }

    /// How many owners are known.
    #[must_use]
    pub fn owners(&self) -> usize {
        self.owners.get()
    }

    /// How many devices all owners have.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.get()
    }

    /// Hashed with a key of its own: with the tables' key, all owners of a shard would crowd the same buckets.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "the remainder is below the length of the array"
    )]
    fn shard(&self, owner: &[u8]) -> &Shard {
        &self.shards[self.hasher.hash_one(owner) as usize % SHARDS]
    }
}

/// Counts only: whose device is where is nobody's business, and there may be millions.
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("owners", &self.owners())
            .field("devices", &self.devices())
            .finish_non_exhaustive()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// A box rather than a `Vec` per owner saves 8 bytes and the spare capacity; devices rarely change.
type Owners = HashMap<Arc<[u8]>, Box<[Device]>>;

/// One part of the owners, on cache lines of its own: readers of neighbours do not disturb each other.
#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<Owners>);

impl Shard {
    fn read(&self) -> RwLockReadGuard<'_, Owners> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poisoned lock is taken all the same: every change leaves each owner's devices whole.
    fn write(&self) -> RwLockWriteGuard<'_, Owners> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count with a bound, for all shards together.
struct Bounded {
    count: AtomicUsize,
    max: usize,
}

impl Bounded {
    fn new(max: usize) -> Self {
        let count = AtomicUsize::new(0);
        Self { count, max }
    }

    /// `None`: the bound would be passed, and nothing was added.
    fn add(&self, n: usize) -> Option<()> {
        let within = |count: usize| count.checked_add(n).filter(|count| *count <= self.max);
        self.count
            .fetch_update(Relaxed, Relaxed, within)
            .ok()
            .map(drop)
    }

    fn subtract(&self, n: usize) {
        self.count.fetch_sub(n, Relaxed);
    }

    fn get(&self) -> usize {
        self.count.load(Relaxed)
    }
}

fn check_length(owner: &[u8]) -> Result<(), RegistryError> {
    match owner.len() {
        1..=MAX_OWNER_LEN => Ok(()),
        _ => Err(RegistryError::OwnerLength),
    }
}

fn without_repetition(devices: Vec<Device>) -> Result<Box<[Device]>, RegistryError> {
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

const SHARDS: usize = 64;

#[cfg(test)]
mod tests;
