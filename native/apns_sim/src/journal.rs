//! The journal: all that arrived, in order, bounded, and waited on by threads and tasks alike.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::entry::Entry;
use crate::lock::lock;

/// A bounded ring of entries.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    max_entries: usize,
    max_bytes: usize,
    /// Wakes threads.
    grown: Condvar,
    /// Wakes tasks; the value only has to change.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The sequence number of the next entry.
    next: u64,
    dropped: u64,
    epoch: u64,
}

/// A part of the journal.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Arc<Entry>>,
    /// Where to read on.
    pub(crate) next: u64,
    /// Entries lost to the bounds since the last reset.
    pub(crate) dropped: u64,
    /// Counts the resets: a reader that sees it change starts over.
    pub(crate) epoch: u64,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    epoch: u64,
    sequence: u64,
}

/// What a reader asks for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// The first sequence number of interest.
    pub(crate) since: u64,
    pub(crate) token: Option<String>,
    pub(crate) limit: usize,
}

impl Journal {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let ring = Ring {
            entries: VecDeque::new(),
            bytes: 0,
            next: FIRST,
            dropped: 0,
            epoch: 1,
        };
        let (changed, _) = watch::channel(());
        Self {
            ring: Mutex::new(ring),
            max_entries,
            max_bytes,
            grown: Condvar::new(),
            changed,
        }
    }

    /// Adds an entry and gives it its sequence number; returns where it is to be found again.
    pub(crate) fn record(&self, mut entry: Entry) -> Place {
        let mut ring = lock(&self.ring);
        let place = Place {
            epoch: ring.epoch,
            sequence: ring.next,
        };
        entry.sequence = ring.next;
        ring.next += 1;
        ring.bytes += entry.cost();
        ring.entries.push_back(Arc::new(entry));
        while ring.entries.len() > self.max_entries || ring.bytes > self.max_bytes {
            let Some(oldest) = ring.entries.pop_front() else {
                break;
            };
            ring.bytes -= oldest.cost();
            ring.dropped += 1;
        }
        drop(ring);
        self.wake();
        place
    }

    /// An answer was written down and did not leave: `fault` is why.
    pub(crate) fn take_back(&self, place: Place, fault: &'static str) {
        let mut ring = lock(&self.ring);
        let oldest = ring.next - ring.entries.len() as u64;
        let index = place.sequence.checked_sub(oldest);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index
            .filter(|_| ring.epoch == place.epoch)
            .and_then(|index| ring.entries.get_mut(index))
        {
            let before = entry.cost();
            let changed = Arc::make_mut(entry);
            changed.take_back_answer(fault);
            let after = changed.cost();
            ring.bytes = ring.bytes - before + after;
        }
        drop(ring);
        self.wake();
    }

    /// Forgets all entries; sequence numbers start over.
    pub(crate) fn reset(&self) {
        let mut ring = lock(&self.ring);
        let epoch = ring.epoch + 1;
        *ring = Ring {
            entries: VecDeque::new(),
            bytes: 0,
            next: FIRST,
            dropped: 0,
            epoch,
        };
        drop(ring);
        self.wake();
    }

    /// Reads what is there.
    pub(crate) fn read(&self, query: &Query) -> Page {
        let ring = lock(&self.ring);
        let oldest = ring.next - ring.entries.len() as u64;
        let skip = usize::try_from(query.since.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let wanted = ring
            .entries
            .iter()
            .skip(skip)
            .filter(|entry| query.wants(entry));
        let entries: Vec<_> = wanted.take(query.limit).cloned().collect();
        let full = entries.len() == query.limit;
        let next = entries
            .last()
            .filter(|_| full)
            .map_or(ring.next, |last| last.sequence + 1);
        Page {
            entries,
            next,
            dropped: ring.dropped,
            epoch: ring.epoch,
        }
    }

    /// Reads, and if there is nothing yet waits for it, for a reset, or for `wait` to pass.
    pub(crate) async fn read_or_wait(&self, query: &Query, wait: Duration) -> Page {
        let mut changes = self.changed.subscribe();
        let mut page = self.read(query);
        let epoch = page.epoch;
        let until = tokio::time::Instant::now() + wait;
        while page.entries.is_empty() && page.epoch == epoch {
            let changed = tokio::time::timeout_at(until, changes.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                break;
            }
            page = self.read(query);
        }
        page
    }

    /// Waits until `count` entries were recorded since the start or the last reset; returns those still kept, or
    /// how many came when the deadline was first.
    pub(crate) fn wait_for(&self, count: u64, deadline: Instant) -> Result<Vec<Arc<Entry>>, u64> {
        let mut ring = lock(&self.ring);
        while ring.next - FIRST < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ring.next - FIRST);
            }
            let waited = self.grown.wait_timeout(ring, left);
            ring = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(ring.entries.iter().cloned().collect())
    }

    /// Entries kept, and entries dropped.
    pub(crate) fn len(&self) -> (usize, u64) {
        let ring = lock(&self.ring);
        (ring.entries.len(), ring.dropped)
    }

    fn wake(&self) {
        self.grown.notify_all();
        self.changed.send_replace(());
    }
}

impl Query {
    pub(crate) fn all_since(since: u64) -> Self {
        Self {
            since,
            token: None,
            limit: usize::MAX,
        }
    }

    fn wants(&self, entry: &Entry) -> bool {
        entry.sequence >= self.since
            && self
                .token
                .as_deref()
                .is_none_or(|token| entry.token.as_deref() == Some(token))
    }
}

/// The first entry's sequence number.
const FIRST: u64 = 1;
