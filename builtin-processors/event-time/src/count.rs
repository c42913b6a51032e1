//! Instants written as one whole number.

use crate::cached::Syntax;
use crate::fields::Fields;
use crate::mismatch::{Expected, Mismatch};
use crate::time::{Time, Unit};

/// A whole number of a unit since the Unix epoch: a sign or none, and digits, of 64 bits.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    unit: Unit,
}

impl Count {
    /// Counts `unit`.
    pub fn new(unit: Unit) -> Self {
        Self { unit }
    }
}

impl Count {
    /// Returns the time of a number that may have more than 64 bits.
    #[cold]
    fn large(&self, value: &[u8]) -> Option<Time> {
        let count: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
        let per_second = i64::from(self.unit.per_second());
        let nanoseconds = count.rem_euclid(per_second) * (1_000_000_000 / per_second);
        Some(Time { seconds: count.div_euclid(per_second), nanoseconds: nanoseconds as u32 })
    }
}

impl Syntax for Count {
    fn remembers(&self) -> bool {
        false
    }

    #[inline]
    fn read(&self, value: &[u8]) -> Result<(Fields, usize), Mismatch> {
        let sign_len = usize::from(matches!(value, [b'+' | b'-', ..]));
        let (sign, digits) = value.split_at(sign_len);
        let mismatch = |at: usize| Mismatch::new(at, &value[at..], Expected::Count { unit: self.unit });
        let wrong = digits.iter().position(|digit| !digit.is_ascii_digit());
        if let Some(at) = wrong.or(digits.is_empty().then_some(0)) {
            return Err(mismatch(sign_len + at));
        }
        let time = match digits.split_at_checked(digits.len().saturating_sub(self.unit.digits())) {
            Some((seconds, fraction)) if digits.len() <= SAFE_DIGITS => {
                let fraction = number(fraction) as u32 * (1_000_000_000 / self.unit.per_second());
                away_from_zero(sign == b"-", number(seconds), fraction)
            }
            _ => self.large(value).ok_or_else(|| mismatch(0))?,
        };
        Ok((Fields::Instant(time), 0))
    }

    fn read_rest(&self, _: usize, _: &[u8], _: Time) -> Option<Time> {
        None
    }
}

#[inline]
fn number(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
}

/// Returns the time so far after 1970, or before it.
#[inline]
fn away_from_zero(negative: bool, seconds: i64, nanoseconds: u32) -> Time {
    match (negative, nanoseconds) {
        (false, nanoseconds) => Time { seconds, nanoseconds },
        (true, 0) => Time { seconds: -seconds, nanoseconds: 0 },
        (true, nanoseconds) => Time { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    }
}

/// So many digits fit into 64 bits.
const SAFE_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_each_unit() {
        let check = |unit, value: &str, expected: (i64, u32)| {
            let time = Time { seconds: expected.0, nanoseconds: expected.1 };
            let found = Count::new(unit).read(value.as_bytes()).map(|it| it.0);
            assert_eq!(found, Ok(Fields::Instant(time)), "{value}");
        };
        check(Unit::Seconds, "1637843406", (1637843406, 0));
        check(Unit::Milliseconds, "1637843406123", (1637843406, 123_000_000));
        check(Unit::Microseconds, "1637843406123456", (1637843406, 123_456_000));
        check(Unit::Nanoseconds, "1637843406123456789", (1637843406, 123_456_789));
        check(Unit::Seconds, "-1", (-1, 0));
        check(Unit::Milliseconds, "-1", (-1, 999_000_000));
        check(Unit::Nanoseconds, "+0001", (0, 1));
        check(Unit::Seconds, "0", (0, 0));
        check(Unit::Milliseconds, "-1500", (-2, 500_000_000));
        check(Unit::Milliseconds, "-2000", (-2, 0));
        check(Unit::Nanoseconds, "0000000001637843406123456789", (1637843406, 123_456_789));
        check(Unit::Nanoseconds, "-9223372036854775808", (-9223372037, 145_224_192));
        check(Unit::Nanoseconds, "9223372036854775807", (9223372036, 854_775_807));
    }

    #[test]
    fn anything_else_is_refused() {
        let check = |value: &str, expected: &str| {
            let mismatch = Count::new(Unit::Milliseconds).read(value.as_bytes()).expect_err(value);
            assert_eq!(mismatch.to_string(), expected, "{value}");
        };
        check("", "at byte 0: expected a whole number of milliseconds but the value ends");
        check("-", "at byte 1: expected a whole number of milliseconds but the value ends");
        check("1637843406.5", r#"at byte 10: expected a whole number of milliseconds but found ".5""#);
        check(" 1", r#"at byte 0: expected a whole number of milliseconds but found " ""#);
        check("1_000", r#"at byte 1: expected a whole number of milliseconds but found "_000""#);
        check("9223372036854775808", r#"at byte 0: expected a whole number of milliseconds but found "922337203685""#);
    }
}
