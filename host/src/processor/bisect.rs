//! Finds the events that a processor fails on, by trying parts of a batch.
//!
//! A range that fails is halved until single events are left. Ranges are tried with little time, so that an event which loops
//! costs little of it each time that it is met; only a single event has all the time that the limit allows, and only what
//! fails alone, and then, is at fault.

use std::ops::Range;
use std::time::Duration;

use super::fault::{Fault, FaultKind};

/// What is known of a range of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They pass together.
    Passes,
    /// It is one event, and fails alone.
    Culprit(Fault),
    /// They fail together, or were together with what failed, and the search was given up.
    Unproven(Fault),
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as the limit allows.
    Full,
    /// A small part of that.
    Short,
}

/// What a search may cost.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    calls: u32,
    time: Duration,
}

impl Budget {
    /// What is spent at most on a batch, for a processor with this time limit.
    pub(super) fn new(time_limit: Duration) -> Self {
        Self { calls: MAX_CALLS, time: time_limit.saturating_mul(TIME_LIMITS).saturating_add(GRACE) }
    }

    /// Whether another call may be made.
    pub(super) fn is_left(&self) -> bool {
        self.calls > 0 && !self.time.is_zero()
    }

    /// Says what a call has cost.
    pub(super) fn spend(&mut self, took: Duration) {
        self.calls = self.calls.saturating_sub(1);
        self.time = self.time.saturating_sub(took);
    }

    /// Says that no further call makes sense.
    pub(super) fn give_up(&mut self) {
        self.calls = 0;
    }
}

/// Looks for the culprits among `count` events, one or more, which have failed together with `fault` in the full time.
///
/// `probe` tries a range and says how long that took. Returns what is known of each event, as ranges in order without gaps.
pub(super) fn search(
    count: u32,
    fault: Fault,
    budget: &mut Budget,
    probe: &mut impl FnMut(Range<u32>, Patience) -> (Result<(), Fault>, Duration),
) -> Vec<(Range<u32>, Verdict)> {
    if count == 1 {
        return vec![(0..1, Verdict::Culprit(fault))];
    }
    let hopeless_after = HOPELESS_CALLS + 2 * count.ilog2();
    let mut search = Search { budget, probe, known: Vec::new(), fails_left: hopeless_after };
    search.halve(0..count, &fault);
    search.known
}

struct Search<'a, P> {
    budget: &'a mut Budget,
    probe: &'a mut P,
    known: Vec<(Range<u32>, Verdict)>,
    /// Calls that may fail before any has passed: a processor that fails on everything is not worth a search.
    fails_left: u32,
}

impl<P: FnMut(Range<u32>, Patience) -> (Result<(), Fault>, Duration)> Search<'_, P> {
    /// Looks for the culprits in a range of several events that fails, or is taken to.
    fn halve(&mut self, range: Range<u32>, fault: &Fault) {
        let middle = range.start + (range.end - range.start) / 2;
        let passes = self.look(range.start..middle, fault);
        if passes && range.end - middle > 1 {
            // It must be in the other half, unless the two fail only together: then that half turns out to be sound.
            self.halve(middle..range.end, fault);
        } else {
            self.look(middle..range.end, fault);
        }
    }

    /// Tries a range that is part of what failed with `fault`. Returns whether it passes.
    fn look(&mut self, range: Range<u32>, fault: &Fault) -> bool {
        if !self.budget.is_left() || self.fails_left == 0 {
            self.note(range, Verdict::Unproven(fault.clone()));
            return false;
        }
        let is_single = range.end - range.start == 1;
        let patience = if is_single { Patience::Full } else { Patience::Short };
        let (found, took) = (self.probe)(range.clone(), patience);
        self.budget.spend(took);
        let Err(fault) = found else {
            self.fails_left = u32::MAX;
            self.note(range, Verdict::Passes);
            return true;
        };
        self.fails_left = self.fails_left.saturating_sub(1);
        if fault.kind == FaultKind::Setup {
            // That says nothing about the events.
            self.budget.give_up();
            self.note(range, Verdict::Unproven(fault));
        } else if is_single {
            self.note(range, Verdict::Culprit(fault));
        } else {
            self.halve(range, &fault);
        }
        false
    }

    /// Notes what is known of the range that follows the last one.
    fn note(&mut self, range: Range<u32>, verdict: Verdict) {
        match (self.known.last_mut(), &verdict) {
            (Some((known, Verdict::Unproven(_))), Verdict::Unproven(_)) => known.end = range.end,
            _ => self.known.push((range, verdict)),
        }
    }
}

/// Enough for some twenty culprits among a thousand events.
const MAX_CALLS: u32 = 400;

/// The time that is spent at most, in time limits of the processor.
const TIME_LIMITS: u32 = 4;

/// And what is spent on top of that, for limits that are near to the resolution of the clock.
const GRACE: Duration = Duration::from_millis(500);

/// When so many calls have failed, and two for each halving, before one has passed, none will.
const HOPELESS_CALLS: u32 = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(kind: FaultKind) -> Fault {
        Fault::new(kind, "failed")
    }

    /// Searches among events that fail if `fails` says so of their range.
    fn found(
        count: u32,
        budget: &mut Budget,
        mut fails: impl FnMut(Range<u32>, Patience) -> (Option<FaultKind>, u64),
    ) -> Vec<(Range<u32>, Verdict)> {
        let mut probe = |range: Range<u32>, patience| {
            let (kind, millis) = fails(range, patience);
            (kind.map_or(Ok(()), |kind| Err(fault(kind))), Duration::from_millis(millis))
        };
        search(count, fault(FaultKind::Trap), budget, &mut probe)
    }

    fn culprits(known: &[(Range<u32>, Verdict)]) -> Vec<u32> {
        let culprits = known.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Culprit(_)));
        culprits.map(|(range, _)| range.start).collect()
    }

    fn usual() -> Budget {
        Budget::new(Duration::from_millis(100))
    }

    #[test]
    fn one_event_that_loops_among_a_thousand_costs_a_few_limits() {
        for culprit in 0..1000 {
            let mut spent = 0;
            let known = found(1000, &mut usual(), |range, patience| {
                let millis = match (range.contains(&culprit), patience) {
                    (false, _) => 0,
                    (true, Patience::Short) => 40,
                    (true, Patience::Full) => 100,
                };
                spent += millis;
                ((millis > 0).then_some(FaultKind::Deadline), millis)
            });
            assert_eq!(culprits(&known), [culprit]);
            assert!(spent <= 500, "{spent} ms for event {culprit}");
        }
    }

    #[test]
    fn one_event_that_is_slow_but_not_too_slow_is_no_culprit() {
        let known = found(100, &mut usual(), |range, patience| {
            let is_late = range.contains(&70) && patience == Patience::Short;
            (is_late.then_some(FaultKind::Deadline), 40)
        });
        assert!(known.iter().all(|(_, verdict)| *verdict == Verdict::Passes), "{known:?}");
    }

    #[test]
    fn where_everything_fails_the_search_ends_soon() {
        let mut calls = 0;
        let known = found(5000, &mut usual(), |_, _| {
            calls += 1;
            (Some(FaultKind::Trap), 0)
        });
        assert!(calls <= 50, "{calls} calls");
        assert!(matches!(known.last(), Some((range, Verdict::Unproven(_))) if range.end == 5000), "{known:?}");
    }

    #[test]
    fn without_an_instance_nothing_is_tried_again() {
        let mut calls = 0;
        let known = found(5000, &mut usual(), |_, _| {
            calls += 1;
            (Some(FaultKind::Setup), 0)
        });
        assert_eq!((calls, known), (1, vec![(0..5000, Verdict::Unproven(fault(FaultKind::Setup)))]));
    }

    #[test]
    fn a_budget_holds() {
        let mut calls = 0;
        let known = found(100_000, &mut usual(), |range, _| {
            calls += 1;
            (range.into_iter().any(|event| event % 3 == 0).then_some(FaultKind::Trap), 0)
        });
        assert_eq!(calls, MAX_CALLS);
        assert!(culprits(&known).len() > 50);
        let mut spent = 0;
        found(1000, &mut usual(), |range, _| {
            spent += 60;
            (range.into_iter().any(|event| event % 3 == 0).then_some(FaultKind::Deadline), 60)
        });
        assert!(spent < 1000, "{spent} ms");
    }

    proptest! {
        /// Every event is in one range, ranges are in order, and with enough of a budget exactly the culprits are found.
        #[test]
        fn what_is_found_is_all_there_is(
            count in 1_u32..300,
            poison in prop::collection::btree_set(0_u32..300, 0..12),
            calls in 0_u32..100,
        ) {
            let poison: Vec<u32> = poison.into_iter().filter(|event| *event < count).collect();
            let fails = |range: Range<u32>, _| {
                (poison.iter().any(|event| range.contains(event)).then_some(FaultKind::Trap), 0)
            };
            for mut budget in [usual(), Budget { calls, ..usual() }] {
                let is_usual = budget.calls == MAX_CALLS;
                let known = found(count, &mut budget, fails);
                let mut next = 0;
                for (range, verdict) in &known {
                    prop_assert!(range.start == next && range.end > next);
                    next = range.end;
                    if *verdict == Verdict::Passes {
                        prop_assert!(fails(range.clone(), Patience::Full).0.is_none());
                    }
                }
                prop_assert_eq!(next, count);
                let is_hopeless = known.iter().any(|(_, verdict)| matches!(verdict, Verdict::Unproven(_)));
                if is_usual && !is_hopeless && count > 1 {
                    prop_assert_eq!(culprits(&known), poison.clone());
                }
            }
        }
    }
}
