//! Keeps the events that processors fail on, for somebody to look at.

use std::fmt;

use super::fault::Fault;
use super::stage::Stage;
use crate::event::EventBatch;
use crate::telemetry::counter::Totals;

/// Takes the events that processors fail on.
pub trait Quarantine: Send + Sync + fmt::Debug {
    /// Keeps an event. What cannot be kept is of no consequence to the pipeline.
    fn keep(&self, case: &Case<'_>);

    /// What became of all of them, and what is there.
    fn totals(&self) -> Totals {
        Totals(Vec::new())
    }
}

/// An event that a processor fails on.
#[derive(Debug)]
pub struct Case<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The processor.
    pub stage: &'a Stage,
    /// This one event, as it came to the processor.
    pub batch: &'a EventBatch,
    /// How the processor failed on it.
    pub fault: &'a Fault,
}
