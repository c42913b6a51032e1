//! Finds files, follows them and turns their bytes into batches.
//!
//! [`paths`] decides which files a config means, [`owner`] which pipeline reads one that several mean, [`first`] where it
//! begins; [`walk`] finds them, and [`hints`] make it look sooner. [`frame`] and [`multiline`] decide where a record ends,
//! [`tail`] what to do when a file changes, both without I/O; [`chunk`] turns one chunk of bytes into one batch; [`mod@file`]
//! does the reading.

pub mod chunk;
pub mod exclude;
pub mod file;
pub mod first;
pub mod frame;
pub mod glob;
pub mod hints;
mod levels;
mod listing;
pub mod multiline;
mod noise;
pub mod owner;
pub mod paths;
pub mod stat;
pub mod tail;
pub mod trouble;
pub mod walk;

pub use levels::normalise;
