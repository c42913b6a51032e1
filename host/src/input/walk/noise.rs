//! Decides which directories are too loud to listen to. Pure.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Counts events that say nothing of interest.
#[derive(Debug)]
pub(super) struct Noise {
    window_start: Instant,
    total: u32,
    counts: HashMap<PathBuf, u32>,
}

impl Noise {
    pub(super) fn new(now: Instant) -> Self {
        Self { window_start: now, total: 0, counts: HashMap::new() }
    }

    /// Counts an event in a directory, and returns the directories that are too loud. None of them is returned twice for the
    /// same events.
    ///
    /// One directory is too loud by itself; many of them can also be too loud together, and then those are that have a fair
    /// share in it.
    pub(super) fn count(&mut self, directory: &Path, now: Instant) -> Vec<PathBuf> {
        if now.duration_since(self.window_start) >= WINDOW {
            *self = Self::new(now);
        }
        self.total += 1;
        let count = match self.counts.get_mut(directory) {
            Some(count) => count,
            None => self.counts.entry(directory.to_owned()).or_default(),
        };
        *count += 1;
        if *count >= LIMIT {
            self.total -= *count;
            self.counts.remove(directory);
            return vec![directory.to_owned()];
        }
        if self.total < TOTAL_LIMIT {
            return Vec::new();
        }
        let average = self.total / u32::try_from(self.counts.len()).unwrap_or(u32::MAX).max(1);
        let counts = std::mem::take(self.reset(now));
        counts.into_iter().filter(|(_, count)| *count >= average).map(|(path, _)| path).collect()
    }

    fn reset(&mut self, now: Instant) -> &mut HashMap<PathBuf, u32> {
        (self.window_start, self.total) = (now, 0);
        &mut self.counts
    }
}

/// How long events are counted together.
const WINDOW: Duration = Duration::from_millis(250);

/// So many events of one directory are too many: 500 a second. One takes 5 to 20 microseconds, most of it to wake up, so that
/// this is at most a hundredth of a core.
const LIMIT: u32 = 125;

/// So many of all directories are too many.
const TOTAL_LIMIT: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts events, each a number of milliseconds after the first and a directory, and returns those that got too loud.
    fn loud(events: impl IntoIterator<Item = (u64, u32)>) -> Vec<PathBuf> {
        let start = Instant::now();
        let mut noise = Noise::new(start);
        let count = |(millis, directory): (u64, u32)| {
            noise.count(Path::new(&directory.to_string()), start + Duration::from_millis(millis))
        };
        let mut loud: Vec<_> = events.into_iter().flat_map(count).collect();
        loud.sort();
        loud
    }

    #[test]
    fn loud_directories() {
        // 400 a second for ten seconds are bearable, 1000 a second are not.
        assert!(loud((0..4000).map(|event| (event * 10 / 4, 1))).is_empty());
        assert_eq!(loud((0..200).map(|event| (event, 1))), [Path::new("1")]);
        // A loud one among quiet ones.
        assert_eq!(loud((0..249).map(|event| (event, u32::from(event % 10 == 0) * 7))), [Path::new("0")]);
        // Many, of which each is bearable.
        assert_eq!(loud((0..500).map(|event| (0, event % 100))).len(), 100);
        assert!(loud((0..499).map(|event| (0, event % 100))).is_empty());
    }
}
