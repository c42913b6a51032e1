//! The rows of the bench: which lines go through which pipeline.

use std::path::Path;

use super::workload::Workload;

/// One row.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// What it is called on the command line and in the table.
    pub(super) name: &'static str,
    pub(super) workload: Workload,
    /// Entries of `processors`, one a line.
    processors: &'static [&'static str],
    pub(super) sink: Sink,
    /// CPU seconds per GB that it should take at most on the machine of the README's table, if that was ever said.
    pub(super) goal: Option<f64>,
    /// Whether the same chain is also called natively, and the outputs are compared.
    pub(super) has_twin: bool,
}

/// Where a row's events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
    Discard,
    File,
    /// The emulator of the log service, by a `CompressType`.
    Sls(&'static str),
}

/// All rows, those on the same lines beside each other.
pub(super) const ROWS: &[Row] = &[
    row("lines-discard", Workload::Lines, &[], Sink::Discard, Some(0.75)),
    row("lines-file", Workload::Lines, &[], Sink::File, Some(1.8)),
    row("lines-sls", Workload::Lines, &[], Sink::Sls("lz4"), None),
    row("java-discard", Workload::Java, &[], Sink::Discard, Some(0.95)),
    row("json-discard", Workload::Json, JSON, Sink::Discard, Some(2.8)),
    Row { has_twin: true, ..row("json-file", Workload::Json, JSON, Sink::File, None) },
    row("json-sls", Workload::Json, JSON, Sink::Sls("lz4"), Some(6.0)),
    row("json-sls-zstd", Workload::Json, JSON, Sink::Sls("zstd"), None),
    row("access-discard", Workload::Access, ACCESS, Sink::Discard, Some(2.5)),
    row("csv-discard", Workload::Csv, CSV, Sink::Discard, Some(2.5)),
];

const fn row(
    name: &'static str,
    workload: Workload,
    processors: &'static [&'static str],
    sink: Sink,
    goal: Option<f64>,
) -> Row {
    Row { name, workload, processors, sink, goal, has_twin: false }
}

impl Row {
    /// The row of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name == name)
    }

    /// How many processors each event passes.
    pub(super) fn processor_count(&self) -> usize {
        self.processors.len()
    }

    /// Whether its events go to the log service.
    pub(super) fn is_shipped(&self) -> bool {
        matches!(self.sink, Sink::Sls(_))
    }

    /// The pipeline's config, from the file `log` to the file `output` or the log service at `endpoint`, if the row has one.
    pub(super) fn pipeline(&self, log: &Path, output: &Path, endpoint: &str) -> String {
        let multiline = match self.workload {
            Workload::Java => r", Multiline: {StartPattern: '\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}'}",
            _ => "",
        };
        let processors = self.processors.iter().map(|entry| format!("\n  - {entry}")).collect::<String>();
        let processors = if processors.is_empty() { " []".to_owned() } else { processors };
        let flusher = match self.sink {
            Sink::Discard => "{Type: flusher_blackhole}".to_owned(),
            Sink::File => {
                format!("{{Type: flusher_file, FilePath: '{}', MaxFileSize: 1000000000000}}", output.display())
            }
            Sink::Sls(compression) => format!(
                "{{Type: flusher_sls, Project: {PROJECT}, Logstore: {LOGSTORE}, Endpoint: '{endpoint}', CompressType: {compression}}}"
            ),
        };
        format!(
            "global: {{EnableTimestampNanosecond: true}}
inputs:
  - {{Type: input_file, FilePaths: ['{}'], MaxDirSearchDepth: 0, TailSizeKB: 10485760, TailingAllMatchedFiles: true{multiline}}}
processors:{processors}
flushers:
  - {flusher}
",
            log.display()
        )
    }
}

/// Where rows send that are shipped.
pub(super) const PROJECT: &str = "bench-project";
pub(super) const LOGSTORE: &str = "bench-logstore";

const JSON: &[&str] = &[
    "{Type: processor_parse_json_native, SourceKey: content}",
    "{Type: processor_strptime, SourceKey: asctime, Format: '%Y-%m-%d %H:%M:%S,%f', KeepSource: true}",
];

const ACCESS: &[&str] = &[concat!(
    r"{Type: processor_parse_regex_native, SourceKey: content, Regex: '",
    r#"(\S+) - (\S+) \[([^\]]+)\] "(\S+) (\S+) ([^"]+)" (\d+) (\d+) "([^"]*)" "([^"]*)" "([^"]*)" "#,
    r"(\S+) (\S+) (\S+)', Keys: [ip, user, time, method, uri, protocol, status, bytes, referer, agent, forwarded, ",
    r"request_time, upstream, upstream_time]}"
)];

const CSV: &[&str] = &[concat!(
    "{Type: processor_parse_delimiter_native, SourceKey: content, Separator: ',', Quote: '\"', ",
    "Keys: [time, host, ip, user, request, status, bytes, seconds, color, agent, country, region]}"
)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_on_the_same_lines_stand_together_and_have_names_of_their_own() {
        let workloads: Vec<_> = ROWS.chunk_by(|a, b| a.workload == b.workload).map(|rows| rows[0].workload).collect();
        assert!(workloads.iter().enumerate().all(|(at, workload)| !workloads[..at].contains(workload)));
        assert!(ROWS.iter().all(|row| Row::find(row.name) == Some(row)));
    }

    #[test]
    fn rows_that_are_shipped_go_to_the_log_service_as_they_are_named() {
        for row in ROWS {
            let pipeline = row.pipeline(Path::new("in.log"), Path::new("out.json"), "http://127.0.0.1:1");
            assert_eq!(row.is_shipped(), row.name.contains("-sls"), "{}", row.name);
            assert_eq!(row.is_shipped(), pipeline.contains("Endpoint: 'http://127.0.0.1:1'"), "{pipeline}");
            assert_eq!(row.name.ends_with("-zstd"), pipeline.contains("CompressType: zstd"), "{pipeline}");
        }
    }
}
