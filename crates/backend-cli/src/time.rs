//! Times as RFC 3339 shows them, in UTC and to the second.

use std::time::SystemTime;

use chrono::{DateTime, Datelike, SecondsFormat};

/// Formats a time such as `2026-11-22T20:45:28Z`. `None` before the year 0 and after 9999, for which RFC 3339 has no form.
pub(crate) fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).ok()?,
        // A part of a second before a full one belongs to the one before.
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).ok()?;
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    };
    let time = DateTime::from_timestamp(seconds, 0)?;
    let has_form = (0..=9999).contains(&time.year());
    has_form.then(|| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::rfc3339;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time).as_deref(), Some(want));
        }
    }

    #[test]
    fn times_before_1970_are_those_of_the_calendar_too() {
        let moment = Duration::from_millis(1);
        for (before, want) in [
            (Duration::from_secs(1), "1969-12-31T23:59:59Z"),
            (moment, "1969-12-31T23:59:59Z"),
            (Duration::from_secs(86_400) + moment, "1969-12-30T23:59:59Z"),
            (Duration::from_secs(2_203_891_200), "1900-03-01T00:00:00Z"),
            (Duration::from_secs(2_203_891_201), "1900-02-28T23:59:59Z"),
            (Duration::from_secs(11_676_096_000), "1600-01-01T00:00:00Z"),
            (Duration::from_secs(62_167_219_200), "0000-01-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH - before;
            assert_eq!(rfc3339(time).as_deref(), Some(want));
        }
    }

    #[test]
    fn a_year_without_four_digits_has_no_text() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let last = rfc3339(at(253_402_300_799));
        assert_eq!(last.as_deref(), Some("9999-12-31T23:59:59Z"));
        for far in [253_402_300_800, 1 << 40, i64::MAX as u64] {
            assert_eq!(rfc3339(at(far)), None);
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(62_167_219_201);
        assert_eq!(rfc3339(before), None);
    }
}
