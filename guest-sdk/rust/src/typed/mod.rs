//! Processors of the typed world: an event is a record with strings in it.
//!
//! It is what other languages have without an SDK. In Rust the columns of [`crate::Processor`] are as easy and several
//! times as fast; this is for those who want `String`s all the same, and to try the world out.
//!
//! ```
//! use loglift_sdk::typed::{Batch, Changes, Processor};
//! use loglift_sdk::{Context, Description, Issue, Setup};
//!
//! /// Adds a field `length`: how many characters `content` has.
//! struct Measure;
//!
//! impl Processor for Measure {
//!     type Config = loglift_sdk::NoConfig;
//!
//!     const DESCRIPTION: Description = Description {
//!         name: "processor_measure",
//!         version: "1.0.0",
//!         summary: "Adds the length of a field.",
//!         config_schema: r#"{"type": "object", "properties": {}}"#,
//!     };
//!
//!     fn configure(_: Self::Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
//!         Ok((Self, Setup { reads: Some(vec!["content".into()]), ..Setup::default() }))
//!     }
//!
//!     fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
//!         let Some(content) = batch.key("content") else { return Ok(()) };
//!         for (index, event) in batch.events.iter().enumerate() {
//!             if let Some(content) = event.value(content) {
//!                 changes.set(index, "length", content.chars().count().to_string());
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! loglift_sdk::export_typed!(Measure);
//!
//! # use loglift_sdk::testing::event;
//! # use loglift_sdk::typed::testing::Guest;
//! let mut guest = Guest::<Measure>::configure("{}").expect("it is valid");
//! let output = guest.process(&[event(&[("content", "zwölf")])]);
//! assert_eq!(output.events, [event(&[("content", "zwölf"), ("length", "5")])]);
//! ```

#[doc(hidden)]
pub mod bindings;
mod changes;
#[doc(hidden)]
pub mod guest;
pub mod testing;

use serde::de::DeserializeOwned;

pub use bindings::exports::loglift::processor::typed::{Batch, Change, Event, Field, KeyedField, Time};
pub use changes::Changes;

use crate::{Context, Description, Issue, Setup};

/// A processor of the typed world. As [`crate::Processor`], with other batches.
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
    /// A message, when no event of the batch could be processed.
    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String>;
}

impl Batch {
    /// The key of a field name, if any event of the batch may have it and the processor reads it.
    pub fn key(&self, name: &str) -> Option<u32> {
        (0..).zip(&self.names).find(|(_, known)| *known == name).map(|(key, _)| key)
    }

    /// The name of a field of an event of this batch.
    pub fn name(&self, field: &KeyedField) -> &str {
        &self.names[field.key as usize]
    }
}

impl Event {
    /// The value of a field, if the event has it.
    pub fn value(&self, key: u32) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.key == key)?;
        Some(&field.value)
    }
}
