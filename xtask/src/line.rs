//! The log lines of the demo and of the bench: what Python's logging writes with a JSON formatter, at nanosecond times.

use std::io::Write;

use crate::random::Random;

/// Makes lines; each has a later time than the one before.
#[derive(Debug)]
pub(crate) struct Lines {
    random: Random,
    count: u64,
}

impl Lines {
    /// Lines that differ in nothing from those of another maker.
    pub(crate) fn new() -> Self {
        Self { random: Random::new(), count: 0 }
    }

    /// Appends to `to` a line with the time `unix_ns`, 283 bytes and a newline when `thread` has 10, and returns the
    /// text of its `asctime` field, which no other time has.
    pub(crate) fn append(&mut self, to: &mut Vec<u8>, unix_ns: u64, thread: &str) -> String {
        let asctime = asctime(unix_ns);
        let [number, high, low] = [self.next(), self.next(), self.next()];
        self.count += 1;
        let (no, inner_loop) = (10 + number % 90, 100 + (number >> 8) % 900);
        let round = 10_000 + self.count % 90_000;
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff | 0x4000);
        let (d, e) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        writeln!(
            to,
            r#"{{"asctime": "{asctime}", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{{\"no\": {no}, \"inner_loop\": {inner_loop}, \"loop\": {round}, \"uuid\": \"{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}\"}}", "threadName": "{thread}"}}"#,
        )
        .expect("a Vec takes all bytes");
        asctime
    }

    /// A number that looks random.
    pub(crate) fn next(&mut self) -> u64 {
        self.random.next()
    }
}

/// Writes a time in UTC as the format `%Y-%m-%d %H:%M:%S,%f` reads it, with all nine digits.
pub(crate) fn asctime(unix_ns: u64) -> String {
    let (seconds, nanoseconds) = (unix_ns / NS_PER_S, unix_ns % NS_PER_S);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{nanoseconds:09}")
}

/// The Gregorian date of a day since 1970. Years begin in March here, so that the leap day comes last.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

pub(crate) const NS_PER_S: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_does_but_to_the_nanosecond() {
        let check = |seconds, nanoseconds, expected| assert_eq!(asctime(seconds * NS_PER_S + nanoseconds), expected);
        check(0, 0, "1970-01-01 00:00:00,000000000");
        check(951_782_400, 1, "2000-02-29 00:00:00,000000001");
        check(1_698_277_870, 199_999_999, "2023-10-25 23:51:10,199999999");
        check(1_735_689_599, 999_999_999, "2024-12-31 23:59:59,999999999");
    }

    #[test]
    fn a_line_has_283_bytes_and_7_fields() {
        let mut line = Vec::new();
        let mut lines = Lines::new();
        for _ in 0..1000 {
            line.clear();
            lines.append(&mut line, 1_698_277_870_199_999_999, "MainThread");
            assert_eq!(line.len(), 284, "{}", String::from_utf8_lossy(&line));
        }
        let fields: serde_json::Map<_, _> = serde_json::from_slice(&line).unwrap();
        assert_eq!(fields.len(), 7);
        let message: serde_json::Value = serde_json::from_str(fields["message"].as_str().unwrap()).unwrap();
        assert_eq!(message["uuid"].as_str().map(str::len), Some(36));
    }
}
