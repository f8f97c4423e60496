//! Times as text, as RFC 3339 and Python's `isoformat` write them: `2026-11-22T20:45:28.123456Z`. Years 0 to 9999, without leap
//! seconds.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, NaiveDateTime, SecondsFormat, Timelike};

/// How many digits a fraction of a second may have.
const FRACTION_DIGITS: usize = 9;

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
    let time = DateTime::from_timestamp(seconds, nanos)?;
    if !(0..=9999).contains(&time.year()) {
        return None;
    }
    let Some(digits) = (nanos > 0).then(|| format!("{nanos:09}")) else {
        return Some(time.to_rfc3339_opts(SecondsFormat::Secs, true));
    };
    let whole = time.format("%Y-%m-%dT%H:%M:%S");
    Some(format!("{whole}.{}Z", digits.trim_end_matches('0')))
}

/// Parses a time. Without an offset it counts as UTC.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits > FRACTION_DIGITS {
        return None;
    }
    let time = match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.to_utc(),
        Err(_) => {
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
            local.ok()?.and_utc()
        }
    };
    // A leap second is one that has more than its nanoseconds.
    if time.nanosecond() >= 1_000_000_000 {
        return None;
    }
    let whole = Duration::from_secs(time.timestamp().unsigned_abs());
    let time_of_second = if time.timestamp() < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)?
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)?
    };
    time_of_second.checked_add(Duration::from_nanos(time.nanosecond().into()))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{format, parse};

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
    fn a_year_without_four_digits_has_no_text() {
        assert_eq!(format(at(300_000_000_000, 0)), None);
    }
}
