//! Which lane of a worker is to be looked at when: the one that has waited longest, so that no file waits for another one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::input::lane::Lane;

/// The lanes of a worker by when they are due.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    places: HashMap<PathBuf, usize>,
    lanes: Vec<Option<Planned>>,
    /// The soonest first. An entry whose time is not that of its lane any more does not count.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The lane that was handed out last.
    current: usize,
}

#[derive(Debug)]
struct Planned {
    path: PathBuf,
    lane: Lane,
    due: Instant,
}

/// What to do next.
pub(super) enum Next<'a> {
    /// Look at this lane; then say when it is due again, or remove it.
    Lane(&'a mut Lane),
    /// Nothing for so long.
    Wait(Duration),
}

impl Schedule {
    /// The lane that is due, or how long there is none.
    pub(super) fn next(&mut self, now: Instant) -> Next<'_> {
        while let Some(Reverse((due, place))) = self.due.peek().copied() {
            let is_current = self.lanes[place].as_ref().is_some_and(|planned| planned.due == due);
            if is_current && due > now {
                return Next::Wait(due - now);
            }
            self.due.pop();
            if is_current {
                self.current = place;
                let planned = self.lanes[place].as_mut().expect("it is current");
                return Next::Lane(&mut planned.lane);
            }
        }
        Next::Wait(LONGEST_WAIT)
    }

    /// Says when the lane that was handed out is due again.
    pub(super) fn put_back(&mut self, due: Instant) {
        if let Some(planned) = &mut self.lanes[self.current] {
            planned.due = due;
            self.due.push(Reverse((due, self.current)));
        }
    }

    /// Removes the lane that was handed out.
    pub(super) fn remove(&mut self) {
        if let Some(planned) = self.lanes[self.current].take() {
            self.places.remove(&planned.path);
        }
    }

    /// The lane of a path, which is due now; makes it if there is none.
    pub(super) fn lane_now(&mut self, path: &Path, now: Instant, make: impl FnOnce() -> Lane) -> &mut Lane {
        let place = *self.places.entry(path.to_owned()).or_insert_with(|| {
            self.lanes.push(None);
            self.lanes.len() - 1
        });
        self.due.push(Reverse((now, place)));
        let planned =
            self.lanes[place].get_or_insert_with(|| Planned { path: path.to_owned(), lane: make(), due: now });
        planned.due = now;
        &mut planned.lane
    }
}

/// New files are said, so that nothing needs to be looked for.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
