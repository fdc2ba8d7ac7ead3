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

/// Frames of each kind more per interval for every stream that was opened or ended in it or in the one before. Apple's
/// gateway sends SETTINGS around every bad token and a second RST_STREAM for a refused one, others credit for every
/// frame: what is normal grows with the work done. Openings count for what comes before a response, ends for the answers
/// that still come after all streams were given up at once. The peer can force neither.
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
    /// Openings and ends of streams.
    streams: u32,
    /// The same of the interval before.
    streams_before: u32,
}

impl FloodGuard {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            interval_start: now,
            counts: [0; KINDS],
            streams: 0,
            streams_before: 0,
        }
    }

    /// A stream was opened, or ended in whatever way.
    pub(crate) const fn stream_moved(&mut self) {
        self.streams = self.streams.saturating_add(1);
    }

    /// Counts one frame; an error is the one too many.
    pub(crate) fn count(&mut self, kind: Overhead, now: Instant) -> Result<(), ConnectionError> {
        if now.saturating_duration_since(self.interval_start) >= INTERVAL {
            // However long ago: an interval is only ended here, so its streams may have moved just now.
            self.streams_before = self.streams;
            self.streams = 0;
            self.counts = [0; KINDS];
            self.interval_start = now;
        }
        let earned = self.streams.saturating_add(self.streams_before);
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
        guard.stream_moved();
        guard.count(Overhead::Settings, start).unwrap();

        let next = start + INTERVAL;
        for _ in 0..Overhead::Settings.base_limit() + PER_STREAM {
            guard.count(Overhead::Settings, next).unwrap();
        }
        guard.count(Overhead::Settings, next).unwrap_err();
        let later = next + INTERVAL;
        for _ in 0..Overhead::Settings.base_limit() {
            guard.count(Overhead::Settings, later).unwrap();
        }
        guard.count(Overhead::Settings, later).unwrap_err();
    }

    #[test]
    fn work_after_a_long_silence_counts() {
        let start = Instant::now();
        let mut guard = FloodGuard::new(start);
        guard.stream_moved();
        let later = start + 100 * INTERVAL;
        for _ in 0..Overhead::Ping.base_limit() + PER_STREAM {
            guard.count(Overhead::Ping, later).unwrap();
        }
        guard.count(Overhead::Ping, later).unwrap_err();
    }
}
