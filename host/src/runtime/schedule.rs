//! Which lane of a worker is to be looked at when: the one that has waited longest, so that no file waits for another one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::input::follow::lane::Lane;

/// The lanes of a worker by when they are due.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    places: HashMap<Arc<Path>, usize>,
    lanes: Vec<Option<Planned>>,
    /// The places of lanes that were removed.
    free: Vec<usize>,
    /// The soonest first. An entry whose time is not that of its lane any more does not count.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The lane that was handed out last.
    current: usize,
}

#[derive(Debug)]
struct Planned {
    path: Arc<Path>,
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
                return Next::Wait((due - now).max(SHORTEST_WAIT));
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
            self.free.push(self.current);
        }
    }

    /// The lane of a path, which is due now; makes it if there is none.
    pub(super) fn lane_now(&mut self, path: &Path, now: Instant, make: impl FnOnce() -> Lane) -> &mut Lane {
        let place = self.places.get(path).copied().unwrap_or_else(|| self.insert(path, now, make()));
        self.due.push(Reverse((now, place)));
        let planned = self.lanes[place].as_mut().expect("a place that has a path has a lane");
        planned.due = now;
        &mut planned.lane
    }

    fn insert(&mut self, path: &Path, due: Instant, lane: Lane) -> usize {
        let path: Arc<Path> = path.into();
        let place = self.free.pop().unwrap_or_else(|| {
            self.lanes.push(None);
            self.lanes.len() - 1
        });
        self.lanes[place] = Some(Planned { path: Arc::clone(&path), lane, due });
        self.places.insert(path, place);
        place
    }
}

/// Lanes that are due soon after each other are looked at together: with ten thousand of them, to wake up for each would cost
/// as much as to look at it.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);

/// New files are said, so that nothing needs to be looked for.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::input::follow::delay::Delay;
    use crate::input::follow::follower::FollowSpec;
    use crate::input::follow::tail::Patience;
    use crate::input::follow::track::Tracks;
    use crate::input::records::chunk::EventSpec;

    fn lane() -> Lane {
        let patience =
            Patience { flush: Duration::ZERO, quiet: Duration::ZERO, lost: Duration::ZERO, close: Duration::ZERO };
        let spec = FollowSpec {
            events: EventSpec::default(),
            patience,
            tail_bytes: 0,
            tailing_all: false,
            max_open_waiting: 0,
            delay: Delay::default(),
        };
        Lane::new(Arc::new(spec), Arc::new(Tracks::new(Arc::new(AtomicU64::new(1)))))
    }

    #[test]
    fn lanes_that_are_due_soon_are_waited_for_together() {
        let now = Instant::now();
        let check = |due_ms: u64, expected_ms: Option<u64>| {
            let mut schedule = Schedule::default();
            schedule.lane_now(Path::new("a"), now, lane);
            assert!(matches!(schedule.next(now), Next::Lane(_)));
            schedule.put_back(now + Duration::from_millis(due_ms));
            let wait = match schedule.next(now) {
                Next::Lane(_) => None,
                Next::Wait(wait) => Some(wait),
            };
            assert_eq!(wait, expected_ms.map(Duration::from_millis), "due in {due_ms} ms");
        };
        check(0, None);
        check(1, Some(5));
        check(5, Some(5));
        check(20, Some(20));
    }

    #[test]
    fn the_place_of_a_removed_lane_is_used_again() {
        let mut schedule = Schedule::default();
        let now = Instant::now();
        for path in ["a", "b", "c"] {
            schedule.lane_now(Path::new(path), now, lane);
            assert!(matches!(schedule.next(now), Next::Lane(_)));
            schedule.remove();
            assert!(matches!(schedule.next(now), Next::Wait(LONGEST_WAIT)));
        }
        schedule.lane_now(Path::new("d"), now, lane);
        schedule.lane_now(Path::new("d"), now, || unreachable!("it has a lane"));
        assert_eq!((schedule.lanes.len(), schedule.places.len(), schedule.free.len()), (1, 1, 0));
    }
}
