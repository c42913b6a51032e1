//! How an agent and its files are doing, as the document that it answers with.
//!
//! Paths and names that are not UTF-8 have replacement characters.

mod destination;

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use destination::DestinationStatus;

use super::agent::Vitals;
use super::depot::{self, Station};
use super::machine::unix_seconds;
use super::pipeline::Running;
use crate::checkpoint::{Entry, State};
use crate::event::{Balance, Loss, Rest};
use crate::flusher::sls::pack::packer;
use crate::input::follow::track::{Phase, Track};
use crate::telemetry::counter::Totals;
use crate::telemetry::one_line;

/// How everything is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Status {
    /// The agent. `None` if none is running: the rest is what its checkpoints say.
    pub agent: Option<AgentStatus>,
    /// Its pipelines.
    pub pipelines: Vec<PipelineStatus>,
    /// Where they ship to.
    #[serde(default)]
    pub destinations: Vec<DestinationStatus>,
    /// Files and directories that are not collected although patterns name them, or nearly do.
    pub not_collected: Vec<NotCollected>,
}

/// The agent as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentStatus {
    /// The number of its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// For how long it has been running.
    pub uptime_seconds: f64,
    /// Its data directory.
    pub data_dir: String,
    /// Bytes in flight, in all pipelines together.
    pub budget_used_bytes: u64,
    /// How many those may be.
    pub budget_limit_bytes: u64,
    /// What became of events at which processors failed, and what of them is kept. Empty if they are not.
    #[serde(default)]
    pub quarantine: BTreeMap<String, u64>,
}

/// A pipeline.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PipelineStatus {
    /// Its name.
    pub name: String,
    /// What is known of its config. `None` if no agent runs.
    #[serde(default)]
    pub config: Option<ConfigStatus>,
    /// What it has counted.
    pub counters: BTreeMap<String, u64>,
    /// Its processors, in order.
    pub processors: Vec<ProcessorStatus>,
    /// Its files.
    pub files: Vec<FileStatus>,
    /// The sum of theirs.
    pub ledger: LedgerStatus,
    /// What keeps it from being stored how far they have come, if processors remember.
    #[serde(default)]
    pub held_back: Option<HeldBack>,
}

/// What is stored of all files of a pipeline waits for one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldBack {
    /// For how long.
    pub seconds: f64,
    /// A file of which not everything is delivered that was read by then.
    pub path: String,
}

/// A processor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessorStatus {
    /// Its place and type.
    pub name: String,
    /// What its component says of itself.
    #[serde(default)]
    pub component: ComponentStatus,
    /// What the host has counted of it.
    pub counters: BTreeMap<String, u64>,
    /// What it has counted itself.
    pub own: BTreeMap<String, u64>,
    /// Batches wait for it, or it is given none for a while: why.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// The config of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStatus {
    /// Its file.
    pub file: String,
    /// `running`, `stopping` or `broken`.
    pub state: String,
    /// Since when that is so, in Unix seconds.
    pub since: i64,
    /// The start of the SHA-256 of what the file held when the pipeline took it.
    pub hash: String,
    /// Why what the file holds now does not run.
    pub problem: Option<String>,
}

/// The component of a processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentStatus {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The start of the SHA-256 of its bytes.
    pub digest: String,
}

/// A file, or what it held before it was truncated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileStatus {
    /// The path that it was found under.
    pub path: String,
    /// The path that leads to it, or did so last.
    pub real_path: String,
    /// The number of its device.
    pub device: u64,
    /// Its number on that device.
    pub inode: u64,
    /// Tells it from all others that the agent ever followed.
    pub generation: u64,
    /// `untouched`, `followed` or `finished`.
    pub phase: String,
    /// Its length, as it was seen last.
    pub length: u64,
    /// The end of the last whole record that was read.
    pub read_offset: u64,
    /// Below this, everything was acknowledged or is in the ledger.
    pub acknowledged_offset: u64,
    /// Bytes that are unread or not acknowledged.
    pub lag_bytes: u64,
    /// For how long the oldest of them has waited, since the agent saw it first. `None` if that is not known.
    pub lag_seconds: Option<f64>,
    /// What became of its bytes.
    pub ledger: LedgerStatus,
}

/// Bytes by where they are. `written` is the sum of all others but `estimated`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// Written to the file, as far as was seen.
    pub written: u64,
    /// Taken by every flusher.
    pub acknowledged: u64,
    /// Dropped on purpose.
    pub dropped: u64,
    /// Refused for good by what a flusher sends to.
    pub rejected: u64,
    /// Put aside, since a processor failed on them.
    pub quarantined: u64,
    /// In the copy of a truncated file.
    pub copied: u64,
    /// Read and not acknowledged.
    pub in_flight: u64,
    /// Not read yet.
    pub unread: u64,
    /// In a file that is not read until it is written to.
    pub untouched: u64,
    /// Lost, by cause.
    pub lost: BTreeMap<String, u64>,
    /// How many of the lost bytes are estimates.
    pub estimated: u64,
    /// `written` less all the others: 0, or there is a bug.
    pub balance: i64,
}

/// Files and directories that are not collected for one reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotCollected {
    /// Why.
    pub reason: String,
    /// How many were seen since the start.
    pub count: u64,
    /// One of them.
    pub example: String,
}

impl Status {
    /// How a running agent is.
    pub(super) fn of_agent(vitals: &Vitals, data_dir: &Path) -> Self {
        let now = Instant::now();
        let not_collected = vitals.ignored.all().into_iter().map(|(reason, passed_over)| NotCollected {
            reason: reason.describe(),
            count: passed_over.count,
            example: text(&passed_over.example),
        });
        let mut not_collected: Vec<NotCollected> = not_collected.collect();
        not_collected.sort_by(|a, b| a.reason.cmp(&b.reason));
        Self {
            agent: Some(AgentStatus {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uptime_seconds: now.duration_since(vitals.started).as_secs_f64(),
                data_dir: text(data_dir),
                budget_used_bytes: vitals.budget.used_bytes() as u64,
                budget_limit_bytes: vitals.budget.limit_bytes() as u64,
                quarantine: vitals.quarantine.as_ref().map(|kept| by_name(kept.totals())).unwrap_or_default(),
            }),
            pipelines: pipelines(vitals, now),
            destinations: depot::lock(&vitals.stations)
                .iter()
                .filter_map(|station| destination(station, now))
                .collect(),
            not_collected,
        }
    }

    /// What checkpoints say while no agent runs.
    pub fn of_checkpoints(entries: &[Entry]) -> Self {
        let mut pipelines: BTreeMap<&str, Vec<FileStatus>> = BTreeMap::new();
        for entry in entries {
            pipelines.entry(&entry.pipeline).or_default().push(FileStatus::of_checkpoint(entry));
        }
        let pipelines = pipelines.into_iter().map(|(name, files)| PipelineStatus::default().with(name, files));
        Self { pipelines: pipelines.collect(), ..Self::default() }
    }

    /// What it says of the files with this path, now or when they were found, and their pipelines.
    pub fn only(mut self, path: &Path) -> Self {
        let path = text(path);
        for pipeline in &mut self.pipelines {
            pipeline.files.retain(|file| file.path == path || file.real_path == path);
            pipeline.sum_up();
        }
        self.pipelines.retain(|pipeline| !pipeline.files.is_empty());
        self.destinations.clear();
        self.not_collected.clear();
        self
    }
}

/// The pipelines that run, and those that do not and should.
fn pipelines(vitals: &Vitals, now: Instant) -> Vec<PipelineStatus> {
    let mut configs: BTreeMap<String, ConfigStatus> = vitals.configs().iter().cloned().collect();
    let running: Vec<Arc<Running>> = vitals.pipelines().clone();
    let mut all: Vec<PipelineStatus> = running
        .iter()
        .map(|running| {
            let mut config = configs.remove(&running.name);
            if running.is_stopping.load(Ordering::Relaxed) {
                config.iter_mut().for_each(|config| config.state = "stopping".to_owned());
            }
            PipelineStatus { config, ..PipelineStatus::of(running, now) }
        })
        .collect();
    let broken = configs.into_iter().filter(|(_, config)| config.problem.is_some());
    all.extend(broken.map(|(name, config)| PipelineStatus { name, config: Some(config), ..PipelineStatus::default() }));
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl PipelineStatus {
    fn of(running: &Running, now: Instant) -> Self {
        let seats = running.lineup.seats();
        let processors = seats.iter().map(|seat| (&seat.stage, &seat.trial)).map(|(stage, trial)| ProcessorStatus {
            name: stage.name.clone(),
            component: ComponentStatus {
                name: one_line(&stage.description().name),
                version: one_line(&stage.description().version),
                digest: stage.digest().trim_start_matches("sha256:").chars().take(SHOWN_DIGEST).collect(),
            },
            counters: by_name(stage.counters.totals()),
            own: stage.counters.own(),
            trouble: stage.trouble().or_else(|| {
                let tried = trial.as_ref().and_then(|trial| trial.tried.trouble());
                tried.map(|trouble| format!("the version on trial is {trouble}"))
            }),
        });
        let held_back = running.tracks.held_back().map(|(since, track)| HeldBack {
            seconds: now.saturating_duration_since(since).as_secs_f64(),
            path: text(&track.source.path),
        });
        let files = running.tracks.all().iter().map(|track| FileStatus::of_track(track, now)).collect();
        let mut counters = by_name(running.counters.totals());
        if !running.packers.is_empty() {
            let sum = |of: fn(&packer::Counters) -> u64| running.packers.iter().map(|packer| of(packer)).sum();
            counters.insert("cut_events_total".to_owned(), sum(|packer| packer.cut_events.total()));
            counters.insert("clamped_times_total".to_owned(), sum(|packer| packer.clamped_times.total()));
        }
        Self { counters, processors: processors.collect(), held_back, ..Self::default() }.with(&running.name, files)
    }

    fn with(self, name: &str, files: Vec<FileStatus>) -> Self {
        let mut pipeline = Self { name: name.to_owned(), files, ..self };
        pipeline.sum_up();
        pipeline
    }

    fn sum_up(&mut self) {
        self.ledger = LedgerStatus::of(&Balance::default());
        self.files.iter().for_each(|file| self.ledger += &file.ledger);
    }
}

impl FileStatus {
    fn of_track(track: &Track, now: Instant) -> Self {
        let standing = track.standing();
        let balance = standing.balance;
        let lag = standing.waiting_since.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        let id = track.source.file;
        Self {
            path: text(&track.source.path),
            real_path: text(&standing.seen.real_path),
            device: id.map_or(0, |id| id.device),
            inode: id.map_or(0, |id| id.inode),
            generation: track.generation,
            phase: phase_name(standing.seen.phase).to_owned(),
            length: standing.seen.len.0,
            read_offset: standing.committed.offset.0 + balance.in_flight,
            acknowledged_offset: standing.committed.offset.0,
            lag_bytes: balance.lag_bytes(),
            lag_seconds: Some(lag),
            ledger: LedgerStatus::of(&balance),
        }
    }

    fn of_checkpoint(entry: &Entry) -> Self {
        let (phase, rest) = match entry.state {
            State::Untouched => (Phase::Untouched, Rest::Untouched),
            State::Followed => (Phase::Followed, Rest::Unread),
            State::Finished => (Phase::Finished, Rest::Settled),
        };
        let offset = entry.position.offset;
        let balance = Balance::of_file(entry.len, offset, offset, rest, entry.ledger.clone());
        Self {
            path: text(&entry.path),
            real_path: text(&entry.real_path),
            device: entry.id.device,
            inode: entry.id.inode,
            generation: entry.generation,
            phase: phase_name(phase).to_owned(),
            length: entry.len.0,
            read_offset: offset.0,
            acknowledged_offset: offset.0,
            lag_bytes: balance.lag_bytes(),
            lag_seconds: None,
            ledger: LedgerStatus::of(&balance),
        }
    }
}

impl LedgerStatus {
    /// What `written` is the sum of, by name.
    pub fn parts(&self) -> Vec<(&str, u64)> {
        let kept = [
            ("acknowledged", self.acknowledged),
            ("dropped", self.dropped),
            ("rejected", self.rejected),
            ("quarantined", self.quarantined),
            ("copied", self.copied),
            ("in_flight", self.in_flight),
            ("unread", self.unread),
            ("untouched", self.untouched),
        ];
        kept.into_iter().chain(self.lost.iter().map(|(cause, bytes)| (cause.as_str(), *bytes))).collect()
    }

    fn of(balance: &Balance) -> Self {
        let ledger = &balance.ledger;
        Self {
            written: balance.written,
            acknowledged: ledger.acknowledged,
            dropped: ledger.dropped,
            rejected: ledger.rejected,
            quarantined: ledger.quarantined,
            copied: ledger.copied,
            in_flight: balance.in_flight,
            unread: balance.unread,
            untouched: balance.untouched,
            lost: Loss::ALL.map(|cause| (cause.name().to_owned(), ledger.lost[cause as usize])).into(),
            estimated: ledger.estimated,
            balance: balance.difference(),
        }
    }
}

impl AddAssign<&Self> for LedgerStatus {
    fn add_assign(&mut self, other: &Self) {
        self.written += other.written;
        self.acknowledged += other.acknowledged;
        self.dropped += other.dropped;
        self.rejected += other.rejected;
        self.quarantined += other.quarantined;
        self.copied += other.copied;
        self.in_flight += other.in_flight;
        self.unread += other.unread;
        self.untouched += other.untouched;
        self.estimated += other.estimated;
        self.balance += other.balance;
        for (cause, bytes) in &other.lost {
            *self.lost.entry(cause.clone()).or_default() += bytes;
        }
    }
}

fn destination(station: &Station, now: Instant) -> Option<DestinationStatus> {
    let report = station.report.lock().unwrap_or_else(PoisonError::into_inner);
    Some(DestinationStatus::of(&station.destination, report.as_ref()?, now, unix_seconds()))
}

fn by_name(Totals(totals): Totals) -> BTreeMap<String, u64> {
    totals.into_iter().map(|(name, total)| (name.to_owned(), total)).collect()
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Untouched => "untouched",
        Phase::Followed => "followed",
        Phase::Finished => "finished",
    }
}

/// How many digits of a digest are shown.
pub(super) const SHOWN_DIGEST: usize = 12;

/// A path as a document has it.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::testing::entry;
    use crate::event::{Ledger, Offset};

    #[test]
    fn checkpoints_by_pipeline_with_their_sums() {
        let followed = Entry { len: Offset(30), ledger: acknowledged(10), ..entry(1, 10) };
        let other = Entry { pipeline: "db".to_owned(), ledger: acknowledged(5), len: Offset(5), ..entry(2, 5) };
        let last = Entry { len: Offset(7), ledger: acknowledged(7), ..entry(3, 7) };
        let status = Status::of_checkpoints(&[followed, other, last]);
        let [db, web] = &status.pipelines[..] else { panic!("{status:?}") };
        assert!(status.agent.is_none() && db.files.len() == 1 && db.ledger.balance == 0);
        let sums = &web.ledger;
        assert_eq!((sums.written, sums.acknowledged, sums.unread, sums.balance), (37, 17, 20, 0));
        assert_eq!((web.files[0].lag_bytes, web.files[0].lag_seconds), (20, None));

        let only = status.only(Path::new("/var/log/1.log"));
        assert_eq!((only.pipelines.len(), only.pipelines[0].ledger.written), (1, 30));
    }

    fn acknowledged(bytes: u64) -> Ledger {
        Ledger { acknowledged: bytes, ..Ledger::default() }
    }
}
