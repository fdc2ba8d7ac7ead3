//! Owner → devices: the node's hot copy, read by every `notify`. The truth is the caller's database.
//!
//! Sharded, so that a write (or the rehash of a growing table) holds up one reader in 64, and a read
//! takes a read lock only. Bounded in every direction: a table refuses by name what is over a bound, a cache makes room.
//!
//! - `device`: a device, and what is too many of them
//! - `owned`: one owner's devices, and whether they were asked for
//! - `shard`: a part of the owners behind one lock
//! - `eviction`: which owner a full cache lets go

mod device;
mod eviction;
mod owned;
mod shard;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apns_proto::device_token::DeviceToken;

pub use self::device::{Device, DeviceKind, MAX_DEVICES_PER_OWNER, MAX_OWNER_LEN, RegistryError};
use self::device::{check_length, without_repetition};
pub use self::eviction::Evicted;
use self::eviction::{Choice, Clock, MAX_SPARED, Wanted};
use self::owned::Owned;
use self::shard::{Bounded, Owners, Shard};

/// What stands behind a registry, and so what it does when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistryKind {
    /// Nothing, as far as the registry knows: what is over the limit is refused.
    #[default]
    Table,
    /// A database that has all devices: owners who were not asked for lately become unknown again to make room, and
    /// the caller fetches them when it needs them.
    Cache,
}

/// Owner → devices, shared by all threads.
///
/// An owner is known or unknown; a known one may have no device. That is not the same: for an unknown owner the
/// caller asks its database. Of a known owner all devices are known.
///
/// A device costs at most 150 bytes beyond its token and its owner's name.
pub struct Registry {
    shards: Box<[Shard; SHARDS]>,
    hasher: RandomState,
    owners: Bounded,
    without_devices: AtomicUsize,
    devices: Bounded,
    /// Of a cache.
    clock: Option<Mutex<Clock>>,
}

impl Registry {
    /// An empty registry for `limit` owners, with and without devices, and as many devices. A limit below
    /// [`MAX_DEVICES_PER_OWNER`] counts as that: any one owner finds room in an empty registry.
    #[must_use]
    pub fn new(kind: RegistryKind, limit: usize) -> Self {
        Self::with_bounds(kind, limit, limit.max(MAX_DEVICES_PER_OWNER))
    }

    fn with_bounds(kind: RegistryKind, owners: usize, devices: usize) -> Self {
        let clock = match kind {
            RegistryKind::Table => None,
            RegistryKind::Cache => Some(Mutex::new(Clock::new(owners))),
        };
        Self {
            shards: Box::new(std::array::from_fn(|_| Shard::default())),
            hasher: RandomState::new(),
            owners: Bounded::new(owners),
            without_devices: AtomicUsize::new(0),
            devices: Bounded::new(devices),
            clock,
        }
    }

    /// Adds a device; the owner becomes known. The same token again replaces kind and time of registration.
    ///
    /// In a cache an unknown owner stays unknown: the database may have more devices than this one, and has this one.
    ///
    /// # Errors
    /// Every [`RegistryError`]; nothing has changed then.
    pub fn register(&self, owner: &[u8], device: Device) -> Result<(), RegistryError> {
        check_length(owner)?;
        self.making_room(|| self.try_register(owner, &device))
    }

    fn try_register(&self, owner: &[u8], device: &Device) -> Result<(), RegistryError> {
        let mut shard = self.shard(owner).write();
        let Some(owned) = shard.get_mut(owner) else {
            return match self.clock {
                Some(_) => Ok(()),
                None => {
                    let mut devices: Box<[Device]> = Box::new([device.clone()]);
                    self.insert(&mut shard, owner, &mut devices)
                }
            };
        };
        let mut devices = owned.devices().to_vec();
        let is_full = devices.len() >= MAX_DEVICES_PER_OWNER;
        let mut known = devices.iter_mut();
        match known.find(|known| known.token == device.token) {
            Some(known) => *known = device.clone(),
            None if is_full => return Err(RegistryError::TooManyDevicesOfOwner),
            None => devices.push(device.clone()),
        }
        self.replace(owned, &mut devices.into_boxed_slice())
    }

    /// Removes a device. The last one leaves a known owner without devices. `false`: it was not there.
    pub fn unregister(&self, owner: &[u8], token: &DeviceToken) -> bool {
        if check_length(owner).is_err() {
            return false;
        }
        let mut shard = self.shard(owner).write();
        let Some(owned) = shard.get_mut(owner) else {
            return false;
        };
        let before = owned.devices();
        let mut rest: Box<[Device]> = before
            .iter()
            .filter(|device| device.token != *token)
            .cloned()
            .collect();
        // Fewer than before find room.
        rest.len() < before.len() && self.replace(owned, &mut rest).is_ok()
    }

    /// Replaces all devices of an owner, who becomes known. Of a token given twice the later one counts.
    ///
    /// # Errors
    /// Every [`RegistryError`]; nothing has changed then. A cache makes room, so only the first two.
    pub fn set_devices(&self, owner: &[u8], devices: Vec<Device>) -> Result<(), RegistryError> {
        check_length(owner)?;
        let mut devices = without_repetition(devices)?;
        let is_new = self.making_room(|| {
            let mut shard = self.shard(owner).write();
            match shard.get_mut(owner) {
                Some(owned) => self.replace(owned, &mut devices).map(|()| false),
                None => self.insert(&mut shard, owner, &mut devices).map(|()| true),
            }
        })?;
        if let (Some(clock), true) = (&self.clock, is_new) {
            lock(clock).handle_new(self.hasher.hash_one(owner));
        }
        Ok(())
    }

    /// Makes an owner unknown. `false`: it was not known.
    pub fn forget_owner(&self, owner: &[u8]) -> bool {
        if check_length(owner).is_err() {
            return false;
        }
        let Some(owned) = self.shard(owner).write().remove(owner) else {
            return false;
        };
        self.count_gone([&owned]);
        true
    }

    /// Makes all owners unknown, and gives their memory back here and now.
    pub fn clear(&self) {
        for shard in self.shards.iter() {
            let owners = mem::take(&mut *shard.write());
            self.count_gone(owners.values());
        }
    }

    /// Calls `f` with the owner's name, shared so that pushes can keep it without a copy, and devices in the order
    /// of registration. `None`: the owner is unknown. Who is asked for stays in a cache for longer.
    ///
    /// `f` runs under the shard's read lock: it must be short and must not call the registry.
    pub fn with_devices<T>(
        &self,
        owner: &[u8],
        f: impl FnOnce(&Arc<[u8]>, &[Device]) -> T,
    ) -> Option<T> {
        self.with_owned(owner, |owner, owned| {
            owned.mark();
            f(owner, owned.devices())
        })
    }

    /// How many devices an owner has, of either kind. `None`: the owner is unknown.
    #[must_use]
    pub fn count_devices(&self, owner: &[u8]) -> Option<usize> {
        self.with_devices(owner, |_, devices| devices.len())
    }

    /// When this device of this owner was last registered, in Unix milliseconds; `None`: it is not registered.
    #[must_use]
    pub fn registered_at_ms(&self, owner: &[u8], token: &DeviceToken) -> Option<u64> {
        // The engine's question after a push, not a sign that another will come.
        self.with_owned(owner, |_, owned| {
            let mut devices = owned.devices().iter();
            devices
                .find(|device| device.token == *token)
                .map(|device| device.registered_at_ms)
        })
        .flatten()
    }

    fn with_owned<T>(&self, owner: &[u8], f: impl FnOnce(&Arc<[u8]>, &Owned) -> T) -> Option<T> {
        // Nobody of this name was ever taken, and to hash it takes as long as it is.
        check_length(owner).ok()?;
        let shard = self.shard(owner).read();
        let (owner, owned) = shard.get_key_value(owner)?;
        Some(f(owner, owned))
    }

    /// How many owners are known.
    #[must_use]
    pub fn owners(&self) -> usize {
        self.owners.get()
    }

    /// How many of them have no device.
    #[must_use]
    pub fn owners_without_devices(&self) -> usize {
        self.without_devices.load(Relaxed)
    }

    /// How many devices all owners have.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.devices.get()
    }

    /// How many owners became unknown to make room, and how many of those were set again since.
    #[must_use]
    pub fn evicted(&self) -> Evicted {
        let clock = self.clock.as_ref();
        clock.map_or_else(Evicted::default, |clock| lock(clock).evicted())
    }

    /// Does it; where the registry is full of owners or devices and is a cache, makes room and does it again.
    fn making_room<T>(
        &self,
        mut act: impl FnMut() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        loop {
            let result = act();
            let wanted = match result {
                Err(RegistryError::TooManyOwners) => Wanted::Owner,
                Err(RegistryError::TooManyDevices) => Wanted::Device,
                _ => return result,
            };
            if !self.make_room(wanted) {
                return result;
            }
        }
    }

    /// Must not be called under a shard's lock: it takes one after the other. `false`: there is no more to be made.
    fn make_room(&self, wanted: Wanted) -> bool {
        let Some(clock) = &self.clock else {
            return false;
        };
        let mut clock = lock(clock);
        let choice = Choice::new(wanted, self.owners_without_devices(), self.owners.max);
        let last = clock.rounds() + ROUNDS;
        let mut looked_at = 0;
        while clock.rounds() < last {
            let Some(shard) = self.shards.get(clock.shard()) else {
                return false;
            };
            let is_urgent = looked_at >= MAX_SPARED;
            let swept = clock.sweep(&mut shard.write(), choice, is_urgent);
            looked_at += swept.looked_at;
            let gone = swept.gone;
            if !gone.is_empty() {
                self.count_gone(gone.iter().map(|(_, owned)| owned));
                for (owner, _) in &gone {
                    clock.remember(self.hasher.hash_one(&**owner));
                }
                return true;
            }
        }
        false
    }

    fn insert(
        &self,
        shard: &mut Owners,
        owner: &[u8],
        devices: &mut Box<[Device]>,
    ) -> Result<(), RegistryError> {
        self.owners.add(1).ok_or(RegistryError::TooManyOwners)?;
        if self.devices.add(devices.len()).is_none() {
            self.owners.subtract(1);
            return Err(RegistryError::TooManyDevices);
        }
        self.without_devices
            .fetch_add(usize::from(devices.is_empty()), Relaxed);
        shard.insert(owner.into(), Owned::new(mem::take(devices)));
        Ok(())
    }

    fn replace(&self, owned: &mut Owned, devices: &mut Box<[Device]>) -> Result<(), RegistryError> {
        let (old, new) = (owned.devices().len(), devices.len());
        self.devices
            .add(new.saturating_sub(old))
            .ok_or(RegistryError::TooManyDevices)?;
        self.devices.subtract(old.saturating_sub(new));
        self.without_devices
            .fetch_add(usize::from(new == 0), Relaxed);
        self.without_devices
            .fetch_sub(usize::from(old == 0), Relaxed);
        owned.set(mem::take(devices));
        Ok(())
    }

    fn count_gone<'o>(&self, gone: impl IntoIterator<Item = &'o Owned>) {
        let (mut owners, mut devices, mut without) = (0, 0, 0);
        for owned in gone {
            owners += 1;
            devices += owned.devices().len();
            without += usize::from(owned.devices().is_empty());
        }
        self.owners.subtract(owners);
        self.devices.subtract(devices);
        self.without_devices.fetch_sub(without, Relaxed);
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

/// A poisoned one is taken all the same: at worst its hand stands elsewhere.
fn lock(clock: &Mutex<Clock>) -> MutexGuard<'_, Clock> {
    clock.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 64;
/// The first round may find all marked, the second then finds one that is not; the third ends the one begun midway.
const ROUNDS: u64 = 3;

#[cfg(test)]
mod tests;
