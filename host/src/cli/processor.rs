//! `loglift processor`.

use anyhow::bail;

use super::Common;
use super::agent::{SOON, demand};
use super::checkpoint::print;
use super::table::{age, table};
use crate::processor::lineup::is_called;
use crate::runtime::machine::unix_seconds;
use crate::runtime::processors::{
    self, ComparisonView, Done, EventView, ProcessorView, Processors, RecordView, TrialView, VersionView,
};
use crate::telemetry::one_line;

/// See the versions of the processors of a running agent, and change which ones run
#[derive(Debug, clap::Subcommand)]
pub(super) enum Processor {
    /// Say which version of each processor runs, and how it does
    List(Which),
    /// Say which versions there were, and what became of them
    History(Which),
    /// Say what a version that is tried does differently
    Diff(Which),
    /// Put the version in place that is tried
    Promote(One),
    /// End a trial, or bring back the version that ran before
    Rollback(One),
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Only this processor: `processors[1]`, or its type
    #[arg(value_name = "PROCESSOR")]
    processor: Option<String>,

    /// Only of this pipeline
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    /// Everything, as one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct One {
    /// The processor: `processors[1]`, or its type
    #[arg(value_name = "PROCESSOR")]
    processor: String,

    /// Its pipeline, if several have such a processor
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

/// Carries out the command. Returns whether there was something to show or do.
pub(super) fn processor(command: &Processor, common: &Common) -> anyhow::Result<bool> {
    let (which, show): (_, fn(&ProcessorView) -> String) = match command {
        Processor::List(which) => (which, |_| String::new()),
        Processor::History(which) => (which, history),
        Processor::Diff(which) => (which, diff),
        Processor::Promote(one) => return act("promote", one, common),
        Processor::Rollback(one) => return act("rollback", one, common),
    };
    let mut all: Processors = demand(common, "processors", SOON)?;
    all.processors.retain(|view| which.means(view));
    if all.processors.is_empty() {
        bail!("no processor of a running pipeline is meant by that; `loglift processor list` shows all");
    }
    let text = if which.json {
        serde_json::to_string_pretty(&all)? + "\n"
    } else if matches!(command, Processor::List(_)) {
        list(&all)
    } else {
        all.processors.iter().map(show).collect::<Vec<_>>().join("\n")
    };
    print(&text)?;
    Ok(true)
}

fn act(verb: &str, one: &One, common: &Common) -> anyhow::Result<bool> {
    let which = processors::Which { processor: one.processor.clone(), pipeline: one.pipeline.clone() };
    let Done { done } = demand(common, &format!("processor-{verb} {}", serde_json::to_string(&which)?), SOON)?;
    println!("{}", one_line(&done));
    Ok(true)
}

impl Which {
    fn means(&self, view: &ProcessorView) -> bool {
        self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == view.pipeline)
            && self.processor.as_ref().is_none_or(|wanted| is_called(&view.name, wanted))
    }
}

fn list(all: &Processors) -> String {
    let running = all.processors.iter().flat_map(|view| {
        let shown = |version: &&VersionView| matches!(version.standing.as_str(), "running" | "watched" | "trial");
        view.versions
            .iter()
            .filter(shown)
            .map(move |version| [vec![one_line(&view.pipeline), one_line(&view.name)], version_cells(version)].concat())
    });
    table(&[&["pipeline", "processor"], VERSION_HEADER].concat(), &running.collect::<Vec<_>>())
}

fn history(view: &ProcessorView) -> String {
    let rows = view.versions.iter().map(|version| {
        let reason = version.reason.as_deref().map(one_line).unwrap_or_default();
        [version_cells(version), vec![reason]].concat()
    });
    let header = [VERSION_HEADER, &["reason"]].concat();
    format!("{}, {}\n{}", one_line(&view.pipeline), one_line(&view.name), table(&header, &rows.collect::<Vec<_>>()))
}

const VERSION_HEADER: &[&str] = &[
    "version",
    "component",
    "digest",
    "standing",
    " since",
    " calls",
    " events",
    " failed",
    " faults",
    " p50",
    " p99",
];

fn version_cells(version: &VersionView) -> Vec<String> {
    let digest: String = version.digest.trim_start_matches("sha256:").chars().take(12).collect();
    vec![
        format!("#{}", version.number),
        one_line(&format!("{} {}", version.component, version.version)),
        digest,
        version.standing.clone(),
        age(unix_seconds() - version.since),
        version.calls.to_string(),
        version.events.to_string(),
        version.failed_events.to_string(),
        version.faults.to_string(),
        format!("{} us", version.p50_microseconds),
        format!("{} us", version.p99_microseconds),
    ]
}

fn diff(view: &ProcessorView) -> String {
    let title = format!("{}, {}: ", one_line(&view.pipeline), one_line(&view.name));
    let Some(trial) = &view.trial else { return title + "no version is on trial\n" };
    let running = view.versions.iter().find(|version| matches!(version.standing.as_str(), "running" | "watched"));
    let number = running.map_or(0, |version| version.number);
    let state = match &trial.reason {
        Some(reason) => format!("{}: {}", trial.state, one_line(reason)),
        None => trial.state.clone(),
    };
    let head = format!(
        "{title}{} trial of version #{} beside #{number}, {} of {} events seen, {state}\n",
        trial.mode, trial.candidate, trial.events, trial.wanted_events
    );
    head + &records(trial, number) + &trial.comparison.as_ref().map(comparison).unwrap_or_default()
}

fn records(trial: &TrialView, number: u64) -> String {
    let row = |number: u64, record: &RecordView| {
        let numbers = [record.events, record.failed_events, record.faults];
        let each = format!("{} ns", record.event_nanoseconds);
        [vec![format!("  #{number}")], numbers.map(|number| number.to_string()).to_vec(), vec![each]].concat()
    };
    let rows = [row(number, &trial.old), row(trial.candidate, &trial.new)];
    table(&["  version", " events", " failed", " faults", " each event"], &rows)
}

fn comparison(found: &ComparisonView) -> String {
    let mut text = format!(
        "  {} records compared, {} differ ({} in the number of events), {} batches differ in tags, {} batches skipped\n",
        found.records, found.differing_records, found.count_differences, found.tag_differences, found.skipped_batches
    );
    if found.held_batches > 0 {
        text += &format!("  {} batches more would have been held up\n", found.held_batches);
    }
    if found.remembers {
        text +=
            "  it began with what the version beside it remembered, and knows nothing of batches that were skipped\n";
    }
    for example in &found.examples {
        text += &format!("\n  {} at offset {}\n", one_line(&example.path), example.offset);
        text += &sides(&example.old, &example.new);
    }
    text
}

/// The events of both versions, each line marked by the side that it is on; what is on both is not repeated.
fn sides(old: &[EventView], new: &[EventView]) -> String {
    let lines = |events: &[EventView]| -> Vec<String> {
        let one = |event: &EventView| {
            let time = format!("time = {}.{:09}", event.seconds, event.nanoseconds);
            let fields = event.fields.iter().map(|(name, value)| format!("{} = {}", one_line(name), one_line(value)));
            std::iter::once(time).chain(fields).collect::<Vec<_>>()
        };
        events.iter().flat_map(one).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let marked = |mark: char, lines: &[String], others: &[String]| {
        let only = lines.iter().filter(|line| !others.contains(line));
        only.map(|line| format!("    {mark} {line}\n")).collect::<String>()
    };
    let common = old.iter().filter(|line| new.contains(line)).count();
    let same = if common > 0 { format!("      {common} fields are the same\n") } else { String::new() };
    let found = marked('-', &old, &new) + &marked('+', &new, &old);
    if found.is_empty() { "      the same fields in another order\n".to_owned() } else { found + &same }
}
