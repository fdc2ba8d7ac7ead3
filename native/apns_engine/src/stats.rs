//! What an app counts: for operators, and for tests that no push is lost.

mod connections;
mod latency;
mod number;
mod reasons;

use std::time::Instant;

use apns_proto::now::Now;
use apns_proto::session::{FailedCause, Fate};

pub use connections::{Connection, ConnectionState, Connections};
pub use latency::{Latency, LatencySummary};
pub use number::{Counter, Gauge, OptionalGauge};
pub use reasons::Reasons;

use crate::credentials::Expiry;

/// Counters (since the app was started) and gauges of one app.
///
/// When nothing moves, **taken = accepted + rejected + failed + inside**, where inside = queued + in_flight +
/// delayed: every push that `notify` took is inside or has ended, once.
#[derive(Debug, Default)]
pub struct Stats {
    /// Pushes that `notify` took.
    pub taken: Counter,
    /// Pushes that Apple took; says nothing about delivery.
    pub accepted: Counter,
    /// Pushes that Apple refused for good.
    pub rejected: Counter,
    failed: [Counter; FAILED.len()],
    /// Why Apple refused.
    pub rejections: Reasons,
    /// From `notify` to the outcome, whatever that is.
    pub outcome_latency: Latency,
    /// From the last write of a push to Apple's answer.
    pub answer_latency: Latency,
    /// Times it was decided to send a push again because Apple surely had not taken it.
    pub resent_not_processed: Counter,
    /// The same because no answer came, and a second copy does no harm.
    pub resent_unknown: Counter,
    /// The same because Apple's answer asks for it.
    pub resent_answered: Counter,
    /// Times Apple said that a device gets too many pushes, so that it had to wait.
    pub throttled: Counter,
    /// Pushes that `notify` refused at a bound of the queue.
    pub overloaded: Counter,
    /// Notifications that `notify` refused because the registry does not know the owner.
    pub unknown_owner: Counter,
    /// Device tokens that Apple called dead, and that had not been registered since.
    pub token_invalid: Counter,
    /// Events handed to their recipient.
    pub events_sent: Counter,
    /// Events whose recipient was gone.
    pub events_dropped: Counter,
    /// Times an alarm paused the app.
    pub pauses: Counter,
    /// Connections made that could take pushes.
    pub connects: Counter,
    /// Attempts to connect that failed.
    pub connect_failures: Counter,
    /// Connections that ended without our asking.
    pub connection_losses: Counter,
    /// GOAWAY frames received.
    pub goaways: Counter,
    /// PING frames sent.
    pub pings: Counter,
    /// Times other credentials were read from changed files, and used from then on.
    pub credentials_reloads: Counter,
    /// Looks at files of credentials that could not be used.
    pub credentials_failures: Counter,
    /// Bytes read from sockets, TLS included.
    pub bytes_in: Counter,
    /// Bytes written to sockets, TLS included.
    pub bytes_out: Counter,
    /// Times the engine thread was started: once, and after each panic.
    pub starts: Counter,
    /// Times `notify` had to wake the engine thread: on the edge from idle to busy only.
    pub wakes: Counter,
    /// Pushes that `notify` took and the engine has not looked at.
    pub queued_new: Gauge,
    /// Pushes that wait to be written in the lane of calls.
    pub queued_call: Gauge,
    /// The same in the lane of messages.
    pub queued_message: Gauge,
    /// The same in the lane of what nobody misses.
    pub queued_background: Gauge,
    /// Those in any lane that wait apart, for a connection set apart for suspects.
    pub queued_suspects: Gauge,
    /// Bytes of all pushes inside, by which the budget counts.
    pub queued_bytes: Gauge,
    /// Pushes written and not answered.
    pub in_flight: Gauge,
    /// Pushes that wait for the time to be written again, and those that wait behind them for a throttled device.
    pub delayed: Gauge,
    /// Connections that can take pushes.
    pub connections: Gauge,
    /// 1 while an alarm pauses the app, else 0.
    pub paused: Gauge,
    /// Whole days that the credentials are good; none: Apple's signing keys have no end.
    pub credentials_expire_in: OptionalGauge,
    /// The `iat` of the provider token in use, Unix seconds; none with a certificate, and before the first one.
    pub provider_token_iat: OptionalGauge,
    /// All connections, as they were when the engine fell asleep, or a tenth of a second ago while it is busy.
    pub connection_list: Connections,
    /// Owners in the registry.
    pub owners: Gauge,
    /// Those of them without a device.
    pub owners_without_devices: Gauge,
    /// Devices in the registry.
    pub devices: Gauge,
    /// Owners whom the registry let go to make room; it counts them.
    pub owners_evicted: Gauge,
    /// Owners who were set again after that.
    pub owners_fetched_again: Gauge,
}

impl Stats {
    /// Shows how long credentials are good that end at `not_after` (Unix seconds, like `now_unix`).
    pub(crate) fn show_end(&self, not_after: u64, now_unix: u64) {
        let days = Expiry::days_left(not_after, now_unix);
        self.credentials_expire_in.set(days);
    }

    /// Counts `n` pushes that ended without a final answer.
    pub fn add_failed(&self, cause: FailedCause, n: u64) {
        let counters = FAILED.iter().zip(&self.failed);
        for (_, counter) in counters.filter(|((known, _), _)| *known == cause) {
            counter.add(n);
        }
    }

    /// What counts the pushes that are sent again after this fate.
    pub(crate) const fn resent(&self, fate: &Fate) -> &Counter {
        match fate {
            Fate::NotProcessed => &self.resent_not_processed,
            Fate::Unknown => &self.resent_unknown,
            Fate::Answered(_) => &self.resent_answered,
        }
    }

    /// All numbers that there are at `now`, in the order of the fields; `failed`, `resent` and `queued` are the sums of
    /// those that follow them and begin with their names.
    ///
    /// Taken while others count: the numbers of a busy app may be some pushes apart.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let failed: [u64; FAILED.len()] =
            std::array::from_fn(|place| self.failed.get(place).map_or(0, Counter::get));
        let outcomes = [
            ("accepted", self.accepted.get()),
            ("rejected", self.rejected.get()),
            ("failed", failed.iter().sum()),
        ];
        // Read after the outcomes, so that no push seems to have ended before it was taken.
        let mut numbers = vec![("taken", self.taken.get())];
        numbers.extend(outcomes);
        numbers.extend(FAILED.iter().map(|(_, name)| *name).zip(failed));
        numbers.extend(with_sum([
            ("resent", 0),
            ("resent_not_processed", self.resent_not_processed.get()),
            ("resent_unknown", self.resent_unknown.get()),
            ("resent_answered", self.resent_answered.get()),
        ]));
        numbers.extend([
            ("throttled", self.throttled.get()),
            ("overloaded", self.overloaded.get()),
            ("unknown_owner", self.unknown_owner.get()),
            ("token_invalid", self.token_invalid.get()),
            ("events_sent", self.events_sent.get()),
            ("events_dropped", self.events_dropped.get()),
            ("pauses", self.pauses.get()),
            ("connects", self.connects.get()),
            ("connect_failures", self.connect_failures.get()),
            ("connection_losses", self.connection_losses.get()),
            ("goaways", self.goaways.get()),
            ("pings", self.pings.get()),
            ("credentials_reloads", self.credentials_reloads.get()),
            ("credentials_failures", self.credentials_failures.get()),
            ("bytes_in", self.bytes_in.get()),
            ("bytes_out", self.bytes_out.get()),
            ("starts", self.starts.get()),
            ("wakes", self.wakes.get()),
        ]);
        numbers.extend(with_sum([
            ("queued", 0),
            ("queued_new", self.queued_new.get()),
            ("queued_call", self.queued_call.get()),
            ("queued_message", self.queued_message.get()),
            ("queued_background", self.queued_background.get()),
        ]));
        numbers.extend([
            ("queued_suspects", self.queued_suspects.get()),
            ("queued_bytes", self.queued_bytes.get()),
            ("in_flight", self.in_flight.get()),
            ("delayed", self.delayed.get()),
            ("connections", self.connections.get()),
            ("paused", self.paused.get()),
        ]);
        let days = self.credentials_expire_in.get();
        numbers.extend(days.map(|days| ("credentials_expire_in", days)));
        let issued_at = self.provider_token_iat.get();
        let age = issued_at.map(|iat| now.unix_ms.saturating_sub(iat.saturating_mul(1000)));
        numbers.extend(age.map(|age| ("provider_token_age_ms", age)));
        numbers.extend([
            ("owners", self.owners.get()),
            ("owners_without_devices", self.owners_without_devices.get()),
            ("owners_evicted", self.owners_evicted.get()),
            ("owners_fetched_again", self.owners_fetched_again.get()),
            ("devices", self.devices.get()),
        ]);
        Snapshot {
            numbers,
            now: now.instant,
            connection_list: self.connection_list.get(),
            rejections: self.rejections.counts(),
            latencies: [
                ("outcome_latency", self.outcome_latency.summary()),
                ("answer_latency", self.answer_latency.summary()),
            ],
        }
    }
}

/// The numbers of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    numbers: Vec<(&'static str, u64)>,
    /// When it was taken.
    pub now: Instant,
    /// All connections: those that take pushes, those that drain, the one on its way up.
    pub connection_list: Vec<Connection>,
    /// Refused pushes by Apple's reason.
    pub rejections: Vec<(Box<str>, u64)>,
    /// Times by their name.
    pub latencies: [(&'static str, LatencySummary); 2],
}

impl Snapshot {
    /// Every plain number once, with its name, in the order of the fields of [`Stats`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> + '_ {
        self.numbers.iter().copied()
    }

    /// The number of this name; `None`: nothing is called so.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.iter()
            .find_map(|(known, number)| (known == name).then_some(number))
    }
}

/// The first becomes the sum of the others.
fn with_sum<const N: usize>(mut numbers: [(&'static str, u64); N]) -> [(&'static str, u64); N] {
    if let [(_, sum), parts @ ..] = numbers.as_mut_slice() {
        *sum = parts.iter().map(|(_, part)| part).sum();
    }
    numbers
}

/// The causes' names among the other numbers.
const FAILED: [(FailedCause, &str); FailedCause::ALL.len()] = [
    (FailedCause::Superseded, "failed_superseded"),
    (FailedCause::Expired, "failed_expired"),
    (FailedCause::Stopped, "failed_stopped"),
    (FailedCause::Unknown, "failed_unknown"),
    (FailedCause::Unreachable, "failed_unreachable"),
    (FailedCause::Paused, "failed_paused"),
    (FailedCause::EngineCrashed, "failed_engine_crashed"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::engine::read_clocks;

    #[test]
    fn every_cause_is_counted_under_its_own_name() {
        let stats = Stats::default();
        for (place, cause) in FailedCause::ALL.into_iter().enumerate() {
            stats.add_failed(cause, place as u64 + 1);
        }
        let snapshot = stats.snapshot(read_clocks());
        for (place, cause) in FailedCause::ALL.into_iter().enumerate() {
            assert_eq!(
                snapshot.get(&format!("failed_{}", cause.as_str())),
                Some(place as u64 + 1)
            );
        }
        assert_eq!(snapshot.get("failed"), Some(1 + 2 + 3 + 4 + 5 + 6 + 7));
    }

    #[test]
    fn a_snapshot_names_each_number_once_in_a_fixed_order() {
        let stats = Stats::default();
        stats.taken.add(5);
        stats.taken.take_back(2);
        stats.accepted.add(2);
        stats.queued_call.set(9);
        stats.queued_call.set(1);
        stats.queued_background.set(2);
        stats.resent_unknown.add(4);
        let snapshot = stats.snapshot(read_clocks());
        let names: Vec<_> = snapshot.iter().map(|(name, _)| name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert_eq!(
            names[..5],
            [
                "taken",
                "accepted",
                "rejected",
                "failed",
                "failed_superseded"
            ]
        );
        assert_eq!(names.last(), Some(&"devices"));
        assert_eq!(snapshot.get("taken"), Some(3));
        assert_eq!(snapshot.get("queued"), Some(1 + 2));
        assert_eq!(snapshot.get("resent"), Some(4));
        assert_eq!(snapshot.get("no such name"), None);
    }

    #[test]
    fn counters_lose_nothing_between_threads() {
        let stats = Stats::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| stats.taken.add(2)));
            }
        });
        assert_eq!(stats.taken.get(), 8000);
    }
}
