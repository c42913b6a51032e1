//! The processors of a pipeline, one after the other, for one worker.

use std::sync::Arc;

use super::answer::{self, Lent, Report, apply, check, forget_gone_names, key_of};
use super::bindings::loglift::processor::types::{self, Answer, Edits, Issue};
use super::component::Component;
use super::instance::{Instance, SetupError};
use super::lend::{Projection, whole};
use super::{Context, Limits};
use crate::event::{EventBatch, GONE};
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::counter::ProcessorCounters;
use crate::telemetry::one_line;

/// A processor as a pipeline uses it, set up once and shared by all workers.
#[derive(Debug)]
pub struct Stage {
    /// How logs name it: `processors[1] (processor_strptime)`.
    pub name: String,
    component: Component,
    config: String,
    context: Context,
    limits: Limits,
    /// What it does, counted.
    pub counters: ProcessorCounters,
    /// What is questionable about its configuration.
    pub warnings: Vec<Issue>,
    /// Facts about its configuration.
    pub notes: Vec<String>,
}

/// Why a processor cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its configuration is wrong, in these parameters.
    #[error("the configuration is wrong")]
    Config(Vec<Issue>),
    /// It failed while it was being set up.
    #[error("cannot be set up: {0}")]
    Fault(String),
}

/// The processors of a pipeline, instantiated for one worker.
#[derive(Debug)]
pub struct Chain {
    pipeline: String,
    links: Vec<Link>,
    alarms: Arc<Alarms>,
}

#[derive(Debug)]
struct Link {
    stage: Arc<Stage>,
    /// `None` after a fault that could not be mended yet.
    instance: Option<Instance>,
    /// The fields it looks at, if not all.
    reads: Option<Vec<Vec<u8>>>,
    projection: Projection,
}

impl Stage {
    /// Configures a component once, to find mistakes before any worker starts.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn new(
        name: String,
        component: Component,
        config: String,
        context: Context,
        limits: Limits,
    ) -> Result<Self, StageError> {
        let mut stage = Self {
            name,
            component,
            config,
            context,
            limits,
            counters: ProcessorCounters::default(),
            warnings: Vec::new(),
            notes: Vec::new(),
        };
        let (_, setup) = stage.instantiate().map_err(|error| match error {
            SetupError::Config(issues) => StageError::Config(issues),
            SetupError::Fault(message) => StageError::Fault(message),
        })?;
        stage.warnings = setup.warnings;
        stage.notes = setup.notes.iter().map(|note| one_line(note)).collect();
        Ok(stage)
    }

    fn instantiate(&self) -> Result<(Instance, types::Setup), SetupError> {
        Instance::new(&self.component, &self.name, &self.config, &self.context, self.limits)
    }
}

impl Chain {
    /// Instantiates the processors of a pipeline for one worker.
    pub fn new(pipeline: &str, stages: &[Arc<Stage>], alarms: &Arc<Alarms>) -> Self {
        let links = stages.iter().map(|stage| Link {
            stage: Arc::clone(stage),
            instance: None,
            reads: None,
            projection: Projection::default(),
        });
        let mut links: Vec<Link> = links.collect();
        links.iter_mut().for_each(|link| drop(link.ensure_instance()));
        Self { pipeline: pipeline.to_owned(), links, alarms: Arc::clone(alarms) }
    }

    /// Runs a batch through all processors.
    ///
    /// A processor that fails leaves the events as they were, each with the field [`ERROR_FIELD`].
    pub fn run(&mut self, batch: &mut EventBatch) {
        for link in &mut self.links {
            if batch.is_empty() {
                return;
            }
            let input_count = batch.len() as u64;
            link.stage.counters.in_events.add(input_count);
            match link.process(batch) {
                Ok(alarms) => {
                    for alarm in alarms {
                        self.alarms.raise(&Alarm { pipeline: self.pipeline.clone(), ..alarm });
                    }
                }
                Err(message) => {
                    let counters = &link.stage.counters;
                    counters.faults.add(1);
                    counters.faulted_events.add(input_count);
                    self.alarms.raise(&Alarm {
                        kind: "PROCESSOR_FAULT_ALARM".to_owned(),
                        pipeline: self.pipeline.clone(),
                        part: link.stage.name.clone(),
                        place: Some((batch.source.path.clone(), Some(batch.offset(0)))),
                        message: format!("{message}; its events go on unprocessed, marked with {ERROR_FIELD}"),
                        occurrences: input_count,
                    });
                    mark(batch, &format!("{}: {message}", link.stage.name));
                }
            }
            link.stage.counters.out_events.add(batch.len() as u64);
        }
    }

    /// Runs a batch through all processors as [`Self::run`] does, and returns what each said of it: for tests that check
    /// every word of a component.
    ///
    /// # Errors
    /// Why a processor failed. Its events have gone through those before it.
    #[doc(hidden)]
    pub fn run_and_listen(&mut self, batch: &mut EventBatch) -> Result<Vec<Said>, String> {
        let one = |link: &mut Link| {
            let answer = link.answer(batch)?;
            let said = Said {
                outcomes: answer.outcomes.clone(),
                alarms: answer.alarms.clone(),
                counts: answer.counts.clone(),
            };
            link.carry_out(answer, batch);
            Ok(said)
        };
        self.links.iter_mut().map(one).collect()
    }

    /// The fields that each processor asks for, or `None` for all of them.
    #[doc(hidden)]
    pub fn reads(&self) -> Vec<Option<Vec<Vec<u8>>>> {
        self.links.iter().map(|link| link.reads.clone()).collect()
    }
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
            Ok(answer) => match check(&answer, Lent { batch, projection }, self.stage.limits.memory_bytes) {
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
pub const ERROR_FIELD: &str = "__processor_error__";

/// What one answer may raise. The SDK sends a few of each kind, and how many events they stand for.
const MAX_ALARMS_PER_ANSWER: usize = 100;
