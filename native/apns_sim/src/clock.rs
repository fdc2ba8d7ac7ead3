//! Apple's clock: the machine's, moved by what a script asks for, so that a provider can meet the clock skew that
//! is behind most `ExpiredProviderToken` answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock all judgements go by. The journal's times are the machine's own.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_s: AtomicI64,
}

impl Clock {
    /// Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        let machine = i64::try_from(machine_us() / 1_000_000).unwrap_or(i64::MAX);
        machine.saturating_add(self.offset_s.load(Ordering::Relaxed))
    }

    /// Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now()).unwrap_or(0).saturating_mul(1000)
    }

    /// Seconds from the machine's clock.
    pub(crate) fn offset(&self) -> i64 {
        self.offset_s.load(Ordering::Relaxed)
    }

    /// Lets the clock go wrong by `seconds` from the machine's.
    pub(crate) fn set_offset(&self, seconds: i64) {
        self.offset_s.store(seconds, Ordering::Relaxed);
    }
}

/// The `date` header's form of a time in Unix seconds (RFC 9110 §5.6.7).
pub(crate) fn http_date(unix_s: i64) -> String {
    let (days, second) = (unix_s.div_euclid(DAY), unix_s.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], at: i64| {
        let at = usize::try_from(at).unwrap_or_default();
        names.get(at).copied().unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(
            &["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"],
            days.rem_euclid(7)
        ),
        name(MONTHS, month),
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// The year, the month from 0 and the day of the month, of a day counted from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that a leap day is the last day of one; eras have 400 years.
    let from_era = days + DAYS_TO_1970;
    let (era, day) = (
        from_era.div_euclid(DAYS_OF_ERA),
        from_era.rem_euclid(DAYS_OF_ERA),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = (month + 2) % 12;
    (400 * era + year + i64::from(month < 2), month, day)
}

const DAY: i64 = 86_400;
/// Days of 400 years, and those from March of year 0 to 1970-01-01.
const DAYS_OF_ERA: i64 = 146_097;
const DAYS_TO_1970: i64 = 719_468;
const MONTHS: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The machine's clock: Unix microseconds.
pub(crate) fn machine_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_has_it() {
        for (unix_s, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_795_507_199, "Tue, 24 Nov 2026 07:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(http_date(unix_s), date);
        }
    }
}
