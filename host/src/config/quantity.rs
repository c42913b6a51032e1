//! Sizes and durations with units, such as `64MiB` and `100ms`.

use std::time::Duration;

use super::fields::{Cursor, Read};
use super::node::Value;

/// A size in bytes, written as a number of bytes or with a unit (`64KiB`, `64KB`, `1GiB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ByteSize(pub(super) u64);

impl Read for ByteSize {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let size = match &cursor.node.value {
            Value::String(text) => parse_size(text),
            Value::Integer(bytes) => u64::try_from(*bytes).ok(),
            _ => None,
        };
        size.map(ByteSize).or_else(|| refuse(cursor, "a size such as 64MiB"))
    }
}

impl Read for Duration {
    fn read(cursor: &Cursor<'_>) -> Option<Self> {
        let duration = cursor.node.as_str().and_then(parse_duration);
        duration.or_else(|| refuse(cursor, "a duration such as 100ms or 1s"))
    }
}

fn refuse<T>(cursor: &Cursor<'_>, wanted: &str) -> Option<T> {
    let Some(text) = cursor.node.as_str() else { return cursor.wrong_type(wanted) };
    cursor.error(format!("expected {wanted}, found {text:?}"));
    None
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    scale(number, *factor)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let (_, factor) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
    scale(number, *factor).map(Duration::from_nanos)
}

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Units of time in nanoseconds.
const TIME_UNITS: &[(&str, u64)] =
    &[("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

/// Splits `1.5MiB` into `1.5` and `MiB`; a space between them is allowed.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number, unit.strip_prefix(' ').unwrap_or(unit)))
}

/// Multiplies a decimal number by `factor`, down to a whole number.
fn scale(number: &str, factor: u64) -> Option<u64> {
    let Some((whole, fraction)) = number.split_once('.') else {
        return number.parse::<u64>().ok()?.checked_mul(factor);
    };
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let tenths = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / tenths;
    whole.parse::<u64>().ok()?.checked_mul(factor)?.checked_add(u64::try_from(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        fn check(text: &str, expected: Option<u64>) {
            assert_eq!(parse_size(text), expected, "{text}");
        }
        check("64MiB", Some(64 << 20));
        check("64 MB", Some(64_000_000));
        check("1.5KiB", Some(1536));
        check("4096", Some(4096));
        check("0B", Some(0));
        for text in ["", "MiB", "64mib", "64Mi", "-1MB", "1.MB", ".5MB", "1.2.3MB", "99999999999GiB", "1  KB", "1KB "] {
            check(text, None);
        }
    }

    #[test]
    fn durations() {
        fn check(text: &str, expected: Option<u64>) {
            assert_eq!(parse_duration(text), expected.map(Duration::from_micros), "{text}");
        }
        check("100ms", Some(100_000));
        check("1s", Some(1_000_000));
        check("1.5s", Some(1_500_000));
        check("20us", Some(20));
        check("2m", Some(120_000_000));
        for text in ["", "1", "s", "1 sec", "-1s", "1d", "99999999999999h"] {
            check(text, None);
        }
    }
}
