//! Follows files through everything that happens to them.
//!
//! A [`catalog`] recognises what appears, with the help of what was [`left`], [`identity`], [`related`] names and [`find`]; what is new begins where
//! [`first`] and [`begin`] say. A [`lane`] has the files that one path led to, in order, each with a [`follower`]; [`tail`]
//! decides what to do when a file changes, and [`delay`] when reading is too far behind. A [`track`] is what all threads know
//! of a file.

mod arrivals;
pub mod begin;
pub mod catalog;
pub mod delay;
mod disk;
pub mod find;
pub mod first;
pub mod follower;
pub mod identity;
pub mod lane;
pub mod left;
#[cfg(test)]
mod model;
pub mod related;
pub mod tail;
pub mod track;
