//! Which owners a full cache lets go: a clock. Its hand goes round over all owners; who was asked for since it last came
//! by loses a mark, who was not goes.
//!
//! So readers write nothing but that mark, and there is no list in the order of use. Owners without devices are
//! remembered too, and go first where there are many of them: to miss one costs a look-up, to miss another delays a push.

use std::sync::Arc;

use super::SHARDS;
use super::owned::Owned;
use super::shard::Owners;

/// What has left a cache to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evicted {
    /// Owners who became unknown.
    pub owners: u64,
    /// Owners among them who became known again. Too few where more than some million went in between.
    pub fetched_again: u64,
}

/// What there is no room for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    Owner,
    Device,
}

/// Who may go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    Anybody,
    WithDevices,
    WithoutDevices,
}

impl Choice {
    /// `without` of at most `limit` owners have no device.
    pub(super) fn new(wanted: Wanted, without: usize, limit: usize) -> Self {
        match wanted {
            Wanted::Device => Self::WithDevices,
            Wanted::Owner if without > limit / WITHOUT_DEVICES_SHARE => Self::WithoutDevices,
            Wanted::Owner => Self::Anybody,
        }
    }

    fn includes(self, owned: &Owned) -> bool {
        match self {
            Self::Anybody => true,
            Self::WithDevices => !owned.devices().is_empty(),
            Self::WithoutDevices => owned.devices().is_empty(),
        }
    }
}

/// What came of one look.
#[derive(Debug)]
pub(super) struct Swept {
    pub(super) gone: Vec<(Arc<[u8]>, Owned)>,
    pub(super) looked_at: usize,
}

/// The hand, and who went.
#[derive(Debug)]
pub(super) struct Clock {
    shard: usize,
    /// Owners of that shard, in the order of its table, that the hand has passed: not 0 where it is too large to be
    /// looked at at once. A change of the table may then let it miss some or see some twice: no harm among so many.
    passed: usize,
    rounds: u64,
    evicted: Evicted,
    /// A hash's upper half at the place that its lower half says; 0: nobody. Empty before the first eviction.
    gone: Box<[u32]>,
    places: usize,
}

impl Clock {
    /// For a cache of at most `limit` owners.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            shard: 0,
            passed: 0,
            rounds: 0,
            evicted: Evicted::default(),
            gone: Box::default(),
            places: limit.clamp(MIN_REMEMBERED, MAX_REMEMBERED),
        }
    }

    /// The shard that the hand is in.
    pub(super) fn shard(&self) -> usize {
        self.shard
    }

    /// How often the hand has been round.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(super) fn evicted(&self) -> Evicted {
        self.evicted
    }

    /// Moves the hand on over the owners of [`Self::shard`], as far as one lock may last; takes out who goes. `is_urgent`:
    /// whoever it comes by, marked or not.
    pub(super) fn sweep(&mut self, owners: &mut Owners, choice: Choice, is_urgent: bool) -> Swept {
        let mut looked_at = 0;
        let leaving: Vec<Arc<[u8]>> = owners
            .iter()
            .skip(self.passed)
            .take(MAX_LOOKED_AT)
            .inspect(|_| looked_at += 1)
            .filter(|(_, owned)| choice.includes(owned) && (!owned.take_mark() || is_urgent))
            .map(|(owner, _)| Arc::clone(owner))
            .take(MAX_BATCH)
            .collect();
        let gone: Vec<_> = leaving
            .iter()
            .filter_map(|owner| owners.remove_entry(owner))
            .collect();
        if gone.len() == MAX_BATCH || looked_at == MAX_LOOKED_AT {
            self.passed = (self.passed + looked_at).saturating_sub(gone.len());
        } else {
            self.passed = 0;
            self.shard = (self.shard + 1) % SHARDS;
            self.rounds += u64::from(self.shard == 0);
        }
        Swept { gone, looked_at }
    }

    /// Somebody of this hash became unknown to make room.
    pub(super) fn remember(&mut self, hash: u64) {
        self.evicted.owners += 1;
        if self.gone.is_empty() {
            // The system gives zeroes without touching them: only what is used takes memory.
            self.gone = vec![0; self.places].into_boxed_slice();
        }
        let (place, rest) = self.place(hash);
        if let Some(gone) = self.gone.get_mut(place) {
            *gone = rest;
        }
    }

    /// Somebody of this hash became known.
    pub(super) fn handle_new(&mut self, hash: u64) {
        let (place, rest) = self.place(hash);
        if let Some(gone) = self.gone.get_mut(place).filter(|gone| **gone == rest) {
            *gone = 0;
            self.evicted.fetched_again += 1;
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "either half of a hash is a hash"
    )]
    fn place(&self, hash: u64) -> (usize, u32) {
        (hash as usize % self.places, (hash >> 32) as u32 | 1)
    }
}

/// Above a quarter of the limit owners without devices go alone: so many are a use of the room, more are a flood.
const WITHOUT_DEVICES_SHARE: usize = 4;
/// So many owners go at once at most, and so many are looked at under one lock. The hand gets there over those that it
/// has passed before, a nanosecond or two each.
const MAX_BATCH: usize = 1024;
const MAX_LOOKED_AT: usize = 4096;
/// Owners that are spared for their marks while one waits for room. Where all are marked, as after the first fill, the
/// caller would else go round all of them.
pub(super) const MAX_SPARED: usize = 4 * MAX_LOOKED_AT;
/// Who went is remembered until another falls on the same place, of at most 4 MiB.
const MIN_REMEMBERED: usize = 4096;
const MAX_REMEMBERED: usize = 1 << 20;
