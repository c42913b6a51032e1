//! An instant, and its rendering as one whole number.

/// An instant: seconds since the Unix epoch, and the nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Unix seconds, negative before 1970; the floor of the instant.
    pub seconds: i64,
    /// 0..=999999999.
    pub nanoseconds: u32,
}

impl Time {
    /// Appends the floor of the instant, counted in `unit`, to `out` as decimal digits.
    ///
    /// # Examples
    ///
    /// ```
    /// use loglift_event_time::{Time, Unit};
    ///
    /// let mut out = Vec::new();
    /// Time { seconds: 1698249070, nanoseconds: 123456789 }.write_in(Unit::Milliseconds, &mut out);
    /// assert_eq!(out, b"1698249070123");
    /// ```
    pub fn write_in(self, unit: Unit, out: &mut Vec<u8>) {
        let per_second = unit.per_second();
        let digits = unit.digits();
        let fraction = self.nanoseconds / (1_000_000_000 / per_second);
        // Seconds and fraction are written one after the other, so that no product of them can overflow. Before 1970
        // the fraction counts up to the next second, while the digits of a negative number count away from it.
        let (seconds, fraction) = match self.seconds < 0 && fraction > 0 {
            true => (self.seconds + 1, per_second - fraction),
            false => (self.seconds, fraction),
        };
        if self.seconds < 0 {
            out.push(b'-');
        }
        match seconds.unsigned_abs() {
            0 => write_digits(fraction.into(), 1, out),
            whole => {
                write_digits(whole, 1, out);
                write_digits(fraction.into(), digits, out);
            }
        }
    }
}

/// What one in a whole number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Whole seconds.
    Seconds,
    /// 10⁻³ seconds.
    Milliseconds,
    /// 10⁻⁶ seconds.
    Microseconds,
    /// 10⁻⁹ seconds.
    Nanoseconds,
}

impl Unit {
    /// Returns how many digits the fraction of a second has.
    pub(crate) fn digits(self) -> usize {
        self.per_second().ilog10() as usize
    }

    /// Returns how many of the unit a second has.
    pub(crate) fn per_second(self) -> u32 {
        match self {
            Self::Seconds => 1,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1_000_000,
            Self::Nanoseconds => 1_000_000_000,
        }
    }

    /// Returns the unit that a configuration calls `ms`, `us` or `ns`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ms" => Some(Self::Milliseconds),
            "us" => Some(Self::Microseconds),
            "ns" => Some(Self::Nanoseconds),
            _ => None,
        }
    }
}

/// Appends `number`, filled up with zeros on the left to `width` digits (at most 20).
fn write_digits(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    let first = first.min(digits.len() - width);
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        let check = |seconds, nanoseconds, unit, expected: &str| {
            let mut out = Vec::new();
            Time { seconds, nanoseconds }.write_in(unit, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(1698249070, 123_456_789, Unit::Seconds, "1698249070");
        check(0, 999_999_999, Unit::Seconds, "0");
        check(-1, 999_999_999, Unit::Seconds, "-1");
        check(1698249070, 123_456_789, Unit::Milliseconds, "1698249070123");
        check(1698249070, 123_456_789, Unit::Microseconds, "1698249070123456");
        check(1698249070, 123_456_789, Unit::Nanoseconds, "1698249070123456789");
        check(1698249070, 1_000_000, Unit::Milliseconds, "1698249070001");
        check(1698249070, 0, Unit::Milliseconds, "1698249070000");
        check(0, 0, Unit::Milliseconds, "0");
        check(0, 5_999_999, Unit::Milliseconds, "5");
        check(1, 5, Unit::Nanoseconds, "1000000005");
        // Half a second before 1970 is second -1 and half a second on; the floor of its milliseconds is -500.
        check(-1, 500_000_000, Unit::Milliseconds, "-500");
        check(-1, 500_000_001, Unit::Milliseconds, "-500");
        check(-1, 499_999_999, Unit::Milliseconds, "-501");
        check(-1, 0, Unit::Milliseconds, "-1000");
        check(-1, 999_999, Unit::Milliseconds, "-1000");
        check(-2, 999_999_999, Unit::Nanoseconds, "-1000000001");
        check(253_402_300_799, 999_999_999, Unit::Nanoseconds, "253402300799999999999");
        check(i64::MIN, 0, Unit::Nanoseconds, "-9223372036854775808000000000");
    }

    #[test]
    fn names_of_units() {
        let check = |name, expected| assert_eq!(Unit::from_name(name), expected, "{name}");
        check("ms", Some(Unit::Milliseconds));
        check("us", Some(Unit::Microseconds));
        check("ns", Some(Unit::Nanoseconds));
        check("s", None);
        check("MS", None);
    }
}
