//! Harness for tests that drive the real agent.
#![forbid(unsafe_code)]

pub mod agent;
pub mod guests;
pub mod registry;
pub mod sandboxed;
pub mod scratch;
pub mod service;
pub mod status;
pub mod torture;
pub mod twin;
