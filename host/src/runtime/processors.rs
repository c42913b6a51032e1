//! What can be said of the processors of a running agent and their versions, and asked of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::trials::now;
use crate::processor::lineup::{Lineup, NoTurn};
use crate::processor::stage::Stage;
use crate::processor::swap::{Example, Record, ShownEvent, Standing, Trial, TrialState, Version};

/// The processors of all pipelines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Processors {
    /// One entry for each processor of each pipeline, in their order.
    pub processors: Vec<ProcessorView>,
}

/// A processor of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessorView {
    /// The pipeline.
    pub pipeline: String,
    /// Its name: `processors[1] (processor_strptime)`.
    pub name: String,
    /// Its versions, oldest first.
    pub versions: Vec<VersionView>,
    /// What is tried beside the version that runs.
    pub trial: Option<TrialView>,
}

/// A version of a processor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionView {
    /// Counts from 1 since the agent started.
    pub number: u64,
    /// What the component calls itself.
    pub component: String,
    /// The version of the component, by its own word.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Since when it is known, in Unix seconds.
    pub since: i64,
    /// `running`, `watched`, `trial`, `replaced` or `withdrawn`.
    pub standing: String,
    /// Why it was withdrawn.
    pub reason: Option<String>,
    /// Calls so far.
    pub calls: u64,
    /// Events that it was given.
    pub events: u64,
    /// Those that it could not process, by its own word.
    pub failed_events: u64,
    /// Calls that failed as a whole.
    pub faults: u64,
    /// Half of all batches took no longer, in microseconds.
    pub p50_microseconds: u64,
    /// All but one in a hundred took no longer.
    pub p99_microseconds: u64,
}

/// A trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialView {
    /// `shadow` or `canary`.
    pub mode: String,
    /// The number of the version that is tried.
    pub candidate: u64,
    /// `running`, `passed` or `failed`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Events that were seen, and that are wanted.
    pub events: u64,
    /// As many are wanted.
    pub wanted_events: u64,
    /// What the version that runs did meanwhile.
    pub old: RecordView,
    /// What the new version did.
    pub new: RecordView,
    /// What was found by comparing.
    pub comparison: Option<ComparisonView>,
}

/// What a version did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordView {
    /// Events that it was given.
    pub events: u64,
    /// Those that it could not process.
    pub failed_events: u64,
    /// Calls that failed as a whole.
    pub faults: u64,
    /// Mean time of an event in nanoseconds.
    pub event_nanoseconds: u64,
}

/// What two versions made of the same records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparisonView {
    /// Batches that were compared.
    pub batches: u64,
    /// Batches that the new version was too slow for.
    pub skipped_batches: u64,
    /// Batches that it would have held up.
    #[serde(default)]
    pub held_batches: u64,
    /// It remembers what it has seen, and so nothing of the batches that it did not get.
    #[serde(default)]
    pub remembers: bool,
    /// Records that were compared.
    pub records: u64,
    /// Those of which the versions made different events.
    pub differing_records: u64,
    /// Those of them of which one made more or fewer.
    pub count_differences: u64,
    /// Batches with different tags.
    pub tag_differences: u64,
    /// The first records that differ.
    pub examples: Vec<ExampleView>,
}

/// A record of which two versions made different events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExampleView {
    /// The file.
    pub path: String,
    /// Where the record starts.
    pub offset: u64,
    /// What the version that runs made of it.
    pub old: Vec<EventView>,
    /// What the new version made of it.
    pub new: Vec<EventView>,
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Unix seconds.
    pub seconds: i64,
    /// The rest of the time.
    pub nanoseconds: u32,
    /// Names and values, cut to what can be read.
    pub fields: Vec<(String, String)>,
}

/// A pipeline by its name, and its processors.
pub(super) type Named = (String, Arc<Lineup>);

impl Processors {
    /// Those of these pipelines.
    pub(super) fn of(pipelines: &[Named]) -> Self {
        let all = pipelines.iter().flat_map(|(pipeline, lineup)| {
            let seats = lineup.seats().into_iter().zip(lineup.histories());
            seats.map(|(seat, versions)| ProcessorView {
                pipeline: pipeline.clone(),
                name: seat.stage.name.clone(),
                trial: seat.trial.as_ref().map(|trial| TrialView::of(trial, &seat.stage, &versions)),
                versions: versions.iter().map(|version| VersionView::of(version, seat.trial.as_deref())).collect(),
            })
        });
        Self { processors: all.collect() }
    }
}

/// What a person can ask of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// That the version is put in place that is tried.
    Promote,
    /// That a trial ends, or that the version is back that ran before.
    RollBack,
}

/// Of which processor that is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Which {
    /// Its name, or a part of it: `processors[1]`, or its type.
    pub processor: String,
    /// Its pipeline, if several have one that is called so.
    pub pipeline: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {
    /// In one line.
    pub done: String,
}

/// Does what a person asks of a processor.
///
/// # Errors
/// In one line, why it cannot be done.
pub(super) fn act(verb: Verb, which: &Which, pipelines: &[Named]) -> Result<Value, String> {
    let Which { processor, pipeline } = which;
    let is_meant =
        |(name, lineup): &&Named| pipeline.as_ref().is_none_or(|wanted| wanted == name) && lineup.has(processor);
    let meant: Vec<&Named> = pipelines.iter().filter(is_meant).collect();
    let (name, lineup) = match meant[..] {
        [one] => one,
        [] => return Err(NoTurn::Unknown(processor.clone()).to_string()),
        _ => {
            let names: Vec<&str> = meant.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("{processor} is in the pipelines {}: name one with --pipeline", names.join(", ")));
        }
    };
    let stage = match verb {
        Verb::Promote => lineup.promote(processor, now()),
        Verb::RollBack => lineup.roll_back(processor, now()),
    };
    let stage = stage.map_err(|error| error.to_string())?;
    let description = stage.description();
    let done = format!("{name}: {}: {} {} runs", stage.name, description.name, description.version);
    Ok(serde_json::json!(Done { done }))
}

impl VersionView {
    /// A version, by what it did. One that is on trial as a shadow has done so as a twin.
    fn of(version: &Version, trial: Option<&Trial>) -> Self {
        let stage = &version.stage;
        let tried = trial.filter(|trial| Arc::ptr_eq(&trial.candidate, stage)).map(|trial| &trial.tried);
        let counters = &tried.unwrap_or(stage).counters;
        let description = stage.description();
        let (standing, reason) = match &version.standing {
            Standing::Trial => ("trial", None),
            Standing::Watched => ("watched", None),
            Standing::Running => ("running", None),
            Standing::Replaced => ("replaced", None),
            Standing::Withdrawn(reason) => ("withdrawn", Some(reason.clone())),
        };
        Self {
            number: version.number,
            component: description.name.clone(),
            version: description.version.clone(),
            digest: stage.digest().to_owned(),
            since: version.since,
            standing: standing.to_owned(),
            reason,
            calls: counters.calls.total(),
            events: counters.in_events.total(),
            failed_events: counters.failed_events.total(),
            faults: counters.faults.total(),
            p50_microseconds: counters.batch_times.percentile(50).as_micros() as u64,
            p99_microseconds: counters.batch_times.percentile(99).as_micros() as u64,
        }
    }
}

impl TrialView {
    fn of(trial: &Trial, running: &Stage, versions: &[Version]) -> Self {
        let number = |version: &Version| Arc::ptr_eq(&version.stage, &trial.candidate).then_some(version.number);
        let [new, old] = trial.records(running).map(RecordView::of);
        let comparison = trial.report();
        let view = Self {
            mode: if comparison.is_some() { "shadow" } else { "canary" }.to_owned(),
            candidate: versions.iter().find_map(number).unwrap_or(0),
            wanted_events: trial.candidate.policy().swap.events,
            events: trial.events(),
            old,
            new,
            comparison: comparison.map(|report| ComparisonView {
                batches: report.batches,
                skipped_batches: report.skipped_batches,
                held_batches: report.held_batches,
                remembers: trial.candidate.remembers(),
                records: report.records,
                differing_records: report.differing_records(),
                count_differences: report.count_differences,
                tag_differences: report.tag_differences,
                examples: report.examples.iter().map(ExampleView::of).collect(),
            }),
            ..Self::default()
        };
        let (state, reason) = match trial.state(running) {
            TrialState::Running => ("running", None),
            TrialState::Passed => ("passed", None),
            TrialState::Failed(worse) => ("failed", Some(worse.to_string())),
        };
        Self { state: state.to_owned(), reason, ..view }
    }
}

impl RecordView {
    fn of(record: Record) -> Self {
        Self {
            events: record.events,
            failed_events: record.failed,
            faults: record.faults,
            event_nanoseconds: record.nanoseconds / record.events.max(1),
        }
    }
}

impl ExampleView {
    fn of(example: &Example) -> Self {
        let events = |shown: &[ShownEvent]| shown.iter().map(EventView::of).collect();
        Self {
            path: example.path.to_string_lossy().into_owned(),
            offset: example.offset.0,
            old: events(&example.old),
            new: events(&example.new),
        }
    }
}

impl EventView {
    fn of(shown: &ShownEvent) -> Self {
        Self { seconds: shown.seconds, nanoseconds: shown.nanoseconds, fields: shown.fields.clone() }
    }
}
