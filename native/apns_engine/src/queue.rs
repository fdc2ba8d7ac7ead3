//! The door into the engine: a bounded channel, one budget for all that is inside, and the wake-up.
//!
//! Bounds and policy: a push that would pass the budget's count or bytes, or that finds the channel full, is
//! refused and counted (`overloaded`); what was taken is never dropped. The engine empties the channel on
//! every turn, also when Apple stalls, so that the budget and not the channel is what fills up.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use apns_proto::session::Push;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use smallvec::SmallVec;

use crate::app::NotifyError;
use crate::stats::Stats;
use crate::watcher::News;

/// What comes back with a push's outcome.
#[derive(Debug)]
pub(crate) struct Origin<R> {
    /// Whom it was for; `None` when it was addressed by token.
    pub(crate) owner: Option<Arc<[u8]>>,
    /// Who asked for its outcome.
    pub(crate) reply_to: Option<R>,
}

/// A push inside the engine. Boxed: it moves through channel, lanes and stream slots, and a pointer moves cheaply.
pub(crate) type QueuedPush<R> = Box<Push<Origin<R>>>;

/// What one `notify` hands over: a push for each device. It goes in whole or not at all.
pub(crate) type Job<R> = SmallVec<[QueuedPush<R>; 1]>;

/// The callers' side of the queue, shared with the engine.
#[derive(Debug)]
pub(crate) struct Queue<R> {
    sender: Sender<Job<R>>,
    budget: Budget,
    /// Set by the engine before it sleeps: the next caller wakes it. Callers pay for a wake-up on this edge only.
    asleep: AtomicBool,
    waker: mio::Waker,
    /// Read by every `notify` while it enqueues, so that after `close` nothing more can get in.
    closed: RwLock<bool>,
    control: Mutex<Control<R>>,
    stats: Arc<Stats>,
}

/// What the engine is asked to do besides pushing.
#[derive(Debug)]
pub(crate) struct Control<R> {
    /// Who gets events that no notification claims.
    pub(crate) receiver: Option<R>,
    /// Drain for at most this long, then end.
    pub(crate) stop: Option<Duration>,
    /// What the files of the credentials hold by now: of each kind the newest, in the order in which they came.
    pub(crate) news: Vec<News>,
}

impl<R> Control<R> {
    /// Adds news; what was not taken yet of the same kind is out of date.
    pub(crate) fn add_news(&mut self, news: News) {
        let kind = mem::discriminant(&news);
        self.news.retain(|older| mem::discriminant(older) != kind);
        self.news.push(news);
    }
}

impl<R> Queue<R> {
    /// The queue and the engine's end of its channel.
    pub(crate) fn new(
        budget: Budget,
        waker: mio::Waker,
        receiver: Option<R>,
        stats: Arc<Stats>,
    ) -> (Self, Receiver<Job<R>>) {
        let (sender, jobs) = crossbeam_channel::bounded(CHANNEL_JOBS.min(budget.max_pushes.max(1)));
        let queue = Self {
            sender,
            budget,
            asleep: AtomicBool::new(false),
            waker,
            closed: RwLock::new(false),
            control: Mutex::new(Control {
                receiver,
                stop: None,
                news: Vec::new(),
            }),
            stats,
        };
        (queue, jobs)
    }

    /// Takes all pushes or none; never waits.
    pub(crate) fn put(&self, job: Job<R>) -> Result<(), NotifyError> {
        if job.is_empty() {
            return Ok(());
        }
        let (count, bytes) = (job.len(), job.iter().map(|push| cost(push)).sum());
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(NotifyError::Stopped);
        }
        if !self.budget.reserve(count, bytes) {
            self.stats.overloaded.add(count as u64);
            return Err(NotifyError::Overloaded);
        }
        // Before the push can end: a reader of the counters must not see more outcomes than pushes.
        self.stats.taken.add(count as u64);
        if let Err(error) = self.sender.try_send(job) {
            self.stats.taken.take_back(count as u64);
            self.budget.release(count, bytes);
            return Err(match error {
                TrySendError::Full(_) => {
                    self.stats.overloaded.add(count as u64);
                    NotifyError::Overloaded
                }
                TrySendError::Disconnected(_) => NotifyError::Stopped,
            });
        }
        drop(closed);
        // Looked at before it is written to: while the engine is awake callers share the line.
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.stats.wakes.add(1);
            self.wake();
        }
        Ok(())
    }

    /// Refuses pushes from now on. When it returns, all that was taken is in the channel.
    pub(crate) fn close(&self) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Changes what the engine is asked to do, and wakes it.
    pub(crate) fn control(&self, change: impl FnOnce(&mut Control<R>)) {
        change(&mut self.control.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake();
    }

    /// What the engine is asked to do now. News is there once.
    pub(crate) fn take_control(&self) -> Control<R>
    where
        R: Clone,
    {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        Control {
            receiver: control.receiver.clone(),
            stop: control.stop,
            news: mem::take(&mut control.news),
        }
    }

    /// Says that the engine is about to sleep. `false`: something came in meanwhile, do not.
    pub(crate) fn fall_asleep(&self, jobs: &Receiver<Job<R>>) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        // A caller that sent before the store saw "awake" and will not wake us: look once more.
        if jobs.is_empty() {
            return true;
        }
        self.asleep.store(false, Ordering::SeqCst);
        false
    }

    /// Says that the engine is awake again.
    pub(crate) fn stay_awake(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Wakes the engine's loop.
    pub(crate) fn wake(&self) {
        // An eventfd write fails only when its counter is full, and then the loop is being woken already.
        let _ = self.waker.wake();
    }

    /// Pushes of so many bytes have ended: makes room for others.
    pub(crate) fn release(&self, pushes: usize, bytes: usize) {
        self.budget.release(pushes, bytes);
    }

    /// Pushes and bytes inside.
    pub(crate) fn inside(&self) -> (usize, usize) {
        (
            self.budget.pushes.load(Ordering::Relaxed),
            self.budget.bytes.load(Ordering::Relaxed),
        )
    }
}

/// One bound on count and bytes over all that is inside: channel, lanes, in flight, waiting to be sent again.
#[derive(Debug)]
pub(crate) struct Budget {
    max_pushes: usize,
    max_bytes: usize,
    pushes: AtomicUsize,
    bytes: AtomicUsize,
}

impl Budget {
    /// A budget of so many pushes and bytes.
    pub(crate) fn new(max_pushes: usize, max_bytes: usize) -> Self {
        Self {
            max_pushes,
            max_bytes,
            pushes: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Takes room for all or for none. Two callers at the edge may both be refused; nothing passes the bound.
    fn reserve(&self, count: usize, bytes: usize) -> bool {
        let pushes_before = self.pushes.fetch_add(count, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = pushes_before.saturating_add(count) <= self.max_pushes
            && bytes_before.saturating_add(bytes) <= self.max_bytes;
        if !fits {
            self.release(count, bytes);
        }
        fits
    }

    fn release(&self, count: usize, bytes: usize) {
        self.pushes.fetch_sub(count, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a push counts against the byte budget: its payload and what we keep beside it.
pub(crate) fn cost<R>(push: &Push<Origin<R>>) -> usize {
    push.request.content.payload.len() + OVERHEAD
}

/// Bytes we keep for a push besides its payload, measured with an owner and a collapse-id and rounded up: the push itself,
/// its headers, its place among those that wait.
const OVERHEAD: usize = 448;
/// Notifications that may wait for one turn of the loop. The slots, made once, take about 1 MiB.
const CHANNEL_JOBS: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_takes_all_or_nothing_and_gives_room_back() {
        let budget = Budget::new(10, 1000);
        assert!(budget.reserve(10, 500));
        assert!(!budget.reserve(1, 1));
        budget.release(3, 150);
        assert!(!budget.reserve(4, 10));
        assert!(budget.reserve(3, 650));
        assert!(!budget.reserve(0, 1));
        budget.release(10, 1000);
        assert!(budget.reserve(10, 1000));
    }
}
