//! Lets benches run a processor natively in the place of its component, to see what the sandbox costs.

pub use super::bindings::loglift::processor::types::{Answer, Edits, Fields, Rows};

use super::answer::{Lent, apply, check, forget_gone_names};
use crate::event::EventBatch;

/// Makes a batch ready to be handed over whole.
pub fn prepare(batch: &mut EventBatch) {
    forget_gone_names(batch);
}

/// Checks an answer to a whole batch and carries it out, as after a call of a component.
///
/// # Errors
/// What is wrong with the answer.
pub fn carry_out(answer: Answer, batch: &mut EventBatch) -> Result<(), String> {
    check(&answer, Lent { batch, projection: None }, usize::MAX).map_err(|invalid| invalid.to_string())?;
    apply(answer, batch, None);
    Ok(())
}
