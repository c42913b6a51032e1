//! Runs batches through a chain of components, within limits of memory and time.
//!
//! A component is compiled once per machine (`engine`, `cache`) and instantiated for each worker (`instance`). A
//! batch is lent to it as columns (`lend`), and what it answers is checked (`answer`) before any of it is used.
//! `link` does this for one processor and deals with its failures, `chain` for all those of a pipeline, which `lineup`
//! replaces while batches flow.

mod answer;
mod bindings;
mod cache;
pub mod chain;
mod clock;
pub mod component;
pub mod engine;
mod instance;
mod lend;
pub mod lineup;
mod link;
mod place;
pub mod stage;
pub mod swap;
#[doc(hidden)]
pub mod twin;
mod zones;

pub use bindings::loglift::processor::types::{Alarm, Description, Issue};
pub use instance::{Context, Limits};
pub use zones::machine_zone;
