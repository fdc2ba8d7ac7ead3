//! What ends within one turn of the loop, counted together: callers on other cores read and write the same counters, and to
//! share them costs more than to count.

use std::time::Duration;

use apns_proto::session::Push;

use crate::queue::{Origin, Queue, cost};
use crate::stats::Stats;

/// The pushes that have ended since the counters were told.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pushes: usize,
    bytes: usize,
    accepted: u64,
    /// How long they were inside.
    outcome_times: Vec<Duration>,
    /// How long Apple took to answer, each with how many in a row took as long.
    answer_times: Vec<(Duration, u64)>,
}

impl Tally {
    /// A push has ended, and was inside for so long.
    pub(super) fn ended<R>(&mut self, push: &Push<Origin<R>>, inside: Duration) {
        self.pushes += 1;
        self.bytes += cost(push);
        self.outcome_times.push(inside);
    }

    /// It ended because Apple took it.
    pub(super) const fn accepted(&mut self) {
        self.accepted += 1;
    }

    /// Apple took so long for an answer.
    pub(super) fn answered(&mut self, after: Duration) {
        match self.answer_times.last_mut() {
            Some((time, count)) if *time == after => *count += 1,
            _ => self.answer_times.push((after, 1)),
        }
    }

    /// Tells the counters, and makes room in the queue.
    pub(super) fn tell<R>(&mut self, queue: &Queue<R>, stats: &Stats) {
        if self.pushes > 0 {
            queue.release(
                std::mem::take(&mut self.pushes),
                std::mem::take(&mut self.bytes),
            );
            stats.accepted.add(std::mem::take(&mut self.accepted));
            let times = self.outcome_times.drain(..).map(|time| (time, 1));
            stats.outcome_latency.record_all(times);
            self.outcome_times.shrink_to(KEPT);
        }
        if !self.answer_times.is_empty() {
            stats.answer_latency.record_all(self.answer_times.drain(..));
        }
    }
}

/// Places kept for the next turn's times, after very many pushes ended in one.
const KEPT: usize = 4096;
