//! Growing, random pauses between attempts, so that many clients do not come back to a server in step.
//!
//! Pure: the caller brings the randomness and keeps the time.

use std::time::Duration;

/// Exponential backoff with jitter over the whole range ("full jitter").
///
/// Each pause lies between `min` and a ceiling that doubles from pause to pause, from twice `min` up to `max`. It never
/// falls below `min`: Apple takes rapid reconnecting for an attack.
///
/// ```
/// use apns_proto::backoff::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60))?;
/// let random = 0x8000_0000_0000_0000; // drawn by the caller; this one is the middle
/// assert_eq!(backoff.next(random).as_millis(), 1_500);
/// assert_eq!(backoff.next(random).as_millis(), 2_500);
/// # Ok::<(), apns_proto::backoff::BackoffError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    /// Longest pause that [`Self::next`] may give now, before the bound of `max`.
    ceiling: Duration,
}

impl Backoff {
    /// The longest `max`: a day.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Pauses from `min` to `max`. With both alike there is no jitter.
    ///
    /// # Errors
    /// Every [`BackoffError`].
    pub fn new(min: Duration, max: Duration) -> Result<Self, BackoffError> {
        if min.is_zero() {
            return Err(BackoffError::Zero);
        }
        if max < min {
            return Err(BackoffError::Order { min, max });
        }
        if max > Self::LONGEST {
            return Err(BackoffError::TooLong { max });
        }
        Ok(Self {
            min,
            max,
            ceiling: first_ceiling(min),
        })
    }

    /// The next pause. `random` is uniform over all of `u64`: 0 gives the shortest possible pause, [`u64::MAX`] the longest.
    pub fn next(&mut self, random: u64) -> Duration {
        let ceiling = self.ceiling.min(self.max);
        self.ceiling = ceiling.saturating_mul(2);
        // At most a day of nanoseconds: below 2⁴⁷, so that neither the product nor the sum can overflow.
        let span = (ceiling - self.min).as_nanos() + 1;
        let above_min = (span * u128::from(random)) >> u64::BITS;
        self.min + Duration::from_nanos(u64::try_from(above_min).unwrap_or(u64::MAX))
    }

    /// An attempt went well: the next pause is a short one again.
    pub fn reset(&mut self) {
        self.ceiling = first_ceiling(self.min);
    }
}

/// Bounds that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackoffError {
    /// `min` is zero: attempts would follow each other without a pause.
    #[error("the shortest pause is zero")]
    Zero,
    /// `max` is below `min`.
    #[error("the longest pause ({max:?}) is shorter than the shortest ({min:?})")]
    Order {
        /// The shortest pause.
        min: Duration,
        /// The longest pause.
        max: Duration,
    },
    /// `max` is above [`Backoff::LONGEST`].
    #[error("the longest pause ({max:?}) is more than a day")]
    TooLong {
        /// The longest pause.
        max: Duration,
    },
}

/// Already the first pause differs between clients that lost the same server.
fn first_ceiling(min: Duration) -> Duration {
    min.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_longest_pauses_double_up_to_the_bound() {
        let mut backoff = Backoff::new(SECOND, SECOND * 10).unwrap();
        let pauses: Vec<_> = (0..6).map(|_| backoff.next(u64::MAX).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn the_shortest_pause_is_the_lower_bound_however_often_it_failed() {
        let mut backoff = Backoff::new(SECOND, SECOND * 10).unwrap();
        assert!((0..100).all(|_| backoff.next(0) == SECOND));
    }

    #[test]
    fn success_makes_the_next_pause_short_again() {
        let mut backoff = Backoff::new(SECOND, SECOND * 10).unwrap();
        let fresh = backoff.clone();
        for _ in 0..5 {
            backoff.next(7);
        }
        assert_ne!(backoff, fresh);
        backoff.reset();
        assert_eq!(backoff, fresh);
    }

    #[test]
    fn equal_bounds_give_a_constant_pause() {
        let mut backoff = Backoff::new(SECOND, SECOND).unwrap();
        assert!(
            [0, 1, u64::MAX]
                .into_iter()
                .all(|random| backoff.next(random) == SECOND)
        );
    }

    #[test]
    fn bounds_that_make_no_sense_are_refused() {
        let zero = Duration::ZERO;
        let day = Backoff::LONGEST;
        let cases = [
            (zero, SECOND, BackoffError::Zero),
            (zero, zero, BackoffError::Zero),
            (
                SECOND * 2,
                SECOND,
                BackoffError::Order {
                    min: SECOND * 2,
                    max: SECOND,
                },
            ),
            (
                SECOND,
                day + SECOND,
                BackoffError::TooLong { max: day + SECOND },
            ),
            (
                SECOND,
                Duration::MAX,
                BackoffError::TooLong { max: Duration::MAX },
            ),
        ];
        for (min, max, error) in cases {
            assert_eq!(Backoff::new(min, max), Err(error));
        }
        assert!(Backoff::new(day, day).is_ok());
    }

    proptest! {
        #[test]
        fn every_pause_is_within_the_bounds(
            min_ns in 1u64..86_400_000_000_000,
            extra_ns in 0u64..86_400_000_000_000,
            randoms in proptest::collection::vec(any::<u64>(), 1..80),
        ) {
            let min = Duration::from_nanos(min_ns);
            let max = (min + Duration::from_nanos(extra_ns)).min(Backoff::LONGEST);
            let mut backoff = Backoff::new(min, max).unwrap();
            let mut ceiling = min;
            for random in randoms {
                ceiling = (ceiling * 2).min(max);
                let pause = backoff.next(random);
                prop_assert!(min <= pause && pause <= ceiling, "{:?} not in {:?}..={:?}", pause, min, ceiling);
            }
        }

        #[test]
        fn more_randomness_never_makes_a_shorter_pause(a: u64, b: u64) {
            let pause = |random| Backoff::new(SECOND, SECOND * 60).unwrap().next(random);
            prop_assert_eq!(pause(a.min(b)).max(pause(a.max(b))), pause(a.max(b)));
        }
    }
}
