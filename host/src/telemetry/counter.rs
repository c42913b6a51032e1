//! Counters, by name. Depths are pairs of counters: what went in and what came out.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::histogram::Histogram;
use super::one_line;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to the count.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The largest of many numbers.
#[derive(Debug, Default)]
pub struct HighWater(AtomicU64);

impl HighWater {
    /// Takes a number into account.
    pub fn reach(&self, level: u64) {
        // Mostly it is not the largest, and a plain look costs less.
        if level > self.level() {
            self.0.fetch_max(level, Ordering::Relaxed);
        }
    }

    /// The largest so far.
    pub fn level(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one pipeline.
#[derive(Debug, Default)]
pub struct PipelineCounters {
    /// Bytes of complete records that were read.
    pub read_bytes: Counter,
    /// Events that were made of them.
    pub read_events: Counter,
    /// Events without a field after the last processor, which are dropped.
    pub empty_events: Counter,
    /// Events that no flusher matches, which are dropped.
    pub unmatched_events: Counter,
    /// Events that went to the flushers.
    pub out_events: Counter,
    /// Events that all flushers have taken.
    pub acknowledged_events: Counter,
    /// Records that were too long and cut into pieces.
    pub cut_records: Counter,
    /// Lines that belonged to no record by the patterns of the config.
    pub unmatched_lines: Counter,
    /// Those of them that were dropped.
    pub discarded_lines: Counter,
    /// Lines that are not in the encoding of their file, and were kept as they are.
    pub undecodable_lines: Counter,
}

/// Counters with their names, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals(pub Vec<(&'static str, u64)>);

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, total)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={total}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl PipelineCounters {
    /// All of them.
    pub fn totals(&self) -> Totals {
        let all = [
            ("read_bytes_total", &self.read_bytes),
            ("read_events_total", &self.read_events),
            ("empty_events_total", &self.empty_events),
            ("unmatched_events_total", &self.unmatched_events),
            ("cut_records_total", &self.cut_records),
            ("unmatched_lines_total", &self.unmatched_lines),
            ("discarded_lines_total", &self.discarded_lines),
            ("undecodable_lines_total", &self.undecodable_lines),
            ("out_events_total", &self.out_events),
            ("acknowledged_events_total", &self.acknowledged_events),
        ];
        Totals(all.map(|(name, counter)| (name, counter.total())).into())
    }
}

/// The counters of one processor of a pipeline. Each input event is in exactly one of the outcomes.
#[derive(Debug, Default)]
pub struct ProcessorCounters {
    /// Events handed to it.
    pub in_events: Counter,
    /// Events that came out.
    pub out_events: Counter,
    /// Input events that were processed.
    pub successful_events: Counter,
    /// Input events that could not be processed.
    pub failed_events: Counter,
    /// Input events without the field to work on.
    pub key_not_found_events: Counter,
    /// Input events that were dropped on purpose.
    pub discarded_events: Counter,
    /// Input events that went on unprocessed, marked with an error, since the component failed on them.
    pub faulted_events: Counter,
    /// Input events that were dropped since the component failed on them, or was out of service.
    pub dropped_events: Counter,
    /// Input events that went on unprocessed, marked with an error, since the component was out of service.
    pub bypassed_events: Counter,
    /// Events that were handed to the quarantine.
    pub quarantined_events: Counter,
    /// Faults by kind. An event that the component fails on is one, however often it was tried.
    pub faults: FaultCounters,
    /// Calls for batches, and for parts of batches after a fault.
    pub calls: Counter,
    /// The time that they took.
    pub call_ns: Counter,
    /// How long each batch took that was processed in one call.
    pub batch_times: Histogram,
    /// Bytes lent to it.
    pub in_bytes: Counter,
    /// Bytes that it appended.
    pub out_bytes: Counter,
    /// The most memory that an instance ever had, in bytes.
    pub memory_bytes: HighWater,
    /// Instances that were made.
    pub instances: Counter,
    own: Mutex<BTreeMap<String, u64>>,
}

/// Faults of a processor by kind.
#[derive(Debug, Default)]
pub struct FaultCounters {
    /// It panicked, aborted or did what WebAssembly forbids.
    pub traps: Counter,
    /// It ran for too long.
    pub deadlines: Counter,
    /// It asked for more memory than its limit.
    pub memory: Counter,
    /// It called itself too deeply.
    pub stack_overflows: Counter,
    /// It answered what the contract forbids.
    pub invalid_answers: Counter,
    /// It said that it could not process the events.
    pub refusals: Counter,
    /// No instance could be had.
    pub setups: Counter,
}

impl FaultCounters {
    /// All of them together.
    pub fn total(&self) -> u64 {
        let Self { traps, deadlines, memory, stack_overflows, invalid_answers, refusals, setups } = self;
        [traps, deadlines, memory, stack_overflows, invalid_answers, refusals, setups].map(Counter::total).iter().sum()
    }
}

impl ProcessorCounters {
    /// All of them, but for those of its own.
    pub fn totals(&self) -> Totals {
        let faults = &self.faults;
        let all = [
            ("in_events_total", &self.in_events),
            ("out_events_total", &self.out_events),
            ("out_successful_events_total", &self.successful_events),
            ("out_failed_events_total", &self.failed_events),
            ("out_key_not_found_events_total", &self.key_not_found_events),
            ("discarded_events_total", &self.discarded_events),
            ("faulted_events_total", &self.faulted_events),
            ("dropped_events_total", &self.dropped_events),
            ("bypassed_events_total", &self.bypassed_events),
            ("quarantined_events_total", &self.quarantined_events),
            ("traps_total", &faults.traps),
            ("deadlines_total", &faults.deadlines),
            ("memory_faults_total", &faults.memory),
            ("stack_overflows_total", &faults.stack_overflows),
            ("invalid_answers_total", &faults.invalid_answers),
            ("refusals_total", &faults.refusals),
            ("setup_faults_total", &faults.setups),
            ("calls_total", &self.calls),
            ("call_ns_total", &self.call_ns),
            ("in_bytes_total", &self.in_bytes),
            ("out_bytes_total", &self.out_bytes),
            ("instances_total", &self.instances),
        ];
        let mut totals: Vec<_> = all.map(|(name, counter)| (name, counter.total())).into();
        let percentile = |percent| self.batch_times.percentile(percent).as_nanos() as u64;
        totals.extend([
            ("memory_high_water_bytes", self.memory_bytes.level()),
            ("batch_p50_ns", percentile(50)),
            ("batch_p99_ns", percentile(99)),
        ]);
        Totals(totals)
    }

    /// Adds to a counter of the processor's own. Beyond a number and a length of names that no sane
    /// processor has, it adds nothing.
    pub fn add_own(&self, name: &str, amount: u64) {
        if name.len() > MAX_OWN_NAME_BYTES {
            return;
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let name = one_line(name);
        if let Some(count) = own.get_mut(&name) {
            *count = count.saturating_add(amount);
        } else if own.len() < MAX_OWN_COUNTERS {
            own.insert(name, amount);
        }
    }

    /// The counters of the processor's own, by name.
    pub fn own(&self) -> BTreeMap<String, u64> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// More counters of its own than this no processor gets.
const MAX_OWN_COUNTERS: usize = 100;

/// Nor one with a longer name.
const MAX_OWN_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_of_its_own_is_found_again_and_never_wraps() {
        let counters = ProcessorCounters::default();
        let long = "x".repeat(MAX_OWN_NAME_BYTES + 1);
        for (name, amount) in [("odd\nname", 2), ("odd\nname", 3), ("much", u64::MAX), ("much", 1), (&long, 1)] {
            counters.add_own(name, amount);
        }
        let expected = [("odd\u{fffd}name".to_owned(), 5), ("much".to_owned(), u64::MAX)];
        assert_eq!(counters.own(), expected.into());
    }
}
