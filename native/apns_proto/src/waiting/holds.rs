//! Items that wait for a moment: those of a device that Apple throttles, and single ones that Apple answered with
//! "later".

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::time::Instant;

use super::entry::{Entry, Queue, Waiter};
use super::list::List;
use super::slab::{Id, Renamed, Slab};
use crate::device_token::DeviceToken;

/// Items that wait for the same moment, oldest first.
#[derive(Debug)]
struct Hold {
    due: Instant,
    /// Of two that are due at the same moment, the one made first comes first.
    number: u64,
    items: List<Queue>,
    /// The device of all its items; `None`: a single item's.
    device: Option<DeviceToken>,
}

/// All holds.
///
/// Each has an item that waits in it, but for at most [`MAX_IDLE`] devices whose delay is not over.
#[derive(Debug)]
pub(super) struct Holds<S> {
    holds: Slab<Hold>,
    by_due: BTreeMap<(Instant, u64), Id>,
    by_device: HashMap<DeviceToken, Id, S>,
    made: u64,
    /// Devices without a waiting item.
    idle: usize,
    waiting: usize,
}

impl<S: BuildHasher> Holds<S> {
    pub(super) fn new(hasher: S) -> Self {
        Self {
            holds: Slab::default(),
            by_due: BTreeMap::new(),
            by_device: HashMap::with_hasher(hasher),
            made: 0,
            idle: 0,
            waiting: 0,
        }
    }

    // -- getters

    /// How many items wait in holds.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many holds there are.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.holds.len()
    }

    /// When the first is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.by_due.keys().next().map(|(due, _)| *due)
    }

    /// The hold of a device that Apple throttles.
    pub(super) fn of_device(&self, token: &DeviceToken) -> Option<Id> {
        // Nearly always nobody is throttled: then do not even hash.
        if self.by_device.is_empty() {
            return None;
        }
        self.by_device.get(token).copied()
    }

    /// Whether the hold is a device's.
    pub(super) fn is_of_device(&self, hold: Id) -> bool {
        self.holds[hold].device.is_some()
    }

    // -- commands

    /// A hold for a single item, which the caller adds.
    pub(super) fn make_single(&mut self, due: Instant) -> Id {
        self.make(due, None)
    }

    /// The hold of a device, until `due` at least. If it is new, the caller adds an item.
    pub(super) fn make_of_device(&mut self, token: &DeviceToken, due: Instant) -> Id {
        let Some(hold) = self.of_device(token) else {
            let hold = self.make(due, Some(token.clone()));
            self.by_device.insert(token.clone(), hold);
            self.idle += 1;
            return hold;
        };
        self.extend(hold, due);
        hold
    }

    /// Remembers that a device has to wait until `due` at least, though no item of its may wait for that.
    pub(super) fn remember(&mut self, token: &DeviceToken, due: Instant) {
        if self.of_device(token).is_some() || self.idle < MAX_IDLE {
            self.make_of_device(token, due);
        }
    }

    /// Adds an item behind the others.
    pub(super) fn push_back<T>(&mut self, entries: &mut Slab<Entry<T>>, hold: Id, id: Id) {
        self.insert_before(entries, hold, None, id);
    }

    /// Adds an item before those that are newer: for what had its turn, and is older than nearly all.
    pub(super) fn insert_by_order<T: Waiter>(
        &mut self,
        entries: &mut Slab<Entry<T>>,
        hold: Id,
        id: Id,
    ) {
        let order = entries[id].item.order();
        let next = {
            let mut first = self.holds[hold].items.iter(entries).take(SEARCHED);
            first.find(|other| entries[*other].item.order() > order)
        };
        self.insert_before(entries, hold, next, id);
    }

    /// Takes an item out of its hold; a hold that nobody needs any more goes.
    pub(super) fn unlink<T>(&mut self, entries: &mut Slab<Entry<T>>, id: Id) {
        let Some(hold) = entries[id].hold.take() else {
            return;
        };
        self.waiting -= 1;
        let items = &mut self.holds[hold].items;
        items.unlink(entries, id);
        if !items.is_empty() {
            return;
        }
        if self.is_of_device(hold) {
            self.idle += 1;
        }
        if !self.is_of_device(hold) || self.idle > MAX_IDLE {
            self.forget(hold);
        }
    }

    /// Ends the holds whose moment has come. Returns their items, which stand in no queue now, the last first:
    /// put each at the front of its lane, and the one due first is in front.
    pub(super) fn take_due<T>(&mut self, entries: &mut Slab<Entry<T>>, now: Instant) -> Vec<Id> {
        let mut due = Vec::new();
        while let Some((&(at, _), &hold)) = self.by_due.first_key_value()
            && at <= now
        {
            let before = due.len();
            due.extend(self.holds[hold].items.iter(entries));
            for id in due.iter().skip(before) {
                self.holds[hold].items.unlink(entries, *id);
                entries[*id].hold = None;
            }
            self.waiting -= due.len() - before;
            if due.len() > before && self.is_of_device(hold) {
                self.idle += 1;
            }
            self.forget(hold);
        }
        due.reverse();
        due
    }

    /// Gives memory back after a burst.
    pub(super) fn compact<T>(&mut self, entries: &mut Slab<Entry<T>>) {
        let Some(renamed) = self.holds.compact() else {
            return;
        };
        let tables = self.by_due.values_mut().chain(self.by_device.values_mut());
        for hold in tables {
            *hold = renamed.get(*hold).unwrap_or(*hold);
        }
        for entry in entries.values_mut() {
            renamed.apply(&mut entry.hold);
        }
        self.by_device.shrink_to_fit();
    }

    /// The items have new names.
    pub(super) fn rename(&mut self, renamed: &Renamed) {
        for hold in self.holds.values_mut() {
            hold.items.rename(renamed);
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.holds = Slab::default();
        self.by_due.clear();
        self.by_device.clear();
        (self.idle, self.waiting) = (0, 0);
    }

    // -- inside

    fn make(&mut self, due: Instant, device: Option<DeviceToken>) -> Id {
        self.made += 1;
        let number = self.made;
        let items = List::default();
        let hold = self.holds.insert(Hold {
            due,
            number,
            items,
            device,
        });
        self.by_due.insert((due, number), hold);
        hold
    }

    fn extend(&mut self, hold: Id, due: Instant) {
        let Hold {
            due: known, number, ..
        } = self.holds[hold];
        if known < due {
            self.by_due.remove(&(known, number));
            self.by_due.insert((due, number), hold);
            self.holds[hold].due = due;
        }
    }

    fn insert_before<T>(
        &mut self,
        entries: &mut Slab<Entry<T>>,
        hold: Id,
        next: Option<Id>,
        id: Id,
    ) {
        if self.is_of_device(hold) && self.holds[hold].items.is_empty() {
            self.idle -= 1;
        }
        self.waiting += 1;
        self.holds[hold].items.insert_before(entries, next, id);
        entries[id].hold = Some(hold);
    }

    /// Removes an empty hold.
    fn forget(&mut self, hold: Id) {
        let Hold {
            due,
            number,
            device,
            ..
        } = self.holds.remove(hold);
        self.by_due.remove(&(due, number));
        if let Some(device) = device {
            self.by_device.remove(&device);
            self.idle -= 1;
        }
    }
}

/// Throttled devices remembered though nothing waits for them: their pushes expired before the delay was over. Beyond
/// that one is forgotten, and the device's next push asks Apple once more.
pub(super) const MAX_IDLE: usize = 1024;
/// Items looked at for the right place of one that comes back: more than a device has in flight unless all pushes are
/// for it, and then the order is nearly right.
const SEARCHED: usize = 256;
