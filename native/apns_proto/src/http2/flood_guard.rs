//! Limits on frames that cost us work and bring nothing (RFC 9113 section 10.5).

use std::time::{Duration, Instant};

use super::ConnectionError;

/// Frames that bring no response forward.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overhead {
    /// PING, and acknowledgements we did not ask for.
    Ping,
    /// SETTINGS after the first.
    Settings,
    /// WINDOW_UPDATE.
    WindowUpdate,
    /// DATA without data that does not end its stream.
    EmptyData,
    /// An interim (1xx) response.
    Interim,
    /// HEADERS, DATA and RST_STREAM for streams that are closed.
    ClosedStream,
    /// GOAWAY.
    GoAway,
    /// Frames we ignore: PRIORITY and unknown types.
    Ignored,
}

const KINDS: usize = Overhead::Ignored as usize + 1;

/// Time over which frames are counted.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// Frames of each kind more per interval for every stream that ended in it or in the one before. Apple's gateway sends
/// SETTINGS around every bad token and a second RST_STREAM for a refused one, others credit for every frame: what is
/// normal grows with the work done. It also covers the answers that still come after all streams were given up at once.
pub(crate) const PER_STREAM: u32 = 4;

impl Overhead {
    /// Frames per interval that are normal without any work done.
    pub(crate) const fn base_limit(self) -> u32 {
        match self {
            Self::Ping => 200,
            Self::Settings | Self::Interim => 100,
            Self::GoAway => 16,
            Self::WindowUpdate | Self::EmptyData | Self::ClosedStream | Self::Ignored => 1_000,
        }
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::Ping => "too many PING frames",
            Self::Settings => "too many SETTINGS frames",
            Self::WindowUpdate => "too many WINDOW_UPDATE frames",
            Self::EmptyData => "too many DATA frames without data",
            Self::Interim => "too many interim responses",
            Self::ClosedStream => "too many frames for closed streams",
            Self::GoAway => "too many GOAWAY frames",
            Self::Ignored => "too many frames of no use",
        }
    }
}

/// Counts overhead per interval and says when it is too much.
#[derive(Debug)]
pub(crate) struct FloodGuard {
    interval_start: Instant,
    counts: [u32; KINDS],
    streams_ended: u32,
    streams_ended_before: u32,
}

impl FloodGuard {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            interval_start: now,
            counts: [0; KINDS],
            streams_ended: 0,
            streams_ended_before: 0,
        }
    }

    /// A stream ended, in whatever way.
    pub(crate) const fn stream_ended(&mut self) {
        self.streams_ended = self.streams_ended.saturating_add(1);
    }

    /// Counts one frame; an error is the one too many.
    pub(crate) fn count(&mut self, kind: Overhead, now: Instant) -> Result<(), ConnectionError> {
        let since = now.saturating_duration_since(self.interval_start);
        if since >= INTERVAL {
            let idle_between = since >= 2 * INTERVAL;
            self.streams_ended_before = if idle_between { 0 } else { self.streams_ended };
            self.streams_ended = 0;
            self.counts = [0; KINDS];
            self.interval_start = now;
        }
        let earned = self.streams_ended.saturating_add(self.streams_ended_before);
        let limit = kind
            .base_limit()
            .saturating_add(earned.saturating_mul(PER_STREAM));
        if let Some(count) = self.counts.get_mut(kind as usize) {
            *count = count.saturating_add(1);
            if *count > limit {
                return Err(ConnectionError::flood(kind.detail()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::ErrorCode;

    #[test]
    fn the_limit_is_per_interval_and_grows_with_the_work_done() {
        let start = Instant::now();
        let mut guard = FloodGuard::new(start);
        for _ in 0..Overhead::Settings.base_limit() {
            guard.count(Overhead::Settings, start).unwrap();
        }
        let error = guard.count(Overhead::Settings, start).unwrap_err();
        assert_eq!(error.code, ErrorCode::ENHANCE_YOUR_CALM);
        guard.count(Overhead::Ping, start).unwrap();
        guard.stream_ended();
        guard.count(Overhead::Settings, start).unwrap();

        let next = start + INTERVAL;
        for _ in 0..Overhead::Settings.base_limit() + PER_STREAM {
            guard.count(Overhead::Settings, next).unwrap();
        }
        guard.count(Overhead::Settings, next).unwrap_err();
        let much_later = next + 2 * INTERVAL;
        for _ in 0..Overhead::Settings.base_limit() {
            guard.count(Overhead::Settings, much_later).unwrap();
        }
        guard.count(Overhead::Settings, much_later).unwrap_err();
    }
}
