//! Stores how far files have come, again and again, on a thread of its own.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::checkpoint::{Entry, State, Store, is_expired};
use crate::input::follow::catalog::Left;
use crate::input::follow::track::{Phase, Seen, Standing, Track, Tracks};
use crate::input::stat::Stat;
use crate::telemetry::alarm::{Alarm, Alarms};
use crate::telemetry::chain;

/// The checkpoints of all pipelines.
pub(super) struct Checkpoints {
    pub(super) store: Store,
    pub(super) pipelines: Vec<(String, Arc<Tracks>)>,
    /// What is in the store.
    pub(super) saved: HashMap<u64, Entry>,
    pub(super) interval: Duration,
    /// Closed when nothing will change any more.
    pub(super) stop: Receiver<Infallible>,
    pub(super) alarms: Arc<Alarms>,
}

impl Checkpoints {
    /// Runs until nothing will change any more, and saves that.
    pub(super) fn run(mut self) {
        let mut rounds = 0_u64;
        while self.stop.recv_timeout(self.interval) == Err(RecvTimeoutError::Timeout) {
            rounds += 1;
            self.save(rounds.is_multiple_of(EXPIRY_ROUNDS));
        }
        self.save(false);
    }

    fn save(&mut self, with_expiry: bool) {
        let now = unix_seconds();
        let mut changed = Vec::new();
        for (pipeline, tracks) in &self.pipelines {
            for track in tracks.all() {
                if !self.saved.get(&track.generation).is_some_and(|saved| is_current(saved, &track)) {
                    changed.push(entry(pipeline, &track, now));
                }
            }
        }
        let expired = if with_expiry { self.expired(now, &changed) } else { Vec::new() };
        if let Err(error) = self.store.save(&changed, &expired, now) {
            // What is not in `saved` is tried again.
            return self.alarms.raise(&Alarm {
                kind: "CHECKPOINT_ALARM".to_owned(),
                pipeline: String::new(),
                part: "checkpoint".to_owned(),
                place: None,
                message: format!(
                    "cannot save how far files have come: {}; trying again. If the agent ends before that works, lines are sent twice",
                    chain(&error)
                ),
                occurrences: 1,
            });
        }
        for (_, tracks) in &self.pipelines {
            expired.iter().for_each(|generation| tracks.remove(*generation));
        }
        self.saved.retain(|generation, _| !expired.contains(generation));
        self.saved.extend(changed.into_iter().map(|entry| (entry.generation, entry)));
    }

    /// Files that are gone for long. Those of pipelines that do not run are kept as long.
    fn expired(&self, now: i64, changed: &[Entry]) -> Vec<u64> {
        let changed: HashSet<u64> = changed.iter().map(|entry| entry.generation).collect();
        let candidates = self.saved.values().filter(|entry| !changed.contains(&entry.generation));
        let expired =
            candidates.filter(|entry| is_expired(entry, now, false) && is_expired(entry, now, entry_exists(entry)));
        expired.map(|entry| entry.generation).collect()
    }
}

/// Whether a path still leads to the file.
fn entry_exists(entry: &Entry) -> bool {
    let stat = std::fs::metadata(&entry.real_path).map(|metadata| Stat::of(&metadata));
    stat.is_ok_and(|stat| stat.id == entry.id && stat.birth_ns == entry.birth_ns)
}

/// Whether that is what is to be stored of a file still. Makes no copy, since most files rest.
fn is_current(saved: &Entry, track: &Track) -> bool {
    let (position, _, ledger) = track.source.progress.snapshot();
    // A generation has one pipeline, path and file.
    let is_read_so_far = saved.position == position && saved.ledger == ledger && saved.birth_ns == track.birth_ns;
    is_read_so_far
        && track.ask(|seen| {
            let is_same = saved.len == seen.len && saved.head == seen.head && saved.state == state(seen.phase);
            is_same && saved.real_path == seen.real_path
        })
}

/// What is stored of a file.
fn entry(pipeline: &str, track: &Track, updated: i64) -> Entry {
    let standing = track.standing();
    let (phase, ledger) = standing.to_store();
    let Standing { seen, committed: position, .. } = standing;
    Entry {
        generation: track.generation,
        pipeline: pipeline.to_owned(),
        path: track.source.path.clone(),
        real_path: seen.real_path,
        id: track.source.file.expect("a track is of a file"),
        birth_ns: track.birth_ns,
        head: seen.head,
        position,
        len: seen.len,
        updated,
        state: state(phase),
        ledger,
    }
}

fn state(phase: Phase) -> State {
    match phase {
        Phase::Untouched => State::Untouched,
        Phase::Followed => State::Followed,
        Phase::Finished => State::Finished,
    }
}

/// What an earlier agent has left of a file.
pub(super) fn left(entry: Entry) -> Left {
    let Entry { generation, path, real_path, id, birth_ns, head, position, len, state, ledger, .. } = entry;
    let phase = match state {
        State::Untouched => Phase::Untouched,
        State::Followed => Phase::Followed,
        State::Finished => Phase::Finished,
    };
    // A time that no file has: it is looked at anew.
    let seen = Seen { real_path, is_named: false, head, len, modified_ns: i64::MIN, phase };
    Left { generation, path, id, birth_ns, position, ledger, seen }
}

fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64)
}

/// After so many rounds it is looked what is gone for long.
const EXPIRY_ROUNDS: u64 = 60;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::event::{FileId, Loss, Offset, Position, Signature};

    #[test]
    fn a_file_is_stored_as_finished_when_nothing_of_it_is_on_its_way() {
        let stat =
            Stat { id: FileId { device: 1, inode: 2 }, birth_ns: None, len: Offset(100), modified_ns: 0, links: 1 };
        let tracks = Tracks::new(Arc::new(AtomicU64::new(1)));
        let path = std::path::PathBuf::from("app.log");
        let track = tracks.begin(path.clone(), path.clone(), path, &stat, Signature::default(), Phase::Followed);
        track.source.progress.begin(Offset(0), Position { offset: Offset(60), ..Position::default() });
        track.finish(Loss::DeletedUnread);
        let saved = entry("app", &track, 0);
        assert_eq!((saved.state, saved.position.offset, saved.ledger.settled_bytes()), (State::Followed, Offset(0), 0));
        track.source.progress.end(Offset(0), 0, 0);
        let saved = entry("app", &track, 0);
        assert_eq!(
            (saved.state, saved.position.offset, saved.ledger.settled_bytes()),
            (State::Finished, Offset(60), 100)
        );
    }
}
