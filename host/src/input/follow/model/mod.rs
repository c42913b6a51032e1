//! Drives catalog and lanes over real files as an agent does, and checks them against what was written.

mod order;
mod random;
mod tests;
mod trouble;
mod whole_file;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::event::{Budget, EventBatch, FileId, Share};
use crate::input::follow::catalog::{Action, Catalog, Changes, Moment, Told};
use crate::input::follow::delay::Delay;
use crate::input::follow::disk::faults;
use crate::input::follow::find::Found;
use crate::input::follow::follower::FollowSpec;
use crate::input::follow::lane::{Advance, Lane};
use crate::input::follow::left::Left;
use crate::input::follow::tail::{LOST_TIME, Patience};
use crate::input::follow::track::{Seen, Tracks};
use crate::input::records::chunk::{EventSpec, Notices};

/// An agent's input without threads and clocks: it looks when it is told to, and time passes when it is told to.
pub(super) struct Agent {
    pub(super) directory: tempfile::TempDir,
    pub(super) spec: FollowSpec,
    pub(super) matches: fn(&str) -> bool,
    pub(super) tracks: Arc<Tracks>,
    pub(super) notices: Notices,
    pub(super) told: Vec<Told>,
    /// What could not be read.
    pub(super) troubles: Vec<PathBuf>,
    next_generation: Arc<AtomicU64>,
    catalog: Catalog,
    lanes: BTreeMap<PathBuf, Lane>,
    listed: BTreeMap<PathBuf, FileId>,
    now: Moment,
    started_ns: i64,
    share: Share,
    /// Read and not acknowledged.
    in_flight: Vec<EventBatch>,
    /// What a crash leaves.
    stored: Vec<Left>,
}

impl Agent {
    /// An agent that collects the files of an empty directory whose names `matches` likes.
    pub(super) fn new(matches: fn(&str) -> bool) -> Self {
        let spec = FollowSpec {
            events: EventSpec::default(),
            patience: Patience {
                flush: Duration::from_secs(60),
                quiet: Duration::from_secs(2),
                lost: LOST_TIME,
                close: Duration::from_secs(60),
            },
            tail_bytes: 1 << 20,
            tailing_all: false,
            max_open_waiting: 20,
            delay: Delay::default(),
        };
        let next_generation = Arc::new(AtomicU64::new(1));
        let tracks = Arc::new(Tracks::new(Arc::clone(&next_generation)));
        let catalog = Catalog::new(Arc::new(spec.clone()), Arc::clone(&tracks), Vec::new(), None, 0);
        let directory = tempfile::tempdir().expect("a directory");
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let now = Moment { instant: Instant::now(), unix_ns: unix.as_nanos() as i64 };
        Self {
            directory,
            spec,
            matches,
            tracks,
            notices: Vec::new(),
            told: Vec::new(),
            troubles: Vec::new(),
            next_generation,
            catalog,
            lanes: BTreeMap::new(),
            listed: BTreeMap::new(),
            now,
            started_ns: now.unix_ns - 1_000_000_000,
            share: Budget::new(64 << 20).share(),
            in_flight: Vec::new(),
            stored: Vec::new(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).expect("the file");
        file.write_all(text.as_bytes()).expect("the write");
    }

    pub(super) fn open(&self, name: &str) -> File {
        OpenOptions::new().create(true).append(true).open(self.path(name)).expect("the file")
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("the rename");
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("the file is there");
    }

    pub(super) fn truncate(&self, name: &str) {
        File::options().write(true).truncate(true).open(self.path(name)).expect("the file");
    }

    pub(super) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).expect("the copy");
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.now.unix_ns += time.as_nanos() as i64;
    }

    /// Looks which files are there.
    pub(super) fn scan(&mut self) {
        let mut there = BTreeMap::new();
        for entry in fs::read_dir(self.directory.path()).expect("the directory").flatten() {
            if (self.matches)(&entry.file_name().to_string_lossy())
                && let Ok(found) = Found::open(&entry.path())
            {
                there.insert(entry.path(), found.stat.id);
            }
        }
        let appeared = there.iter().filter(|(path, id)| self.listed.get(*path) != Some(id));
        let vanished = self.listed.keys().filter(|path| !there.contains_key(*path));
        let changes = Changes {
            appeared: appeared.map(|(path, _)| path.clone()).collect(),
            vanished: vanished.cloned().collect(),
        };
        self.listed = there;
        self.update(changes);
    }

    /// Lets the catalog look again though no name has changed.
    pub(super) fn update_nothing(&mut self) {
        self.update(Changes::default());
    }

    fn update(&mut self, changes: Changes) {
        for action in self.catalog.update(changes, self.now) {
            match action {
                Action::Follow { track, found, is_copy } => {
                    let (spec, tracks) = (Arc::new(self.spec.clone()), Arc::clone(&self.tracks));
                    let lane = self.lanes.entry(track.lane.clone()).or_insert_with(|| Lane::new(spec, tracks));
                    lane.adopt(&track, found, is_copy, self.now.instant);
                }
                Action::Tell(told) => self.told.push(told),
            }
        }
    }

    /// Reads at most one chunk of each lane. Returns whether anything happened.
    pub(super) fn read_once(&mut self) -> bool {
        let mut progressed = false;
        let share = &self.share;
        self.lanes.retain(|_, lane| {
            let mut take = |bytes| share.take(bytes, Duration::ZERO);
            let advance =
                lane.advance(self.now.instant, &mut take, &mut self.notices).unwrap_or_else(|(path, error)| {
                    assert!(faults::is_any(), "{}: {error}", path.display());
                    self.troubles.push(path);
                    Advance::Idle(Duration::ZERO)
                });
            match advance {
                Advance::Batch(batch, _) => self.in_flight.push(batch),
                Advance::Again => {}
                Advance::NoBudget | Advance::Idle(_) => return true,
                Advance::Empty => return false,
            }
            progressed = true;
            true
        });
        progressed
    }

    /// Acknowledges what was read, in the order in which it was, and returns its lines.
    pub(super) fn acknowledge(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for batch in std::mem::take(&mut self.in_flight) {
            lines.extend(lines_of(&batch));
            batch.settle();
        }
        lines
    }

    /// Scans and reads all there is, acknowledges it, and returns its lines.
    pub(super) fn read_all(&mut self) -> Vec<String> {
        self.scan();
        while self.read_once() {}
        self.check_balance();
        let lines = self.acknowledge();
        self.check_balance();
        lines
    }

    /// Stores how far the files have come, and starts again from that.
    pub(super) fn restart(&mut self) {
        self.store();
        self.crash();
    }

    /// Stores how far the files have come.
    pub(super) fn store(&mut self) {
        let left = self.tracks.all().into_iter().map(|track| {
            let standing = track.standing();
            let (position, phase, ledger) = standing.to_store();
            Left {
                generation: track.generation,
                path: track.source.path.clone(),
                id: track.source.file.expect("a file"),
                birth_ns: track.birth_ns,
                position,
                ledger,
                // A time that no file has, as it is not stored.
                seen: Seen { modified_ns: i64::MIN, is_named: false, phase, ..standing.seen },
            }
        });
        self.stored = left.collect();
    }

    /// Forgets everything but what is stored, and starts again.
    pub(super) fn crash(&mut self) {
        self.tracks = Arc::new(Tracks::new(Arc::clone(&self.next_generation)));
        let alive_ns = Some(self.started_ns);
        let (spec, left) = (Arc::new(self.spec.clone()), self.stored.clone());
        self.catalog = Catalog::new(spec, Arc::clone(&self.tracks), left, alive_ns, 0);
        self.lanes.clear();
        self.listed.clear();
        self.in_flight.clear();
    }

    /// Whether a file is open, whatever becomes of its name.
    pub(super) fn holds(&self, name: &str) -> bool {
        let id = Found::open(&self.path(name)).expect("the file").stat.id;
        self.lanes.values().any(|lane| lane.holds(id))
    }

    /// Every byte of every file is somewhere.
    pub(super) fn check_balance(&self) {
        for track in self.tracks.all() {
            let balance = track.standing().balance;
            assert!(balance.is_even(), "{balance:?} of {track:?}");
        }
    }

    pub(super) fn lost_bytes(&self) -> u64 {
        self.tracks.all().iter().map(|track| track.source.progress.ledger().lost_bytes()).sum()
    }
}

/// The lines of a batch.
fn lines_of(batch: &EventBatch) -> Vec<String> {
    let values = batch.values.chunks_exact(2);
    values.map(|span| String::from_utf8_lossy(batch.slice(span[0], span[1])).into_owned()).collect()
}

/// Only the file itself.
pub(super) fn logs(name: &str) -> bool {
    name == "app.log"
}

/// The file and what it is renamed to.
pub(super) fn all(name: &str) -> bool {
    name.starts_with("app.log")
}
