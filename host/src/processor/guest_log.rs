//! What processors log: limited over time, and what was left out is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use super::bindings::loglift::processor::host::Level;
use crate::telemetry::one_line;

/// The log of one processor, which all its instances write to.
#[derive(Debug)]
pub(super) struct GuestLog {
    /// How the agent's log names the processor.
    name: String,
    rate: Mutex<Rate>,
    /// How many lines there were, those that were left out included.
    lines: AtomicU64,
}

/// How many lines may still be logged.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    /// When the second began that `used` is about.
    since: Option<Instant>,
    used: u32,
    left_out: u64,
}

impl GuestLog {
    pub(super) fn new(name: &str, lines_per_second: u32) -> Self {
        let rate = Rate { per_second: lines_per_second, since: None, used: 0, left_out: 0 };
        Self { name: name.to_owned(), rate: Mutex::new(rate), lines: AtomicU64::new(0) }
    }

    /// How many lines there were so far, those that were left out included.
    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Writes a line, unless there were too many in this second.
    pub(super) fn write(&self, level: Level, message: &str) {
        self.lines.fetch_add(1, Ordering::Relaxed);
        let admitted = self.rate.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
        let Some(left_out) = admitted else { return };
        self.report(left_out);
        let message = one_line(message);
        match level {
            Level::Debug => debug!(processor = self.name, message, "processor log"),
            Level::Info => info!(processor = self.name, message, "processor log"),
            Level::Warn => warn!(processor = self.name, message, "processor log"),
            Level::Error => error!(processor = self.name, message, "processor log"),
        }
    }

    fn report(&self, left_out: u64) {
        if left_out > 0 {
            warn!(processor = self.name, lines = left_out, "processor logs too much, lines were left out");
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        let left_out = self.rate.get_mut().unwrap_or_else(PoisonError::into_inner).left_out;
        self.report(left_out);
    }
}

impl Rate {
    /// Whether a line may be logged now: if so, how many were left out before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= SECOND) {
            self.since = Some(now);
            self.used = 0;
        }
        if self.used >= self.per_second {
            self.left_out += 1;
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_rate_are_left_out_and_counted() {
        let mut rate = Rate { per_second: 2, since: None, used: 0, left_out: 0 };
        let start = Instant::now();
        let mut check = |millis, expected| {
            assert_eq!(rate.admit(start + Duration::from_millis(millis)), expected, "{millis} ms");
        };
        check(0, Some(0));
        check(10, Some(0));
        check(20, None);
        check(999, None);
        check(1000, Some(2));
        check(1001, Some(0));
        check(1002, None);
        check(9000, Some(1));
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_through() {
        let mut rate = Rate { per_second: 0, since: None, used: 0, left_out: 0 };
        assert_eq!(rate.admit(Instant::now()), None);
        assert_eq!(rate.admit(Instant::now() + SECOND), None);
        assert_eq!(rate.left_out, 2);
    }
}
