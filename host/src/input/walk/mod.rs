//! Finds the files that configs mean.
//!
//! Polling is the truth: a [`Walker`] looks at every directory once in a while, and says what is different. That costs one
//! `stat` for each directory and each symbolic link; a directory is listed only if `listing` says so, and a file is
//! looked at only when its name is new or belongs to another inode. Whatever tells of changes earlier is a hint to look now.

pub mod hints;
mod listing;
mod noise;
pub mod trouble;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::FileId;
use crate::input::paths::{DirectoryJudge, PathSet, Verdict};
use crate::input::stat::Stat;
use crate::input::walk::listing::{DirectoryStat, Entry, Kind, Listing, Target};
use crate::input::walk::trouble::{DIRECTORY_UNREADABLE, LINK_UNREADABLE, Trouble, UNEXPECTED_FILE_TYPE};

/// Walks the directories that a config means, again and again.
#[derive(Debug)]
pub struct Walker {
    sets: Vec<Arc<PathSet>>,
    bases: Vec<PathBuf>,
    period: Duration,
    directories: HashMap<PathBuf, Directory>,
    /// Directories that are in trouble and were reported.
    reported: HashSet<PathBuf>,
    /// What is left to visit in this round.
    queue: Vec<PathBuf>,
    /// What to visit in the next poll.
    hinted: Vec<PathBuf>,
    round: u64,
    next_round: Option<Instant>,
    /// Every directory was looked at once.
    is_settled: bool,
}

/// A directory that is known.
#[derive(Debug)]
struct Directory {
    listing: Listing,
    /// In which round it was visited last.
    round: u64,
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path, as the config means it: links are not resolved.
    pub path: PathBuf,
    /// What it is; of a link, what it leads to.
    pub stat: Stat,
    /// It came after the first round, so that what it holds was not there when the walk began.
    pub is_new: bool,
}

/// What is different since the last poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A path leads to a file.
    Appeared(Found),
    /// A path leads to another file than before, or might.
    ///
    /// A file that was removed and made again between two polls can have the inode that it had, and goes unnoticed here:
    /// whoever reads the path has to look as well.
    Replaced(Found),
    /// A path leads to no file any more. Its file may have appeared elsewhere, before this or in the next poll.
    Vanished(PathBuf),
}

/// What a poll gave.
#[derive(Debug, Default)]
pub struct Polled {
    /// What is different, in the order in which it was found.
    pub changes: Vec<Change>,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
    /// What was seen for the first time and is not collected, by reason. Of what no pattern names, nothing is said.
    pub passed_over: HashMap<Verdict, PassedOver>,
    /// Nothing is left to visit until the next round.
    pub is_done: bool,
}

/// Files and directories that are not collected for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// How many.
    pub count: u64,
    /// The first one.
    pub example: PathBuf,
}

/// The time of a poll, for both of which tests can give what they like.
#[derive(Debug, Clone, Copy)]
struct Now {
    monotonic: Instant,
    unix_ns: i64,
}

impl Walker {
    /// A walker that has seen nothing yet, and looks everywhere once in a `period`.
    pub fn new(sets: Vec<Arc<PathSet>>, period: Duration) -> Self {
        let mut bases: Vec<_> = sets.iter().flat_map(|set| set.bases()).map(|base| base.directory).collect();
        bases.sort();
        bases.dedup();
        Self {
            sets,
            bases,
            period,
            directories: HashMap::new(),
            reported: HashSet::new(),
            queue: Vec::new(),
            hinted: Vec::new(),
            round: 0,
            next_round: None,
            is_settled: false,
        }
    }

    /// Looks for the files of these sets from now on, and everywhere at once: every file appears again.
    pub fn look_for(&mut self, sets: Vec<Arc<PathSet>>) {
        let reported = std::mem::take(&mut self.reported);
        *self = Self { reported, ..Self::new(sets, self.period) };
    }

    /// Goes on with the round, or begins the next one if it is time, for about as long as `slice`: at least one directory
    /// is visited, and one that was begun is finished. What is left waits for the next call.
    ///
    /// `now` is `now_ns` in Unix nanoseconds.
    pub fn poll(&mut self, now: Instant, now_ns: i64, slice: Duration) -> Polled {
        let begun = Instant::now();
        if self.queue.is_empty() && self.next_round.is_none_or(|due| due <= now) {
            self.round += 1;
            self.next_round = Some(now + self.period);
            self.queue.extend(self.bases.iter().rev().cloned());
        }
        self.queue.append(&mut self.hinted);
        let mut polled = Polled::default();
        while let Some(path) = self.queue.pop() {
            self.visit(path, Now { monotonic: now, unix_ns: now_ns }, &mut polled);
            if begun.elapsed() >= slice {
                break;
            }
        }
        polled.is_done = self.queue.is_empty();
        self.is_settled |= polled.is_done;
        polled
    }

    /// Has the next poll look at a directory, whether or not its turn has come.
    pub fn hint(&mut self, directory: &Path) {
        if let Some(known) = self.directories.get_mut(directory) {
            known.round = 0;
            self.hinted.push(directory.to_owned());
        } else if self.bases.iter().any(|base| base == directory) {
            self.hinted.push(directory.to_owned());
        }
    }

    /// How long from `now` on there is nothing to do.
    pub fn idle_time(&self, now: Instant) -> Duration {
        match self.next_round {
            Some(due) if self.queue.is_empty() && self.hinted.is_empty() => due.saturating_duration_since(now),
            _ => Duration::ZERO,
        }
    }

    /// The directories that are there, with what they are.
    pub fn directories(&self) -> impl Iterator<Item = (&Path, FileId)> {
        self.directories.iter().map(|(path, directory)| (path.as_path(), directory.listing.id()))
    }

    fn visit(&mut self, path: PathBuf, now: Now, polled: &mut Polled) {
        if self.directories.get(&path).is_some_and(|known| known.round == self.round) {
            return;
        }
        let metadata = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => metadata,
            Ok(_) => {
                self.forget(&path, polled);
                if self.bases.contains(&path) {
                    self.report(UNEXPECTED_FILE_TYPE, path, "expected a directory", polled);
                }
                return;
            }
            Err(error) if is_gone(&error) => {
                self.reported.remove(&path);
                return self.forget(&path, polled);
            }
            Err(error) => return self.report(DIRECTORY_UNREADABLE, path, &unreadable(&error), polled),
        };
        let Stat { id, modified_ns, .. } = Stat::of(&metadata);
        let stat = DirectoryStat { id, modified_ns };
        let is_same = self.directories.get(&path).is_some_and(|known| known.listing.id() == id);
        if !is_same && self.is_loop(&path, id) {
            return self.forget(&path, polled);
        }
        let known = self.directories.remove(&path).map(|known| known.listing);
        let mut listing = match known {
            Some(listing) if !listing.is_due(stat, now.monotonic) && !self.reported.contains(&path) => listing,
            known => match self.list(&path, stat, known, now, polled) {
                Some(listing) => listing,
                None => return,
            },
        };
        self.follow_links(&path, &mut listing, polled);
        self.queue.extend(listing.directories.iter().map(|name| path.join(name)));
        self.directories.insert(path, Directory { listing, round: self.round });
    }

    /// Whether this directory is one of those above it, by a symbolic link or a mount.
    fn is_loop(&self, path: &Path, id: FileId) -> bool {
        let mut above = path.ancestors().skip(1).filter_map(|above| self.directories.get(above));
        above.any(|above| above.listing.id() == id)
    }

    /// Lists a directory and compares. `None`: it cannot be listed; what was known of it stays.
    fn list(
        &mut self,
        path: &Path,
        stat: DirectoryStat,
        known: Option<Listing>,
        now: Now,
        polled: &mut Polled,
    ) -> Option<Listing> {
        let names = match read_directory(path) {
            Ok(names) => names,
            Err(error) => {
                if let Some(listing) = known {
                    self.directories.insert(path.to_owned(), Directory { listing, round: self.round });
                }
                if is_gone(&error) {
                    self.forget(path, polled);
                } else {
                    self.report(DIRECTORY_UNREADABLE, path.to_owned(), &unreadable(&error), polled);
                }
                return None;
            }
        };
        let is_same = known.as_ref().is_some_and(|listing| listing.id().device == stat.id.device);
        let mut before = known.map(|listing| listing.entries).unwrap_or_default();
        let sets = self.sets.clone();
        let mut examiner = Examiner {
            sets: &sets,
            judges: sets.iter().map(|set| set.directory(path)).collect(),
            directory: path,
            is_new: self.is_settled && !self.reported.contains(path),
            failure: None,
            polled,
        };
        let mut entries = HashMap::with_capacity(names.len());
        for (name, inode, file_type) in names {
            let entry = match before.remove(&name) {
                Some(entry) if is_same && (entry.inode, entry.file_type) == (inode, file_type) => Some(entry),
                // Where another link of the same name leads is seen when it is followed.
                Some(entry) if entry.file_type.is_symlink() && file_type.is_symlink() => Some(Entry { inode, ..entry }),
                old => {
                    let is_known = old.is_some_and(|old| old.kind == Kind::File);
                    if let Some(old) = old.filter(|_| !(is_known && file_type.is_file())) {
                        self.vanish(&path.join(&name), old, examiner.polled);
                    }
                    examiner.examine(&name, inode, file_type, is_known)
                }
            };
            entries.extend(entry.map(|entry| (name, entry)));
        }
        let failure = examiner.failure;
        for (name, old) in before {
            self.vanish(&path.join(name), old, polled);
        }
        match failure {
            Some(error) => self.report(DIRECTORY_UNREADABLE, path.to_owned(), &unreadable(&error), polled),
            None => drop(self.reported.remove(path)),
        }
        Some(Listing::new(stat, now.monotonic, now.unix_ns, entries))
    }

    /// Looks where the links of a directory lead now.
    fn follow_links(&mut self, path: &Path, listing: &mut Listing, polled: &mut Polled) {
        for name in &listing.links {
            let Some(entry) = listing.entries.get_mut(name) else { continue };
            let Kind::Link { as_file, as_directory, target } = &mut entry.kind else { continue };
            let link = path.join(name);
            let (now, metadata) = match look_behind(&link, *as_file, *as_directory) {
                Ok((Target::Nothing, Some(metadata))) if metadata.is_dir() && self.spells_out(path, name) => {
                    (Target::Odd(Stat::of(&metadata).id), Some(metadata))
                }
                Ok(found) => {
                    // What is wrong with a directory is said by whoever lists it.
                    if found.0 != Target::Directory {
                        self.reported.remove(&link);
                    }
                    found
                }
                Err(error) => {
                    self.report(LINK_UNREADABLE, link.clone(), &format!("cannot see where it leads: {error}"), polled);
                    (Target::Nothing, None)
                }
            };
            let before = std::mem::replace(target, now);
            if now == Target::Directory {
                self.queue.push(link.clone());
            }
            if before == now {
                continue;
            }
            if before == Target::Directory {
                self.forget(&link, polled);
            }
            match (before, now, metadata) {
                (Target::File(_), Target::File(_), Some(metadata)) => {
                    let found = Found { path: link, stat: Stat::of(&metadata), is_new: true };
                    polled.changes.push(Change::Replaced(found));
                }
                (_, Target::File(_), Some(metadata)) => {
                    let found = Found { path: link, stat: Stat::of(&metadata), is_new: self.is_settled };
                    polled.changes.push(Change::Appeared(found));
                }
                (before, now, metadata) => {
                    if matches!(now, Target::Odd(_)) {
                        let is_directory = metadata.is_some_and(|metadata| metadata.is_dir());
                        polled.troubles.push(odd(link.clone(), is_directory));
                    }
                    if matches!(before, Target::File(_)) {
                        polled.changes.push(Change::Vanished(link));
                    }
                }
            }
        }
    }

    /// Whether the name of a link in a directory is one that a config has without a wildcard.
    fn spells_out(&self, directory: &Path, name: &OsStr) -> bool {
        self.sets.iter().any(|set| set.directory(directory).spells_out(name))
    }

    /// Forgets a directory with everything below.
    fn forget(&mut self, path: &Path, polled: &mut Polled) {
        let Some(gone) = self.directories.remove(path) else { return };
        for (name, entry) in gone.listing.entries {
            self.vanish(&path.join(name), entry, polled);
        }
    }

    fn vanish(&mut self, path: &Path, entry: Entry, polled: &mut Polled) {
        match entry.kind {
            Kind::File | Kind::Link { target: Target::File(_), .. } => {
                polled.changes.push(Change::Vanished(path.to_owned()));
            }
            Kind::Directory | Kind::Link { target: Target::Directory, .. } => {
                self.reported.remove(path);
                self.forget(path, polled);
            }
            Kind::Link { .. } => drop(self.reported.remove(path)),
            Kind::Other => {}
        }
    }

    fn report(&mut self, kind: &'static str, path: PathBuf, message: &str, polled: &mut Polled) {
        if self.reported.insert(path.clone()) {
            polled.troubles.push(Trouble { kind, path, message: message.to_owned() });
        }
    }
}

/// Decides what names of one directory are.
struct Examiner<'a> {
    sets: &'a [Arc<PathSet>],
    judges: Vec<DirectoryJudge<'a>>,
    directory: &'a Path,
    is_new: bool,
    /// Why the last file that could not be looked at could not.
    failure: Option<io::Error>,
    polled: &'a mut Polled,
}

impl Examiner<'_> {
    /// What a name is that is new, or not what it was. `is_known`: it was a file before. `None`: nothing that can be looked at.
    fn examine(&mut self, name: &OsStr, inode: u64, file_type: FileType, is_known: bool) -> Option<Entry> {
        let kind = if file_type.is_dir() {
            if self.judges.iter().any(|judge| judge.spells_out(name)) {
                self.polled.troubles.push(odd(self.directory.join(name), true));
            }
            if self.enters(name) { Kind::Directory } else { Kind::Other }
        } else if file_type.is_symlink() {
            let as_directory = self.sets.iter().any(|set| set.enters(&self.directory.join(name)));
            let as_file = self.means(name);
            let is_wanted = as_file || as_directory;
            if is_wanted { Kind::Link { as_file, as_directory, target: Target::Nothing } } else { Kind::Other }
        } else if !self.means(name) {
            Kind::Other
        } else if file_type.is_file() {
            let path = self.directory.join(name);
            let stat = self.stat(&path);
            let Some(stat) = stat else {
                self.polled.changes.extend(is_known.then_some(Change::Vanished(path)));
                return None;
            };
            let found = Found { path, stat, is_new: self.is_new || is_known };
            self.polled.changes.push(if is_known { Change::Replaced(found) } else { Change::Appeared(found) });
            Kind::File
        } else {
            self.polled.troubles.push(odd(self.directory.join(name), false));
            Kind::Other
        };
        Some(Entry { inode, file_type, kind })
    }

    /// What a regular file is. `None` if it is gone again, or something else: the directory has another time of
    /// modification by now, and will be listed again.
    fn stat(&mut self, path: &Path) -> Option<Stat> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => metadata.is_file().then(|| Stat::of(&metadata)),
            Err(error) => {
                self.failure = Some(error).filter(|error| !is_gone(error)).or(self.failure.take());
                None
            }
        }
    }

    /// Whether a file of this name is collected; if not, that is noted.
    fn means(&mut self, name: &OsStr) -> bool {
        let mut reason = None;
        for judge in &self.judges {
            match judge.judge(name) {
                Verdict::Matches { .. } => return true,
                Verdict::NotNamed => {}
                verdict if reason.is_none() || verdict.is_surprising() => reason = Some(verdict),
                _ => {}
            }
        }
        self.pass_over(name, reason);
        false
    }

    /// Whether a directory of this name is looked into; if not, that is noted.
    fn enters(&mut self, name: &OsStr) -> bool {
        let path = self.directory.join(name);
        let mut reason = None;
        for set in self.sets {
            match set.bars(&path) {
                None => return true,
                Some(Verdict::NotNamed) => {}
                Some(verdict) => reason = Some(verdict),
            }
        }
        self.pass_over(name, reason);
        false
    }

    fn pass_over(&mut self, name: &OsStr, reason: Option<Verdict>) {
        let Some(reason) = reason else { return };
        let noted = self.polled.passed_over.entry(reason);
        noted.or_insert_with(|| PassedOver { count: 0, example: self.directory.join(name) }).count += 1;
    }
}

/// What the system lists: names, inodes and types.
fn read_directory(path: &Path) -> io::Result<Vec<(OsString, u64, FileType)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type() {
            Ok(file_type) => names.push((entry.file_name(), entry.ino(), file_type)),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

/// Looks where a link leads. What it leads to may come later, which is no error.
fn look_behind(link: &Path, as_file: bool, as_directory: bool) -> io::Result<(Target, Option<Metadata>)> {
    let metadata = match fs::metadata(link) {
        Ok(metadata) => metadata,
        Err(error) if as_file && !is_gone(&error) => return Err(error),
        Err(_) => return Ok((Target::Nothing, None)),
    };
    let id = FileId { device: metadata.dev(), inode: metadata.ino() };
    let target = if metadata.is_dir() {
        if as_directory { Target::Directory } else { Target::Nothing }
    } else if !as_file {
        Target::Nothing
    } else if metadata.is_file() {
        Target::File(id)
    } else {
        Target::Odd(id)
    };
    Ok((target, Some(metadata)))
}

fn odd(path: PathBuf, is_directory: bool) -> Trouble {
    let what =
        if is_directory { "a directory, where FilePaths has a file" } else { "neither a regular file nor a directory" };
    Trouble { kind: UNEXPECTED_FILE_TYPE, path, message: format!("{what}: it is not read") }
}

fn unreadable(error: &io::Error) -> String {
    format!("the directory cannot be read: {error}")
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
