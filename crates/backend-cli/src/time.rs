//! Times as RFC 3339 shows them, in UTC and to the second.

use std::time::SystemTime;

const DAY: i64 = 86_400;

/// How many days 400 years have, after which the calendar repeats itself.
const ERA: i64 = 146_097;

/// How many days there are from the first of March of the year 0 to 1970.
const BEFORE_1970: i64 = 719_468;

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
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years start in March here, so that the day that not all of them have is their last one.
    let day = day.checked_add(BEFORE_1970)?;
    let (era, day) = (day.div_euclid(ERA), day.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + next;
    if !(0..=9999).contains(&year) {
        return None;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
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
