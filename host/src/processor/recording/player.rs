//! Runs recorded batches again.

use super::answer::RecordedAnswer;
use super::batch::{Outcome, RecordedBatch, RecordedFault};
use super::header::Header;
use crate::event::EventBatch;
use crate::processor::answer::{Lent, apply, check, forget_gone_names};
use crate::processor::bisect::Patience;
use crate::processor::caller::{Caller, Maker};
use crate::processor::component::Component;
use crate::processor::fault::{Fault, FaultKind};
use crate::processor::instance::{Instance, SetupError};
use crate::processor::lend::Projection;
use crate::processor::zones::Zones;
use crate::processor::{Context, Limits};
use crate::telemetry::counter::ProcessorCounters;
use crate::telemetry::one_line;

/// Runs batches through a component as the agent does, within the limits and with the zones of a recording.
#[derive(Debug)]
pub struct Player {
    caller: Caller<Deck>,
}

/// What a recording is played on.
#[derive(Debug)]
struct Deck {
    component: Component,
    name: String,
    config: String,
    context: Context,
    limits: Limits,
    zones: Zones,
    counters: ProcessorCounters,
}

/// What comes of a batch that is run again.
#[derive(Debug)]
pub enum Played {
    /// The answer to the last bit is that which was recorded. With the events that it makes.
    Identical(EventBatch),
    /// The processor failed when it was recorded, and does so no more. With the events that come out.
    Processed(EventBatch),
    /// It fails as it did.
    SameFault(RecordedFault),
    /// It fails in another way, or failed not at all when it was recorded.
    OtherFault(RecordedFault),
    /// It answers differently.
    Different {
        /// The first part of the answer that is not the same.
        part: &'static str,
        /// The events that came out when it was recorded. `None` if the recorded answer does not fit the batch.
        recorded: Option<EventBatch>,
        /// The events that come out now.
        now: EventBatch,
    },
}

impl Player {
    /// Plays a recording on a component, with the recorded config or another one.
    pub fn new(component: Component, header: &Header, config: Option<String>) -> Self {
        let zones = header.zones.iter().map(|zone| {
            let tzif = zone.tzif.as_ref().map(|tzif| tzif.0.clone());
            (zone.name.clone(), tzif)
        });
        let deck = Deck {
            component,
            name: header.stage_name(),
            config: config.unwrap_or_else(|| header.config.clone()),
            context: header.context(),
            limits: header.limits(),
            zones: Zones::recorded(zones),
            counters: ProcessorCounters::default(),
        };
        Self { caller: Caller::new(deck) }
    }

    /// Runs a batch again.
    pub fn play(&mut self, recorded: &RecordedBatch) -> Played {
        let batch = recorded.to_batch();
        let now = self.answer(batch.clone());
        match (&recorded.outcome, now) {
            (Outcome::Fault(_), Ok((_, events))) => Played::Processed(events),
            (Outcome::Fault(fault), Err(now)) => {
                let now = RecordedFault::from(now);
                let is_same = fault.kind == now.kind && fault.message == now.message;
                if is_same { Played::SameFault(now) } else { Played::OtherFault(now) }
            }
            (Outcome::Answer(_), Err(now)) => Played::OtherFault(now.into()),
            (Outcome::Answer(recorded), Ok((answer, events))) => match recorded.first_difference(&answer) {
                None => Played::Identical(events),
                Some(part) => {
                    let recorded = carry_out(recorded, batch, self.caller.maker().limits);
                    Played::Different { part, recorded, now: events }
                }
            },
        }
    }

    /// The answer to a batch, and the events that it makes.
    fn answer(&mut self, mut batch: EventBatch) -> Result<(RecordedAnswer, EventBatch), Fault> {
        let answer = self.caller.ask(&mut batch, Patience::Full).0?;
        let recorded = RecordedAnswer::new(self.caller.reads.clone(), answer.clone());
        self.caller.carry_out(answer, &mut batch);
        Ok((recorded, batch))
    }
}

impl Maker for Deck {
    type Instance = Instance;

    fn fresh(&self) -> Result<(Instance, Option<Vec<String>>), Fault> {
        let made = Instance::new(&self.component, &self.name, &self.config, &self.context, &self.zones, self.limits);
        let (instance, setup) = made.map_err(|error| {
            let message = match error {
                SetupError::Config(issues) => {
                    let issues: Vec<String> =
                        issues.iter().map(|issue| format!("{} {}", issue.path, issue.message)).collect();
                    one_line(&format!("refuses its configuration: {}", issues.join("; ")))
                }
                SetupError::Fault(message) => message,
            };
            Fault::new(FaultKind::Setup, message)
        })?;
        Ok((instance, setup.reads))
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn counters(&self) -> &ProcessorCounters {
        &self.counters
    }
}

/// Makes a batch ready to be lent: whole, or copied in the part that a processor reads.
fn project(batch: &mut EventBatch, reads: Option<&[Vec<u8>]>) -> Option<Projection> {
    let Some(reads) = reads else {
        forget_gone_names(batch);
        return None;
    };
    let mut projection = Projection::default();
    projection.fill(batch, reads);
    Some(projection)
}

/// The events that a recorded answer makes of its batch. `None` if it does not keep to the contract.
fn carry_out(recorded: &RecordedAnswer, mut batch: EventBatch, limits: Limits) -> Option<EventBatch> {
    let reads: Option<Vec<Vec<u8>>> =
        recorded.reads.as_ref().map(|reads| reads.iter().map(|name| name.0.clone()).collect());
    let projection = project(&mut batch, reads.as_deref());
    let answer = recorded.to_answer();
    check(&answer, Lent { batch: &batch, projection: projection.as_ref() }, limits.memory_bytes).ok()?;
    apply(answer, &mut batch, projection.as_ref());
    Some(batch)
}
