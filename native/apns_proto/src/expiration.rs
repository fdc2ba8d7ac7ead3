//! The `apns-expiration` header: until when a push is worth delivering.

use std::fmt;

/// When a push ends to be of use: Unix time in seconds, or [`Self::ONE_ATTEMPT`].
///
/// Apple keeps an undelivered push at most 30 days, whatever is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiration([u8; LEN]);

impl Expiration {
    /// 0: Apple tries once and stores nothing.
    pub const ONE_ATTEMPT: Self = Self([0; LEN]);

    /// Takes Unix seconds; 0 is [`Self::ONE_ATTEMPT`].
    ///
    /// # Errors
    /// [`ExpirationError`] from the year 5138 on: such a number is milliseconds, by far the most common slip, and Apple
    /// would keep every push for a month.
    pub const fn from_unix_seconds(seconds: u64) -> Result<Self, ExpirationError> {
        if seconds < MILLISECONDS_FROM {
            let [_, _, _, kept @ ..] = seconds.to_be_bytes();
            Ok(Self(kept))
        } else {
            Err(ExpirationError { seconds })
        }
    }

    /// The value of the header: Unix seconds, or 0.
    #[must_use]
    pub const fn as_unix_seconds(self) -> u64 {
        let [a, b, c, d, e] = self.0;
        u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
    }

    /// Whether the push is of no use any more at `now_unix` (seconds). [`Self::ONE_ATTEMPT`] never is: it has no time.
    #[must_use]
    pub const fn is_past(self, now_unix: u64) -> bool {
        let seconds = self.as_unix_seconds();
        seconds != Self::ONE_ATTEMPT.as_unix_seconds() && seconds <= now_unix
    }
}

/// The value of the header.
impl fmt::Display for Expiration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_unix_seconds().fmt(f)
    }
}

/// The number cannot be meant as seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expiration {seconds} is too far: it is Unix time in seconds, not milliseconds")]
pub struct ExpirationError {
    /// The number given.
    pub seconds: u64,
}

/// 10¹¹: as seconds the year 5138, as milliseconds March 1973.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// Bytes that hold every second below that, the highest first. Each waiting push has one, and eight would cost it eight more.
const LEN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_past_from_its_second_on() {
        let expiration = Expiration::from_unix_seconds(1_000).unwrap();
        for (now, past) in [(0, false), (999, false), (1_000, true), (u64::MAX, true)] {
            assert_eq!(expiration.is_past(now), past, "at {now}");
        }
    }

    #[test]
    fn one_attempt_is_never_past() {
        assert_eq!(
            Expiration::from_unix_seconds(0),
            Ok(Expiration::ONE_ATTEMPT)
        );
        assert!(!Expiration::ONE_ATTEMPT.is_past(u64::MAX));
        assert_eq!(Expiration::ONE_ATTEMPT.to_string(), "0");
    }

    #[test]
    fn milliseconds_are_refused() {
        let now_ms = 1_764_000_000_000;
        assert_eq!(
            Expiration::from_unix_seconds(now_ms),
            Err(ExpirationError { seconds: now_ms })
        );
        assert!(Expiration::from_unix_seconds(now_ms / 1_000).is_ok());
        assert!(Expiration::from_unix_seconds(u64::MAX).is_err());
    }
}
