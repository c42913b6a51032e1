//! When the bytes of a file were first seen, to say for how long the oldest of them waits. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use crate::event::Offset;

/// When a file was first seen to have which length.
///
/// Of a file that is far behind, not every moment is kept: bytes then count as seen when the first of those beside them was.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    marks: VecDeque<Mark>,
    /// The largest length that was noted.
    longest: Offset,
}

/// All bytes below `len` that are not below an earlier mark were first seen at `at`.
#[derive(Debug, Clone, Copy)]
struct Mark {
    len: Offset,
    at: Instant,
}

impl Arrivals {
    /// The largest length so far.
    pub(super) fn longest(&self) -> Offset {
        self.longest
    }

    /// Notes a length, and forgets what is below `done`.
    pub(super) fn note(&mut self, len: Offset, done: Offset, at: Instant) {
        while self.marks.front().is_some_and(|mark| mark.len <= done) {
            self.marks.pop_front();
        }
        if self.marks.len() == MOST_MARKS {
            self.marks = self.marks.make_contiguous().chunks(2).map(merge).collect();
        }
        self.longest = self.longest.max(len);
        if len > done {
            self.marks.push_back(Mark { len, at });
        }
    }

    /// When the first byte at or behind `done` was seen, if there is one.
    pub(super) fn oldest(&self, done: Offset) -> Option<Instant> {
        self.marks.iter().find(|mark| mark.len > done).map(|mark| mark.at)
    }
}

fn merge(marks: &[Mark]) -> Mark {
    Mark { len: marks[marks.len() - 1].len, at: marks[0].at }
}

/// So many moments are kept of each file.
const MOST_MARKS: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_byte_waits_since_it_was_first_seen() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut arrivals = Arrivals::default();
        arrivals.note(Offset(10), Offset(0), at(1));
        arrivals.note(Offset(20), Offset(0), at(2));
        arrivals.note(Offset(20), Offset(20), at(3));
        assert_eq!((arrivals.oldest(Offset(20)), arrivals.longest()), (None, Offset(20)));
        arrivals.note(Offset(30), Offset(20), at(4));
        arrivals.note(Offset(40), Offset(25), at(5));
        let oldest = [20, 29, 30, 39, 40].map(|done| arrivals.oldest(Offset(done)));
        assert_eq!(oldest, [Some(at(4)), Some(at(4)), Some(at(5)), Some(at(5)), None]);
    }

    #[test]
    fn what_is_far_behind_is_kept_roughly_and_never_too_young() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut arrivals = Arrivals::default();
        for len in 1..=10_000 {
            arrivals.note(Offset(len), Offset(0), at(len));
        }
        assert!(arrivals.marks.len() <= MOST_MARKS);
        assert_eq!(arrivals.oldest(Offset(0)), Some(at(1)));
        for done in 0..10_000 {
            assert!(arrivals.oldest(Offset(done)).expect("more is there") <= at(done + 1));
        }
    }
}
