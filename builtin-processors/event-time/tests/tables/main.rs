//! What formats and layouts make of values, row by row.
//!
//! The rows ask an `engine`: here the one of this crate; in `tests/tests/tables` the components of the processors that are made
//! of it, for which the same rows have to hold.

mod engine;

mod directives;
mod extended;
mod glibc;
mod go_layouts;
mod layouts;
mod native;
mod resolving;
