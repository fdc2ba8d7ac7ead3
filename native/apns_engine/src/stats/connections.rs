//! What is shown of each connection: a copy that the engine makes now and then, so that who reads never waits for it.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// What a connection is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// On its way up: TCP, TLS, the server's SETTINGS.
    Connecting,
    /// Takes pushes.
    Serving,
    /// Takes none any more, and waits for its last answers.
    Draining,
}

impl ConnectionState {
    /// Its name for operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }
}

/// A connection as it was at the engine's last copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The server's address.
    pub peer: SocketAddr,
    /// What it is there for.
    pub state: ConnectionState,
    /// When connecting began.
    pub opened: Instant,
    /// Pushes in flight, one per stream.
    pub streams: usize,
    /// Streams that may be open at once, the lower of the server's limit and ours; 0 before the server said its own.
    pub max_streams: usize,
    /// Bytes of payload that the server's window for the connection still takes.
    pub window_bytes: usize,
    /// How long the last answered PING was under way, there and back.
    pub round_trip: Option<Duration>,
}

impl Connection {
    /// Every number with its name, the age being that at `now`.
    pub fn fields(&self, now: Instant) -> impl Iterator<Item = (&'static str, u64)> {
        let age = now.saturating_duration_since(self.opened);
        let round_trip = self.round_trip.map(|time| ("rtt_us", time.as_micros()));
        [
            ("age_ms", age.as_millis()),
            ("streams", self.streams as u128),
            ("max_streams", self.max_streams as u128),
            ("window_bytes", self.window_bytes as u128),
        ]
        .into_iter()
        .chain(round_trip)
        .map(|(name, number)| (name, u64::try_from(number).unwrap_or(u64::MAX)))
    }
}

/// The last copy. The engine never waits for a reader.
#[derive(Debug, Default)]
pub struct Connections(Mutex<Vec<Connection>>);

impl Connections {
    /// Lets `show` write the copy anew. `false`: somebody reads right now, and the old one stays.
    pub(crate) fn try_show(&self, show: impl FnOnce(&mut Vec<Connection>)) -> bool {
        let mut shown = match self.0.try_lock() {
            Ok(shown) => shown,
            Err(TryLockError::Poisoned(shown)) => shown.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        shown.clear();
        show(&mut shown);
        true
    }

    /// The connections at the last copy.
    #[must_use]
    pub fn get(&self) -> Vec<Connection> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_does_not_wait_for_a_reader() {
        let connections = Connections::default();
        let reading = connections.0.lock();
        assert!(!connections.try_show(|_| panic!("somebody reads")));
        drop(reading);
        assert!(connections.try_show(|_| {}));
    }
}
