//! Asks an instance what to do with a batch, and makes a new one when it has failed.

use std::time::{Duration, Instant};

use super::Limits;
use super::answer::{Lent, Report, apply, check, forget_gone_names};
use super::bindings::loglift::processor::types::{Answer, Batch};
use super::bisect::Patience;
use super::fault::{Fault, FaultKind};
use super::lend::{Projection, whole};
use super::outside::{Heard, Source};
use crate::event::EventBatch;
use crate::telemetry::counter::ProcessorCounters;

/// Makes instances of a processor. Tests have processors of their own.
pub(super) trait Maker {
    /// What processes batches.
    type Instance: Process;

    /// A fresh instance, and the fields that it looks at, if not all.
    fn fresh(&self) -> Result<(Self::Instance, Option<Vec<String>>), Fault>;

    /// What an instance may use.
    fn limits(&self) -> Limits;

    /// Where what it does is counted.
    fn counters(&self) -> &ProcessorCounters;
}

/// An instance of a processor.
pub(super) trait Process {
    /// Has a batch processed, within the limit of time or a small part of it.
    fn process(&mut self, batch: Batch<'_>, patience: Patience) -> Result<Answer, Fault>;

    /// Whether the memory has come so near to its limit that a fresh instance is better.
    fn is_worn(&self) -> bool;

    /// How much memory it has. That never shrinks.
    fn memory_bytes(&self) -> usize;

    /// Has the time and random numbers come from `source`. Returns what was recorded of them before.
    fn listen(&mut self, _: Source) -> Vec<Heard> {
        Vec::new()
    }
}

/// A processor as one worker calls it.
#[derive(Debug)]
pub(super) struct Caller<M: Maker> {
    maker: M,
    /// `None` after a fault.
    instance: Option<M::Instance>,
    /// The fields it looks at, if not all.
    pub(super) reads: Option<Vec<Vec<u8>>>,
    projection: Projection,
    /// Where the time and random numbers come from in the next call.
    next_source: Option<Source>,
    /// What was recorded of them in the last one.
    heard: Vec<Heard>,
}

impl<M: Maker> Caller<M> {
    /// A caller that makes its instance when there is something to do.
    pub(super) fn new(maker: M) -> Self {
        let projection = Projection::default();
        Self { maker, instance: None, reads: None, projection, next_source: None, heard: Vec::new() }
    }

    /// What makes its instances.
    pub(super) fn maker(&self) -> &M {
        &self.maker
    }

    /// What the processor answers to a batch, checked, and how long the call took. The batch is as it was.
    pub(super) fn ask(&mut self, batch: &mut EventBatch, patience: Patience) -> (Result<Answer, Fault>, Duration) {
        let start = Instant::now();
        let answer = self.ensure_instance().and_then(|()| self.ask_instance(batch, patience));
        (answer, start.elapsed())
    }

    /// Has the time and random numbers come from `source` in the next call.
    pub(super) fn listen(&mut self, source: Source) {
        self.next_source = Some(source);
    }

    /// What was recorded of them in the last call.
    pub(super) fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// Carries out the answer to the batch that was asked about last.
    pub(super) fn carry_out(&self, answer: Answer, batch: &mut EventBatch) -> Report {
        apply(answer, batch, self.reads.as_ref().map(|_| &self.projection))
    }

    /// Makes an instance if there is none.
    pub(super) fn ensure_instance(&mut self) -> Result<(), Fault> {
        if self.instance.is_none() {
            let (instance, reads) = self.maker.fresh()?;
            self.maker.counters().instances.add(1);
            self.instance = Some(instance);
            self.reads = reads.map(|reads| reads.into_iter().map(String::into_bytes).collect());
        }
        Ok(())
    }

    fn ask_instance(&mut self, batch: &mut EventBatch, patience: Patience) -> Result<Answer, Fault> {
        let Some(instance) = &mut self.instance else { return Err(Fault::new(FaultKind::Setup, "has no instance")) };
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
        let (counters, limits) = (self.maker.counters(), self.maker.limits());
        counters.calls.add(1);
        counters.in_bytes.add(lent.bytes.len() as u64);
        let source = self.next_source.take();
        let has_source = source.is_some();
        source.into_iter().for_each(|source| drop(instance.listen(source)));
        let start = Instant::now();
        let answered = instance.process(lent, patience);
        counters.call_ns.add(start.elapsed().as_nanos() as u64);
        counters.memory_bytes.reach(instance.memory_bytes() as u64);
        if has_source {
            self.heard = instance.listen(Source::Real);
        }
        let is_worn = instance.is_worn();
        let checked = answered.and_then(|answer| {
            counters.out_bytes.add(answer.appended.len() as u64);
            check(&answer, Lent { batch, projection }, limits.answer_bytes)
                .map(|()| answer)
                .map_err(|invalid| Fault::new(FaultKind::InvalidAnswer, invalid.to_string()))
        });
        if is_worn || checked.as_ref().is_err_and(|fault| !fault.leaves_instance()) {
            self.instance = None;
        }
        checked
    }
}
