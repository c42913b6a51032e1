//! Follows files and turns their bytes into batches.
//!
//! [`frame`] and [`multiline`] decide where a record ends, [`tail`] what to do when a file changes, both without I/O; [`chunk`] turns one
//! chunk of bytes into one batch; [`mod@file`] does the reading.

pub mod begin;
pub mod catalog;
pub mod chunk;
pub mod find;
pub mod first;
pub mod follow;
pub mod frame;
pub mod identity;
pub mod lane;
#[cfg(test)]
mod model;
pub mod multiline;
pub mod related;
pub mod stat;
pub mod tail;
pub mod track;
