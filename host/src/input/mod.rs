//! Finds files, follows them and turns their bytes into batches.
//!
//! [`paths`] decides which files a config means, [`owner`] which pipeline reads one that several mean, [`first`] where it
//! begins; [`walk`] finds them, and [`hints`] make it look sooner.
//!
//! [`catalog`] knows a file again, whatever it is called; a [`lane`] has the files that one path led to, in order, each with
//! a [`follow`]er; [`track`] is what all threads know of a file. [`tail`] decides what to do when a file changes.
//!
//! [`frame`] and [`multiline`] decide where a record ends; [`chunk`] turns one chunk of bytes into one batch, with the help
//! of `gbk`, which decodes, and `columns`, which lays it out; [`mod@tags`] and [`topic`] are what its events carry besides
//! their text.

mod arrivals;
pub mod begin;
pub mod catalog;
pub mod chunk;
mod columns;
pub mod delay;
pub mod exclude;
pub mod file_tags;
pub mod find;
pub mod first;
pub mod follow;
pub mod frame;
mod gbk;
pub mod glob;
pub mod hints;
pub mod identity;
pub mod lane;
mod levels;
pub mod line_pattern;
mod listing;
#[cfg(test)]
mod model;
pub mod multiline;
mod noise;
pub mod owner;
pub mod paths;
pub mod related;
pub mod stat;
pub mod tags;
pub mod tail;
pub mod topic;
pub mod track;
pub mod trouble;
pub mod walk;

pub use levels::normalise;
