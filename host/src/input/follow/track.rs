//! The files that a pipeline knows, for all who ask: readers, discovery, checkpoints, the status command.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::event::{
    Balance, DirtyList, DirtyMark, FileId, Ledger, Loss, Offset, Position, Progress, Remembered, Rest, Signature,
    Snapshot, Source,
};
use crate::input::follow::arrivals::Arrivals;
use crate::input::follow::find::Found;
use crate::input::follow::related;
use crate::input::stat::Stat;

/// One content of one file: what is written to it from its making, or from its truncation, on.
#[derive(Debug)]
pub struct Track {
    /// Tells it from all others that the agent ever followed. Larger ones are newer.
    pub generation: u64,
    /// The path whose files it is one of: its own, or the one that it was renamed from.
    pub lane: PathBuf,
    /// The path under which it was found, which file it is, and how far it has come.
    pub source: Arc<Source>,
    /// When the file was made, in Unix nanoseconds, where the file system says so.
    pub birth_ns: Option<i64>,
    state: Mutex<State>,
    /// Set when anything of it has changed that a later agent is to know.
    dirty: Arc<DirtyMark>,
}

/// What of a track changes, but for how far it was read.
#[derive(Debug)]
struct State {
    seen: Seen,
    arrivals: Arrivals,
}

/// What was last seen of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The path that leads to it, or did so last.
    pub real_path: PathBuf,
    /// That path is one that is looked for, and leads to it.
    pub is_named: bool,
    /// Its first bytes.
    pub head: Signature,
    /// Its length in bytes.
    pub len: Offset,
    /// When it was last written to, in Unix nanoseconds.
    pub modified_ns: i64,
    /// What is done with it.
    pub phase: Phase,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It was there before the agent, and is not read until it is written to.
    Untouched,
    /// It is read, as soon as it has something new.
    Followed,
    /// It was read to its end and will not grow: it was renamed, deleted or truncated.
    Finished,
}

/// What is known of a file at one moment.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What was last seen of it.
    pub seen: Seen,
    /// Below this, everything is done with.
    pub committed: Position,
    /// Where its bytes are.
    pub balance: Balance,
    /// When the oldest byte was first seen that is not done with.
    pub waiting_since: Option<Instant>,
    /// What a later agent is to know instead of the committed position and the ledger, since processors remember.
    settled: Option<(Position, Ledger)>,
}

impl Standing {
    /// What a later agent is to know of it. What is on its way has to be read again if this one ends before it arrives, of a
    /// file that is finished too.
    pub fn to_store(&self) -> (Position, Phase, Ledger) {
        let (position, mut ledger) =
            self.settled.clone().unwrap_or_else(|| (self.committed, self.balance.ledger.clone()));
        let is_finished = self.seen.phase == Phase::Finished;
        if self.settled.is_none() && !(is_finished && self.balance.in_flight > 0) {
            return (position, self.seen.phase, ledger);
        }
        // What was given up behind the position is to be looked for again.
        ledger.regain(ledger.settled_bytes() - position.offset.0);
        (position, if is_finished { Phase::Followed } else { self.seen.phase }, ledger)
    }
}

impl Track {
    /// What was last seen of it.
    pub fn seen(&self) -> Seen {
        self.lock().seen.clone()
    }

    /// Asks what was last seen of it, without a copy of that.
    pub fn ask<T>(&self, question: impl FnOnce(&Seen) -> T) -> T {
        question(&self.lock().seen)
    }

    /// Changes what was seen of it.
    pub fn see(&self, change: impl FnOnce(&mut Seen)) {
        self.change(|state| {
            change(&mut state.seen);
            self.note_arrivals(state);
        });
    }

    /// Notes what a look at the file showed. One that is finished is followed again if there is more to read.
    pub fn look(&self, stat: &Stat, head: Signature) {
        self.change(|state| {
            let seen = &mut state.seen;
            seen.head = head;
            seen.modified_ns = stat.modified_ns;
            if seen.phase == Phase::Finished && stat.len <= self.source.progress.read_to() {
                // What was given up behind that was there all the same.
                return;
            }
            if seen.phase == Phase::Finished {
                seen.phase = Phase::Followed;
                self.source.progress.regain();
            }
            seen.len = stat.len;
            self.note_arrivals(state);
        });
    }

    /// Says that there is more to read of it after all.
    pub fn revive(&self) {
        self.change(|state| {
            if std::mem::replace(&mut state.seen.phase, Phase::Followed) == Phase::Finished {
                self.source.progress.regain();
            }
        });
    }

    /// Says that reading begins at a position, in a file that was untouched until now.
    ///
    /// All at once: a position that is stored without its phase would be begun again behind what was written meanwhile.
    pub fn touch(&self, position: Position, stat: &Stat, head: Signature) {
        self.change(|state| {
            if position.offset > self.source.progress.read_to() {
                self.source.progress.skip(position, Loss::SkippedTail);
            }
            let seen = &mut state.seen;
            (seen.phase, seen.head, seen.len) = (Phase::Followed, head, stat.len);
            self.note_arrivals(state);
        });
    }

    /// Says that it will not grow any more, and gives up what was not read of it. Returns how many bytes those are.
    pub fn finish(&self, cause: Loss) -> u64 {
        self.change(|state| {
            if std::mem::replace(&mut state.seen.phase, Phase::Finished) == Phase::Finished {
                return 0;
            }
            self.source.progress.give_up(state.seen.len, cause, false)
        })
    }

    /// Whether that is its file, and not another one with its number.
    pub fn is_of(&self, stat: &Stat) -> bool {
        self.source.file == Some(stat.id) && self.birth_ns == stat.birth_ns
    }

    /// What is done with it.
    pub fn phase(&self) -> Phase {
        self.lock().seen.phase
    }

    /// Whether it has the name that all files of its lane had first, so that none of them is newer.
    pub fn is_current(&self) -> bool {
        let state = self.lock();
        state.seen.is_named && state.seen.real_path == self.lane
    }

    /// What is known of it at one moment, whatever others do meanwhile.
    ///
    /// What must hold: its balance is even. For that, whoever reads has the length seen before, and whoever changes length or
    /// phase together with the ledger does so under the lock that is held here.
    pub fn standing(&self) -> Standing {
        let state = self.lock();
        let Snapshot { committed, read_to, ledger, settled } = self.source.progress.snapshot();
        let rest = match state.seen.phase {
            Phase::Untouched => Rest::Untouched,
            Phase::Followed => Rest::Unread,
            Phase::Finished => Rest::Settled,
        };
        let balance = Balance::of_file(state.seen.len, read_to, committed.offset, rest, ledger);
        let waiting_since = state.arrivals.oldest(committed.offset).filter(|_| balance.lag_bytes() > 0);
        Standing { seen: state.seen.clone(), committed, balance, waiting_since, settled }
    }

    fn note_arrivals(&self, state: &mut State) {
        if state.arrivals.longest() < state.seen.len {
            state.arrivals.note(state.seen.len, self.source.progress.committed().offset, Instant::now());
        }
    }

    /// Says that what changed of it is not saved yet.
    pub fn mark_dirty(&self) {
        self.dirty.set();
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.mark_dirty();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tracks of a pipeline.
#[derive(Debug)]
pub struct Tracks {
    next_generation: Arc<AtomicU64>,
    known: Mutex<Known>,
    /// The generations of those that have changed since [`Self::take_dirty`] was called last.
    dirty: Arc<DirtyList>,
    /// Held while it is decided whether a file is begun.
    beginning: Mutex<()>,
    /// Of what is read, only what was read before a mark is stored, since processors remember what they have seen.
    with_marks: bool,
    /// What they remembered at the mark that is not reached yet.
    marked: Mutex<Option<Marked>>,
}

/// A mark that is not settled.
#[derive(Debug)]
struct Marked {
    since: Instant,
    /// What processors remembered by then.
    remembered: Vec<Remembered>,
}

#[derive(Debug, Default)]
struct Known {
    by_generation: BTreeMap<u64, Arc<Track>>,
    /// The newest of each file.
    newest: HashMap<FileId, Arc<Track>>,
    /// The lanes of files that were truncated, in which copies may have to be looked for, and paths that lead to other files
    /// which have the same number.
    disturbed: Vec<PathBuf>,
}

impl Tracks {
    /// No tracks yet. Generations are taken from a number that all pipelines share.
    pub fn new(next_generation: Arc<AtomicU64>) -> Self {
        Self {
            next_generation,
            known: Mutex::default(),
            dirty: Arc::default(),
            beginning: Mutex::default(),
            with_marks: false,
            marked: Mutex::default(),
        }
    }

    /// As [`Self::new`], for processors that remember: what is stored of each file is what was done with at a mark.
    pub fn with_marks(next_generation: Arc<AtomicU64>) -> Self {
        Self { with_marks: true, ..Self::new(next_generation) }
    }

    /// Whether what is stored waits for marks.
    pub fn has_marks(&self) -> bool {
        self.with_marks
    }

    /// Sets a mark in all files, behind all that was read, which is what processors remember by now. One that was not reached
    /// yet does not count any more.
    pub fn mark(&self, remembered: Vec<Remembered>) {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        self.all().iter().for_each(|track| track.source.progress.mark());
        *marked = Some(Marked { since: Instant::now(), remembered });
    }

    /// Whether a mark is not reached yet, or was not settled.
    pub fn is_marked(&self) -> bool {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// If everything below the mark is done with, in all files, has that be what is stored from now on, together with what
    /// processors remembered.
    pub fn settle_mark(&self) -> Option<Vec<Remembered>> {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        let tracks = self.all();
        let is_reached = tracks.iter().all(|track| track.source.progress.has_reached_mark());
        let Marked { remembered, .. } = marked.take_if(|_| is_reached)?;
        tracks.iter().for_each(|track| track.source.progress.settle_mark());
        Some(remembered)
    }

    /// Since when a mark is waited for, and a file that has not reached it.
    pub fn held_back(&self) -> Option<(Instant, Arc<Track>)> {
        let since = self.marked.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.since;
        let behind = self.all().into_iter().find(|track| !track.source.progress.has_reached_mark());
        behind.map(|track| (since, track))
    }

    /// Begins to track a file that was not known, or a new content of one that was.
    pub fn begin(
        &self,
        path: PathBuf,
        lane: PathBuf,
        real_path: PathBuf,
        stat: &Stat,
        head: Signature,
        phase: Phase,
    ) -> Arc<Track> {
        let seen = Seen { real_path, is_named: true, head, len: stat.len, modified_ns: stat.modified_ns, phase };
        self.resume(self.next_generation(), lane, Source::new(path, Some(stat.id)), stat.birth_ns, seen)
    }

    /// The generation that no track has reached yet.
    pub fn upcoming(&self) -> u64 {
        self.next_generation.load(Ordering::Relaxed)
    }

    /// As [`Self::begin`], unless somebody has begun the file in a generation from `since` on, which is when it was decided to
    /// begin. Readers and who looks at paths may find the same new file at the same time.
    #[expect(clippy::too_many_arguments, reason = "they are those of `begin`, and the condition")]
    pub fn begin_unless_begun(
        &self,
        since: u64,
        path: PathBuf,
        lane: PathBuf,
        real_path: PathBuf,
        stat: &Stat,
        head: Signature,
        phase: Phase,
    ) -> Option<Arc<Track>> {
        let _begin = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let is_begun = self.newest_of(stat.id).is_some_and(|newest| newest.generation >= since);
        (!is_begun).then(|| self.begin(path, lane, real_path, stat, head, phase))
    }

    /// Knows a copy of a file, whose bytes are those of the original.
    pub fn begin_copy(&self, lane: PathBuf, copy: &Found, head: Signature) -> Arc<Track> {
        let Stat { id, birth_ns, len, modified_ns, .. } = copy.stat;
        let ledger = Ledger { copied: len.0, ..Ledger::default() };
        let position = Position { offset: len, ..Position::default() };
        let source = Source::resumed(copy.path.clone(), Some(id), Progress::new(position, ledger));
        let real_path = copy.path.clone();
        let seen = Seen { real_path, is_named: true, head, len, modified_ns, phase: Phase::Finished };
        self.resume(self.next_generation(), lane, source, birth_ns, seen)
    }

    fn next_generation(&self) -> u64 {
        self.next_generation.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes up a track that an earlier agent has left.
    pub fn resume(
        &self,
        generation: u64,
        lane: PathBuf,
        mut source: Source,
        birth_ns: Option<i64>,
        seen: Seen,
    ) -> Arc<Track> {
        source.generation = generation;
        source.lane = lane_number(&lane);
        let mut arrivals = Arrivals::default();
        arrivals.note(seen.len, source.progress.committed().offset, Instant::now());
        let state = Mutex::new(State { seen, arrivals });
        let dirty = Arc::new(DirtyMark::new(generation, Arc::clone(&self.dirty)));
        source.progress.mark_changes(Arc::clone(&dirty));
        if self.with_marks {
            source.progress.keep_marks();
        }
        self.insert(Track { generation, lane, source: Arc::new(source), birth_ns, state, dirty })
    }

    fn insert(&self, track: Track) -> Arc<Track> {
        let track = Arc::new(track);
        let mut known = self.lock();
        known.by_generation.insert(track.generation, Arc::clone(&track));
        if let Some(id) = track.source.file {
            let newest = known.newest.entry(id).or_insert_with(|| Arc::clone(&track));
            if newest.generation < track.generation {
                *newest = Arc::clone(&track);
            }
        }
        drop(known);
        // Whoever takes what has changed finds it from now on.
        track.mark_dirty();
        track
    }

    /// The tracks that are new or have changed since the last call, as they are from now on: what changes later is in the
    /// next answer. Some may have become what they were.
    pub fn take_dirty(&self) -> Vec<Arc<Track>> {
        let generations = self.dirty.take();
        let known = self.lock();
        let dirty = generations.iter().filter_map(|generation| known.by_generation.get(generation));
        dirty.inspect(|track| track.dirty.clear()).cloned().collect()
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Arc<Track>> {
        self.lock().by_generation.values().cloned().collect()
    }

    /// The track of a generation.
    pub fn of_generation(&self, generation: u64) -> Option<Arc<Track>> {
        self.lock().by_generation.get(&generation).cloned()
    }

    /// The newest track of a file.
    pub fn newest_of(&self, id: FileId) -> Option<Arc<Track>> {
        self.lock().newest.get(&id).cloned()
    }

    /// Whether a file is tracked, and not just another one that had its number.
    pub fn knows(&self, stat: &Stat) -> bool {
        self.newest_of(stat.id).is_some_and(|track| track.birth_ns == stat.birth_ns)
    }

    /// Whether a file is known as the copy of another one.
    pub fn has_copy(&self, stat: &Stat) -> bool {
        let track = self.newest_of(stat.id).filter(|track| track.birth_ns == stat.birth_ns);
        track.is_some_and(|track| track.source.progress.ledger().copied > 0)
    }

    /// Says that a file of a lane was truncated, or that a path leads to another file with the same number: between two looks,
    /// that may have been more than once.
    pub fn note_disturbed(&self, path: PathBuf) {
        self.lock().disturbed.push(path);
    }

    /// Whether [`Self::take_disturbed`] has something.
    pub fn has_disturbed(&self) -> bool {
        !self.lock().disturbed.is_empty()
    }

    /// The lanes and paths that were noted since the last call.
    pub fn take_disturbed(&self) -> Vec<PathBuf> {
        std::mem::take(&mut self.lock().disturbed)
    }

    /// Forgets a track.
    pub fn remove(&self, generation: u64) {
        let mut known = self.lock();
        let removed = known.by_generation.remove(&generation);
        if let Some(id) = removed.and_then(|track| track.source.file)
            && known.newest.get(&id).is_some_and(|newest| newest.generation == generation)
        {
            known.newest.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that a lane shares with those that rotation makes of it: a file that was renamed while nobody looked may be a lane of
/// its own, and what was read of it before must still arrive first.
fn lane_number(lane: &Path) -> u64 {
    let name = lane.file_name().unwrap_or_default().as_bytes();
    let mut hasher = DefaultHasher::new();
    (lane.parent(), related::stem(name)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
