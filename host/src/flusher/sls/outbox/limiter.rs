//! How many requests may be under way to one destination.
//!
//! The number grows by one while all goes well, and shrinks by a part when requests fail. When it cannot shrink any more, time
//! does instead: one request, then a pause that doubles as long as they fail.

use std::time::{Duration, Instant};

/// Adapts the number of requests under way to what the destination takes.
#[derive(Debug)]
pub(super) struct Limiter {
    most: u32,
    allowed: u32,
    window: Window,
    pause: Option<Pause>,
}

/// The results since the last change.
#[derive(Debug)]
struct Window {
    begun: Instant,
    good: u32,
    bad: u32,
}

/// Between two requests while even a single one at a time fails.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Limiter {
    /// Begins with half of `most`.
    pub(super) fn new(most: u32, now: Instant) -> Self {
        let most = most.max(1);
        Self { most, allowed: most.div_ceil(2), window: Window::new(now), pause: None }
    }

    /// How many requests may be under way.
    pub(super) fn allowed(&self) -> u32 {
        if self.pause.is_some() { 1 } else { self.allowed }
    }

    /// Whether one more request may begin while `under_way` are.
    pub(super) fn admits(&self, under_way: usize, now: Instant) -> bool {
        under_way < self.allowed() as usize && self.pause.is_none_or(|pause| pause.until <= now)
    }

    /// When [`Self::admits`] may change its mind by itself.
    pub(super) fn pause_ends(&self) -> Option<Instant> {
        self.pause.map(|pause| pause.until)
    }

    /// Notes that a request went well.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.pause = None;
        self.window.good += 1;
        self.evaluate(now);
    }

    /// Notes that a request failed for a reason that the next one will meet too. Pauses grow to `longest`.
    pub(super) fn failed(&mut self, longest: Duration, now: Instant) {
        if let Some(pause) = self.pause {
            let length = (2 * pause.length).min(longest);
            self.pause = Some(Pause { until: now + length, length });
            return;
        }
        self.window.bad += 1;
        if self.allowed == 1 && self.window.good == 0 && self.window.bad >= BAD_BEFORE_PAUSE {
            self.pause = Some(Pause { until: now + FIRST_PAUSE, length: FIRST_PAUSE });
            self.window = Window::new(now);
            return;
        }
        self.evaluate(now);
    }

    /// Forgets the pause: there is reason to believe that the next request goes well.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Some(pause) = &mut self.pause {
            *pause = Pause { until: now, length: FIRST_PAUSE };
        }
    }

    fn evaluate(&mut self, now: Instant) {
        let Window { begun, good, bad } = self.window;
        if good + bad < WINDOW_RESULTS && now.duration_since(begun) < WINDOW_TIME {
            return;
        }
        let percent = 100 * bad / (good + bad);
        self.allowed = match percent {
            0 => (self.allowed + 1).min(self.most),
            1..=10 => self.allowed,
            11..=40 => (self.allowed * 4 / 5).max(1),
            _ => (self.allowed / 2).max(1),
        };
        self.window = Window::new(now);
    }
}

impl Window {
    fn new(now: Instant) -> Self {
        Self { begun: now, good: 0, bad: 0 }
    }
}

/// After so many results, or so much time, the number changes.
const WINDOW_RESULTS: u32 = 10;
const WINDOW_TIME: Duration = Duration::from_secs(3);
/// After so many failures in a row of a single request at a time, there is a pause.
const BAD_BEFORE_PAUSE: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn success_adds_one_and_failure_takes_a_part() {
        let now = Instant::now();
        let mut limiter = Limiter::new(15, now);
        assert_eq!(limiter.allowed(), 8);
        (0..30).for_each(|_| limiter.succeeded(now));
        assert_eq!(limiter.allowed(), 11);
        (0..5).for_each(|_| limiter.succeeded(now));
        (0..5).for_each(|_| limiter.failed(LONGEST, now));
        assert_eq!(limiter.allowed(), 5, "half, for half of them failed");
        (0..7).for_each(|_| limiter.succeeded(now));
        (0..3).for_each(|_| limiter.failed(LONGEST, now));
        assert_eq!(limiter.allowed(), 4, "four fifths, for a third of them failed");
        (0..500).for_each(|_| limiter.succeeded(now));
        assert_eq!(limiter.allowed(), 15);
    }

    #[test]
    fn when_nothing_goes_through_pauses_double_up_to_a_limit() {
        let mut now = Instant::now();
        let mut limiter = Limiter::new(4, now);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            limiter.failed(LONGEST, now);
            if let Some(end) = limiter.pause_ends() {
                pauses.push((end - now).as_secs());
                assert!(!limiter.admits(0, now) && limiter.admits(0, end) && !limiter.admits(1, end));
                now = end;
            }
        }
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        limiter.succeeded(now);
        assert!(limiter.admits(0, now) && limiter.pause_ends().is_none());
    }

    #[test]
    fn a_reason_to_hope_ends_a_pause() {
        let now = Instant::now();
        let mut limiter = Limiter::new(1, now);
        (0..9).for_each(|_| limiter.failed(LONGEST, now));
        assert!(!limiter.admits(0, now));
        limiter.wake(now);
        assert!(limiter.admits(0, now));
        limiter.failed(LONGEST, now);
        assert_eq!(limiter.pause_ends(), Some(now + Duration::from_secs(2)));
    }
}
