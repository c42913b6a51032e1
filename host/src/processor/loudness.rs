//! Limits how many alarms a processor raises. Pure: the clock is the caller's.

use std::time::{Duration, Instant};

/// How many alarms a processor may still raise.
#[derive(Debug, Default)]
pub(super) struct Loudness {
    /// When the present second began, and what was raised in it.
    present: Option<(Instant, usize)>,
}

impl Loudness {
    /// How many alarms of an answer with so many may be raised, of at most `per_second`.
    pub(super) fn take(&mut self, wanted: usize, per_second: usize, now: Instant) -> usize {
        let (since, raised) = match self.present {
            Some((since, raised)) if now.saturating_duration_since(since) < Duration::from_secs(1) => (since, raised),
            _ => (now, 0),
        };
        let taken = wanted.min(MAX_PER_ANSWER).min(per_second.saturating_sub(raised));
        self.present = Some((since, raised + taken));
        taken
    }
}

/// What one answer may raise. The SDK sends a few of each kind, and how many events they stand for.
const MAX_PER_ANSWER: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_loud_for_a_while_only() {
        let (start, mut loudness) = (Instant::now(), Loudness::default());
        // At how many milliseconds, how many alarms, and how many of them are raised.
        let answers = [(0, 3, 3), (0, 101, 100), (10, 900, 100), (20, 900, 97), (999, 5, 0), (1000, 200, 100)];
        for (millis, wanted, expected) in answers {
            assert_eq!(loudness.take(wanted, 300, start + Duration::from_millis(millis)), expected, "at {millis}");
        }
    }
}
