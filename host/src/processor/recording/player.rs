//! Runs recorded batches again.

use std::sync::Arc;

use super::answer::RecordedAnswer;
use super::batch::{Outcome, RecordedBatch, RecordedFault, RecordedMemory};
use super::header::Header;
use crate::event::EventBatch;
use crate::processor::Limits;
use crate::processor::answer::{Lent, apply, check, forget_gone_names};
use crate::processor::bisect::Patience;
use crate::processor::caller::{Caller, Maker};
use crate::processor::component::Component;
use crate::processor::fault::Fault;
use crate::processor::lend::Projection;
use crate::processor::memory::Saved;
use crate::processor::outside::{Heard, Source};
use crate::processor::stage::{Policy, Stage};
use crate::processor::zones::Zones;

/// Runs batches through a component as the agent does, within the limits and with the zones of a recording.
#[derive(Debug)]
pub struct Player {
    caller: Caller<Arc<Stage>>,
    hears_real_ones: bool,
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
        recorded: Option<Box<EventBatch>>,
        /// The events that come out now.
        now: Box<EventBatch>,
    },
}

impl Player {
    /// Plays a recording on a component, with the recorded config or another one.
    pub fn new(component: Component, header: &Header, config: Option<String>) -> Self {
        let zones = header.zones.iter().map(|zone| {
            let tzif = zone.tzif.as_ref().map(|tzif| tzif.0.clone());
            (zone.name.clone(), tzif)
        });
        let config = config.unwrap_or_else(|| header.config.clone());
        // Steps are counted by code that was compiled for that.
        let fuel = header.limits().fuel.filter(|_| component.machine().counts_fuel());
        let limits = Limits { fuel, ..header.limits() };
        let policy = Policy { limits, capabilities: header.capabilities(), ..Policy::default() };
        let zones = Zones::recorded(zones);
        let stage = Stage::untried(header.stage_name(), component, config, header.context(), policy, zones);
        Self { caller: Caller::new(Arc::new(stage)), hears_real_ones: header.hears_real_ones() }
    }

    /// Runs a batch again.
    pub fn play(&mut self, recorded: &RecordedBatch) -> Played {
        let batch = recorded.to_batch();
        if !self.hears_real_ones {
            self.caller.listen(Source::replaying(recorded.granted.iter().map(Heard::from).collect()));
        }
        if let Some(RecordedMemory { version, saved }) = &recorded.memory {
            self.caller.begin_anew(Saved { version: version.clone(), bytes: saved.0.clone() });
        }
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
                    let recorded = carry_out(recorded, batch, self.caller.maker().limits()).map(Box::new);
                    Played::Different { part, recorded, now: Box::new(events) }
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
    check(&answer, Lent { batch: &batch, projection: projection.as_ref() }, limits.answer_bytes).ok()?;
    apply(answer, &mut batch, projection.as_ref());
    Some(batch)
}
