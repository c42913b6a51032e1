//! What each target does with the bytes that it is given: read them, and check what must hold whatever they are.
//!
//! `cargo fuzz run TARGET` makes up bytes; `tests/tests/fuzz_corpus.rs` goes through those that were kept in `corpus/`, on any
//! Rust. Inputs are text wherever possible, with settings in the first line, so that a person can read and write them.
//!
//! The targets of the host, `answer`, `component`, `config` and `frame`, are modules of their programs: so the others compile without it.
#![forbid(unsafe_code)]

pub mod delimiter;
pub mod filter;
pub mod go_layout;
pub mod json;
pub mod redact;
pub mod regex;
pub mod strptime;

mod processed;

/// The first line as text, and the rest.
pub fn settings(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    Some((str::from_utf8(&data[..end]).ok()?, &data[end + 1..]))
}
