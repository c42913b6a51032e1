//! What can be done for a batch on which a processor has failed.
//!
//! The events that it fails on are looked for on clones of the instance. All others are then processed as if those had not been
//! there: together if that works, else in the largest parts, by halving, that pass.

use std::ops::Range;

use super::answer::Report;
use super::bindings::loglift::processor::types::Alarm;
use super::bisect::{Budget, Patience, Verdict, search};
use super::caller::{Caller, Maker};
use super::fault::{Fault, FaultKind};
use crate::event::{EventBatch, GONE};

/// What became of the events of a batch, each of which is in one of the parts. They are numbered.
#[derive(Debug, Default)]
pub(super) struct Rescue {
    /// Parts that were processed.
    pub(super) done: Vec<Done>,
    /// Events that were not.
    pub(super) failed: Vec<Failed>,
}

/// Events that were processed.
#[derive(Debug)]
pub(super) struct Done {
    /// What has become of them.
    pub(super) batch: EventBatch,
    pub(super) report: Report,
    /// What the processor says of them, by their places in `events`.
    pub(super) alarms: Vec<Alarm>,
    /// Which events they were.
    pub(super) events: Vec<u32>,
}

/// Events that the processor fails on.
#[derive(Debug)]
pub(super) struct Failed {
    /// Which events they are.
    pub(super) events: Vec<u32>,
    pub(super) fault: Fault,
    /// It is one event, and it alone is at fault.
    pub(super) is_culprit: bool,
}

/// Rescues what can be rescued of a numbered batch on which the processor has failed.
///
/// With `is_all_or_nothing` nothing is processed once it is known that some event is at fault.
pub(super) fn rescue<M: Maker + Clone>(
    caller: &mut Caller<M>,
    batch: &EventBatch,
    fault: Fault,
    is_all_or_nothing: bool,
) -> Rescue {
    let count = batch.len() as u32;
    let time_limit = caller.maker().limits().time;
    let mut rescue = Rescue::default();
    if fault.kind == FaultKind::Setup {
        rescue.fail((0..count).collect(), fault, false);
        return rescue;
    }
    // What is tried leaves no trace in the instance that goes on.
    let mut clones = caller.probe();
    let mut probe = |range: Range<u32>, patience| {
        let (answer, took) = clones.ask(&mut batch.part(&range.collect::<Vec<_>>()), patience);
        (answer.map(drop), took)
    };
    let mut sound = Vec::new();
    for (range, verdict) in search(count, fault.clone(), &mut Budget::new(time_limit), &mut probe) {
        match verdict {
            Verdict::Passes => sound.extend(range),
            Verdict::Culprit(fault) => rescue.fail(range.collect(), fault, true),
            Verdict::Unproven(fault) => rescue.fail(range.collect(), fault, false),
        }
    }
    drop(clones);
    if sound.is_empty() || (is_all_or_nothing && !rescue.failed.is_empty()) {
        return rescue;
    }
    let mut parts = Parts { caller, batch, budget: Budget::new(time_limit), rescue };
    if parts.rescue.failed.is_empty() {
        // All of them have failed together.
        parts.halve(&sound, fault);
    } else {
        parts.process(&sound);
    }
    parts.rescue
}

impl Rescue {
    fn fail(&mut self, events: Vec<u32>, fault: Fault, is_culprit: bool) {
        self.failed.push(Failed { events, fault, is_culprit });
    }
}

/// Processes events in parts.
struct Parts<'a, M: Maker> {
    caller: &'a mut Caller<M>,
    batch: &'a EventBatch,
    /// For calls that fail. Those that do not are of use.
    budget: Budget,
    rescue: Rescue,
}

impl<M: Maker> Parts<'_, M> {
    /// Processes events together if they pass, else in halves.
    fn process(&mut self, events: &[u32]) {
        let mut part = self.batch.part(events);
        let (answer, took) = self.caller.ask(&mut part, Patience::Full);
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                self.budget.spend(took);
                if fault.kind == FaultKind::Setup {
                    self.budget.give_up();
                }
                return self.halve(events, fault);
            }
        };
        let alarms = std::mem::take(&mut answer.alarms);
        let report = self.caller.carry_out(answer, &mut part);
        match self.check_fit(&part) {
            Ok(()) => self.rescue.done.push(Done { batch: part, report, alarms, events: events.to_vec() }),
            Err(fault) => self.rescue.fail(events.to_vec(), fault, false),
        }
    }

    /// Processes the halves of events that fail together.
    fn halve(&mut self, events: &[u32], fault: Fault) {
        if events.len() == 1 || !self.budget.is_left() {
            let is_culprit = events.len() == 1 && fault.kind != FaultKind::Setup;
            self.rescue.fail(events.to_vec(), fault, is_culprit);
            return;
        }
        let (left, right) = events.split_at(events.len() / 2);
        self.process(left);
        if self.budget.is_left() {
            self.process(right);
        } else {
            self.rescue.fail(right.to_vec(), fault, false);
        }
    }

    /// Whether what has become of a part fits to the parts before it.
    fn check_fit(&self, part: &EventBatch) -> Result<(), Fault> {
        let Some(first) = self.rescue.done.first() else { return Ok(()) };
        if !first.batch.tags().eq(part.tags()) {
            return Err(Fault::new(FaultKind::InvalidAnswer, "gave parts of one batch different tags"));
        }
        let before: usize = self.rescue.done.iter().map(|done| done.batch.bytes.len()).sum();
        if before + part.bytes.len() + self.batch.bytes.len() >= GONE as usize {
            return Err(Fault::new(FaultKind::Memory, "has made more of the batch than a batch can hold"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
