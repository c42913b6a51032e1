//! One processor of a chain, as one worker runs it.

use std::sync::Arc;
use std::time::Instant;

use tracing::info;

use super::answer::{Report, edit, forget_gone_names, key_of};
use super::bindings::loglift::processor::types::{self, Edits};
use super::bisect::Patience;
use super::breaker::{Admission, Change, Outage};
use super::caller::Caller;
use super::fault::{Fault, FaultKind};
use super::memory::{Identity, Saved};
use super::outside::Source;
use super::quarantine::{Case, Quarantine};
use super::rescue::{Failed, Rescue, rescue};
use super::stage::{Stage, until};
use crate::config::{BreakerPolicy, OnError};
use crate::event::{EventBatch, GONE, Offset, Remembered};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::one_line;

/// A stage as one worker runs it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stage: Arc<Stage>,
    pub(super) caller: Caller<Arc<Stage>>,
    /// How often in a row what it remembers could not be saved.
    failed_saves: u32,
}

/// What the processors of a pipeline share.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) pipeline: String,
    pub(super) alarms: Arc<Alarms>,
    pub(super) quarantine: Option<Arc<dyn Quarantine>>,
}

/// A batch cannot go on for now. It is as it was.
#[derive(Debug)]
pub(super) struct Hold {
    /// For a person.
    pub(super) why: String,
    /// When to try it again; `None` for not before the processor was replaced.
    pub(super) until: Option<Instant>,
}

/// What a processor remembers cannot be saved now, and is worth another try.
#[derive(Debug, PartialEq, Eq)]
pub struct Unsaved;

/// What a processor said of a batch besides its changes, as in the contract.
#[doc(hidden)]
#[derive(Debug)]
pub struct Said {
    /// The outcome of each input event, if they are not plain from the events that are left.
    pub outcomes: Option<Vec<u8>>,
    /// Its alarms.
    pub alarms: Vec<types::Alarm>,
    /// Amounts for counters of its own.
    pub counts: Vec<(String, u64)>,
}

impl Link {
    /// A stage with an instance of its own.
    pub(super) fn new(stage: &Arc<Stage>) -> Self {
        let stage = Arc::clone(stage);
        let mut caller = Caller::new(Arc::clone(&stage));
        // If it fails now, it does so again for the first batch, which then says so.
        drop(caller.ensure_instance());
        Self { stage, caller, failed_saves: 0 }
    }

    /// What the processor remembers; `None` if it does not, or was never able to save anything.
    ///
    /// # Errors
    /// [`Unsaved`] for some tries. After that it has forgotten what it could not save, and remembers what it saved last.
    pub(super) fn save(&mut self, around: &Surroundings) -> Result<Option<Remembered>, Unsaved> {
        match self.caller.save() {
            Ok(saved) => {
                self.failed_saves = 0;
                self.tell_notice(around);
                Ok(saved.map(|saved| self.remembered(saved)))
            }
            Err(fault) => {
                self.tell(self.stage.gate.fail(Admission::Regular), around);
                self.failed_saves += 1;
                if self.failed_saves < MAX_FAILED_SAVES {
                    let message = format!("cannot save what it remembers, and will try again: {fault}");
                    self.raise(STATE_ALARM, None, message, 1, around);
                    return Err(Unsaved);
                }
                Ok(self.give_up(&fault, around))
            }
        }
    }

    /// What the processor remembers, for another one to go on with: as far as it can be had now.
    pub(super) fn hand_over(&mut self, around: &Surroundings) -> Option<Remembered> {
        let remembered = match self.caller.save() {
            Ok(saved) => saved.map(|saved| self.remembered(saved)),
            Err(fault) => self.give_up(&fault, around),
        };
        self.tell_notice(around);
        remembered
    }

    fn give_up(&mut self, fault: &Fault, around: &Surroundings) -> Option<Remembered> {
        self.failed_saves = 0;
        self.caller.forget_unsaved(fault);
        self.tell_notice(around);
        self.caller.last_saved().map(|saved| self.remembered(saved))
    }

    fn remembered(&self, Saved { version, bytes }: Saved) -> Remembered {
        let Identity { name, component, config } = self.stage.identity();
        Remembered { name, component, config, version, saved: bytes }
    }

    /// Has the processor remember that, unless another component has saved it.
    pub(super) fn recall(&mut self, remembered: Remembered, around: &Surroundings) {
        let Remembered { component, version, saved: bytes, .. } = remembered;
        if component == self.stage.description().name {
            self.caller.remember(Saved { version, bytes });
            self.tell_notice(around);
        } else {
            let message = format!("begins without a memory: what was saved is that of {}", one_line(&component));
            self.raise(STATE_ALARM, None, message, 1, around);
        }
    }

    /// Says what has become of its memory, if a person should hear of it.
    fn tell_notice(&mut self, around: &Surroundings) {
        if let Some(notice) = self.caller.take_notice() {
            self.raise(STATE_ALARM, None, notice, 1, around);
        }
    }

    /// Has a batch processed, whatever the component does.
    pub(super) fn run(&mut self, batch: &mut EventBatch, around: &Surroundings) -> Result<(), Hold> {
        let input_count = batch.len() as u64;
        self.tell_notice(around);
        let admission = self.stage.gate.admit();
        if let Admission::Refused(outage) = admission {
            self.pass_by(batch, outage, around)?;
        } else {
            let is_heard = self.stage.tap().is_on();
            let memory = if is_heard { self.begin_to_listen() } else { None };
            let (answer, took) = self.caller.ask(batch, Patience::Full);
            if is_heard {
                let granted = self.caller.take_heard();
                self.stage.tap().pass(batch, self.caller.reads.as_deref(), (memory, granted), &answer);
            }
            match answer {
                Ok(mut answer) => {
                    self.stage.counters.batch_times.add(took);
                    let said = std::mem::take(&mut answer.alarms);
                    self.raise_said(said, batch, |event| event, around);
                    let report = self.caller.carry_out(answer, batch);
                    self.count(&report);
                    self.tell(self.stage.gate.pass(admission), around);
                }
                Err(fault) => {
                    self.tell(self.stage.gate.fail(admission), around);
                    self.mend(batch, &fault, around)?;
                }
            }
        }
        self.stage.counters.in_events.add(input_count);
        self.stage.counters.out_events.add(batch.len() as u64);
        Ok(())
    }

    /// Has what is heard in the next call recorded. Returns what the processor remembers, if a listener needs that.
    fn begin_to_listen(&mut self) -> Option<Saved> {
        let needs_memory = self.stage.tap().needs_memory();
        let memory = if needs_memory { self.caller.save().ok().flatten() } else { None };
        self.caller.listen(Source::recording());
        memory
    }

    /// Has a batch processed, and returns what was said of it.
    pub(super) fn run_and_listen(&mut self, batch: &mut EventBatch) -> Result<Said, String> {
        let answer = self.caller.ask(batch, Patience::Full).0.map_err(|fault| fault.message)?;
        let said =
            Said { outcomes: answer.outcomes.clone(), alarms: answer.alarms.clone(), counts: answer.counts.clone() };
        let report = self.caller.carry_out(answer, batch);
        self.count(&report);
        Ok(said)
    }

    /// Does what can be done for a batch on which the processor has failed.
    fn mend(&mut self, batch: &mut EventBatch, fault: &Fault, around: &Surroundings) -> Result<(), Hold> {
        let on_error = self.stage.policy().on_error;
        let before = batch.number_events();
        let mended = rescue(&mut self.caller, batch, fault.clone(), on_error == OnError::Halt);
        for failed in &mended.failed {
            self.report_failed(failed, on_error, batch, around);
        }
        if mended.failed.is_empty() {
            let parts = mended.done.len();
            let message = format!("{fault}; its events were processed in {parts} parts, which went well");
            self.report_fault(fault, message, batch.offset(0), batch.len(), batch, around);
        }
        if let (OnError::Halt, Some(failed)) = (on_error, mended.failed.first()) {
            let offset = batch.offset(failed.events[0] as usize).0;
            let why = format!("{} at {}, offset {offset}", failed.fault, batch.source.path.display());
            batch.restore_records(before);
            return Err(Hold { why, until: None });
        }
        *batch = self.put_together(mended, batch, around);
        batch.restore_records(before);
        Ok(())
    }

    /// The events of a numbered batch after what was done for them.
    fn put_together(&mut self, mended: Rescue, batch: &EventBatch, around: &Surroundings) -> EventBatch {
        let mut parts = Vec::new();
        for done in mended.done {
            self.raise_said(done.alarms, batch, |event| done.events[event as usize], around);
            self.count(&done.report);
            parts.push(done.batch);
        }
        let counters = &self.stage.counters;
        let failed_count = mended.failed.iter().map(|failed| failed.events.len() as u64).sum();
        if self.stage.policy().on_error == OnError::Drop {
            counters.dropped_events.add(failed_count);
        } else {
            counters.faulted_events.add(failed_count);
            parts.push(self.kept(&mended.failed, batch));
        }
        let first = if parts.is_empty() { batch.part(&[]) } else { parts.remove(0) };
        EventBatch::weave(first, &parts)
    }

    /// Events as they were, each with the field that says what went wrong.
    fn kept(&self, failed: &[Failed], batch: &EventBatch) -> EventBatch {
        let of = |(place, failed): (usize, &Failed)| -> Vec<(u32, usize)> {
            failed.events.iter().map(|event| (*event, place)).collect()
        };
        let mut events: Vec<(u32, usize)> = failed.iter().enumerate().flat_map(of).collect();
        events.sort_unstable();
        let mut kept = batch.part(&events.iter().map(|(event, _)| *event).collect::<Vec<_>>());
        let messages = failed.iter().map(|failed| format!("{}: {}", self.stage.name, what(failed)));
        let messages: Vec<[u32; 2]> = messages.map(|message| kept.append(message.as_bytes())).collect();
        mark(&mut kept, events.iter().flat_map(|(_, place)| messages[*place]).collect());
        kept
    }

    /// Counts and tells of events on which the processor fails.
    fn report_failed(&self, failed: &Failed, on_error: OnError, batch: &EventBatch, around: &Surroundings) {
        let Failed { events, fault, is_culprit } = failed;
        let becomes = match (on_error, events.len()) {
            (OnError::Keep, 1) => format!("the event goes on unprocessed, marked with {ERROR_FIELD}"),
            (OnError::Keep, count) => format!("{count} events go on unprocessed, marked with {ERROR_FIELD}"),
            (OnError::Drop, 1) => "the event is dropped".to_owned(),
            (OnError::Drop, count) => format!("{count} events are dropped"),
            (OnError::Halt, _) => "halted: its batch waits until the processor is replaced".to_owned(),
        };
        let offset = batch.offset(events[0] as usize);
        self.report_fault(fault, format!("{}; {becomes}", what(failed)), offset, events.len(), batch, around);
        if let (true, Some(quarantine)) = (is_culprit, &around.quarantine) {
            let batch = &batch.part(events);
            quarantine.keep(&Case { pipeline: &around.pipeline, stage: &self.stage, batch, fault });
            self.stage.counters.quarantined_events.add(1);
        }
    }

    fn report_fault(
        &self,
        fault: &Fault,
        message: String,
        offset: Offset,
        events: usize,
        batch: &EventBatch,
        around: &Surroundings,
    ) {
        fault.kind.counter(&self.stage.counters.faults).add(1);
        let place = Some((batch.source.path.clone(), Some(offset)));
        self.raise("PROCESSOR_FAULT_ALARM", place, message, events as u64, around);
    }

    /// Does with a batch what the policy says for a processor that is given none.
    fn pass_by(&self, batch: &mut EventBatch, outage: Outage, around: &Surroundings) -> Result<(), Hold> {
        let breaker = &self.stage.policy().breaker;
        let message = format!(
            "out of service until {}, after {} faults within {:?}",
            until(outage),
            breaker.faults,
            breaker.window
        );
        let (count, place) = (batch.len(), Some((batch.source.path.clone(), Some(batch.offset(0)))));
        let becomes = match breaker.policy {
            BreakerPolicy::Block => return Err(Hold { why: message, until: Some(outage.until) }),
            BreakerPolicy::Pass => {
                self.stage.counters.bypassed_events.add(count as u64);
                forget_gone_names(batch);
                let text = batch.append(format!("{}: {message}", self.stage.name).as_bytes());
                mark(batch, text.repeat(count));
                format!("events go on unprocessed, marked with {ERROR_FIELD}")
            }
            BreakerPolicy::Drop => {
                self.stage.counters.dropped_events.add(count as u64);
                batch.select(&[]);
                "events are dropped".to_owned()
            }
        };
        self.raise(OUT_OF_SERVICE, place, format!("{message}; {becomes}"), count as u64, around);
        Ok(())
    }

    /// Tells that the breaker has opened or closed.
    fn tell(&self, change: Option<Change>, around: &Surroundings) {
        match change {
            None => {}
            Some(Change::Closed) => {
                info!(pipeline = around.pipeline, "{} is back in service", self.stage.name);
            }
            Some(Change::Opened(outage)) => {
                let breaker = &self.stage.policy().breaker;
                let becomes = match breaker.policy {
                    BreakerPolicy::Pass => "its events go on unprocessed",
                    BreakerPolicy::Drop => "its events are dropped",
                    BreakerPolicy::Block => "its events wait",
                };
                let message = format!("keeps failing; for {:?}, until {}, {becomes}", outage.pause, until(outage));
                self.raise(OUT_OF_SERVICE, None, message, 1, around);
            }
        }
    }

    /// Raises the alarms of an answer, with file and offset of the records that they are about. `event_of` gives the event
    /// of the batch for one that an alarm names.
    fn raise_said(
        &self,
        mut said: Vec<types::Alarm>,
        batch: &EventBatch,
        event_of: impl Fn(u32) -> u32,
        around: &Surroundings,
    ) {
        if said.is_empty() {
            return;
        }
        let shown = self.stage.admit_alarms(said.len());
        let beyond = said.split_off(shown).len() as u64;
        for types::Alarm { event, kind, message, occurrences } in said {
            let offset = event.map(|event| batch.offset(event_of(event) as usize));
            let place = Some((batch.source.path.clone(), offset));
            self.raise(&kind, place, one_line(&message), occurrences.into(), around);
        }
        if beyond > 0 {
            let place = Some((batch.source.path.clone(), None));
            let message = "too many alarms from one processor, these are not shown".to_owned();
            self.raise("ALARM_FLOOD_ALARM", place, message, beyond, around);
        }
    }

    fn raise(
        &self,
        kind: &str,
        place: Option<(std::path::PathBuf, Option<Offset>)>,
        message: String,
        occurrences: u64,
        around: &Surroundings,
    ) {
        let (pipeline, part) = (around.pipeline.clone(), self.stage.name.clone());
        around.alarms.raise(&Alarm { kind: kind.to_owned(), pipeline, part, place, message, occurrences });
    }

    fn count(&self, report: &Report) {
        let counters = &self.stage.counters;
        let [successful, failed, key_not_found, discarded] = report.outcomes;
        counters.successful_events.add(successful);
        counters.failed_events.add(failed);
        counters.key_not_found_events.add(key_not_found);
        counters.discarded_events.add(discarded);
        report.counts.iter().for_each(|(name, amount)| counters.add_own(name, *amount));
    }
}

/// What went wrong with some events, for a person.
fn what(failed: &Failed) -> String {
    match (failed.is_culprit, failed.fault.kind, failed.events.len()) {
        (true, ..) | (_, FaultKind::Setup, _) | (.., 1) => failed.fault.message.clone(),
        (.., count) => format!("{}, for some of {count} events", failed.fault),
    }
}

/// Gives every event the field that says what went wrong, with these values. No name of the batch may be gone.
fn mark(batch: &mut EventBatch, values: Vec<u32>) {
    debug_assert!(values.iter().step_by(2).all(|offset| *offset != GONE), "the arena is not full");
    let key = key_of(batch, ERROR_FIELD.as_bytes());
    let count = batch.len();
    edit(batch, &Edits { events: (0..count as u32).collect(), keys: vec![key; count], values });
}

/// The field that marks an event which a processor could not be run on.
const ERROR_FIELD: &str = "__processor_error__";

/// So often in a row it is tried to save what a processor remembers. Until then, nothing that it has seen is stored as done
/// with.
const MAX_FAILED_SAVES: u32 = 3;

const STATE_ALARM: &str = "PROCESSOR_STATE_ALARM";

const OUT_OF_SERVICE: &str = "PROCESSOR_OUT_OF_SERVICE_ALARM";
