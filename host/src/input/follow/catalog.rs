//! Decides for each file that appears which one it is: a new one, one that was renamed, one that an earlier agent has left
//! half read, or the copy of another.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{FileId, Loss, Offset, Position, Progress, Signature, Source};
use crate::input::follow::begin;
use crate::input::follow::disk;
use crate::input::follow::find::{self, Found, Whereabouts};
use crate::input::follow::first::{FirstRead, first_read};
use crate::input::follow::follower::FollowSpec;
use crate::input::follow::identity::Match;
use crate::input::follow::left::Left;
use crate::input::follow::related::{age_rank, bases, is_compressed_name};
use crate::input::follow::track::{Phase, Seen, Track, Tracks};
use crate::input::stat::Stat;

/// The files of one pipeline, by identity.
#[derive(Debug)]
pub struct Catalog {
    spec: Arc<FollowSpec>,
    tracks: Arc<Tracks>,
    /// What an earlier agent has left and was not found yet. After the first scan, what could not be looked for.
    left: Vec<Left>,
    /// Since when files are watched, in Unix nanoseconds: by the earlier agent, if there was one.
    watched_ns: Option<i64>,
    /// When the earlier agent was there last, in Unix nanoseconds. `None` if there was none.
    alive_ns: Option<i64>,
    /// Below how many levels of directories a renamed file is looked for.
    search_depth: u64,
    /// The paths that are there and match.
    paths: HashSet<PathBuf>,
    /// The paths that files are collected under.
    lanes: HashSet<PathBuf>,
    /// Those of them that an earlier agent collected.
    old_lanes: HashSet<PathBuf>,
    /// Files that look like copies of others: it is waited whether those are truncated.
    copies: Vec<(PathBuf, Instant)>,
    /// Files that could not be opened.
    unopened: HashSet<PathBuf>,
    /// Lanes whose directories could not be looked at.
    unlisted: HashSet<PathBuf>,
    /// When all that waits is to be looked at again.
    retry: Option<Instant>,
    /// What others have begun from this generation on was not known when it was decided what to begin.
    since: u64,
    is_first_scan: bool,
}

/// What changed among the paths that match.
#[derive(Debug, Default)]
pub struct Changes {
    /// Paths that lead to a file, and did not, or did to another one.
    pub appeared: Vec<PathBuf>,
    /// Paths that lead to no file any more.
    pub vanished: Vec<PathBuf>,
}

/// One moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For what takes time.
    pub instant: Instant,
    /// In Unix nanoseconds, for what has a date.
    pub unix_ns: i64,
}

/// What is to be done about a file.
#[derive(Debug)]
pub enum Action {
    /// It is to be followed, in the lane of its path.
    Follow {
        /// What is known of it.
        track: Arc<Track>,
        /// The file, if it was opened.
        found: Option<Found>,
        /// It is the copy of the one that is tracked.
        is_copy: bool,
    },
    /// A person should hear of it.
    Tell(Told),
}

/// What a person should hear of.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// A file cannot be opened.
    CannotOpen(PathBuf, String),
    /// The first bytes of a file that was there already are skipped.
    SkippedTail(PathBuf, u64),
    /// A file that was left half read is gone.
    Gone(PathBuf, u64, Loss),
    /// A file goes on where an earlier agent stopped.
    Resumed(PathBuf, Offset),
    /// There is no file to begin with.
    NothingYet,
}

impl Catalog {
    /// A catalog of no files yet. `left` is what an earlier agent has left, which was there at `alive_ns` last.
    pub fn new(
        spec: Arc<FollowSpec>,
        tracks: Arc<Tracks>,
        left: Vec<Left>,
        alive_ns: Option<i64>,
        search_depth: u64,
    ) -> Self {
        // Known before any of them is found: one may have another name by now, and its lane none at all.
        let lanes = left.iter().map(|left| left.path.clone()).collect();
        Self {
            spec,
            tracks,
            left,
            alive_ns,
            watched_ns: None,
            search_depth,
            paths: HashSet::new(),
            lanes,
            old_lanes: HashSet::new(),
            copies: Vec::new(),
            unopened: HashSet::new(),
            unlisted: HashSet::new(),
            retry: None,
            since: 0,
            is_first_scan: true,
        }
    }

    /// Whether a path leads to a file that is known under it.
    pub fn knows(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// The paths that lead to a file.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter()
    }

    /// Whether [`Self::update`] has something to do.
    pub fn is_due(&self, changes: &Changes, now: Moment) -> bool {
        let is_waiting = !self.copies.is_empty() || !self.unopened.is_empty();
        let is_waiting = is_waiting || !self.left.is_empty() || !self.unlisted.is_empty();
        let is_changed = !changes.appeared.is_empty() || !changes.vanished.is_empty();
        self.is_first_scan
            || is_changed
            || self.tracks.has_disturbed()
            || (is_waiting && self.retry.is_none_or(|retry| retry <= now.instant))
    }

    /// Takes what changed, and says what is to be done. To be called again after a while even if nothing changed.
    pub fn update(&mut self, changes: Changes, now: Moment) -> Vec<Action> {
        self.since = self.tracks.upcoming();
        let mut actions = Vec::new();
        let mut disturbed: Vec<PathBuf> = changes.vanished;
        let seen_ns = if self.is_first_scan { self.alive_ns.unwrap_or(now.unix_ns) } else { now.unix_ns };
        self.watched_ns.get_or_insert(seen_ns.saturating_sub(ROTATION_TIME.as_nanos() as i64));
        for path in &disturbed {
            self.paths.remove(path);
            self.unopened.remove(path);
        }
        // Known before any is looked at, so that each finds the one that it was renamed from.
        self.paths.extend(changes.appeared.iter().cloned());
        disturbed.extend(changes.appeared.iter().cloned());
        let noted = self.tracks.take_disturbed();
        let retried: Vec<PathBuf> = self.unopened.iter().cloned().collect();
        // Who lists directories cannot tell a file from another one with the same number.
        let lanes = disturbed.iter().chain(&noted).map(|path| self.lane_of(path));
        let suspected = lanes.filter(|lane| self.paths.contains(lane));
        let mut opened: Vec<PathBuf> = changes.appeared.into_iter().chain(retried).chain(suspected).collect();
        opened.sort();
        opened.dedup();
        let mut found = Vec::new();
        for path in opened {
            match Found::open(&path) {
                Ok(file) => {
                    self.unopened.remove(&path);
                    found.push(file);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.open_later(path, &error, &mut actions),
            }
        }
        let moved = self.moved(&disturbed, &found);
        // Those that were left come first, then what else appeared, the oldest first: so are the lines in order.
        found.sort_by_cached_key(|found| age(found, &self.lane_of(&found.path)));
        let mut unknown = Vec::new();
        for found in found {
            unknown.extend(self.recognise(found, &moved, &mut actions));
        }
        if self.is_first_scan || !self.left.is_empty() {
            unknown.extend(self.look_for_missing(&mut actions));
        }
        if self.is_first_scan {
            disturbed.extend(self.lanes.iter().cloned());
        }
        disturbed.extend(noted);
        disturbed.extend(self.unlisted.drain());
        unknown.extend(self.rotated_meanwhile(&disturbed, now));
        moved.values().for_each(|(track, path)| {
            track.see(|seen| seen.is_named &= seen.real_path != *path);
        });
        unknown.sort_by_cached_key(|(found, lane)| age(found, lane));
        // One that was renamed just now has been found under both names, and one may be the copy of what was found later.
        let mut ids = HashSet::new();
        unknown.retain(|(found, _)| ids.insert(found.stat.id) && !self.tracks.has_copy(&found.stat));
        // Only now is every file known that one of them may be the copy of.
        let (copies, unknown): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|(found, lane)| self.looks_like_copy(found, lane));
        self.copies.extend(copies.into_iter().map(|(found, _)| (found.path, now.instant)));
        for (found, lane) in unknown {
            self.begin(found, lane, now, &mut actions);
        }
        self.settle_copies(now, &mut actions);
        actions.sort_by_key(Action::age);
        if std::mem::replace(&mut self.is_first_scan, false) && actions.is_empty() {
            actions.push(Action::Tell(Told::NothingYet));
        }
        self.retry = Some(now.instant + RETRY_TIME);
        actions
    }

    /// Opens a file again after a while, and says so once.
    fn open_later(&mut self, path: PathBuf, error: &io::Error, actions: &mut Vec<Action>) {
        if self.unopened.insert(path.clone()) {
            actions.push(Action::Tell(Told::CannotOpen(path, error.to_string())));
        }
    }

    /// The files that had one of these paths and have not any more, by generation, with that path.
    fn moved(&self, disturbed: &[PathBuf], found: &[Found]) -> HashMap<u64, (Arc<Track>, PathBuf)> {
        if disturbed.is_empty() {
            return HashMap::new();
        }
        let ids: HashMap<&Path, FileId> = found.iter().map(|found| (found.path.as_path(), found.stat.id)).collect();
        let disturbed: HashSet<&PathBuf> = disturbed.iter().collect();
        let moved = self.tracks.all().into_iter().filter_map(|track| {
            let path = track.seen().real_path;
            let is_moved = disturbed.contains(&path) && ids.get(path.as_path()).copied() != track.source.file;
            is_moved.then(|| (track.generation, (track, path)))
        });
        moved.collect()
    }

    /// Deals with a file that is known, and hands back one that is not, with the path of its lane.
    fn recognise(
        &mut self,
        found: Found,
        moved: &HashMap<u64, (Arc<Track>, PathBuf)>,
        actions: &mut Vec<Action>,
    ) -> Option<(Found, PathBuf)> {
        let known = self.tracks.newest_of(found.stat.id).filter(|track| is_same(track, &found));
        if let Some(track) = known {
            let seen = track.seen();
            if !seen.is_named || moved.contains_key(&track.generation) || !self.paths.contains(&seen.real_path) {
                track.see(|seen| {
                    seen.real_path = found.path.clone();
                    seen.is_named = true;
                });
            }
            if !seen.is_named && seen.phase == Phase::Finished {
                // It may have been left for good.
                actions.push(Action::Follow { track, found: None, is_copy: false });
            }
            return None;
        }
        let found = self.claim(found, actions)?;
        let lane = self.lane_of(&found.path);
        Some((found, lane))
    }

    /// Goes on with what was left of a file, and hands it back if it has nothing of that any more.
    fn claim(&mut self, found: Found, actions: &mut Vec<Action>) -> Option<Found> {
        let left = self.take_left(found.stat.id);
        let matches: Vec<Match> = match left.iter().map(|left| left.matches(&found)).collect() {
            Ok(matches) => matches,
            Err(error) => {
                self.left.extend(left);
                self.open_later(found.path, &error, actions);
                return None;
            }
        };
        // A file that was truncated may have been left several times: the newest is what it is now.
        let newest = matches.iter().rposition(|found| *found == Match::Same);
        let mut found = Some(found);
        for (place, (left, is)) in left.into_iter().zip(matches).enumerate() {
            match is {
                Match::Other => self.left.push(left),
                Match::Same if Some(place) == newest => self.resume(left, found.take(), false, actions),
                Match::Same | Match::Rewritten => self.finish_rewritten(left, actions),
            }
        }
        found
    }

    /// What was left of files with a number, the oldest first.
    fn take_left(&mut self, id: FileId) -> Vec<Left> {
        let (mut taken, rest): (Vec<_>, _) =
            std::mem::take(&mut self.left).into_iter().partition(|left| left.id.inode == id.inode);
        self.left = rest;
        taken.sort_by_key(|left| left.generation);
        taken
    }

    /// The path that the lines of a file belong to: its own, or the one that it was renamed from.
    fn lane_of(&self, path: &Path) -> PathBuf {
        let Some(name) = path.file_name() else { return path.to_owned() };
        let bases = bases(name.as_bytes()).into_iter();
        let mut bases = bases.map(|base| path.with_file_name(OsString::from_vec(base)));
        let known = bases.find(|base| self.paths.contains(base) || self.lanes.contains(base));
        known.unwrap_or_else(|| path.to_owned())
    }

    /// Goes on with a file where an earlier agent stopped.
    fn resume(&mut self, left: Left, found: Option<Found>, is_copy: bool, actions: &mut Vec<Action>) {
        let Left { generation, path, id, birth_ns, position, ledger, mut seen } = left;
        if let Some(found) = &found {
            seen.is_named = self.paths.contains(&found.path);
            seen.real_path.clone_from(&found.path);
            if seen.phase == Phase::Followed {
                seen.len = found.stat.len;
            } else if seen.len == found.stat.len {
                seen.modified_ns = found.stat.modified_ns;
            }
        }
        let source = Source::resumed(path.clone(), Some(id), Progress::new(position, ledger));
        let was_followed = seen.phase == Phase::Followed;
        let birth_ns = birth_ns.or(found.as_ref().and_then(|found| found.stat.birth_ns));
        let lane = self.lane_of(&path);
        self.lanes.insert(lane.clone());
        self.old_lanes.insert(lane.clone());
        let track = self.tracks.resume(generation, lane, source, birth_ns, seen);
        if was_followed {
            actions.push(Action::Tell(Told::Resumed(path, position.offset)));
        }
        let found = found.filter(|_| was_followed);
        actions.push(Action::Follow { track, found, is_copy });
    }

    /// Looks for the files that were left half read and do not have a path that matches. Hands back those that have other
    /// bytes by now, with the path of their lane. What cannot be looked for just now stays left.
    fn look_for_missing(&mut self, actions: &mut Vec<Action>) -> Vec<(Found, PathBuf)> {
        let mut rewritten = Vec::new();
        let mut unreadable: HashMap<u64, Whereabouts> = HashMap::new();
        self.left.sort_by_key(|left| left.generation);
        for left in self.left.clone() {
            let is_missing = self.left.iter().any(|other| other.generation == left.generation);
            if !is_missing || !left.is_wanted() {
                continue;
            }
            match left.find(self.search_depth) {
                Whereabouts::Open(found) => {
                    let lane = self.lane_of(&left.path);
                    // What it has by now may be followed since an earlier look.
                    let is_known = self.tracks.newest_of(found.stat.id).is_some_and(|newest| is_same(&newest, &found));
                    let other = self.claim(found, actions);
                    rewritten.extend(other.filter(|_| !is_known).map(|found| (found, lane)));
                }
                Whereabouts::Nowhere => {}
                whereabouts => drop(unreadable.insert(left.generation, whereabouts)),
            }
        }
        for left in std::mem::take(&mut self.left) {
            match unreadable.remove(&left.generation) {
                // Whoever reads it tries again, and says so.
                Some(Whereabouts::Closed(real_path, _)) => {
                    let seen = Seen { real_path, ..left.seen };
                    self.resume(Left { seen, ..left }, None, false, actions);
                }
                Some(Whereabouts::Unknown(path, error)) => self.look_later(left, path, &error, actions),
                _ if left.is_wanted() => self.finish_rewritten(left, actions),
                // Known so that it is not read again, should it come back.
                _ => self.resume(left, None, false, actions),
            }
        }
        rewritten
    }

    /// Keeps what is left of a file until it can be looked for. `path` is what could not be read.
    fn look_later(&mut self, left: Left, path: PathBuf, error: &io::Error, actions: &mut Vec<Action>) {
        actions.push(Action::Tell(Told::CannotOpen(path, error.to_string())));
        self.left.push(left);
    }

    /// Goes on with the copy of a file that has other bytes by now, or is gone; counts what is lost if there is none.
    fn finish_rewritten(&mut self, left: Left, actions: &mut Vec<Action>) {
        let copy = match left.is_wanted() {
            true => find::copy_of(&left.path, left.id, left.seen.head, &left.position),
            false => Ok(None),
        };
        match copy {
            Ok(Some(copy)) => {
                let is_copy = |left: &Left| left.id == copy.stat.id && left.birth_ns == copy.stat.birth_ns;
                if !self.left.iter().any(is_copy) && !self.tracks.knows(&copy.stat) {
                    self.tracks.begin_copy(left.path.clone(), &copy, left.seen.head);
                }
                return self.resume(left, Some(copy), true, actions);
            }
            Ok(None) => {}
            Err(error) => {
                let path = left.path.clone();
                return self.look_later(left, path, &error, actions);
            }
        }
        let Left { generation, path, id, birth_ns, position, ledger, seen } = left;
        let cause = if find::has_compressed_sibling(&path) { Loss::RotatedUnread } else { Loss::DeletedUnread };
        let source = Source::resumed(path.clone(), Some(id), Progress::new(position, ledger));
        let lost = if seen.phase == Phase::Finished { 0 } else { source.progress.give_up(seen.len, cause, true) };
        let seen = Seen { phase: Phase::Finished, is_named: false, ..seen };
        let lane = self.lane_of(&path);
        self.lanes.insert(lane.clone());
        self.old_lanes.insert(lane.clone());
        let track = self.tracks.resume(generation, lane, source, birth_ns, seen);
        tell_lost(actions, &track, lost, cause);
    }

    /// Files that had one of these paths between two looks at it, and have another one by now: they were made after the
    /// first one that was known there. Newer ones that are known tell nothing, since one that was renamed during a look may
    /// have been missed by it, and the next one may have been found before.
    fn rotated_meanwhile(&mut self, paths: &[PathBuf], now: Moment) -> Vec<(Found, PathBuf)> {
        let lanes = paths.iter().map(|path| self.lane_of(path));
        let lanes: HashSet<PathBuf> = lanes.filter(|lane| self.lanes.contains(lane)).collect();
        if lanes.is_empty() {
            return Vec::new();
        }
        // What was there before an agent was has been read by it, or is none of its business.
        let watched_ns = self.watched_ns.unwrap_or(now.unix_ns);
        let mut first_births: HashMap<PathBuf, i64> = HashMap::new();
        for track in self.tracks.all() {
            if let Some(birth) = track.birth_ns {
                let first = first_births.entry(track.lane.clone()).or_insert(birth);
                *first = birth.min(*first);
            }
        }
        let directories: HashSet<&Path> = lanes.iter().filter_map(|path| path.parent()).collect();
        let mut unknown = Vec::new();
        let mut opened = Vec::new();
        for directory in directories {
            let lane_of = |name: &[u8]| {
                let mut bases = bases(name).into_iter().map(|base| directory.join(OsString::from_vec(base)));
                bases.find(|base| lanes.contains(base)).filter(|_| !is_compressed_name(name))
            };
            match find::open_all(directory, |name| lane_of(name).is_some()) {
                Ok(files) => opened.extend(files.into_iter().filter_map(|(path, found)| {
                    let lane = lane_of(path.file_name()?.as_bytes())?;
                    Some((path, found, lane))
                })),
                Err(_) => {
                    let unlisted = lanes.iter().filter(|lane| lane.parent() == Some(directory));
                    self.unlisted.extend(unlisted.cloned());
                }
            }
        }
        for (path, found, lane) in opened {
            let Some(first_birth) = first_births.get(&lane) else { continue };
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.unlisted.extend((!disk::is_refusal(&error)).then_some(lane));
                    continue;
                }
            };
            let known = self.tracks.newest_of(found.stat.id).filter(|track| is_same(track, &found));
            if let Some(track) = known {
                let is_named = self.paths.contains(&path);
                track.see(|seen| (seen.real_path, seen.is_named) = (path, is_named));
            } else if found.stat.birth_ns.is_some_and(|birth| birth > watched_ns.max(*first_birth)) {
                unknown.push((found, lane));
            }
        }
        unknown
    }

    /// Begins a file that was never seen.
    fn begin(&mut self, found: Found, lane: PathBuf, now: Moment, actions: &mut Vec<Action>) {
        let is_new = !self.is_first_scan
            || self.old_lanes.contains(&lane)
            || self.alive_ns.is_some_and(|alive| found.stat.birth_ns.is_some_and(|birth| birth > alive));
        let first = first_read(&found.stat, now.unix_ns, self.spec.tail_bytes, self.spec.tailing_all, is_new);
        let begun = found.head().and_then(|head| {
            let position = match first {
                FirstRead::From(_) => {
                    begin::near_end(&found.file, found.stat.len, self.spec.tail_bytes, &self.spec.events.framing)?
                }
                FirstRead::FromStart | FirstRead::WhenWritten => Position::default(),
            };
            Ok((Signature::of(&head), position))
        });
        let (head, position) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                self.unopened.insert(found.path.clone());
                return actions.push(Action::Tell(Told::CannotOpen(found.path, error.to_string())));
            }
        };
        let is_named = self.paths.contains(&found.path);
        let is_untouched = first == FirstRead::WhenWritten;
        let phase = if is_untouched { Phase::Untouched } else { Phase::Followed };
        // A name that nobody looks for came after one that somebody does.
        let path = if is_named { found.path.clone() } else { lane.clone() };
        self.lanes.insert(lane.clone());
        let real_path = found.path.clone();
        let begun = self.tracks.begin_unless_begun(self.since, path, lane, real_path, &found.stat, head, phase);
        let Some(track) = begun else { return };
        track.see(|seen| seen.is_named = is_named);
        if position.offset > Offset(0) {
            track.source.progress.skip(position, Loss::SkippedTail);
            actions.push(Action::Tell(Told::SkippedTail(found.path.clone(), position.offset.0)));
        }
        actions.push(Action::Follow { track, found: (!is_untouched).then_some(found), is_copy: false });
    }

    /// Whether a file that is not known begins as one that is followed under the name that it was made of.
    fn looks_like_copy(&self, found: &Found, lane: &Path) -> bool {
        // A file that was truncated is no copy of what it was, nor of another one.
        if lane == found.path || self.tracks.knows(&found.stat) {
            return false;
        }
        let is_original = |track: &Track| {
            let seen = track.seen();
            track.lane == lane && (seen.phase == Phase::Followed || (seen.is_named && seen.real_path == lane))
        };
        self.tracks.all().iter().any(|track| is_original(track) && track.is_begun_by(found))
    }

    /// Whether a file of a lane was truncated, and whoever reads it has not come to see that yet.
    fn is_truncated(&self, lane: &Path) -> bool {
        let tracks = self.tracks.all();
        let mut followed = tracks.iter().filter(|track| track.lane == lane && track.phase() == Phase::Followed);
        followed.any(|track| {
            let seen = track.seen();
            let found = Found::open(&seen.real_path).and_then(|found| Ok((found.stat, found.head()?)));
            match found {
                Ok((stat, head)) => {
                    let is_changed = stat.len < track.source.progress.read_to() || !seen.head.begins(&head);
                    Some(stat.id) == track.source.file && is_changed
                }
                Err(error) => !disk::is_refusal(&error),
            }
        })
    }

    /// Follows what looked like a copy and is none, since the other file was not truncated.
    fn settle_copies(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for (path, since) in std::mem::take(&mut self.copies) {
            let found = match Found::open(&path) {
                Ok(found) => found,
                Err(error) => {
                    self.copies.extend((!disk::is_absence(&error)).then_some((path, since)));
                    continue;
                }
            };
            if self.tracks.newest_of(found.stat.id).is_some_and(|track| is_same(&track, &found)) {
                continue;
            }
            let lane = self.lane_of(&path);
            let is_young = now.instant.saturating_duration_since(since) < COPY_TIME;
            if (is_young || self.is_truncated(&lane)) && self.looks_like_copy(&found, &lane) {
                self.copies.push((path, since));
                continue;
            }
            self.begin(found, lane, now, actions);
        }
    }
}

impl Action {
    /// Sorts what is told first, then the files, the oldest first: whoever is told of the first begins to read it before
    /// hearing of the next. The copies of one file are as old as they are, and not as old as that file.
    fn age(&self) -> impl Ord + use<> {
        match self {
            Self::Tell(_) => None,
            Self::Follow { track, found, is_copy } => {
                let copy = found.as_ref().filter(|_| *is_copy);
                let made_ns = copy.map_or(track.birth_ns, |copy| copy.stat.birth_ns);
                Some((track.is_current(), made_ns, track.generation))
            }
        }
    }
}

/// Sorts the oldest file first. What has the name that all had is the newest, even if it is older than copies of what it was
/// before. Clocks of file systems tick in milliseconds: where they do not tell, names do.
fn age(found: &Found, lane: &Path) -> impl Ord + use<> {
    let Stat { birth_ns, modified_ns, .. } = found.stat;
    let name = |path: &Path| path.file_name().unwrap_or_default().as_bytes().to_owned();
    let rank = age_rank(&name(lane), &name(&found.path));
    (found.path == lane, birth_ns.unwrap_or(modified_ns), modified_ns, rank)
}

/// Whether a file with the number of one that is tracked is that one.
fn is_same(track: &Track, found: &Found) -> bool {
    match (track.birth_ns, found.stat.birth_ns) {
        (Some(known), Some(birth)) => known == birth,
        // It was written anew, or is another one. Whoever has it open finds out, or starts over.
        _ => track.phase() != Phase::Finished || found.head().is_ok_and(|head| track.seen().head.begins(&head)),
    }
}

impl Track {
    /// Whether a file may be a copy of this one: it begins in the same way, up to where this one was read.
    fn is_begun_by(&self, found: &Found) -> bool {
        let seen = self.seen();
        let position = self.source.progress.committed();
        let Ok(bytes) = found.head() else { return false };
        let is_same_head = if bytes.len() < seen.head.len as usize {
            // A copy that is being made is shorter for a while, and empty at first.
            self.begins_with(&bytes)
        } else {
            seen.head.len > 0 && seen.head.begins(&bytes)
        };
        is_same_head
            && (found.stat.len < position.offset
                || found.before(&position).is_ok_and(|bytes| Signature::of(&bytes) == position.tail))
    }

    fn begins_with(&self, bytes: &[u8]) -> bool {
        let found = Found::open(&self.seen().real_path);
        found.is_ok_and(|found| {
            Some(found.stat.id) == self.source.file && found.head().is_ok_and(|head| head.starts_with(bytes))
        })
    }
}

fn tell_lost(actions: &mut Vec<Action>, track: &Track, lost: u64, cause: Loss) {
    if lost > 0 {
        actions.push(Action::Tell(Told::Gone(track.source.path.clone(), lost, cause)));
    }
}

/// How soon a file that could not be opened is tried again.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// How long after it was made a file may be found that was renamed while its directory was looked at.
const ROTATION_TIME: Duration = Duration::from_secs(10);

/// How long a file that begins as another one is taken for its copy: tools copy first, and then truncate the original.
const COPY_TIME: Duration = Duration::from_secs(10);
