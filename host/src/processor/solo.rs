//! One processor alone, called as a worker calls it: for measurements.

use std::sync::Arc;

use super::Context;
use super::bisect::Patience;
use super::caller::Caller;
use super::component::Component;
use super::fault::Fault;
use super::stage::{Policy, Stage, StageError};
use crate::event::EventBatch;

/// A processor that nobody rescues when it fails.
#[derive(Debug)]
pub struct Solo {
    caller: Caller<Arc<Stage>>,
}

impl Solo {
    /// Instantiates and configures a component.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn new(component: Component, config: &str, policy: Policy) -> Result<Self, StageError> {
        let name = component.description.name.clone();
        let stage = Stage::new(name, component, config.to_owned(), Context::default(), policy)?;
        let mut caller = Caller::new(Arc::new(stage));
        caller.ensure_instance().map_err(|fault| StageError::Fault(fault.message))?;
        Ok(Self { caller })
    }

    /// Lends a batch, checks the answer and carries it out.
    ///
    /// # Errors
    /// How the processor failed. The batch is as it was.
    pub fn run(&mut self, batch: &mut EventBatch) -> Result<(), Fault> {
        let answer = self.caller.ask(batch, Patience::Full).0?;
        self.caller.carry_out(answer, batch);
        Ok(())
    }

    /// The most memory that an instance had so far.
    pub fn memory_bytes(&self) -> u64 {
        self.caller.maker().counters.memory_bytes.level()
    }
}
