//! Which waiting item is for a device and has a collapse-id: a hash table whose chains run through the items.
//!
//! It grows and shrinks with what waits: four to eight bytes for each item with a collapse-id, and eight in the item.

use std::hash::BuildHasher;

use super::entry::{Entry, Waiter};
use super::slab::{Id, Renamed, Slab};

/// Heads of the chains; a power of two of them, or none.
#[derive(Debug)]
pub(super) struct Index<S> {
    heads: Vec<Option<Id>>,
    len: usize,
    hasher: S,
}

impl<S: BuildHasher> Index<S> {
    pub(super) const fn new(hasher: S) -> Self {
        Self {
            heads: Vec::new(),
            len: 0,
            hasher,
        }
    }

    /// The hash of an item's key; `None` for an item without a collapse-id, which has none.
    pub(super) fn hash<T: Waiter>(&self, item: &T) -> Option<u32> {
        let collapse_id = item.collapse_id()?;
        let hash = self.hasher.hash_one((item.device_token(), collapse_id));
        // The lower half is as good as the whole: what it finds is compared.
        Some(hash as u32)
    }

    /// The member with the key of `item`, whose hash is given.
    pub(super) fn find<T: Waiter>(
        &self,
        entries: &Slab<Entry<T>>,
        hash: u32,
        item: &T,
    ) -> Option<Id> {
        let head = self
            .heads
            .get(hash as usize & self.mask())
            .copied()
            .flatten();
        std::iter::successors(head, |id| entries[*id].same_chain).find(|id| {
            let entry = &entries[*id];
            entry.hash == hash
                && entry.item.collapse_id() == item.collapse_id()
                && entry.item.device_token() == item.device_token()
        })
    }

    /// Adds a member that [`Self::find`] does not find, by the hash in its entry.
    pub(super) fn insert<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id) {
        if self.len >= self.heads.len() {
            self.resize(entries, (self.len * 2).max(FIRST_HEADS));
        }
        self.len += 1;
        self.link(entries, id);
    }

    pub(super) fn remove<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id) {
        let hash = entries[id].hash;
        let next = entries[id].same_chain.take();
        let mask = self.mask();
        let Some(mut link) = self.heads.get_mut(hash as usize & mask) else {
            return;
        };
        while let Some(member) = *link {
            if member == id {
                *link = next;
                self.len -= 1;
                return;
            }
            link = &mut entries[member].same_chain;
        }
    }

    /// The members have new names, and are few.
    pub(super) fn rename<T>(&mut self, entries: &mut Slab<Entry<T>>, renamed: &Renamed) {
        for head in &mut self.heads {
            renamed.apply(head);
        }
        let enough = self.len.next_power_of_two().max(FIRST_HEADS);
        if enough < self.heads.len() {
            self.resize(entries, enough);
        }
    }

    /// What the heads take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.heads.capacity() * size_of::<Option<Id>>()
    }

    /// Forgets all members.
    pub(super) fn clear(&mut self) {
        self.heads = Vec::new();
        self.len = 0;
    }

    fn resize<T>(&mut self, entries: &mut Slab<Entry<T>>, heads: usize) {
        for head in std::mem::replace(&mut self.heads, vec![None; heads]) {
            let mut link = head;
            while let Some(id) = link {
                link = entries[id].same_chain;
                self.link(entries, id);
            }
        }
    }

    fn link<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id) {
        let entry = &mut entries[id];
        let mask = self.mask();
        if let Some(head) = self.heads.get_mut(entry.hash as usize & mask) {
            entry.same_chain = head.replace(id);
        }
    }

    const fn mask(&self) -> usize {
        self.heads.len().wrapping_sub(1)
    }
}

/// Heads made when the first member comes.
const FIRST_HEADS: usize = 64;
