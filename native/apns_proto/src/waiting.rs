//! Pushes that wait: in which order they leave, which is superseded by a newer one, which has waited too long.
//!
//! - Calls leave before messages, messages before background pushes ([`Lane`]); first in, first out within a lane.
//! - **Newest wins**: of the pushes that wait with one collapse-id for one device, the newest is kept, in the place of the
//!   older one, whatever their lanes. Pushes without a collapse-id are never superseded, nor is what is in flight.
//! - What Apple answered with "later" is held until its moment. A device that Apple throttles (429) is held as a whole:
//!   its other pushes queue behind, in order, and those of other devices go on.
//! - What has passed its deadline is found within a second or two, at no cost for the others.
//!
//! No bound of its own: the engine's budget of count and bytes spans all that is inside. Everything kept here belongs
//! to an item that waits, but for up to 1,024 throttled devices (`MAX_IDLE`), and is given back when a burst has passed.

mod deadlines;
mod entry;
mod holds;
mod index;
mod list;
mod slab;
#[cfg(test)]
pub(crate) mod tests;

use std::hash::BuildHasher;
use std::time::Instant;

pub use entry::Waiter;

use crate::device_token::DeviceToken;
use crate::lanes::Lane;
use crate::now::Now;
use deadlines::Deadlines;
use entry::{Entry, Queue};
use holds::Holds;
use index::Index;
use list::List;
use slab::{Id, Slab};

/// Waiting items.
///
/// Items come by [`push`](Self::push), and those that had their turn come back by [`push_again`](Self::push_again),
/// [`hold`](Self::hold) or [`hold_device`](Self::hold_device); each of these may return an item that ends superseded. Items leave by
/// [`pop`](Self::pop). At [`poll_timeout`](Self::poll_timeout) call [`handle_timeout`](Self::handle_timeout), which returns those that waited too long.
/// So every item that comes leaves exactly once.
///
/// `S` hashes tokens and collapse-ids, which strangers choose: give it a random key.
///
/// ```
/// use std::{hash::RandomState, time::{Duration, Instant}};
/// use apns_proto::{apns_id::ApnsId, collapse_id::CollapseId, device_token::DeviceToken, now::Now, payload::Payload,
///     push_type::PushType, request::{Content, Headers, Request}, session::Push, waiting::Waiting};
///
/// let now = Now { instant: Instant::now(), unix_ms: 1_800_000_000_000 };
/// let push = |text: &'static str| {
///     let collapse_id = CollapseId::parse(b"chat-1").ok();
///     let headers = Headers::new(PushType::Alert, None, None, collapse_id).unwrap();
///     let payload = Payload::from_json(br#"{"aps":{"alert":"hi"}}"#, PushType::Alert).unwrap();
///     let device_token = DeviceToken::from_bytes(&[1; 32]).unwrap();
///     let content = Content { headers, payload };
///     let request = Request { apns_id: ApnsId::from_random([7; 16]), device_token, content };
///     Box::new(Push::new(request, text, now.instant + Duration::from_secs(60)))
/// };
/// let mut waiting = Waiting::new(now, RandomState::new());
/// assert!(waiting.push(now, push("hello")).is_none());
/// let superseded = waiting.push(now, push("hello, world")).expect("the older one");
/// assert_eq!(superseded.context, "hello");
/// assert_eq!(waiting.pop().expect("the newer one").context, "hello, world");
/// assert!(waiting.is_empty());
/// ```
#[derive(Debug)]
pub struct Waiting<T, S> {
    entries: Slab<Entry<T>>,
    lanes: [List<Queue>; Lane::COUNT],
    holds: Holds<S>,
    index: Index<S>,
    deadlines: Deadlines,
    /// The last number given to an item.
    came: u64,
}

impl<T: Waiter, S: BuildHasher + Clone> Waiting<T, S> {
    /// Nothing waits.
    pub fn new(now: Now, hasher: S) -> Self {
        Self {
            entries: Slab::default(),
            lanes: Default::default(),
            holds: Holds::new(hasher.clone()),
            index: Index::new(hasher),
            deadlines: Deadlines::new(now),
            came: 0,
        }
    }

    // -- getters

    /// How many items wait.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them wait for their turn only.
    pub const fn queued(&self) -> usize {
        self.len() - self.held()
    }

    /// How many of [`queued`](Self::queued) are in each lane, in the order in which the lanes are served.
    pub fn in_lanes(&self) -> [(Lane, usize); Lane::COUNT] {
        let [call, message, background] = &self.lanes;
        [
            (Lane::Call, call.len()),
            (Lane::Message, message.len()),
            (Lane::Background, background.len()),
        ]
    }

    /// How many of them are held back, each until a moment of its own or of its device.
    pub const fn held(&self) -> usize {
        self.holds.waiting()
    }

    /// Whether Apple throttles this device, so that nothing goes to it for a while.
    pub fn is_throttled(&self, token: &DeviceToken) -> bool {
        self.holds.of_device(token).is_some()
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // -- facts

    /// Puts what was held back to the front of the lanes when its moment has come, and takes out what may not be sent
    /// any more.
    #[must_use = "these items end"]
    pub fn handle_timeout(&mut self, now: Now) -> Vec<T> {
        if self.holds.next_due().is_some_and(|due| due <= now.instant) {
            for id in self.holds.take_due(&mut self.entries, now.instant) {
                self.queue_in_front(id);
            }
        }
        if now.instant < self.deadlines.poll_timeout() {
            return Vec::new();
        }
        let mut overdue = Vec::new();
        for id in self.deadlines.pass(&self.entries, now) {
            let deadline = self.entries[id].item.deadline(now);
            if deadline <= now.instant {
                overdue.push(self.remove(id));
            } else {
                self.deadlines.remove(&mut self.entries, id);
                self.deadlines.add(&mut self.entries, id, deadline);
            }
        }
        self.compact();
        overdue
    }

    // -- commands

    /// Takes a new item: to the end of its lane, or into the place of an older one with its key, which it returns.
    ///
    /// That place is the older one's in its lane or in its device's hold. An older one of another lane only gives way; and
    /// one that was held alone had been told "later" by Apple, which the newer was not: it goes at once.
    #[must_use = "the superseded item ends"]
    pub fn push(&mut self, now: Now, mut item: T) -> Option<T> {
        self.came += 1;
        item.set_order(self.came);
        let hash = self.index.hash(&item);
        let Some(older) = self.find(hash, &item) else {
            let id = self.insert(now, item, hash);
            self.queue_at_end(id);
            return None;
        };
        let same_lane = self.entries[older].item.lane() == item.lane();
        let hold = self.entries[older].hold;
        match hold.map(|hold| self.holds.is_of_device(hold)) {
            Some(true) => return Some(self.replace(now, older, item)),
            None if same_lane => return Some(self.replace(now, older, item)),
            Some(false) | None => {}
        }
        let superseded = self.remove(older);
        let id = self.insert(now, item, hash);
        if hold.is_some() {
            self.queue_in_front(id);
        } else {
            self.queue_at_end(id);
        }
        Some(superseded)
    }

    /// Takes back an item that had its turn and was surely not processed, or may be sent twice: to the front of its
    /// lane. Returns the item that ends superseded: this one if a newer one with its key waits, else an older one.
    #[must_use = "the superseded item ends"]
    pub fn push_again(&mut self, now: Now, item: T) -> Option<T> {
        self.come_back(now, item, Self::queue_in_front)
    }

    /// Takes over an item that waited elsewhere, with the order it has from there: to the end of its lane, or into the
    /// place of an older one with its key in that lane. Returns the item that ends superseded, as [`Self::push_again`] does.
    #[must_use = "the superseded item ends"]
    pub fn take_over(&mut self, now: Now, item: T) -> Option<T> {
        let hash = self.index.hash(&item);
        if let Some(other) = self.find(hash, &item) {
            let entry = &self.entries[other];
            let in_place = entry.hold.is_none() && entry.item.lane() == item.lane();
            if in_place && entry.item.order() < item.order() {
                return Some(self.replace(now, other, item));
            }
        }
        self.come_back(now, item, Self::queue_at_end)
    }

    /// Compares an item that is about to be sent from elsewhere with the one that waits here with its key: the newer one
    /// stays. `Ok`: send it; what waited here ends superseded. `Err`: it ends superseded itself.
    pub fn overtake(&mut self, item: T) -> Result<(T, Option<T>), T> {
        let hash = self.index.hash(&item);
        match self.find(hash, &item) {
            Some(other) if self.entries[other].item.order() > item.order() => Err(item),
            Some(other) => Ok((item, Some(self.remove(other)))),
            None => Ok((item, None)),
        }
    }

    /// Takes back an item that may be sent again from `until` on. Returns the item that ends superseded, as
    /// [`Self::push_again`] does.
    #[must_use = "the superseded item ends"]
    pub fn hold(&mut self, now: Now, item: T, until: Instant) -> Option<T> {
        self.come_back(now, item, |waiting, id| {
            let hold = waiting.holds.make_single(until);
            waiting.holds.push_back(&mut waiting.entries, hold, id);
        })
    }

    /// Takes back an item whose device Apple throttles: until `until`, or longer if an earlier call said so, nothing goes to
    /// that device. Returns the item that ends superseded, as [`Self::push_again`] does.
    #[must_use = "the superseded item ends"]
    pub fn hold_device(&mut self, now: Now, item: T, until: Instant) -> Option<T> {
        let device = item.device_token().clone();
        let superseded = self.come_back(now, item, |waiting, id| {
            let hold = waiting.holds.make_of_device(&device, until);
            waiting
                .holds
                .insert_by_order(&mut waiting.entries, hold, id);
        });
        // Also if the item itself ends: then the newer one has to wait.
        self.holds.remember(&device, until);
        superseded
    }

    /// Takes everything, oldest first, and forgets who is throttled; also after a panic that left things half done.
    pub fn take_all(&mut self) -> Vec<T> {
        let entries = std::mem::take(&mut self.entries);
        self.lanes = Default::default();
        self.holds.clear();
        self.index.clear();
        self.deadlines.clear();
        let mut all: Vec<_> = entries.into_values().map(|entry| entry.item).collect();
        all.sort_unstable_by_key(Waiter::order);
        all
    }

    // -- what to do next

    /// Takes the next item to send. What its device's throttling forbids to send is put aside on the way.
    pub fn pop(&mut self) -> Option<T> {
        loop {
            let id = self.lanes.iter().find_map(List::head)?;
            match self.holds.of_device(self.entries[id].item.device_token()) {
                None => return Some(self.remove(id)),
                Some(hold) => {
                    lane_of(&mut self.lanes, &self.entries[id].item).unlink(&mut self.entries, id);
                    self.holds.push_back(&mut self.entries, hold, id);
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] next has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = (!self.is_empty()).then(|| self.deadlines.poll_timeout());
        deadlines.into_iter().chain(self.holds.next_due()).min()
    }

    // -- inside

    fn find(&self, hash: Option<u32>, item: &T) -> Option<Id> {
        self.index.find(&self.entries, hash?, item)
    }

    /// Keeps an item, which stands in no queue yet.
    fn insert(&mut self, now: Now, item: T, hash: Option<u32>) -> Id {
        self.deadlines.note_time(now);
        let deadline = item.deadline(now);
        let id = self
            .entries
            .insert(Entry::new(item, hash.unwrap_or_default()));
        self.deadlines.add(&mut self.entries, id, deadline);
        if hash.is_some() {
            self.index.insert(&mut self.entries, id);
        }
        id
    }

    /// Puts a newer item into an older one's place.
    fn replace(&mut self, now: Now, id: Id, item: T) -> T {
        self.deadlines.note_time(now);
        let deadline = item.deadline(now);
        self.deadlines.remove(&mut self.entries, id);
        self.deadlines.add(&mut self.entries, id, deadline);
        std::mem::replace(&mut self.entries[id].item, item)
    }

    fn remove(&mut self, id: Id) -> T {
        let entry = &self.entries[id];
        let has_key = entry.item.collapse_id().is_some();
        if entry.hold.is_some() {
            self.holds.unlink(&mut self.entries, id);
        } else {
            lane_of(&mut self.lanes, &entry.item).unlink(&mut self.entries, id);
        }
        self.deadlines.remove(&mut self.entries, id);
        if has_key {
            self.index.remove(&mut self.entries, id);
        }
        self.entries.remove(id).item
    }

    /// Takes an item back unless a newer one with its key waits; an older one ends.
    fn come_back(&mut self, now: Now, item: T, queue: impl FnOnce(&mut Self, Id)) -> Option<T> {
        let hash = self.index.hash(&item);
        let superseded = match self.find(hash, &item) {
            // Not the one that waits is the newer for sure: of two in flight, the older may come back first.
            Some(other) if self.entries[other].item.order() > item.order() => return Some(item),
            Some(other) => Some(self.remove(other)),
            None => None,
        };
        let id = self.insert(now, item, hash);
        queue(self, id);
        superseded
    }

    fn queue_at_end(&mut self, id: Id) {
        lane_of(&mut self.lanes, &self.entries[id].item).push_back(&mut self.entries, id);
    }

    /// To the front of its lane, or in order to what waits for its device.
    fn queue_in_front(&mut self, id: Id) {
        let item = &self.entries[id].item;
        match self.holds.of_device(item.device_token()) {
            Some(hold) => self.holds.insert_by_order(&mut self.entries, hold, id),
            None => lane_of(&mut self.lanes, item).push_front(&mut self.entries, id),
        }
    }

    /// Gives memory back when a burst has passed.
    fn compact(&mut self) {
        self.holds.compact(&mut self.entries);
        let Some(renamed) = self.entries.compact() else {
            return;
        };
        for entry in self.entries.values_mut() {
            entry.rename(&renamed);
        }
        for lane in &mut self.lanes {
            lane.rename(&renamed);
        }
        self.holds.rename(&renamed);
        self.deadlines.rename(&renamed);
        self.index.rename(&mut self.entries, &renamed);
    }
}

fn lane_of<'l>(
    lanes: &'l mut [List<Queue>; Lane::COUNT],
    item: &impl Waiter,
) -> &'l mut List<Queue> {
    let [call, message, background] = lanes;
    match item.lane() {
        Lane::Call => call,
        Lane::Message => message,
        Lane::Background => background,
    }
}
