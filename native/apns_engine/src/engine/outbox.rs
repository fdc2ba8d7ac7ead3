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

    /// Adds an event for `to`, oldest first. Never calls the sink, so that who adds can be in the middle of things.
    pub(crate) fn add(&mut self, to: &S::Recipient, event: Event) {
        let searched = self.batches.len().saturating_sub(SEARCHED);
        let recent = self.batches.iter_mut().skip(searched);
        match recent.rev().find(|(recipient, _)| recipient == to) {
            Some((_, events)) => events.push(event),
            None => self.batches.push((to.clone(), vec![event])),
        }
    }

    /// Sends all that waits.
    pub(crate) fn flush(&mut self, stats: &Stats) {
        for (to, events) in std::mem::take(&mut self.batches) {
            for events in events.chunks(MAX_EVENTS) {
                self.deliver(&to, events, stats);
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
/// Recipients, newest first, among whom an event's is looked for; another gets a batch of its own.
const SEARCHED: usize = 64;
