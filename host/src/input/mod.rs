//! Follows files and turns their bytes into batches.
//!
//! [`frame`] and [`multiline`] decide where a record ends, [`tail`] what to do when a file changes, both without I/O; [`chunk`] turns one
//! chunk of bytes into one batch, with the help of `gbk`, which decodes, and `columns`, which lays it out; [`mod@tags`] and
//! [`topic`] are what its events carry besides their text; [`mod@file`] does the reading.

pub mod begin;
pub mod catalog;
pub mod chunk;
mod columns;
pub mod file_tags;
pub mod find;
pub mod first;
pub mod follow;
pub mod frame;
mod gbk;
pub mod identity;
pub mod lane;
#[cfg(test)]
mod model;
pub mod multiline;
pub mod related;
pub mod stat;
pub mod tags;
pub mod tail;
pub mod topic;
pub mod track;
