//! Times as text, as RFC 3339 and Python's `isoformat` write them: `2026-11-22T20:45:28.123456Z`.
//!
//! Years 0 to 9999 of the Gregorian calendar, without leap seconds. Not a general date library.

use std::time::{Duration, SystemTime};

const DAY_SECONDS: i64 = 86_400;

/// The number of days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Formats a time in UTC, with as many digits of a second as needed. `None` for a year that does not have four digits.
pub(crate) fn format(time: SystemTime) -> Option<String> {
    let (seconds, nanos) = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_nanos()),
        Err(error) => {
            let before = error.duration();
            let seconds = i64::try_from(before.as_secs()).ok()?;
            match before.subsec_nanos() {
                0 => (-seconds, 0),
                nanos => (-seconds - 1, 1_000_000_000 - nanos),
            }
        }
    };
    let (day, second) = (
        seconds.div_euclid(DAY_SECONDS),
        seconds.rem_euclid(DAY_SECONDS),
    );
    let (year, month, day) = date_of(day);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if nanos > 0 {
        let digits = format!(".{nanos:09}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push('Z');
    Some(text)
}

/// Parses a time. Without an offset it counts as UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset) = split_offset(clock)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid || !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let days = day_of(year, month, day);
    let seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second - offset;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)?
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)?
    };
    time.checked_add(Duration::from_nanos(nanos.into()))
}

/// Splits `20:45:28.1+02:00` into the time of day and the offset in seconds.
fn split_offset(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = clock.find(['+', '-']) else {
        return Some((clock, 0));
    };
    let (clock, offset) = clock.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(offset.get(1..)?, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some((clock, sign * (hours * 3600 + minutes * 60)))
}

/// Parses numbers with exact digit counts.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut values = [0; N];
    for (value, digits) in values.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(values)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the number of a day, where 1970-01-01 is 0. Years are counted from March on, so that a leap day is the last
/// day of a year.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let in_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + in_year - EPOCH
}

/// The inverse of [`day_of`].
fn date_of(day: i64) -> (i64, i64, i64) {
    const FOUR_CENTURIES: i64 = 146_097;
    let since = day + EPOCH;
    let day = since.rem_euclid(FOUR_CENTURIES);
    // Minus the leap days before it, each year has 365 days.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (year * 365 + year / 4 - year / 100);
    let month = (in_year * 5 + 2) / 153;
    let date = in_year - (month * 153 + 2) / 5 + 1;
    let year = year + since.div_euclid(FOUR_CENTURIES) * 400;
    if month < 10 {
        (year, month + 3, date)
    } else {
        (year + 1, month - 9, date)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{date_of, day_of, format, parse};

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    #[test]
    fn times_are_written_as_rfc_3339_and_read_back() {
        for (time, text) in [
            (at(0, 0), "1970-01-01T00:00:00Z"),
            (at(1_709_164_800, 0), "2024-02-29T00:00:00Z"),
            (
                at(1_795_380_328, 123_456_000),
                "2026-11-22T20:45:28.123456Z",
            ),
            (at(4_102_444_799, 1), "2099-12-31T23:59:59.000000001Z"),
            (
                at(0, 0) - Duration::new(0, 1),
                "1969-12-31T23:59:59.999999999Z",
            ),
            (
                at(0, 0) - Duration::from_secs(62_167_219_200),
                "0000-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(format(time).as_deref(), Some(text));
            assert_eq!(parse(text), Some(time), "{text}");
        }
    }

    #[test]
    fn an_offset_and_a_missing_one_are_read() {
        let want = Some(at(1_795_380_328, 0));
        for text in [
            "2026-11-22T20:45:28+00:00",
            "2026-11-22T22:15:28+01:30",
            "2026-11-22 15:45:28-05:00",
            "2026-11-22T20:45:28",
            "2026-11-22t20:45:28z",
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }

    #[test]
    fn an_invalid_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-10T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-1-1T0:0:0Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00.+5Z",
            "2026-01-01T00:00:00+25:00",
            "2026-01-01T00:00:00+0",
            "é",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z ",
            "2026-01-01T00:00:00-05:00:00",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-720_000..3_000_000).step_by(97) {
            let (year, month, date) = date_of(day);
            assert_eq!(day_of(year, month, date), day);
        }
    }

    #[test]
    fn a_year_without_four_digits_has_no_text() {
        assert_eq!(format(at(300_000_000_000, 0)), None);
    }
}
