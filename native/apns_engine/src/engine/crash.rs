//! After a panic in the loop: every push that is inside ends, and the loop starts anew, unless it panics on and on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use apns_proto::session::FailedCause;

use super::Engine;
use super::connect::MayFollow;
use crate::event::{Alarm, EventSink};

impl<S: EventSink> Engine<S> {
    /// Ends what is inside. `false`: not even that works any more, or it happens too often: the thread must end.
    pub(super) fn after_panic(&mut self) -> bool {
        let (since, count) = self.crashes;
        self.crashes = match since.elapsed() {
            age if age > CRASH_WINDOW => (Instant::now(), 1),
            _ => (since, count + 1),
        };
        let goes_on = self.crashes.1 <= MAX_CRASHES;
        if !goes_on {
            // Before the last push is ended: what is taken after this would end nowhere.
            self.queue.close();
        }
        let detail = if goes_on {
            "a bug in apns_engine: the pushes inside ended as engine_crashed; please report the panic message above"
        } else {
            "apns_engine crashes again and again: the app is stopped; please report the panic message above, stop the app and start it anew"
        };
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.end(super::read_clocks(), FailedCause::EngineCrashed);
            self.raise_alarm(Alarm::EngineCrashed, detail);
            self.alarms
                .retain(|(alarm, _)| *alarm != Alarm::EngineCrashed);
            let random = self.random.u64(..);
            self.links
                .hold_back(MayFollow::Later, Instant::now(), random);
            self.outbox.flush(&self.stats);
        }));
        if ended.is_err() {
            self.queue.close();
        }
        ended.is_ok() && goes_on
    }
}

/// Panics within [`CRASH_WINDOW`] after which the thread is not started again.
const MAX_CRASHES: u32 = 10;
/// See [`MAX_CRASHES`].
const CRASH_WINDOW: Duration = Duration::from_secs(60);
