//! `loglift reload`.

use std::fmt::Write as _;
use std::time::Duration;

use super::Common;
use super::agent::demand;
use super::checkpoint::print;
use crate::runtime::reload::{FileReport, Outcome, Report};
use crate::telemetry::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct ReloadArguments {
    /// What became of each file, as one JSON document
    #[arg(long)]
    json: bool,
}

/// Has the agent of the data directory look at its configs now, and prints what changed. Returns whether nothing is
/// wrong.
pub(super) fn reload(arguments: &ReloadArguments, common: &Common) -> anyhow::Result<bool> {
    let report: Report = demand(common, "reload", PATIENCE)?;
    let text = if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { text(&report) };
    print(&text)?;
    Ok(report.is_ok())
}

/// A line for each file that is not as it was, and one for each thing that is wrong or questionable.
fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut unchanged = 0;
    for problem in &report.problems {
        _ = writeln!(text, "error: {}", one_line(problem));
    }
    for FileReport { file, pipeline, outcome, problems, warnings } in &report.files {
        if *outcome == Outcome::Unchanged && problems.is_empty() {
            unchanged += 1;
            continue;
        }
        _ = writeln!(text, "{}: pipeline {}: {}", one_line(file), one_line(pipeline), outcome.describe());
        problems.iter().for_each(|problem| _ = writeln!(text, "  error: {}", one_line(problem)));
        warnings.iter().for_each(|warning| _ = writeln!(text, "  warning: {}", one_line(warning)));
    }
    _ = writeln!(text, "{unchanged} of {} config files unchanged", report.files.len());
    text
}

/// A pipeline may take a while to deliver what it has before it makes room for another one.
const PATIENCE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_it_was_is_only_counted() {
        let file = |name: &str, outcome, problem: &str| FileReport {
            file: format!("{name}.yaml"),
            pipeline: name.to_owned(),
            outcome,
            problems: Some(problem).filter(|problem| !problem.is_empty()).map(str::to_owned).into_iter().collect(),
            warnings: Vec::new(),
        };
        let files = vec![
            file("a", Outcome::Unchanged, ""),
            file("b", Outcome::Replaced, ""),
            file("c", Outcome::Broken, "c.yaml:1:1: bad"),
        ];
        let report = Report { files, ..Report::default() };
        assert_eq!(
            text(&report),
            "b.yaml: pipeline b: processors replaced\nc.yaml: pipeline c: wrong\n  error: c.yaml:1:1: bad\n\
                1 of 3 config files unchanged\n"
        );
        assert!(!report.is_ok());
    }
}
