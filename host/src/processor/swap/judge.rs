//! Whether a version of a processor does worse than the one before it.

use std::fmt;
use std::ops::Sub;

use crate::config::SwapSpec;
use crate::telemetry::counter::ProcessorCounters;

/// What a version of a processor did, in numbers that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Record {
    /// Events that it was given.
    pub events: u64,
    /// Those of them that it could not process, by its own word.
    pub failed: u64,
    /// Calls that failed as a whole: traps, time limits, broken answers.
    pub faults: u64,
    /// Time in calls.
    pub nanoseconds: u64,
}

/// Why a version is worse than the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worse {
    /// It faults, or more often.
    Faults(u64),
    /// It cannot process so many of so many events, and the one before fewer.
    Errors {
        /// Events that failed.
        failed: u64,
        /// Of these.
        events: u64,
        /// How many of as many events failed in the version before.
        before: u64,
    },
    /// It takes so many nanoseconds for an event, and the one before so many.
    Time {
        /// Now.
        nanoseconds: u64,
        /// Before.
        before: u64,
    },
    /// The thread of its trial has come to an unexpected end.
    Trial,
}

/// Compares a new version with the one before it, each by what it did. `None` as long as nothing speaks against it.
pub(super) fn judge(spec: &SwapSpec, new: Record, old: Record) -> Option<Worse> {
    let on = spec.rollback_on;
    let [new_events, old_events] = [new.events, old.events].map(|events| events.max(1) as f64);
    let rate = |count: u64, events: f64| count as f64 / events;
    if on.faults && new.faults > 0 && rate(new.faults, new_events) > 2.0 * rate(old.faults, old_events) {
        return Some(Worse::Faults(new.faults));
    }
    let allowed = rate(old.failed, old_events) + spec.max_error_rate;
    if on.errors && new.events >= ENOUGH_FOR_ERRORS && rate(new.failed, new_events) > allowed {
        let before = rate(old.failed, old_events) * new_events;
        return Some(Worse::Errors { failed: new.failed, events: new.events, before: before as u64 });
    }
    let both_known = new.events >= ENOUGH_FOR_TIME && old.events >= ENOUGH_FOR_TIME;
    let [now, before] = [new, old].map(|record| record.nanoseconds / record.events.max(1));
    if on.time && both_known && now > SLOWER * before.max(FASTEST_NANOSECONDS) {
        return Some(Worse::Time { nanoseconds: now, before });
    }
    None
}

impl Record {
    /// What counters say.
    pub fn of(counters: &ProcessorCounters) -> Self {
        Self {
            events: counters.in_events.total(),
            failed: counters.failed_events.total(),
            faults: counters.faults.total(),
            nanoseconds: counters.call_ns.total(),
        }
    }
}

impl Sub for Record {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            events: self.events.saturating_sub(earlier.events),
            failed: self.failed.saturating_sub(earlier.failed),
            faults: self.faults.saturating_sub(earlier.faults),
            nanoseconds: self.nanoseconds.saturating_sub(earlier.nanoseconds),
        }
    }
}

impl fmt::Display for Worse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(1) => write!(f, "it had a fault"),
            Self::Faults(faults) => write!(f, "it had {faults} faults"),
            Self::Errors { failed, events, before } => {
                write!(f, "{failed} of {events} events failed, of as many before it {before}")
            }
            Self::Time { nanoseconds, before } => {
                write!(f, "an event took {nanoseconds} ns on average, before it {before} ns")
            }
            Self::Trial => write!(f, "there was a panic in the agent"),
        }
    }
}

/// Fewer events say little of a rate.
const ENOUGH_FOR_ERRORS: u64 = 100;

/// Fewer events say little of a mean.
const ENOUGH_FOR_TIME: u64 = 1000;

/// So many times as slow is too slow.
const SLOWER: u64 = 2;

/// Below this, differences are noise.
const FASTEST_NANOSECONDS: u64 = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RollbackOn;

    fn record(events: u64, failed: u64, faults: u64, nanoseconds_each: u64) -> Record {
        Record { events, failed, faults, nanoseconds: events * nanoseconds_each }
    }

    #[test]
    fn a_version_is_worse_only_in_what_counts() {
        fn check(on: &str, new: Record, old: Record, expected: &str) {
            let rollback_on = RollbackOn { faults: on.contains('f'), errors: on.contains('e'), time: on.contains('t') };
            let spec = SwapSpec { rollback_on, max_error_rate: 0.01, ..SwapSpec::default() };
            let found = judge(&spec, new, old).map(|worse| worse.to_string()).unwrap_or_default();
            assert_eq!(found, expected, "{on} {new:?} {old:?}");
        }
        let fine = record(10_000, 100, 0, 1000);
        check("fet", fine, fine, "");
        check("fet", Record::default(), fine, "");
        check("fet", fine, Record::default(), "");
        check("f", record(1, 0, 1, 0), fine, "it had a fault");
        check("et", record(1, 0, 1, 0), fine, "");
        check("f", record(1000, 0, 2, 0), record(1000, 0, 1, 0), "");
        check("f", record(1000, 0, 3, 0), record(1000, 0, 1, 0), "it had 3 faults");
        check("e", record(1000, 20, 0, 0), fine, "");
        check("e", record(1000, 21, 0, 0), fine, "21 of 1000 events failed, of as many before it 10");
        check("e", record(99, 99, 0, 0), fine, "");
        check("ft", record(1000, 1000, 0, 0), fine, "");
        check("t", record(1000, 0, 0, 2000), fine, "");
        check("t", record(1000, 0, 0, 2001), fine, "an event took 2001 ns on average, before it 1000 ns");
        check("t", record(999, 0, 0, 9000), fine, "");
        check("t", record(1000, 0, 0, 300), record(1000, 0, 0, 10), "");
    }
}
