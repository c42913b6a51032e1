//! What has arrived, and after how long.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::stamp::Stamp;

/// The lines that came out of the agent so far.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// The number that the next line of each file has to have.
    next: Vec<u32>,
    /// The file of each line, and how long the line took.
    pub(super) lags: Vec<(u32, Duration)>,
    /// When the last line came.
    pub(super) last: Duration,
}

impl Arrivals {
    /// Takes a line that arrives at `now`.
    ///
    /// # Errors
    /// When it is not the one behind the last of its file.
    pub(super) fn take(&mut self, stamp: Stamp, now: Duration) -> Result<()> {
        let file = stamp.file as usize;
        self.next.resize(self.next.len().max(file + 1), 0);
        let expected = self.next[file];
        ensure!(stamp.number == expected, "line {} of file {file} came, not line {expected}", stamp.number);
        self.next[file] += 1;
        self.lags.push((stamp.file, now.saturating_sub(stamp.at)));
        self.last = now;
        Ok(())
    }
}

/// How long lines took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spread(Vec<Duration>);

impl Spread {
    pub(super) fn new(lags: impl IntoIterator<Item = Duration>) -> Self {
        let mut lags: Vec<_> = lags.into_iter().collect();
        lags.sort();
        Self(lags)
    }

    /// What so many of a thousand lines do not exceed.
    pub(super) fn per_mille(&self, part: usize) -> Duration {
        let place = (self.0.len() * part).div_ceil(1000).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_missing_or_doubled_is_noticed() {
        let check = |numbers: &[(u32, u32)], expected: bool| {
            let mut arrivals = Arrivals::default();
            let mut lines = numbers.iter().map(|&(file, number)| Stamp { file, number, at: Duration::ZERO });
            let taken = lines.try_for_each(|stamp| arrivals.take(stamp, Duration::from_secs(1)));
            assert_eq!(taken.is_ok(), expected, "{numbers:?}");
        };
        check(&[(3, 0), (0, 0), (3, 1), (0, 1)], true);
        check(&[(3, 0), (3, 2)], false);
        check(&[(3, 0), (3, 0)], false);
        check(&[(3, 1)], false);
    }

    #[test]
    fn a_spread_has_its_middle_and_its_ends() {
        let spread = |count: u64| Spread::new((1..=count).rev().map(Duration::from_millis));
        let check = |count, part, expected_ms| {
            assert_eq!(spread(count).per_mille(part), Duration::from_millis(expected_ms), "{part} of {count}");
        };
        check(100, 500, 50);
        check(100, 990, 99);
        check(100, 1000, 100);
        check(3, 500, 2);
        check(1, 990, 1);
        check(0, 500, 0);
    }
}
