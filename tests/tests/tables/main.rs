//! The tables of the processors once more, through the real components.
//!
//! The rows are those of the unit tests: each module here includes a table from the crate of a processor, and gives it a
//! `Guest` that is a component in the sandbox instead of the processor itself.
#![forbid(unsafe_code)]

// A test says what it expects by unwrapping; the lint looks for this attribute.
#[cfg(test)]
mod event_time;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod gotime;
#[cfg(test)]
mod parse_delimiter;
#[cfg(test)]
mod parse_json;
#[cfg(test)]
mod parse_regex;
#[cfg(test)]
mod parse_timestamp;
#[cfg(test)]
mod redact;
#[cfg(test)]
mod strptime;
