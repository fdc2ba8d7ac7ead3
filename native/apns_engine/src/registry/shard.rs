//! A part of the owners behind one lock, and counts over all parts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::owned::Owned;

/// Devices rarely change, so [`Owned`] has no spare capacity.
pub(super) type Owners = HashMap<Arc<[u8]>, Owned>;

/// One part of the owners, on cache lines of its own: readers of neighbours do not disturb each other.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Shard(RwLock<Owners>);

impl Shard {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Owners> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A poisoned lock is taken all the same: every change leaves each owner's devices whole.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Owners> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A count with a bound, for all shards together.
pub(super) struct Bounded {
    count: AtomicUsize,
    pub(super) max: usize,
}

impl Bounded {
    pub(super) fn new(max: usize) -> Self {
        let count = AtomicUsize::new(0);
        Self { count, max }
    }

    /// `None`: the bound would be passed, and nothing was added.
    pub(super) fn add(&self, n: usize) -> Option<()> {
        let within = |count: usize| count.checked_add(n).filter(|count| *count <= self.max);
        self.count
            .fetch_update(Relaxed, Relaxed, within)
            .ok()
            .map(drop)
    }

    pub(super) fn subtract(&self, n: usize) {
        self.count.fetch_sub(n, Relaxed);
    }

    pub(super) fn get(&self) -> usize {
        self.count.load(Relaxed)
    }
}
