//! One processor of a chain: its instance, and what is done when that fails.

use std::sync::Arc;

use super::answer::{self, Lent, Report, apply, check, forget_gone_names, key_of};
use super::bindings::loglift::processor::types::{self, Answer, Edits};
use super::instance::{Instance, SetupError};
use super::lend::{Projection, whole};
use super::stage::Stage;
use crate::event::{EventBatch, GONE};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::one_line;

/// A stage as one worker runs it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stage: Arc<Stage>,
    /// `None` after a fault that could not be mended yet.
    instance: Option<Instance>,
    /// The fields it looks at, if not all.
    pub(super) reads: Option<Vec<Vec<u8>>>,
    projection: Projection,
}

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
        let mut link = Self { stage, instance: None, reads: None, projection: Projection::default() };
        drop(link.ensure_instance());
        link
    }

    /// Has a batch processed, whatever the component does.
    ///
    /// A processor that fails leaves the events as they were, each with the field [`ERROR_FIELD`].
    pub(super) fn run(&mut self, batch: &mut EventBatch, pipeline: &str, collector: &Alarms) {
        let input_count = batch.len() as u64;
        self.stage.counters.in_events.add(input_count);
        match self.process(batch) {
            Ok(alarms) => {
                for alarm in alarms {
                    collector.raise(&Alarm { pipeline: pipeline.to_owned(), ..alarm });
                }
            }
            Err(message) => {
                let counters = &self.stage.counters;
                counters.faults.add(1);
                counters.faulted_events.add(input_count);
                collector.raise(&Alarm {
                    kind: "PROCESSOR_FAULT_ALARM".to_owned(),
                    pipeline: pipeline.to_owned(),
                    part: self.stage.name.clone(),
                    place: Some((batch.source.path.clone(), Some(batch.offset(0)))),
                    message: format!("{message}; its events go on unprocessed, marked with {ERROR_FIELD}"),
                    occurrences: input_count,
                });
                mark(batch, &format!("{}: {message}", self.stage.name));
            }
        }
        self.stage.counters.out_events.add(batch.len() as u64);
    }

    /// Has a batch processed, and returns what was said of it.
    pub(super) fn run_and_listen(&mut self, batch: &mut EventBatch) -> Result<Said, String> {
        let answer = self.answer(batch)?;
        let said =
            Said { outcomes: answer.outcomes.clone(), alarms: answer.alarms.clone(), counts: answer.counts.clone() };
        self.carry_out(answer, batch);
        Ok(said)
    }

    /// Has a batch processed. On an error the batch is as it was, and the error says why.
    fn process(&mut self, batch: &mut EventBatch) -> Result<Vec<Alarm>, String> {
        let mut answer = self.answer(batch)?;
        let alarms = alarms(&mut answer, batch, &self.stage.name);
        self.carry_out(answer, batch);
        Ok(alarms)
    }

    /// What the processor answers to a batch, checked.
    fn answer(&mut self, batch: &mut EventBatch) -> Result<Answer, String> {
        self.ensure_instance()?;
        let Some(instance) = &mut self.instance else { return Err("has no instance".to_owned()) };
        let projection = match &self.reads {
            Some(reads) => {
                self.projection.fill(batch, reads);
                Some(&self.projection)
            }
            None => {
                forget_gone_names(batch);
                None
            }
        };
        let lent = projection.map_or_else(|| whole(batch), |projection| projection.lend(batch));
        let answered = instance.process(lent);
        let is_worn = instance.is_worn();
        let checked = answered.and_then(|answer| match answer {
            Ok(answer) => match check(&answer, Lent { batch, projection }, self.stage.policy().limits.memory_bytes) {
                Ok(()) => Ok(Ok(answer)),
                Err(invalid) => Err(invalid.to_string()),
            },
            Err(refused) => Ok(Err(format!("refused the batch: {}", one_line(&refused)))),
        });
        if checked.is_err() || is_worn {
            self.instance = None;
        }
        checked?
    }

    /// Carries out an answer to the same batch.
    fn carry_out(&self, answer: Answer, batch: &mut EventBatch) {
        let projection = self.reads.as_ref().map(|_| &self.projection);
        let report = apply(answer, batch, projection);
        self.count(&report);
    }

    fn ensure_instance(&mut self) -> Result<(), String> {
        if self.instance.is_some() {
            return Ok(());
        }
        let (instance, setup) = self.stage.instantiate().map_err(|error| match error {
            SetupError::Config(_) => "refuses a configuration that it took before".to_owned(),
            SetupError::Fault(message) => message,
        })?;
        self.instance = Some(instance);
        self.reads = setup.reads.map(|reads| reads.into_iter().map(String::into_bytes).collect());
        Ok(())
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

/// The alarms of an answer, with file and offset of the records that they are about.
fn alarms(answer: &mut Answer, batch: &EventBatch, part: &str) -> Vec<Alarm> {
    let mut given = std::mem::take(&mut answer.alarms);
    let place = |event: Option<u32>| (batch.source.path.clone(), event.map(|event| batch.offset(event as usize)));
    let alarm = |kind: String, event: Option<u32>, message: &str, occurrences: u64| Alarm {
        kind,
        pipeline: String::new(),
        part: part.to_owned(),
        place: Some(place(event)),
        message: one_line(message),
        occurrences,
    };
    let beyond = given.split_off(given.len().min(MAX_ALARMS_PER_ANSWER)).len() as u64;
    let shown = given.into_iter().map(|given| alarm(given.kind, given.event, &given.message, given.occurrences.into()));
    let flood = (beyond > 0).then(|| {
        alarm("ALARM_FLOOD_ALARM".to_owned(), None, "too many alarms from one batch, these are not shown", beyond)
    });
    shown.chain(flood).collect()
}

/// Gives every event the field that says what went wrong.
fn mark(batch: &mut EventBatch, message: &str) {
    forget_gone_names(batch);
    let [offset, len] = batch.append(message.as_bytes());
    let key = key_of(batch, ERROR_FIELD.as_bytes());
    let count = batch.len();
    let edits =
        Edits { events: (0..count as u32).collect(), keys: vec![key; count], values: [offset, len].repeat(count) };
    debug_assert!(offset != GONE, "the arena is not full");
    answer::edit(batch, &edits);
}

/// The field that marks an event which a processor could not be run on.
pub(super) const ERROR_FIELD: &str = "__processor_error__";

/// What one answer may raise. The SDK sends a few of each kind, and how many events they stand for.
const MAX_ALARMS_PER_ANSWER: usize = 100;
