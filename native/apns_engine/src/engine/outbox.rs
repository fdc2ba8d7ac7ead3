//! Events on their way out, gathered per recipient: a message per push would cost more than the push.

use crate::event::{Event, EventSink};
use crate::stats::Stats;

/// Events of one turn of the loop.
#[derive(Debug)]
pub(crate) struct Outbox<S: EventSink> {
    sink: S,
    /// Few recipients at a time: a list is searched faster than a map.
    batches: Vec<(S::Recipient, Vec<Event>)>,
}

impl<S: EventSink> Outbox<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self {
            sink,
            batches: Vec::new(),
        }
    }

    /// Adds an event for `to`, oldest first; a full batch leaves at once.
    pub(crate) fn add(&mut self, to: &S::Recipient, event: Event, stats: &Stats) {
        if let Some((_, events)) = self
            .batches
            .iter_mut()
            .find(|(recipient, _)| recipient == to)
        {
            events.push(event);
            if events.len() >= MAX_EVENTS {
                let events = std::mem::take(events);
                self.deliver(to, &events, stats);
            }
            return;
        }
        if self.batches.len() >= MAX_RECIPIENTS {
            self.flush(stats);
        }
        self.batches.push((to.clone(), vec![event]));
    }

    /// Sends all that waits.
    pub(crate) fn flush(&mut self, stats: &Stats) {
        for (to, events) in std::mem::take(&mut self.batches) {
            if !events.is_empty() {
                self.deliver(&to, &events, stats);
            }
        }
    }

    fn deliver(&mut self, to: &S::Recipient, events: &[Event], stats: &Stats) {
        let counter = if self.sink.deliver(to, events) {
            &stats.events_sent
        } else {
            &stats.events_dropped
        };
        counter.add(events.len() as u64);
    }
}

/// Events of one message at most.
const MAX_EVENTS: usize = 1000;
/// Recipients gathered for at once; one more sends what is there.
const MAX_RECIPIENTS: usize = 64;
