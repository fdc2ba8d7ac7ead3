//! What operators are shown: gauges after every turn, the list of connections now and then.

use std::time::{Duration, Instant};

use apns_proto::lanes::Lane;

use super::Engine;
use super::links::Links;
use crate::event::EventSink;
use crate::stats::{Connection, ConnectionState};

impl<S: EventSink> Engine<S> {
    pub(super) fn update_gauges(&mut self) {
        self.tally.tell(&self.queue, &self.stats);
        let (inside, bytes) = self.queue.inside();
        let in_flight = self.links.in_flight();
        // The channel holds notifications, of one push or many. What is inside and nowhere else is in it; but a push
        // that is just being refused at a bound is in nothing.
        let new = match self.jobs.is_empty() {
            true => 0,
            false => inside.saturating_sub(self.waiting.len() + self.suspects.len() + in_flight),
        };
        let stats = &self.stats;
        stats.queued_new.set(new as u64);
        stats.queued_suspects.set(self.suspects.len() as u64);
        let lanes = self.waiting.in_lanes().into_iter();
        for ((lane, others), (_, suspects)) in lanes.zip(self.suspects.in_lanes()) {
            let gauge = match lane {
                Lane::Call => &stats.queued_call,
                Lane::Message => &stats.queued_message,
                Lane::Background => &stats.queued_background,
            };
            gauge.set((others + suspects) as u64);
        }
        stats.queued_bytes.set(bytes as u64);
        stats.delayed.set(self.waiting.held() as u64);
        stats.in_flight.set(in_flight as u64);
        stats.connections.set(self.links.ready() as u64);
        stats.paused.set(u64::from(self.guard.is_paused()));
        if self.turn.saturating_duration_since(self.shown_at) >= SHOW_EVERY {
            self.show_connections(self.turn);
        }
    }

    /// Shows the connections as they are. `false`: somebody reads the list right now.
    pub(super) fn show_connections(&mut self, now: Instant) -> bool {
        let links = &self.links;
        let shown = self.stats.connection_list.try_show(|list| links.show(list));
        if shown {
            self.shown_at = now;
        }
        shown
    }
}

impl<R> Links<R> {
    fn show(&self, list: &mut Vec<Connection>) {
        let serving = self.serving.iter().map(|one| &one.link);
        list.extend(serving.map(|link| link.show(ConnectionState::Serving)));
        let retired = self.retired.iter();
        list.extend(retired.map(|link| link.show(ConnectionState::Draining)));
        let attempt = self.attempt.iter();
        list.extend(attempt.map(|link| link.show(ConnectionState::Connecting)));
    }
}

/// How old the list of connections gets while the engine is busy; before it sleeps it is always made anew.
const SHOW_EVERY: Duration = Duration::from_millis(100);
