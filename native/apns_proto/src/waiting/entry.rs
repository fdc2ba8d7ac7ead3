//! What can wait, and what is kept beside it while it does.

use std::time::Instant;

use super::list::{Linked, Links};
use super::slab::{Id, Renamed};
use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::lanes::Lane;
use crate::now::Now;

/// What can wait in [`Waiting`](super::Waiting). What it answers must not change while it waits.
pub trait Waiter {
    /// What it competes with.
    fn lane(&self) -> Lane;

    /// Whom it is for.
    fn device_token(&self) -> &DeviceToken;

    /// With which others it shares one notification on the device, if any.
    fn collapse_id(&self) -> Option<&CollapseId>;

    /// From when on it may not be sent any more, as far as the clocks of `now` tell.
    fn deadline(&self, now: Now) -> Instant;

    /// Its age among all that came: of two, the newer has the larger number.
    fn order(&self) -> u64;

    /// Gives it its number, when it comes for the first time.
    fn set_order(&mut self, order: u64);
}

/// A waiting item and its places in all lists. Small, as there may be a hundred thousand of them.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) item: T,
    in_queue: Links,
    in_bucket: Links,
    /// The next in its chain of the index.
    pub(super) same_chain: Option<Id>,
    /// Of its key; 0 without a collapse-id.
    pub(super) hash: u32,
    /// The hold in which it is queued; `None`: in its lane.
    pub(super) hold: Option<Id>,
    pub(super) bucket: u16,
}

impl<T> Entry<T> {
    /// An item that stands in no list yet.
    pub(super) fn new(item: T, hash: u32) -> Self {
        Self {
            item,
            in_queue: Links::default(),
            in_bucket: Links::default(),
            same_chain: None,
            hash,
            hold: None,
            bucket: 0,
        }
    }

    pub(super) fn rename(&mut self, renamed: &Renamed) {
        self.in_queue.rename(renamed);
        self.in_bucket.rename(renamed);
        renamed.apply(&mut self.same_chain);
    }
}

/// Lists in which an item waits for its turn: a lane or a hold.
#[derive(Debug)]
pub(super) struct Queue;

/// Lists of items whose deadlines are near each other.
#[derive(Debug)]
pub(super) struct Bucket;

impl<T> Linked<Queue> for Entry<T> {
    fn links(&self) -> &Links {
        &self.in_queue
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.in_queue
    }
}

impl<T> Linked<Bucket> for Entry<T> {
    fn links(&self) -> &Links {
        &self.in_bucket
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.in_bucket
    }
}
