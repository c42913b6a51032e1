//! How the source is written: by a layout, or as one number.

use loglift_event_time::{Count, Fields, Layout, Mismatch, Syntax, Time, Unit};
use loglift_sdk::Issue;

use crate::layouts;

/// What `SourceFormat` says.
#[derive(Debug)]
pub(crate) enum Source {
    Layout(Layout),
    Count(Count),
}

impl Source {
    /// Compiles a `SourceFormat`; `path` is the parameter.
    ///
    /// # Errors
    /// Fails when nothing in it defines a date or a time.
    pub(crate) fn compile(path: &str, format: &str) -> Result<Self, Issue> {
        let unit = match format {
            "seconds" => Unit::Seconds,
            "milliseconds" => Unit::Milliseconds,
            "microseconds" => Unit::Microseconds,
            "nanoseconds" => Unit::Nanoseconds,
            _ => {
                let layout = layouts::compile(path, format)?;
                let message = "no element for a date or a time, such as 2006 or 15:04:05";
                return match layout.has_time() {
                    true => Ok(Self::Layout(layout)),
                    false => Err(Issue::new(path, format!("{message} at byte {}", format.len()))),
                };
            }
        };
        Ok(Self::Count(Count::new(unit)))
    }
}

impl Syntax for Source {
    fn remembers(&self) -> bool {
        match self {
            Self::Layout(layout) => layout.remembers(),
            Self::Count(count) => count.remembers(),
        }
    }

    #[inline]
    fn read(&self, value: &[u8]) -> Result<(Fields, usize), Mismatch> {
        match self {
            Self::Layout(layout) => layout.read(value),
            Self::Count(count) => count.read(value),
        }
    }

    #[inline]
    fn read_rest(&self, text_len: usize, rest: &[u8], second: Time) -> Option<Time> {
        match self {
            Self::Layout(layout) => layout.read_rest(text_len, rest, second),
            Self::Count(count) => count.read_rest(text_len, rest, second),
        }
    }
}
