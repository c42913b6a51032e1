//! The files that the bench reads: the same on every machine.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::records::Records;

/// What kind of records a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workload {
    /// Application logs of 512 bytes with the line end.
    Lines,
    /// Java logs, each record with a stack trace.
    Java,
    /// JSON with seven fields and a time in nanoseconds, as the demo writes it; 284 bytes with the line end.
    Json,
    /// Access logs with 14 values.
    Access,
    /// Twelve columns, two of them in quotes.
    Csv,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// How many events come of it. The last record of several lines is none: it stays open, as more lines may come.
    pub(super) events: u64,
}

impl Workload {
    /// What it is called in the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Java => "java",
            Self::Json => "json",
            Self::Access => "access",
            Self::Csv => "csv",
        }
    }

    /// Fills the file `log` with records, of `bytes` bytes at most.
    pub(super) fn generate(self, log: &Path, bytes: u64) -> Result<Written> {
        let mut file = BufWriter::new(File::create(log).context("cannot create the file of records")?);
        let (mut source, mut record, mut written) = (Records::new(), Vec::new(), Written { bytes: 0, events: 0 });
        loop {
            record.clear();
            source.append(self, &mut record);
            if written.bytes + record.len() as u64 > bytes {
                break;
            }
            file.write_all(&record).context("cannot write the file of records")?;
            written.bytes += record.len() as u64;
            written.events += 1;
        }
        file.flush().context("cannot write the file of records")?;
        if self == Self::Java {
            written.events = written.events.saturating_sub(1);
        }
        ensure!(written.events > 0, "the file would have no event");
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_as_long_as_asked_and_says_how_many_events_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("lines.log");
        let check = |workload: Workload, bytes, expected: Option<(u64, u64)>| {
            let written = workload.generate(&log, bytes).ok();
            assert_eq!(written, expected.map(|(bytes, events)| Written { bytes, events }), "{workload:?}");
            assert!(written.is_none_or(|written| fs::metadata(&log).unwrap().len() == written.bytes));
        };
        check(Workload::Json, 284 * 100 + 283, Some((284 * 100, 100)));
        check(Workload::Json, 283, None);
        check(Workload::Lines, 512 * 3, Some((512 * 3, 3)));
    }

    #[test]
    fn the_last_stack_trace_is_no_event_yet() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("java.log");
        let written = Workload::Java.generate(&log, 100_000).unwrap();
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("2023-")).count() as u64, written.events + 1);
    }
}
