//! WINDOW_UPDATEs that leave later than h2 would have it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Those that wait, in their order.
#[derive(Debug, Default)]
pub(super) struct WindowUpdates {
    withhold: bool,
    delay: Duration,
    waiting: VecDeque<(Instant, Vec<u8>)>,
}

impl WindowUpdates {
    /// Lets a frame wait; `false` when it is to leave now.
    pub(super) fn keep(&mut self, frame: &[u8], now: Instant) -> bool {
        let keeps = (self.withhold || !self.delay.is_zero()) && self.waiting.len() < MAX_WAITING;
        if keeps {
            self.waiting.push_back((now + self.delay, frame.to_vec()));
        }
        keeps
    }

    pub(super) fn withhold(&mut self, withhold: bool) {
        self.withhold = withhold;
        if !withhold && self.delay.is_zero() {
            self.hurry();
        }
    }

    pub(super) fn delay(&mut self, delay: Duration) {
        self.delay = delay;
        if delay.is_zero() {
            self.hurry();
        }
    }

    /// When the next one is due; `None` when none waits for a time.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let (due, _) = self.waiting.front().filter(|_| !self.withhold)?;
        Some(*due)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next_due().filter(|due| *due <= now)?;
        self.waiting.pop_front().map(|(_, frame)| frame)
    }

    fn hurry(&mut self) {
        let now = Instant::now();
        for (due, _) in &mut self.waiting {
            *due = now;
        }
    }
}

/// More than h2 sends of 64 KiB of window; one too many leaves at once.
const MAX_WAITING: usize = 10_000;
