//! Unix time in an operator's words.

use x509_parser::time::ASN1Time;

/// `2026-11-24 03:56 UTC`; the bare number for times beyond the year 9999.
pub(crate) fn utc(unix: u64) -> String {
    let Some(time) = i64::try_from(unix)
        .ok()
        .and_then(|unix| ASN1Time::from_timestamp(unix).ok())
    else {
        return format!("{unix} (Unix time)");
    };
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        time.hour(),
        time.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_read_as_dates() {
        for (unix, expected) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_492_560, "2026-11-24 03:56 UTC"),
            (u64::MAX, "18446744073709551615 (Unix time)"),
        ] {
            assert_eq!(utc(unix), expected);
        }
    }
}
