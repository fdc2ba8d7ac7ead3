//! Numeric options: one table says what each means, how large it may be, and why its default is what it is.

use std::time::Duration;

use apns_proto::backoff::Backoff;

use super::{ConfigError, Options};

/// One numeric option of [`Options`].
#[derive(Debug, Clone, Copy)]
pub struct NumberOption {
    /// Its name.
    pub name: &'static str,
    /// What it counts: `owners`, `pushes`, `bytes`, `connections` or `ms`.
    pub unit: &'static str,
    /// Smallest value taken.
    pub min: u64,
    /// Largest value taken.
    pub max: u64,
    /// What it is when absent.
    pub default: u64,
    /// Why that.
    pub reason: &'static str,
    of: fn(&Options) -> u64,
    place_in: fn(&mut Options) -> &mut u64,
}

impl NumberOption {
    /// Its value in `options`.
    pub(super) fn of(&self, options: &Options) -> u64 {
        (self.of)(options)
    }

    /// Its place in `options`.
    pub(super) fn place_in<'o>(&self, options: &'o mut Options) -> &'o mut u64 {
        (self.place_in)(options)
    }

    fn check(&self, options: &Options) -> Result<(), ConfigError> {
        let Self {
            name,
            unit,
            min,
            max,
            ..
        } = *self;
        match self.of(options) {
            value if (min..=max).contains(&value) => Ok(()),
            value => Err(ConfigError::new(
                name,
                format!("{value} is out of range: {min} to {max} {unit} are possible"),
            )),
        }
    }
}

/// Makes a row of [`NUMBERS`]; the field's name is the option's name.
macro_rules! number {
    ($name:ident, $unit:literal, $min:literal..=$max:literal, $default:literal, $reason:literal) => {
        NumberOption {
            name: stringify!($name),
            unit: $unit,
            min: $min,
            max: $max,
            default: $default,
            reason: $reason,
            of: |options| options.$name,
            place_in: |options| &mut options.$name,
        }
    };
}

/// All numeric options, in the order of [`Options`]' fields.
#[rustfmt::skip]
pub const NUMBERS: &[NumberOption] = &[
    number!(registry_limit, "owners", 100..=20_000_000, 4_000_000,
        "0.8 GB with a device each, taken only as they come; where a database stands behind it, who is over the limit costs one look-up at the next message."),
    number!(queue_limit, "pushes", 1..=10_000_000, 100_000,
        "A server of 1,000 pushes a second gets over 100 seconds without Apple; what comes later is refused at once."),
    number!(queue_bytes, "bytes", 65_536..=68_719_476_736, 67_108_864,
        "64 MiB: 670 bytes for each of 100,000 pushes. Chat pushes are smaller; large ones must not take the machine's memory."),
    number!(queue_timeout, "ms", 100..=2_592_000_000, 3_600_000,
        "An hour: a message's alert is still news then, a day-old one is noise. Apple stores for 30 days at most."),
    number!(connect_timeout, "ms", 100..=600_000, 10_000,
        "A lost SYN is sent again after 1, 3 and 7 seconds; a path that fails thrice is better tried through another address."),
    number!(response_timeout, "ms", 100..=600_000, 30_000,
        "Apple answers within a second; after 30 the connection is more likely dead than slow, and its pushes must move."),
    number!(ping_interval, "ms", 100..=86_400_000, 60_000,
        "Apple speaks of an hour, but firewalls forget silent connections after some minutes, and the next push would pay for finding out. pushy has pinged Apple each minute for years."),
    number!(ping_timeout, "ms", 100..=600_000, 10_000,
        "Many times any round trip; a dead connection is found before TCP's own limit of 20 seconds."),
    number!(max_connections, "connections", 1..=100, 4,
        "One carries Apple's window of 65,535 bytes per round trip, some 200 messages; four carry a burst, and no server takes them for an attack. More are made only while the queue waits behind full ones."),
    number!(connection_idle_timeout, "ms", 100..=86_400_000, 60_000,
        "A burst is often followed by another; after a quiet minute the connections beyond the first are of no use."),
    number!(reconnect_min_interval, "ms", 10..=60_000, 500,
        "Half a second is soon enough for a phone, and slow enough not to hammer a server that hangs up at once."),
    number!(reconnect_max_interval, "ms", 10..=3_600_000, 60_000,
        "Apple takes rapid connects for an attack; a minute is the longest that the end of an outage goes unnoticed."),
    number!(probe_min_interval, "ms", 10..=3_600_000, 30_000,
        "Shortest wait between two probes of a paused app. Each may cost a push, and Apple slows down who is often refused."),
    number!(probe_max_interval, "ms", 10..=86_400_000, 600_000,
        "Longest wait: for how long it may go unnoticed that Apple takes pushes again."),
    number!(credentials_check_interval, "ms", 10..=86_400_000, 10_000,
        "Ten seconds after a file is replaced an operator still watches the log; a look costs some microseconds."),
];

/// Bounds and times of one app, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Owners in the registry at most, and as many devices.
    pub registry_limit: usize,
    /// Pushes inside at most: waiting, in flight and delayed.
    pub queue_limit: usize,
    /// Bytes of the pushes inside at most.
    pub queue_bytes: usize,
    /// How long a push without expiration may wait.
    pub queue_timeout: Duration,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// How long Apple's answer to a push may take.
    pub response_timeout: Duration,
    /// After how much silence a PING is sent.
    pub ping_interval: Duration,
    /// How long the answer to a PING may take.
    pub ping_timeout: Duration,
    /// Connections that take pushes at most.
    pub max_connections: usize,
    /// How long one beyond the first may have nothing in flight.
    pub connection_idle_timeout: Duration,
    /// How often the files of key and certificate are looked at.
    pub credentials_check_interval: Duration,
    reconnect: Backoff,
    probe: Backoff,
}

impl Limits {
    pub(super) fn parse(options: &Options) -> Result<Self, ConfigError> {
        NUMBERS
            .iter()
            .try_for_each(|number| number.check(options))?;
        let reconnect = backoff(
            ("reconnect_min_interval", options.reconnect_min_interval),
            ("reconnect_max_interval", options.reconnect_max_interval),
        )?;
        let probe = backoff(
            ("probe_min_interval", options.probe_min_interval),
            ("probe_max_interval", options.probe_max_interval),
        )?;
        Ok(Self {
            registry_limit: in_memory(options.registry_limit),
            queue_limit: in_memory(options.queue_limit),
            queue_bytes: in_memory(options.queue_bytes),
            queue_timeout: Duration::from_millis(options.queue_timeout),
            connect_timeout: Duration::from_millis(options.connect_timeout),
            response_timeout: Duration::from_millis(options.response_timeout),
            ping_interval: Duration::from_millis(options.ping_interval),
            ping_timeout: Duration::from_millis(options.ping_timeout),
            max_connections: in_memory(options.max_connections),
            connection_idle_timeout: Duration::from_millis(options.connection_idle_timeout),
            credentials_check_interval: Duration::from_millis(options.credentials_check_interval),
            reconnect,
            probe,
        })
    }

    /// The waits after attempts to connect that failed, from the first on.
    #[must_use]
    pub fn reconnect_backoff(&self) -> Backoff {
        self.reconnect.clone()
    }

    /// The waits between the probes of a paused app.
    #[must_use]
    pub fn probe_backoff(&self) -> Backoff {
        self.probe.clone()
    }
}

fn backoff(min: (&str, u64), max: (&'static str, u64)) -> Result<Backoff, ConfigError> {
    let bounds = (Duration::from_millis(min.1), Duration::from_millis(max.1));
    Backoff::new(bounds.0, bounds.1).map_err(|_| {
        let problem = format!("{} ms is less than {}, {} ms", max.1, min.0, min.1);
        ConfigError::new(max.0, problem)
    })
}

/// More than a small machine can address is as good as all it can.
fn in_memory(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
