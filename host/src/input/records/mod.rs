//! Turns the bytes of a file into batches of events.
//!
//! [`frame`], [`multiline`] and `whole_file` decide where a record ends; [`chunk`] turns one chunk of bytes into one batch, with the help of
//! `gbk`, which decodes, and `columns`, which lays it out. [`mod@tags`], [`file_tags`] and [`topic`] are what events carry
//! besides their text.

pub mod chunk;
mod columns;
pub mod file_tags;
pub mod frame;
mod gbk;
pub mod line_pattern;
pub mod multiline;
pub mod tags;
pub mod topic;
mod whole_file;
