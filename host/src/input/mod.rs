//! Follows files and turns their bytes into batches.
//!
//! [`frame`] and [`multiline`] decide where a record ends, [`tail`] what to do when a file changes, both without I/O; [`chunk`] turns one
//! chunk of bytes into one batch; [`mod@file`] does the reading.

pub mod chunk;
pub mod file;
pub mod frame;
pub mod multiline;
pub mod stat;
pub mod tail;
