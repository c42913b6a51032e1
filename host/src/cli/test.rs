//! `loglift test`: golden cases.
//!
//! A case is a directory with a pipeline config, `input.log`, and `expected.jsonl`: the events that come out, as `loglift
//! process` prints them. `messages.txt`, if it is there, is what is said besides. `case.json` may give variables.

mod case;
mod diff;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::Common;
use super::checkpoint::print;
use case::{Case, Laboratory, Outcome};
use diff::Difference;

#[derive(Debug, clap::Args)]
pub(super) struct TestArguments {
    /// A directory, in which cases are looked for at any depth, or the pipeline config of one case
    #[arg(value_name = "DIR_OR_CONFIG", required = true, num_args = 1..)]
    paths: Vec<PathBuf>,

    /// Write what comes out to `expected.jsonl`, and what is said to `messages.txt` where there is one, to be looked at as
    /// a diff
    #[arg(long)]
    bless: bool,

    /// One JSON object a line for each case
    #[arg(long)]
    json: bool,
}

/// Runs golden cases. Returns whether all gave what is expected.
pub(super) fn test(arguments: &TestArguments, common: &Common) -> anyhow::Result<bool> {
    let mut cases = Vec::new();
    for path in &arguments.paths {
        let found = case::find(path)?;
        ensure!(!found.is_empty(), "no case in {}: a case is a directory with {}", path.display(), case::WHAT_IT_HAS);
        cases.extend(found);
    }
    let laboratory = Laboratory::new(common)?;
    let mut reports = Vec::new();
    for case in &cases {
        let report = examine(case, &laboratory, arguments.bless);
        let report = report.unwrap_or_else(|error| Report::failed(case, vec![format!("{error:#}")]));
        print(&if arguments.json { serde_json::to_string(&report)? + "\n" } else { report.describe() })?;
        reports.push(report);
    }
    if !arguments.json {
        print(&summary(&reports))?;
    }
    Ok(reports.iter().all(|report| report.result != FAILED))
}

/// What a case gave.
#[derive(Debug, Serialize)]
struct Report {
    /// Its directory, or its config if that has another name than usual.
    case: String,
    result: &'static str,
    /// How many events came out.
    events: usize,
    /// What is not as expected.
    differences: Vec<Difference>,
    /// Why there is nothing to compare.
    problems: Vec<String>,
    /// The files that were written.
    blessed: Vec<&'static str>,
}

impl Report {
    fn failed(case: &Case, problems: Vec<String>) -> Self {
        let (differences, blessed) = (Vec::new(), Vec::new());
        Self { case: case.name(), result: FAILED, events: 0, differences, problems, blessed }
    }

    fn describe(&self) -> String {
        let events = count(self.events, "event");
        let Self { case, result, .. } = self;
        let mut text = match *result {
            BLESSED => format!("{result}  {case}: {}, {events}\n", self.blessed.join(" and ")),
            PASSED => format!("ok       {case} ({events})\n"),
            _ => format!("{result}   {case}\n"),
        };
        for problem in &self.problems {
            text += &format!("         {problem}\n");
        }
        for difference in self.differences.iter().take(MOST_SHOWN) {
            difference.to_string().lines().for_each(|line| text += &format!("         {line}\n"));
        }
        if let Some(more @ 1..) = self.differences.len().checked_sub(MOST_SHOWN) {
            text += &format!("         and {} more\n", count(more, "difference"));
        }
        text
    }
}

/// Runs a case, compares what it gave and, if wanted, makes that what is expected.
fn examine(case: &Case, laboratory: &Laboratory, bless: bool) -> anyhow::Result<Report> {
    let Outcome { events, messages, ended_well } = laboratory.run(case)?;
    let expected = case.read(EXPECTED)?;
    let expected_messages = case.read(MESSAGES)?;
    let mut report = Report { events: events.lines().count(), ..Report::failed(case, Vec::new()) };
    if !ended_well && expected_messages.is_none() {
        // Nobody expects that, so it is no difference to an expectation, and not to be blessed.
        report.problems = messages.lines().map(str::to_owned).collect();
        return Ok(report);
    }
    match &expected {
        Some(expected) => report.differences = diff::compare(expected, &events),
        None if !bless => report.problems.push(format!("no {EXPECTED}: `loglift test --bless` writes it")),
        None => {}
    }
    let different_messages = expected_messages.map(|expected| diff::compare_lines(MESSAGES, &expected, &messages));
    let messages_differ = different_messages.as_ref().is_some_and(|differences| !differences.is_empty());
    let events_differ = expected.is_none() || !report.differences.is_empty();
    report.differences.extend(different_messages.into_iter().flatten());
    if bless {
        for (name, text, differs) in [(EXPECTED, &events, events_differ), (MESSAGES, &messages, messages_differ)] {
            if differs {
                case.write(name, text).with_context(|| format!("cannot write {name}"))?;
                report.blessed.push(name);
            }
        }
    }
    report.result = match (events_differ || messages_differ, bless) {
        (false, _) => PASSED,
        (true, true) => BLESSED,
        (true, false) => FAILED,
    };
    Ok(report)
}

fn summary(reports: &[Report]) -> String {
    let of = |result: &str| reports.iter().filter(|report| report.result == result).count();
    let mut text = format!("{}: {} passed", count(reports.len(), "case"), of(PASSED));
    for (result, name) in [(BLESSED, "blessed"), (FAILED, "failed")] {
        if of(result) > 0 {
            write!(text, ", {} {name}", of(result)).expect("a string takes all");
        }
    }
    text + "\n"
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A path for a person, who knows where he is.
fn shown(path: &Path) -> String {
    let text = path.strip_prefix("./").unwrap_or(path).display().to_string();
    if text.is_empty() { ".".to_owned() } else { text }
}

const EXPECTED: &str = "expected.jsonl";
const MESSAGES: &str = "messages.txt";

const PASSED: &str = "passed";
const BLESSED: &str = "blessed";
const FAILED: &str = "failed";

/// More differences of one case nobody reads.
const MOST_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_names_what_there_is() {
        let report = |result| Report {
            case: "a".to_owned(),
            result,
            events: 0,
            differences: Vec::new(),
            problems: Vec::new(),
            blessed: Vec::new(),
        };
        assert_eq!(summary(&[report(PASSED)]), "1 case: 1 passed\n");
        assert_eq!(
            summary(&[report(PASSED), report(FAILED), report(BLESSED)]),
            "3 cases: 1 passed, 1 blessed, 1 failed\n"
        );
    }
}
