//! What the agent says of itself: its log, counters and alarms.

pub mod alarm;
pub mod counter;
pub mod failpoint;
pub mod histogram;

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing_subscriber::filter::LevelFilter;

/// Writes the log to standard error from now on.
pub fn log_to_stderr(level: LevelFilter) {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// Text of a processor as one line of bearable length, in which nothing can pass for another line of the agent.
pub fn one_line(text: &str) -> String {
    let chars = text.chars().take(MAX_LINE_CHARS);
    chars.map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

/// An error with all its causes in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Room for an excerpt of 256 bytes, a format and what is wrong with them.
const MAX_LINE_CHARS: usize = 1000;
