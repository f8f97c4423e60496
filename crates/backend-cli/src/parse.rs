//! Values of options: durations, sizes, ranges.

use std::ops::Range;
use std::time::Duration;

use backend_core::Durability;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Lines by their numbers, counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) first: u64,
    pub(crate) last: Option<u64>,
}

/// Parses `30s`, `500ms`, `5m`, `2h`, or a number of seconds.
///
/// # Errors
///
/// A description of the expected form, for every parser here: clap shows it after the value.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const TAKES: &str = "expected a number and ms, s, m or h, such as 30s";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| TAKES.to_owned())?;
    let unit = match text.strip_prefix(digits) {
        Some("ms") => 0.001,
        Some("" | "s") => 1.0,
        Some("m") => 60.0,
        Some("h") => 3600.0,
        _ => return Err(TAKES.to_owned()),
    };
    match Duration::try_from_secs_f64(number * unit) {
        Ok(Duration::ZERO) => Err("it must be greater than zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err(TAKES.to_owned()),
    }
}

/// Parses `90d`, or what [`duration`] takes.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    match text.strip_suffix('d') {
        None => duration(text),
        Some(days) => {
            const TAKES: &str = "expected a number and s, m, h or d, such as 90d";
            let days: f64 = days.parse().map_err(|_| TAKES.to_owned())?;
            match Duration::try_from_secs_f64(days * 86_400.0) {
                Ok(Duration::ZERO) => Err("it must be greater than zero".to_owned()),
                Ok(age) => Ok(age),
                Err(_) => Err(TAKES.to_owned()),
            }
        }
    }
}

/// Parses a number of bytes: `4096`, `64k`, `16M`, `2G`, in powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const TAKES: &str = "expected a number of bytes, such as 4096, 64k, 16M or 2G";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits).map(str::to_ascii_lowercase) {
        Some(unit) => match unit.as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            _ => return Err(TAKES.to_owned()),
        },
        None => return Err(TAKES.to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| TAKES.to_owned())?;
    number.checked_mul(unit).ok_or_else(|| TAKES.to_owned())
}

/// Parses a size that fits into memory.
pub(crate) fn memory(text: &str) -> Result<usize, String> {
    usize::try_from(size(text)?).map_err(|_| "it is too large for this machine".to_owned())
}

/// Parses a count of at least 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("expected a number".to_owned()),
    }
}

/// Parses `10:20`, `10:`, `:20` or `10`.
pub(crate) fn lines(text: &str) -> Result<Lines, String> {
    const TAKES: &str = "expected lines from A to B, such as 10:20, 10:, :20 or 10";
    let number = |text: &str| -> Result<u64, String> {
        match text.parse() {
            Ok(0) => Err("lines are counted from 1".to_owned()),
            Ok(number) => Ok(number),
            Err(_) => Err(TAKES.to_owned()),
        }
    };
    let (first, last) = match text.split_once(':') {
        None => (number(text)?, Some(number(text)?)),
        Some(("", "")) => return Err(TAKES.to_owned()),
        Some(("", last)) => (1, Some(number(last)?)),
        Some((first, "")) => (number(first)?, None),
        Some((first, last)) => (number(first)?, Some(number(last)?)),
    };
    if last.is_some_and(|last| last < first) {
        return Err("the last line comes before the first".to_owned());
    }
    Ok(Lines { first, last })
}

/// Parses `0:100`, `100:` or `:100`: bytes counted from 0, the end not included.
pub(crate) fn byte_range(text: &str) -> Result<Range<u64>, String> {
    const TAKES: &str = "expected bytes from A to before B, such as 0:100, 100: or :100";
    let number = |text: &str| text.parse::<u64>().map_err(|_| TAKES.to_owned());
    let range = match text.split_once(':') {
        None | Some(("", "")) => return Err(TAKES.to_owned()),
        Some(("", end)) => 0..number(end)?,
        Some((start, "")) => number(start)?..u64::MAX,
        Some((start, end)) => number(start)?..number(end)?,
    };
    if range.start > range.end {
        return Err("the range ends before it starts".to_owned());
    }
    Ok(range)
}

/// Parses `NAME=VALUE`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Parses the name of a sandbox.
pub(crate) fn sandbox_id(text: &str) -> Result<backend_core::SandboxId, String> {
    backend_core::SandboxId::parse(text).map_err(|error| error.to_string())
}

/// Parses a durability.
pub(crate) fn durability() -> impl TypedValueParser<Value = Durability> {
    PossibleValuesParser::new(Durability::NAMES).try_map(|text| text.parse::<Durability>())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lines, byte_range, count, duration, lines, size, variable};

    #[test]
    fn durations_have_units() {
        for (text, want) in [
            ("30", Duration::from_secs(30)),
            ("1.5s", Duration::from_millis(1500)),
            ("250ms", Duration::from_millis(250)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
        ] {
            assert_eq!(duration(text), Ok(want), "{text}");
        }
        for text in ["", "0", "-1", "s", "1d", "nan", "inf", "1e400h", "1 s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(size("10"), Ok(10));
        assert_eq!(size("64k"), Ok(64 << 10));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        for text in ["", "k", "1x", "-1", "1.5M", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_count_from_one() {
        let range = |first, last| Ok(Lines { first, last });
        assert_eq!(lines("10:20"), range(10, Some(20)));
        assert_eq!(lines("10:"), range(10, None));
        assert_eq!(lines(":20"), range(1, Some(20)));
        assert_eq!(lines("7"), range(7, Some(7)));
        for text in ["", ":", "0", "0:3", "5:4", "a", "1:2:3", "-1"] {
            assert!(lines(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_count_from_zero() {
        assert_eq!(byte_range("0:100"), Ok(0..100));
        assert_eq!(byte_range(":100"), Ok(0..100));
        assert_eq!(byte_range("100:"), Ok(100..u64::MAX));
        for text in ["", ":", "5", "5:4", "x:y"] {
            assert!(byte_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_and_variables_are_checked() {
        assert_eq!(count("3"), Ok(3));
        assert!(count("0").is_err() && count("x").is_err());
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(variable("=x").is_err() && variable("A").is_err());
    }
}
