//! Lets benches run a processor natively in the place of its component, to see what the sandbox costs.

pub use super::bindings::loglift::processor::types::{Alarm, Answer, Edits, Fields, Rows};

use super::answer::{Lent, apply, check, forget_gone_names};
use super::lend::Projection;
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

/// As [`carry_out`], for a processor that was lent the fields named `reads` only.
///
/// # Errors
/// What is wrong with the answer.
pub fn carry_out_of_part(answer: Answer, batch: &mut EventBatch, reads: &[Vec<u8>]) -> Result<(), String> {
    let mut projection = Projection::default();
    projection.fill(batch, reads);
    let lent = Lent { batch, projection: Some(&projection) };
    check(&answer, lent, usize::MAX).map_err(|invalid| invalid.to_string())?;
    apply(answer, batch, Some(&projection));
    Ok(())
}

/// Checks an answer to a whole batch, which changes nothing: to see what that alone costs.
///
/// # Errors
/// What is wrong with the answer.
pub fn check_only(answer: &Answer, batch: &EventBatch) -> Result<(), String> {
    check(answer, Lent { batch, projection: None }, usize::MAX).map_err(|invalid| invalid.to_string())
}

/// An answer that changes nothing.
pub fn nothing() -> Answer {
    Answer {
        appended: Vec::new(),
        names: None,
        origins: None,
        through: None,
        seconds: None,
        nanoseconds: None,
        fields: Fields::Unchanged,
        tags: None,
        outcomes: None,
        counts: Vec::new(),
        alarms: Vec::new(),
    }
}
