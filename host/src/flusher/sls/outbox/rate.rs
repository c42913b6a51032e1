//! How many bytes may be sent in a second.

use std::time::{Duration, Instant};

/// A number of bytes a second, before compression. A request may overdraw it; then the next one waits.
#[derive(Debug)]
pub(super) struct SendRate {
    bytes_per_sec: u64,
    free_at: Instant,
}

impl SendRate {
    /// Without a limit if `bytes_per_sec` is 0.
    pub(super) fn new(bytes_per_sec: u64, now: Instant) -> Self {
        Self { bytes_per_sec, free_at: now }
    }

    /// Whether a request may begin.
    pub(super) fn admits(&self, now: Instant) -> bool {
        self.admits_at(now).is_none()
    }

    /// When a request may begin, if not now.
    pub(super) fn admits_at(&self, now: Instant) -> Option<Instant> {
        (self.free_at > now).then_some(self.free_at)
    }

    /// Notes a request.
    pub(super) fn spend(&mut self, bytes: u64, now: Instant) {
        if self.bytes_per_sec > 0 {
            let time = Duration::from_secs_f64(bytes as f64 / self.bytes_per_sec as f64);
            self.free_at = self.free_at.max(now) + time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_until_those_before_are_paid_for() {
        let now = Instant::now();
        let mut rate = SendRate::new(1000, now);
        rate.spend(2500, now);
        assert_eq!(rate.admits_at(now), Some(now + Duration::from_millis(2500)));
        assert!(rate.admits(now + Duration::from_millis(2500)));
        let mut unlimited = SendRate::new(0, now);
        unlimited.spend(u64::MAX, now);
        assert!(unlimited.admits(now));
    }
}
