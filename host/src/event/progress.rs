//! How far a source has come: what was read, and what of it is done with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{DirtyMark, Ledger, Loss, Offset, Signature};
use crate::telemetry::failpoint;

/// A place in a file from which reading can go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// How many bytes are before it.
    pub offset: Offset,
    /// The record before it was taken without its line end, which is to be skipped when it comes.
    pub mid_record: bool,
    /// The signature of the last bytes before it, by which they are known again.
    pub tail: Signature,
}

/// How far a source has come. Shared by those who read, those who deliver, and those who store checkpoints.
///
/// Reading begins ranges, one after the other. They end in any order. The committed position is the end of the last
/// range below which all others have ended.
///
/// The ledger has the bytes before the committed position, each once, and those behind the last range that were given up.
/// Giving up is not final: whatever is read or skipped nevertheless is taken back first.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    /// Set whenever something of it changes, if anybody wants to know.
    dirty: Option<Arc<DirtyMark>>,
}

#[derive(Debug, Default)]
struct State {
    committed: Position,
    /// Begun and not committed, in read order.
    ranges: VecDeque<Range>,
    ledger: Ledger,
    marks: Option<Box<Marks>>,
}

/// What is stored of a source whose processors remember what they have seen: not how far it has come, but how far it had come
/// at a mark, when their memory was saved.
#[derive(Debug)]
struct Marks {
    /// The last mark that everything below it has reached, and that was settled.
    settled: (Position, Ledger),
    /// Where the next one is.
    next: Option<Offset>,
    /// How everything stood when it was reached.
    reached: Option<(Position, Ledger)>,
}

/// How a source stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Below this, everything is done with.
    pub committed: Position,
    /// Where the last range ends.
    pub read_to: Offset,
    /// What became of the bytes.
    pub ledger: Ledger,
    /// What is to be stored instead of the committed position and the ledger, since a mark is waited for.
    pub settled: Option<(Position, Ledger)>,
}

#[derive(Debug)]
struct Range {
    start: Offset,
    end: Position,
    outcome: Option<Outcome>,
}

/// How a range has ended.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Taken by every flusher, but for so many bytes which were dropped on purpose, and so many which were refused.
    Taken { dropped: u64, rejected: u64 },
    /// Never read.
    Lost(Loss),
}

impl Progress {
    /// The progress of a source that is read from `committed` on, and of whose bytes before that became what `ledger` says.
    pub fn new(committed: Position, ledger: Ledger) -> Self {
        let state = State { committed, ranges: VecDeque::new(), ledger, marks: None };
        Self { state: Mutex::new(state), dirty: None }
    }

    /// Has every change from now on set this mark.
    pub fn mark_changes(&mut self, dirty: Arc<DirtyMark>) {
        self.dirty = Some(dirty);
    }

    /// Has what is stored of the source be what it was at a mark: it is settled now.
    pub fn keep_marks(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let settled = (state.committed, state.ledger.clone());
        state.marks = Some(Box::new(Marks { settled, next: None, reached: None }));
    }

    /// Sets the mark behind the last range. One that was not reached yet does not count any more.
    pub fn mark(&self) {
        let mut state = self.state();
        let (read_to, committed) = (state.read_to(), state.committed);
        let ledger = state.ledger.clone();
        if let Some(marks) = &mut state.marks {
            marks.next = Some(read_to);
            marks.reached = (committed.offset == read_to).then_some((committed, ledger));
        }
    }

    /// Whether everything below the mark is done with, if there is one.
    pub fn has_reached_mark(&self) -> bool {
        self.state().marks.as_ref().is_none_or(|marks| marks.next.is_none() || marks.reached.is_some())
    }

    /// Has the mark that was reached be what is stored.
    pub fn settle_mark(&self) {
        let mut state = self.state();
        let Some(marks) = &mut state.marks else { return };
        let Some(reached) = marks.reached.take() else { return };
        marks.next = None;
        if std::mem::replace(&mut marks.settled, reached) != marks.settled {
            self.dirty.iter().for_each(|dirty| dirty.set());
        }
    }

    /// Says that everything from `start` to `end` was read. `start` is where the range before ends.
    pub fn begin(&self, start: Offset, end: Position) {
        self.change(|state| {
            debug_assert_eq!(state.read_to(), start, "ranges leave no gap");
            state.regain(end.offset.0 - start.0);
            state.ranges.push_back(Range { start, end, outcome: None });
        });
    }

    /// Says that everything of the range that begins at `start` was taken by every flusher, but for `dropped` bytes
    /// which were dropped on purpose, and `rejected` which were refused for good.
    pub fn end(&self, start: Offset, dropped: u64, rejected: u64) {
        self.change(|state| {
            let found = state.ranges.binary_search_by_key(&start, |range| range.start);
            let Ok(place) = found else { return debug_assert!(false, "no range begins at {start:?}") };
            state.ranges[place].outcome = Some(Outcome::Taken { dropped, rejected });
            state.commit();
        });
    }

    /// Says that the bytes from where the last range ends to `to` will not be read.
    pub fn skip(&self, to: Position, cause: Loss) {
        self.change(|state| {
            let start = state.read_to();
            state.regain(to.offset.0 - start.0);
            state.ranges.push_back(Range { start, end: to, outcome: Some(Outcome::Lost(cause)) });
            state.commit();
        });
    }

    /// Gives up the bytes from where the last range ends to `len`, of which none is given up yet, and returns how many those
    /// are.
    pub fn give_up(&self, len: Offset, cause: Loss, is_estimate: bool) -> u64 {
        self.change(|state| {
            let bytes = len.0.saturating_sub(state.read_to().0);
            state.ledger.lose(cause, bytes);
            state.ledger.estimated += if is_estimate { bytes } else { 0 };
            bytes
        })
    }

    /// Says that so many bytes that were safe on disk passed their age limit there.
    pub fn expire(&self, bytes: u64) {
        self.change(|state| {
            state.each_ledger(|ledger| {
                let bytes = ledger.unacknowledge(bytes);
                ledger.lose(Loss::Expired, bytes);
            });
        });
    }

    /// Says that so many bytes that were safe on disk were refused for good.
    pub fn reject(&self, bytes: u64) {
        self.change(|state| state.each_ledger(|ledger| ledger.rejected += ledger.unacknowledge(bytes)));
    }

    /// Takes back what was given up: it will be read after all.
    pub fn regain(&self) {
        self.change(|state| state.regain(u64::MAX));
    }

    /// Below this, everything is done with.
    pub fn committed(&self) -> Position {
        self.state().committed
    }

    /// Where the last range ends.
    pub fn read_to(&self) -> Offset {
        self.state().read_to()
    }

    /// What became of the bytes, those before the committed position above all.
    pub fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    /// How the source stands at one moment.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let committed = match state.ranges.back() {
            Some(last) if failpoint::is_broken("commit-on-read") => last.end,
            _ => state.committed,
        };
        let settled = state.marks.as_ref().map(|marks| &marks.settled);
        Snapshot {
            committed,
            read_to: state.read_to(),
            ledger: state.ledger.clone(),
            settled: settled.filter(|(position, _)| *position != committed).cloned(),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.dirty.iter().for_each(|dirty| dirty.set());
        changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Moves the committed position behind all ranges that have ended without a gap.
    fn commit(&mut self) {
        while let Some(Range { start, end, outcome: Some(outcome) }) = self.ranges.front() {
            let (bytes, start, end) = (end.offset.0 - start.0, *start, *end);
            let is_lost = matches!(outcome, Outcome::Lost(_));
            match *outcome {
                Outcome::Taken { dropped, rejected } => {
                    let dropped = dropped.min(bytes);
                    let rejected = rejected.min(bytes - dropped);
                    self.ledger.acknowledged += bytes - dropped - rejected;
                    self.ledger.dropped += dropped;
                    self.ledger.rejected += rejected;
                }
                Outcome::Lost(cause) => self.ledger.lose(cause, bytes),
            }
            self.committed = end;
            self.ranges.pop_front();
            if let Some(marks) = &mut self.marks {
                // What was never read, no memory knows of.
                let at_start = [Some(&mut marks.settled), marks.reached.as_mut()].into_iter().flatten();
                for stored in at_start.filter(|stored| is_lost && stored.0.offset == start) {
                    *stored = (end, self.ledger.clone());
                }
                if marks.next == Some(end.offset) {
                    marks.reached = Some((end, self.ledger.clone()));
                }
            }
        }
    }

    /// Changes what became of bytes that were done with long ago: below the mark that is stored, too.
    fn each_ledger(&mut self, change: impl Fn(&mut Ledger)) {
        change(&mut self.ledger);
        if let Some(marks) = &mut self.marks {
            let stored = [Some(&mut marks.settled), marks.reached.as_mut()].into_iter().flatten();
            stored.for_each(|(_, ledger)| change(ledger));
        }
    }

    /// Takes back so many of the bytes that were given up, if there are as many.
    fn regain(&mut self, bytes: u64) {
        let given_up = self.ledger.settled_bytes().saturating_sub(self.committed.offset.0);
        self.ledger.regain(given_up.min(bytes));
    }

    fn read_to(&self) -> Offset {
        self.ranges.back().map_or(self.committed.offset, |range| range.end.offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(offset: u64) -> Position {
        Position { offset: Offset(offset), ..Position::default() }
    }

    #[test]
    fn ranges_are_committed_in_read_order() {
        let progress = Progress::default();
        for (start, end) in [(0, 10), (10, 30), (30, 35)] {
            progress.begin(Offset(start), at(end));
        }
        progress.end(Offset(10), 5, 0);
        assert_eq!(progress.committed(), at(0));
        progress.end(Offset(0), 0, 0);
        assert_eq!(progress.committed(), at(30));
        assert_eq!(progress.read_to(), Offset(35));
        let ledger = progress.ledger();
        assert_eq!((ledger.acknowledged, ledger.dropped), (25, 5));
    }

    #[test]
    fn what_is_skipped_is_lost_for_a_stated_reason() {
        let progress = Progress::default();
        progress.begin(Offset(0), at(20));
        progress.skip(at(100), Loss::ReadDelay);
        assert_eq!((progress.committed(), progress.read_to()), (at(0), Offset(100)));
        progress.end(Offset(0), 0, 0);
        let ledger = progress.ledger();
        assert_eq!((ledger.lost_bytes(), ledger.acknowledged, progress.committed()), (80, 20, at(100)));
    }

    #[test]
    fn what_was_given_up_and_is_read_after_all_counts_once() {
        let progress = Progress::default();
        progress.begin(Offset(0), at(20));
        assert_eq!(progress.give_up(Offset(100), Loss::DeletedUnread, true), 80);
        progress.begin(Offset(20), at(50));
        let ledger = progress.ledger();
        assert_eq!((ledger.lost_bytes(), ledger.estimated), (50, 50));
        progress.end(Offset(20), 0, 0);
        progress.end(Offset(0), 0, 0);
        let ledger = progress.ledger();
        assert_eq!((ledger.acknowledged, ledger.lost_bytes(), ledger.settled_bytes()), (50, 50, 100));
        progress.regain();
        assert_eq!(progress.ledger().settled_bytes(), 50);
    }

    #[test]
    fn what_was_safe_on_disk_can_still_expire_or_be_refused() {
        let progress = Progress::default();
        progress.begin(Offset(0), at(100));
        progress.end(Offset(0), 0, 0);
        progress.expire(30);
        progress.reject(50);
        progress.expire(90);
        let ledger = progress.ledger();
        assert_eq!((ledger.acknowledged, ledger.rejected, ledger.lost_bytes()), (0, 50, 50));
        assert_eq!(ledger.settled_bytes(), 100);
    }

    #[test]
    fn what_is_stored_waits_for_the_mark() {
        let mut progress = Progress::default();
        progress.keep_marks();
        let stored = |progress: &Progress| {
            let snapshot = progress.snapshot();
            let (position, ledger) = snapshot.settled.unwrap_or((snapshot.committed, snapshot.ledger));
            (position.offset.0, ledger.settled_bytes())
        };
        progress.skip(at(5), Loss::SkippedTail);
        assert_eq!(stored(&progress), (5, 5), "no memory knows of what was never read");
        progress.begin(Offset(5), at(20));
        progress.mark();
        progress.begin(Offset(20), at(30));
        progress.end(Offset(20), 0, 0);
        assert!(!progress.has_reached_mark());
        progress.end(Offset(5), 0, 0);
        assert!(progress.has_reached_mark());
        assert_eq!((stored(&progress), progress.committed()), ((5, 5), at(30)));
        progress.settle_mark();
        assert_eq!(stored(&progress), (20, 20));
        progress.skip(at(40), Loss::ReadDelay);
        assert_eq!(stored(&progress), (20, 20), "what was read before it is not in the memory yet");
        progress.mark();
        assert!(progress.has_reached_mark());
        progress.settle_mark();
        assert_eq!((stored(&progress), progress.snapshot().settled), ((40, 40), None));
    }

    #[test]
    fn what_expires_on_disk_does_so_in_what_is_stored() {
        let mut progress = Progress::default();
        progress.keep_marks();
        progress.begin(Offset(0), at(100));
        progress.end(Offset(0), 0, 0);
        progress.mark();
        progress.settle_mark();
        progress.begin(Offset(100), at(110));
        progress.end(Offset(100), 0, 0);
        progress.expire(30);
        progress.reject(50);
        let (position, ledger) = progress.snapshot().settled.expect("it has come further");
        assert_eq!((position, ledger.acknowledged, ledger.rejected, ledger.lost_bytes()), (at(100), 20, 50, 30));
        progress.mark();
        progress.expire(10);
        progress.settle_mark();
        progress.begin(Offset(110), at(120));
        progress.end(Offset(110), 0, 0);
        let (position, ledger) = progress.snapshot().settled.expect("it has come further");
        assert_eq!((position, ledger.acknowledged, ledger.rejected, ledger.lost_bytes()), (at(110), 20, 50, 40));
    }

    #[test]
    fn what_is_skipped_behind_a_mark_is_not_taken_back_by_it() {
        let mut progress = Progress::default();
        progress.keep_marks();
        progress.mark();
        assert!(progress.has_reached_mark());
        progress.skip(at(5), Loss::SkippedTail);
        progress.settle_mark();
        assert_eq!((progress.committed(), progress.snapshot().settled), (at(5), None));
    }

    proptest! {
        /// However acknowledgements are ordered, the committed position is the end of what is done without a gap, and
        /// the ledger accounts for all of it.
        #[test]
        fn the_committed_position_never_passes_what_is_not_done(
            lengths in prop::collection::vec(1_u64..50, 1..20),
            order in prop::collection::vec(0_usize..20, 0..40),
        ) {
            let progress = Progress::default();
            let mut starts = vec![0];
            for length in &lengths {
                let start = starts[starts.len() - 1];
                progress.begin(Offset(start), at(start + length));
                starts.push(start + length);
            }
            let mut done = vec![false; lengths.len()];
            for place in order.into_iter().filter(|place| *place < lengths.len()) {
                if !std::mem::replace(&mut done[place], true) {
                    progress.end(Offset(starts[place]), 0, 0);
                }
                let expected = done.iter().position(|done| !done).unwrap_or(lengths.len());
                prop_assert_eq!(progress.committed().offset, Offset(starts[expected]));
                prop_assert_eq!(progress.ledger().settled_bytes(), starts[expected]);
            }
        }
    }
}
