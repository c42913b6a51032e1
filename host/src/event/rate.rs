//! Limits how many bytes go through in a second. Pure: the clock is the caller's.

use std::time::{Duration, Instant};

/// A bucket that fills with a second's worth of bytes, and may be overdrawn: what is larger than what is in it goes
/// through as well, and what follows waits for longer.
#[derive(Debug, Clone)]
pub struct RateLimiter {
    bytes_per_sec: u64,
    /// When what went through is paid for: before now, the bucket has bytes; after now, it is overdrawn.
    paid_at: Instant,
}

impl RateLimiter {
    /// A limiter that lets the first second's worth of bytes through at once.
    pub fn new(bytes_per_sec: u64, now: Instant) -> Self {
        Self { bytes_per_sec: bytes_per_sec.max(1), paid_at: now.checked_sub(FULL).unwrap_or(now) }
    }

    /// Takes `bytes` and returns `None` if they may go through now; else takes nothing and returns how long to wait before asking
    /// again.
    pub fn take(&mut self, bytes: u64, now: Instant) -> Option<Duration> {
        if self.paid_at > now {
            return Some(self.paid_at - now);
        }
        let emptied_at = now.checked_sub(FULL).map_or(self.paid_at, |full| full.max(self.paid_at));
        self.paid_at = emptied_at + self.time_for(bytes);
        None
    }

    /// How long so many bytes take, rounded up.
    fn time_for(&self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * NANOS_PER_SEC).div_ceil(u128::from(self.bytes_per_sec));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What a full bucket holds, as the time that it takes to fill.
const FULL: Duration = Duration::from_secs(1);

const NANOS_PER_SEC: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_through() {
        // The rate, then each question: at how many milliseconds, for how many bytes, and how many milliseconds to wait.
        fn check(bytes_per_sec: u64, questions: &[(u64, u64, u64)]) {
            let start = Instant::now();
            let mut limiter = RateLimiter::new(bytes_per_sec, start);
            for (at, bytes, wait) in questions {
                let found = limiter.take(*bytes, start + Duration::from_millis(*at));
                assert_eq!(found.unwrap_or_default().as_millis() as u64, *wait, "{bytes} at {at}, {questions:?}");
            }
        }
        // A second's worth at once, and once more than that; then as it comes.
        check(
            1000,
            &[(0, 600, 0), (0, 400, 0), (0, 1, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1), (500, 499, 0), (500, 1, 1)],
        );
        // What is larger than a second's worth goes through, and is paid for afterwards.
        check(1000, &[(0, 5000, 0), (0, 1, 4000), (1000, 1, 3000), (3999, 1, 1), (4000, 1, 0)]);
        // No more than a second's worth is saved up.
        check(1000, &[(60_000, 1001, 0), (60_000, 1, 1)]);
        // A slow rate loses nothing, however often it is asked.
        check(1, &[(0, 2, 0), (300, 1, 700), (600, 1, 400), (900, 1, 100), (1000, 1, 0), (1000, 1, 1000)]);
        // A clock that goes back does no harm.
        check(1000, &[(100, 1000, 0), (50, 1, 50), (100, 1, 0)]);
        check(u64::MAX, &[(0, u64::MAX, 0), (0, 1, 0)]);
        check(0, &[(0, 2, 0), (0, 1, 1000)]);
    }

    #[test]
    fn over_time_it_is_the_rate() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(1_000_000, start);
        let (mut now, mut through) = (start, 0_u64);
        while now < start + Duration::from_secs(10) {
            match limiter.take(70_001, now) {
                None => through += 70_001,
                Some(wait) => now += wait,
            }
        }
        assert!((11_000_000..11_150_000).contains(&through), "{through}");
    }
}
