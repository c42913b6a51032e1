//! What the author of a Loglift processor in Rust depends on.
//!
//! A processor is a type with a configuration, set up once and then handed one batch of events after the other. It looks
//! at events through views that copy nothing ([`Batch`], [`Event`]) and says what changes ([`Changes`]); what it does not
//! mention stays as it is. [`export!`] makes a component of it.
//!
//! ```
//! use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
//!
//! /// Adds the field `length` with the length of the field `SourceKey` in bytes.
//! struct Measure {
//!     source: String,
//! }
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Config {
//!     source_key: String,
//! }
//!
//! impl Processor for Measure {
//!     type Config = Config;
//!
//!     const DESCRIPTION: Description = Description {
//!         name: "processor_measure",
//!         version: env!("CARGO_PKG_VERSION"),
//!         summary: "Adds the length of a field.",
//!         config_schema: r#"{"type": "object", "properties": {"SourceKey": {"type": "string"}}}"#,
//!     };
//!
//!     fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
//!         let setup = Setup { reads: Some(vec![config.source_key.clone()]), ..Setup::default() };
//!         Ok((Self { source: config.source_key }, setup))
//!     }
//!
//!     fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
//!         let Some(source) = batch.key(self.source.as_bytes()) else { return Ok(()) };
//!         let length = changes.key(b"length");
//!         for event in batch.events() {
//!             if let Some(value) = event.value(source) {
//!                 let text = changes.append(value.len().to_string().as_bytes());
//!                 changes.set(event.index(), length, text);
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! loglift_sdk::export!(Measure);
//!
//! # use loglift_sdk::testing::{Guest, event};
//! let mut guest = Guest::<Measure>::configure(r#"{"SourceKey": "content"}"#).expect("it is valid");
//! let output = guest.process(&[event(&[("content", "twelve bytes")])]);
//! assert_eq!(output.events, [event(&[("content", "twelve bytes"), ("length", "12")])]);
//! ```

#![deny(unsafe_code)]

mod batch;
#[doc(hidden)]
pub mod bindings;
mod changes;
#[cfg(feature = "files")]
pub mod files;
#[doc(hidden)]
pub mod guest;
#[doc(hidden)]
pub mod memory;
mod reports;
pub mod testing;
pub mod typed;

use serde::de::DeserializeOwned;

pub use batch::{Batch, Event, Events, Key, Span};
pub use bindings::loglift::processor::host::Level;
pub use bindings::loglift::processor::types::{Context, Issue, Setup};
pub use changes::{Changes, Outcome, Rows, excerpt};

/// A processor: a type that looks at batches of events and says what changes.
pub trait Processor: Sized + 'static {
    /// The parameters of a pipeline config's entry, without `Type` and `Sandbox`.
    type Config: DeserializeOwned;

    /// What the processor says of itself.
    const DESCRIPTION: Description;

    /// Prepares for work. Called once, before the first batch.
    ///
    /// # Errors
    /// Every mistake of the configuration, each with the parameter that it is about.
    fn configure(config: Self::Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>>;

    /// Looks at one batch and says what changes. Batches of one source arrive in read order.
    ///
    /// # Errors
    /// A message, when no event of the batch could be processed. What failed for single events belongs into
    /// [`Changes::outcome`] and [`Changes::alarm`].
    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String>;
}

/// A processor that remembers something from batch to batch, so that what it answers depends on what it has seen.
///
/// [`export_stateful!`] makes a component of it. All batches of a pipeline go to one instance then, and what it remembers is
/// stored together with how far files were delivered: lines that are read again after a crash meet the memory that they met
/// the first time.
pub trait Stateful: Processor {
    /// What is to be remembered, in a form that a later version can still read. Called between batches, about once a second.
    fn save(&self) -> Vec<u8>;

    /// Goes on with what a processor of the version `from_version` saved. Called after [`Processor::configure`], before the
    /// first batch, if anything was saved.
    ///
    /// # Errors
    /// Why that is of no use. The agent says so, and the processor begins without a memory.
    fn restore(&mut self, from_version: &str, saved: &[u8]) -> Result<(), String>;
}

/// Parameters for a processor that has none. Any that are given all the same are ignored here; the schema refuses them.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
pub struct NoConfig {}

/// What a processor says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// The type under which pipeline configs name it.
    pub name: &'static str,
    /// Its own version.
    pub version: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// A JSON Schema of [`Processor::Config`].
    pub config_schema: &'static str,
}

#[expect(clippy::derivable_impls, reason = "the type is generated, and derives nothing")]
impl Default for Setup {
    fn default() -> Self {
        Self { reads: None, warnings: Vec::new(), notes: Vec::new() }
    }
}

impl Issue {
    /// A mistake in the parameter at `path`, such as `Keys[2]`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Writes one line to the agent's log.
///
/// Outside a component, as in unit tests, it does nothing.
pub fn log(level: Level, message: &str) {
    guest::host_log(level, message);
}

/// The data of a time zone in TZif form, by its name or as [`Context::machine_zone`].
///
/// Answers in [`Processor::configure`] only. Outside a component it knows no zone.
pub fn zone(name: &str) -> Option<Vec<u8>> {
    guest::host_zone(name)
}
