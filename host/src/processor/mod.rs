//! Runs batches through a chain of components, within limits of memory and time.
//!
//! A component is compiled once per machine (`engine`, `cache`) and instantiated for each worker (`instance`). A
//! batch is lent to it as columns (`lend`), and what it answers is checked (`answer`) before any of it is used. What it may
//! touch outside of its memory is what it imports (`wants`) and what the config grants of that (`guest`, `wasi`, `outside`);
//! `trust` and `complexity` say which components are let in at all.
//!
//! `link` does this for one processor, `chain` for all those of a pipeline, which `lineup` replaces while batches flow.
//!
//! When a processor fails (`fault`), the events that it fails on are looked for (`bisect`) and all others processed without
//! them (`rescue`). One that keeps failing is given no events for a while (`breaker`).
//!
//! Who wants to know what a processor gets and answers listens at its `tap`; what is kept of that is a `recording`, from which
//! the same batches can be run again.

mod answer;
mod bindings;
mod bisect;
mod breaker;
mod cache;
mod caller;
pub mod chain;
mod clock;
pub mod complexity;
pub mod component;
pub mod conformance;
pub mod engine;
pub mod fault;
mod guest;
mod guest_log;
mod instance;
mod lend;
pub mod lineup;
mod link;
mod loudness;
mod memory;
mod outside;
mod place;
pub mod producers;
pub mod quarantine;
pub mod recording;
mod rescue;
pub mod solo;
pub mod stage;
pub mod swap;
pub mod tap;
pub mod trust;
#[doc(hidden)]
pub mod twin;
mod typed;
pub mod wants;
mod wasi;
pub mod world;
mod zones;

pub use crate::config::Limits;
pub use bindings::loglift::processor::types::{Alarm, Description, Issue};
pub use instance::Context;
pub use zones::machine_zone;
