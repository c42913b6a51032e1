//! Decides what to do about a file whose reading is behind. Pure: no clock and no I/O.

use std::time::{Duration, Instant};

/// How many unread bytes are too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delay {
    /// What is above is skipped: `ReadDelaySkipThresholdBytes`. 0: nothing is.
    pub skip_bytes: u64,
    /// What is above for long is told: `ReadDelayAlertThresholdBytes`. 0: nothing is.
    pub alert_bytes: u64,
}

impl Delay {
    /// Whether so much is unread that it is to be skipped.
    pub fn is_too_far(&self, unread_bytes: u64) -> bool {
        self.skip_bytes > 0 && unread_bytes > self.skip_bytes
    }

    /// Whether a person is to hear of what is unread. `since` is when it became too much, or when that was told last.
    pub fn is_to_be_told(&self, unread_bytes: u64, since: &mut Option<Instant>, now: Instant) -> bool {
        if self.alert_bytes == 0 || unread_bytes <= self.alert_bytes {
            *since = None;
            return false;
        }
        let is_long = now.saturating_duration_since(*since.get_or_insert(now)) >= ALERT_TIME;
        if is_long {
            *since = Some(now);
        }
        is_long
    }
}

/// How long reading may be behind, and how often a person hears of it.
const ALERT_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_for_long_is_told_once_a_minute() {
        let delay = Delay { skip_bytes: 0, alert_bytes: 100 };
        let (start, mut since) = (Instant::now(), None);
        let mut check = |second: u64, unread_bytes: u64, expected: bool| {
            let now = start + Duration::from_secs(second);
            assert_eq!(delay.is_to_be_told(unread_bytes, &mut since, now), expected, "{second} s, {unread_bytes}");
        };
        check(0, 101, false);
        check(59, 500, false);
        check(60, 101, true);
        check(119, 101, false);
        check(120, 101, true);
        // Caught up in between.
        check(130, 100, false);
        check(190, 101, false);
        check(250, 101, true);
    }

    #[test]
    fn nothing_is_skipped_unless_it_is_asked_for() {
        assert!(!Delay::default().is_too_far(u64::MAX));
        let delay = Delay { skip_bytes: 100, alert_bytes: 0 };
        assert!(!delay.is_too_far(100) && delay.is_too_far(101));
        assert!(!delay.is_to_be_told(101, &mut None, Instant::now()));
    }
}
