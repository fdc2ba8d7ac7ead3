//! When to speak of a certificate's end: each of a few times once, also while the app runs. Pure.

use crate::utc::utc;

/// What was said of one certificate's end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expiry {
    /// The last of [`WARN_DAYS`] that was said.
    told: Option<u64>,
}

impl Expiry {
    /// Whole days from `now_unix` to `not_after` (both Unix seconds); 0 on the last day and ever after.
    pub(crate) const fn days_left(not_after: u64, now_unix: u64) -> u64 {
        not_after.saturating_sub(now_unix) / DAY
    }

    /// A sentence for an operator, if there is one to be said at `now_unix` that was not said before.
    pub(crate) fn warning(&mut self, not_after: u64, now_unix: u64) -> Option<String> {
        let left = not_after.saturating_sub(now_unix);
        let due = WARN_DAYS.into_iter().find(|days| left < days * DAY)?;
        if self.told.is_some_and(|told| told <= due) {
            return None;
        }
        self.told = Some(due);
        let when = match left / DAY {
            _ if left == 0 => format!("has ended on {}", utc(not_after)),
            0 => format!("ends within a day, on {}", utc(not_after)),
            1 => format!("ends in a day, on {}", utc(not_after)),
            days => format!("ends in {days} days, on {}", utc(not_after)),
        };
        Some(format!(
            "the client certificate {when}: make a new one at developer.apple.com and put it into the old one's file, \
             which is read again without a restart"
        ))
    }
}

/// Days before the end at which it is spoken of, the last first. Apple's certificates live a year, and admins have
/// holidays.
const WARN_DAYS: [u64; 3] = [1, 7, 30];
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = 1_830_297_600;

    #[test]
    fn an_end_is_spoken_of_three_times_and_no_more() {
        let mut expiry = Expiry::default();
        let mut said = Vec::new();
        for hours in (0..40 * 24).rev() {
            for _ in 0..2 {
                if let Some(sentence) = expiry.warning(END, END - hours * 3600) {
                    said.push((hours, sentence));
                }
            }
        }
        let hours: Vec<_> = said.iter().map(|(hours, _)| *hours).collect();
        assert_eq!(hours, [30 * 24 - 1, 7 * 24 - 1, 23]);
        assert_eq!(
            said[0].1,
            "the client certificate ends in 29 days, on 2028-01-01 00:00 UTC: make a new one at developer.apple.com and \
             put it into the old one's file, which is read again without a restart"
        );
        assert!(said[2].1.contains("ends within a day, on"), "{}", said[2].1);
    }

    #[test]
    fn who_starts_late_hears_of_it_once_and_again_when_less_is_left() {
        let mut expiry = Expiry::default();
        let mut at = |days: u64| expiry.warning(END, END - days * DAY).is_some();
        assert_eq!(
            [at(5), at(4), at(2), at(0), at(0)],
            [true, false, false, true, false]
        );
        // A clock that was set back has nothing to add.
        assert!(!at(20));
    }

    #[test]
    fn after_the_end_it_has_ended() {
        let sentence = Expiry::default().warning(END, END + 1).unwrap();
        assert!(sentence.contains("has ended on 2028-01-01"), "{sentence}");
    }

    #[test]
    fn days_are_whole_and_never_below_none() {
        let left = |seconds: u64| Expiry::days_left(END, END - seconds);
        assert_eq!(
            [left(2 * DAY), left(2 * DAY - 1), left(DAY - 1), left(0)],
            [2, 1, 0, 0]
        );
        assert_eq!(Expiry::days_left(END, END + DAY), 0);
    }
}
