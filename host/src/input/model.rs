//! Drives catalog and lanes over real files as an agent does, and checks them against what was written.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::catalog::{Action, Catalog, Changes, Left, Moment, Told};
use super::chunk::{EventSpec, Notice, Notices};
use super::find::Found;
use super::follow::FollowSpec;
use super::lane::{Advance, Lane};
use super::tail::{LOST_TIME, Patience};
use super::track::{Phase, Tracks};
use crate::event::{Budget, EventBatch, FileId, Share};

/// An agent's input without threads and clocks: it looks when it is told to, and time passes when it is told to.
pub(super) struct Agent {
    pub(super) directory: tempfile::TempDir,
    pub(super) spec: FollowSpec,
    pub(super) matches: fn(&str) -> bool,
    pub(super) tracks: Arc<Tracks>,
    pub(super) notices: Notices,
    pub(super) told: Vec<Told>,
    next_generation: Arc<AtomicU64>,
    catalog: Catalog,
    lanes: BTreeMap<PathBuf, Lane>,
    listed: BTreeMap<PathBuf, FileId>,
    now: Moment,
    started_ns: i64,
    share: Share,
    /// Read and not acknowledged.
    in_flight: Vec<EventBatch>,
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
            next_generation,
            catalog,
            lanes: BTreeMap::new(),
            listed: BTreeMap::new(),
            now,
            started_ns: now.unix_ns - 1_000_000_000,
            share: Budget::new(64 << 20).share(),
            in_flight: Vec::new(),
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
            let advance = lane.advance(self.now.instant, &mut take, &mut self.notices).expect("no trouble");
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
            let values = batch.values.chunks_exact(2);
            lines.extend(values.map(|span| String::from_utf8_lossy(batch.slice(span[0], span[1])).into_owned()));
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

    /// Forgets everything but what is stored, as a crash does, and starts again.
    pub(super) fn restart(&mut self) {
        let left = self.tracks.all().into_iter().map(|track| {
            let (position, _, ledger) = track.source.progress.snapshot();
            Left {
                generation: track.generation,
                path: track.source.path.clone(),
                id: track.source.file.expect("a file"),
                birth_ns: track.birth_ns,
                position,
                ledger,
                seen: track.seen(),
            }
        });
        let left = left.collect();
        self.tracks = Arc::new(Tracks::new(Arc::clone(&self.next_generation)));
        let alive_ns = Some(self.started_ns);
        self.catalog = Catalog::new(Arc::new(self.spec.clone()), Arc::clone(&self.tracks), left, alive_ns, 0);
        self.lanes.clear();
        self.listed.clear();
        self.in_flight.clear();
    }

    /// Every byte of every file is somewhere.
    pub(super) fn check_balance(&self) {
        for track in self.tracks.all() {
            let balance = track.balance();
            assert!(balance.is_even(), "{:?} of {track:?}", balance);
        }
    }

    pub(super) fn lost_bytes(&self) -> u64 {
        self.tracks.all().iter().map(|track| track.source.progress.ledger().lost_bytes()).sum()
    }
}

fn logs(name: &str) -> bool {
    name == "app.log"
}

fn all(name: &str) -> bool {
    name.starts_with("app.log")
}

#[test]
fn a_file_is_followed_from_its_first_byte_on() {
    let mut agent = Agent::new(logs);
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log", "one\ntw");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "o\n");
    assert_eq!(agent.read_all(), ["two"]);
}

#[test]
fn a_renamed_file_is_finished_before_the_next_is_begun() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "three\n");
        assert_eq!(agent.read_all(), ["two", "three"]);
        // Written by a program that still has it open.
        agent.append("app.log.1", "late\n");
        agent.pass(Duration::from_secs(1));
        assert_eq!(agent.read_all(), ["late"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_line_that_is_cut_by_a_rename_is_waited_for() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntw");
    assert_eq!(agent.read_all(), ["one"]);
    agent.rename("app.log", "app.log.1");
    agent.append("app.log", "three\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.append("app.log.1", "o\n");
    assert_eq!(agent.read_all(), ["two", "three"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        for line in ["2\n", "3\n", "4\n"] {
            agent.append("app.log", line);
            for (from, to) in [("app.log.2", "app.log.3"), ("app.log.1", "app.log.2"), ("app.log", "app.log.1")] {
                if agent.path(from).exists() {
                    agent.rename(from, to);
                }
            }
        }
        agent.append("app.log", "5\n");
        assert_eq!(agent.read_all(), ["2", "3", "4", "5"]);
    }
}

#[test]
fn rotations_while_the_agent_is_stopped_lose_nothing() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "3\n");
        agent.rename("app.log.1", "app.log.2");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "4\n");
        agent.restart();
        assert_eq!(agent.read_all(), ["2", "3", "4"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn what_was_read_and_not_acknowledged_is_read_again() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.scan();
    while agent.read_once() {}
    agent.restart();
    assert_eq!(agent.read_all(), ["two"]);
}

#[test]
fn a_partial_line_across_a_restart_is_not_completed_twice() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "abc");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), ["abc"]);
    agent.restart();
    agent.append("app.log", "\ndef\n");
    assert_eq!(agent.read_all(), ["def"]);
}

#[test]
fn a_truncated_file_is_read_from_its_start_and_what_was_unread_is_counted() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.truncate("app.log");
    agent.append("app.log", "new\n");
    assert_eq!(agent.read_all(), ["new"]);
    assert_eq!(agent.lost_bytes(), 0);
    assert!(matches!(agent.notices[0].1, Notice::Truncated { lost_bytes: 0 }));
}

#[test]
fn a_file_that_was_truncated_and_has_grown_beyond_where_it_was_is_noticed() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.truncate("app.log");
    agent.append("app.log", "one\nTWO\nthree\nfour\n");
    assert_eq!(agent.read_all(), ["one", "TWO", "three", "four"]);
}

#[test]
fn a_copy_is_finished_before_what_comes_after_the_truncation() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.1");
        agent.scan();
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        assert_eq!(agent.read_all(), ["two"]);
        agent.pass(Duration::from_secs(2));
        assert_eq!(agent.read_all(), ["three"]);
        agent.pass(Duration::from_secs(60));
        assert_eq!(agent.read_all(), [""; 0], "the copy is no file of its own");
        assert_eq!(agent.lost_bytes(), 0);
        agent.restart();
        assert_eq!(agent.read_all(), [""; 0], "nor is it after a restart");
    }
}

#[test]
fn a_copy_that_was_made_while_the_agent_was_stopped_is_finished() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.copy("app.log", "app.log.1");
    agent.truncate("app.log");
    agent.append("app.log", "three\n");
    agent.restart();
    assert_eq!(agent.read_all(), ["two"]);
    agent.pass(Duration::from_secs(2));
    assert_eq!(agent.read_all(), ["three"]);
}

#[test]
fn the_copy_of_a_file_that_was_truncated_again_is_finished_after_a_restart() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        agent.scan();
        while agent.read_once() {}
        // Now both contents of the file are known, and neither is done with.
        agent.restart();
        assert_eq!(agent.read_all(), ["two"]);
        agent.pass(Duration::from_secs(2));
        assert_eq!(agent.read_all(), ["three"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_copy_of_which_nothing_was_seen_comes_before_what_was_written_since() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "one\n");
        assert_eq!(agent.read_all(), ["one"]);
        agent.append("app.log", "two\n");
        agent.copy("app.log", "app.log.2");
        agent.truncate("app.log");
        agent.append("app.log", "three\n");
        // Nothing of it was seen when it was copied, too.
        agent.copy("app.log", "app.log.1");
        agent.truncate("app.log");
        agent.append("app.log", "four\n");
        agent.restart();
        let mut lines = agent.read_all();
        for _ in 0..2 {
            agent.pass(Duration::from_secs(2));
            lines.extend(agent.read_all());
        }
        assert_eq!(lines, ["two", "three", "four"]);
        assert_eq!(agent.lost_bytes(), 0);
    }
}

#[test]
fn a_short_file_that_was_rotated_is_not_taken_for_the_beginning_of_a_copy() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", &("x".repeat(2000) + "\n"));
        assert_eq!(agent.read_all().len(), 1);
        agent.rename("app.log", "app.log.2");
        agent.append("app.log", "short\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "next\n");
        assert_eq!(agent.read_all(), ["short", "next"]);
    }
}

#[test]
fn a_file_that_was_made_and_rotated_while_its_path_led_nowhere_is_read() {
    for matches in [logs, all] {
        let mut agent = Agent::new(matches);
        agent.append("app.log", "1\n");
        assert_eq!(agent.read_all(), ["1"]);
        agent.rename("app.log", "app.log.2");
        agent.scan();
        agent.append("app.log", "2\n");
        agent.rename("app.log", "app.log.1");
        agent.append("app.log", "3\n");
        assert_eq!(agent.read_all(), ["2", "3"]);
    }
}

#[test]
fn a_file_that_was_missed_when_a_newer_one_was_found_is_read() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "1\n");
    assert_eq!(agent.read_all(), ["1"]);
    agent.rename("app.log", "app.log.2");
    agent.append("app.log", "2\n");
    // Not where it is looked for, as if it were renamed while its directory was listed.
    agent.rename("app.log", "elsewhere");
    agent.append("app.log", "3\n");
    assert_eq!(agent.read_all(), ["3"]);
    agent.rename("elsewhere", "app.log.1");
    agent.rename("app.log", "app.log.0");
    agent.append("app.log", "4\n");
    assert_eq!(agent.read_all(), ["2", "4"]);
}

#[test]
fn what_looks_like_a_copy_and_is_none_is_read_after_a_while() {
    let mut agent = Agent::new(all);
    agent.append("app.log", "header\n");
    assert_eq!(agent.read_all(), ["header"]);
    agent.append("app.log.1", "header\nother\n");
    assert_eq!(agent.read_all(), [""; 0]);
    agent.pass(Duration::from_secs(10));
    assert_eq!(agent.read_all(), ["header", "other"]);
}

#[test]
fn a_file_with_the_same_first_bytes_as_another_is_not_taken_for_it() {
    let mut agent = Agent::new(all);
    let header = "x".repeat(1500) + "\n";
    agent.append("app.log", &header);
    agent.append("app.log.web", &header);
    assert_eq!(agent.read_all().len(), 2);
    agent.restart();
    agent.append("app.log.web", "more\n");
    assert_eq!(agent.read_all(), ["more"]);
}

#[test]
fn a_file_that_is_deleted_while_it_is_read_is_read_to_its_end() {
    let mut agent = Agent::new(logs);
    let mut file = agent.open("app.log");
    agent.append("app.log", "one\n");
    assert_eq!(agent.read_all(), ["one"]);
    agent.append("app.log", "two\n");
    agent.remove("app.log");
    assert_eq!(agent.read_all(), ["two"]);
    writeln!(file, "three").expect("the write");
    assert_eq!(agent.read_all(), ["three"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    assert!(agent.tracks.all().iter().all(|track| track.phase() == Phase::Finished));
    assert_eq!(agent.lost_bytes(), 0);
}

#[test]
fn a_file_that_was_deleted_while_the_agent_was_stopped_is_counted_as_lost() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    agent.scan();
    while agent.read_once() {}
    agent.remove("app.log");
    agent.restart();
    assert_eq!(agent.read_all(), [""; 0]);
    assert_eq!(agent.lost_bytes(), 8);
}

#[test]
fn a_new_file_on_a_reused_inode_is_read_from_its_start() {
    let mut agent = Agent::new(logs);
    agent.append("app.log", "one\ntwo\n");
    assert_eq!(agent.read_all(), ["one", "two"]);
    agent.pass(Duration::from_secs(60));
    assert_eq!(agent.read_all(), [""; 0]);
    // Closed by now, so that its number is free again; many file systems take it for the next file.
    agent.remove("app.log");
    agent.append("app.log", "one\ntwo\nthree\n");
    assert_eq!(agent.read_all(), ["one", "two", "three"]);
}

#[test]
fn a_file_that_was_there_already_is_begun_near_its_end_or_when_it_is_written_to() {
    let mut agent = Agent::new(all);
    let line = "x".repeat(1023) + "\n";
    agent.append("app.log", &line.repeat(1500));
    agent.append("app.log.2", "old\n");
    agent.now.unix_ns = Found::open(&agent.path("app.log")).expect("the file").stat.modified_ns;
    let hours_ago = SystemTime::now() - Duration::from_secs(7200);
    agent.open("app.log.2").set_modified(hours_ago).expect("the time");
    assert_eq!(agent.read_all().len(), 1024);
    assert_eq!(agent.lost_bytes(), 476 * 1024);
    agent.append("app.log.2", "new\n");
    agent.pass(Duration::from_secs(5));
    assert_eq!(agent.read_all(), ["old", "new"]);
}
