//! A log agent whose processors are sandboxed WebAssembly components.
//!
//! Events go one way: [`input`] turns files into batches, [`processor`] runs them through components, [`flusher`] takes
//! them out of the agent. [`event`] is the data that all of them speak, and [`runtime`] joins them. ARCHITECTURE.md has
//! the whole map.

#![deny(unsafe_code)]

pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod event;
pub mod flusher;
pub mod input;
pub mod processor;
pub mod registry;
pub mod runtime;
pub mod telemetry;
