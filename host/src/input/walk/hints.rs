//! Hears from the kernel that a directory changed, so that a new file is found at once and not with the next poll.
//!
//! Nothing depends on it: what is not heard is found by polling. So it may not cost much either. The kernel also tells of
//! every single write to a file, and this version of `notify` cannot ask it not to. A directory in which much is written is
//! therefore left alone for a while, see `noise`; it is looked at more often instead.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{Event, EventKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, EventHandler, RecommendedWatcher, RecursiveMode, Watcher};

use crate::event::FileId;
use crate::input::walk::noise::Noise;
use crate::input::walk::trouble::{HINTS_UNAVAILABLE, TOO_MANY_HINTS, Trouble};

/// Watches directories.
pub struct Hints {
    watcher: Option<RecommendedWatcher>,
    shared: Arc<Shared>,
    watches: HashMap<PathBuf, Watch>,
    limit: usize,
    /// Of watches that exist.
    count: usize,
    round: u64,
    /// When [`Self::wait`] returned last.
    returned: Instant,
    loud_looked_at: Instant,
    /// No watch is asked for until then, since there are none left.
    exhausted_until: Option<Instant>,
    reported: HashSet<&'static str>,
    troubles: Vec<Trouble>,
}

/// Ends a wait early, from another thread.
#[derive(Clone)]
pub struct Waker(Arc<Shared>);

/// A directory that should be watched.
#[derive(Debug)]
struct Watch {
    id: FileId,
    /// In which call of [`Hints::follow`] it was named last.
    round: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Watched,
    /// Left alone until then.
    Loud(Instant),
    /// No watch was to be had.
    Unwatched,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Heard>,
    wake: Condvar,
}

/// What the kernel said since the last wait.
#[derive(Debug, Default)]
struct Heard {
    changed: HashSet<PathBuf>,
    /// Paths that were removed or renamed, of which some may have been watched.
    gone: HashSet<PathBuf>,
    loud: Vec<PathBuf>,
    /// Something was not said.
    is_incomplete: bool,
    /// Somebody wants the wait to end.
    is_woken: bool,
}

impl Hints {
    /// Begins to listen; nothing is watched yet.
    pub fn new() -> Self {
        Self::with_limit(MAX_WATCHES)
    }

    fn with_limit(limit: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = Listener { shared: shared.clone(), noise: Noise::new(Instant::now()) };
        let (watcher, error) = match RecommendedWatcher::new(listener, Config::default()) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error)),
        };
        let now = Instant::now();
        let mut hints = Self {
            watcher,
            shared,
            watches: HashMap::new(),
            limit,
            count: 0,
            round: 0,
            returned: now,
            loud_looked_at: now,
            exhausted_until: None,
            reported: HashSet::new(),
            troubles: Vec::new(),
        };
        if let Some(error) = error {
            hints.report(HINTS_UNAVAILABLE, Path::new(""), format!("{error}: directories are only polled"));
        }
        hints
    }

    /// Watches these directories, and no others. What one of them held before it was watched may have to be looked at.
    pub fn follow<'a>(&mut self, directories: impl IntoIterator<Item = (&'a Path, FileId)>) {
        let now = Instant::now();
        self.round += 1;
        for (path, id) in directories {
            match self.watches.get_mut(path) {
                Some(watch) if watch.id == id => {
                    watch.round = self.round;
                    let is_due = match watch.state {
                        State::Watched => false,
                        State::Loud(until) => until <= now,
                        State::Unwatched => true,
                    };
                    if !is_due {
                        continue;
                    }
                }
                Some(_) => self.unwatch(path),
                None => {}
            }
            let state = self.watch(path, now);
            self.watches.insert(path.to_owned(), Watch { id, round: self.round, state });
        }
        let is_left = |watch: &Watch| watch.round != self.round;
        let left: Vec<_> =
            self.watches.iter().filter(|(_, watch)| is_left(watch)).map(|(path, _)| path.clone()).collect();
        for path in left {
            self.unwatch(&path);
            self.watches.remove(&path);
        }
    }

    /// Waits until there is something to look at or time is up, and returns the directories to look at.
    ///
    /// It does not return so often that the caller is busy for more than about a tenth of the time between two calls.
    pub fn wait(&mut self, timeout: Duration) -> Vec<PathBuf> {
        let begun = Instant::now();
        let busy = begun.duration_since(self.returned);
        let pause = (busy * 9).max(MIN_PAUSE).min(timeout);
        let has_loud = self.watches.values().any(|watch| matches!(watch.state, State::Loud(_)));
        let loud_due = self.loud_looked_at + LOUD_INTERVAL;
        let mut deadline = begun + timeout;
        if has_loud {
            deadline = deadline.min(loud_due).max(begun + pause);
        }
        let heard = self.shared.wait(begun + pause, deadline);

        let now = Instant::now();
        for path in heard.gone.iter().filter(|path| self.watches.contains_key(*path)).cloned().collect::<Vec<_>>() {
            self.unwatch(&path);
            self.watches.remove(&path);
        }
        for path in heard.loud {
            self.unwatch(&path);
            if let Some(watch) = self.watches.get_mut(&path) {
                watch.state = State::Loud(now + LOUD_TIME);
            }
        }
        let mut changed = heard.changed;
        if heard.is_incomplete {
            changed.extend(self.watches.keys().cloned());
        }
        if has_loud && loud_due <= now {
            self.loud_looked_at = now;
            let loud = self.watches.iter().filter(|(_, watch)| matches!(watch.state, State::Loud(_)));
            changed.extend(loud.map(|(path, _)| path.clone()));
        }
        self.returned = now;
        changed.into_iter().collect()
    }

    /// What is wrong, each thing once.
    pub fn take_troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.troubles)
    }

    /// What another thread ends a wait with.
    pub fn waker(&self) -> Waker {
        Waker(self.shared.clone())
    }

    fn watch(&mut self, path: &Path, now: Instant) -> State {
        if self.exhausted_until.is_some_and(|until| now < until) {
            return State::Unwatched;
        }
        let Some(watcher) = &mut self.watcher else { return State::Unwatched };
        if self.count >= self.limit {
            let message = format!("more than {} directories: the others are only polled", self.limit);
            self.report(TOO_MANY_HINTS, path, message);
            return State::Unwatched;
        }
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.count += 1;
                State::Watched
            }
            // It went away just now.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => State::Unwatched,
            Err(error) => {
                self.exhausted_until = Some(now + EXHAUSTED_TIME);
                let message = match error.kind {
                    ErrorKind::MaxFilesWatch => "fs.inotify.max_user_watches is used up".to_owned(),
                    _ => error.to_string(),
                };
                self.report(HINTS_UNAVAILABLE, path, format!("{message}: directories are only polled"));
                State::Unwatched
            }
        }
    }

    fn unwatch(&mut self, path: &Path) {
        let (Some(watcher), Some(watch)) = (&mut self.watcher, self.watches.get_mut(path)) else { return };
        if watch.state == State::Watched {
            watch.state = State::Unwatched;
            self.count -= 1;
            // It fails if the directory is gone, and the watch with it.
            let _ = watcher.unwatch(path);
        }
    }

    fn report(&mut self, kind: &'static str, path: &Path, message: String) {
        if self.reported.insert(kind) {
            self.troubles.push(Trouble { kind, path: path.to_owned(), message });
        }
    }
}

impl Default for Hints {
    fn default() -> Self {
        Self::new()
    }
}

impl Waker {
    /// Ends the wait that goes on, or the next one.
    pub fn wake(&self) {
        self.0.heard().is_woken = true;
        self.0.wake.notify_all();
    }
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something that was heard, but at least until `earliest`, and takes it.
    fn wait(&self, earliest: Instant, deadline: Instant) -> Heard {
        let mut heard = self.heard();
        loop {
            let now = Instant::now();
            let until = if heard.is_quiet() { deadline } else { earliest };
            if heard.is_woken || until <= now {
                return std::mem::take(&mut heard);
            }
            heard = self.wake.wait_timeout(heard, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Heard {
    fn is_quiet(&self) -> bool {
        self.changed.is_empty() && self.loud.is_empty() && !self.is_incomplete
    }
}

/// What `notify` calls, on a thread of its own.
struct Listener {
    shared: Arc<Shared>,
    noise: Noise,
}

impl EventHandler for Listener {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.tell(|heard| heard.is_incomplete = true),
            Ok(event) => self.handle(&event),
            Err(_) => self.tell(|heard| heard.is_incomplete = true),
        }
    }
}

impl Listener {
    fn handle(&mut self, event: &Event) {
        let is_removal = match event.kind {
            EventKind::Create(_) => false,
            EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::To,
            EventKind::Remove(_) => true,
            _ => {
                let directory = event.paths.first().and_then(|path| path.parent());
                let loud = directory.map(|directory| self.noise.count(directory, Instant::now())).unwrap_or_default();
                if !loud.is_empty() {
                    self.tell(|heard| heard.loud.extend(loud));
                }
                return;
            }
        };
        self.tell(|heard| {
            heard.changed.extend(event.paths.iter().filter_map(|path| path.parent()).map(Path::to_owned));
            if is_removal {
                heard.gone.extend(event.paths.iter().cloned());
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.shared.heard());
        self.shared.wake.notify_all();
    }
}

/// So many directories are watched at most. A watch takes about a kilobyte in the kernel, and others need some as well.
const MAX_WATCHES: usize = 8192;

/// What happens so soon after a change is looked at together with it.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// For how long a loud directory is left alone.
const LOUD_TIME: Duration = Duration::from_secs(60);

/// How often it is looked at meanwhile.
const LOUD_INTERVAL: Duration = Duration::from_millis(250);

/// For how long no watch is asked for when there are none left.
const EXHAUSTED_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn id(path: &Path) -> FileId {
        let metadata = fs::metadata(path).expect("it is there");
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }

    fn follow(hints: &mut Hints, paths: &[&Path]) {
        hints.follow(paths.iter().map(|path| (*path, id(path))));
    }

    /// Waits until there is a hint for this directory.
    fn hears(hints: &mut Hints, directory: &Path, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if hints.wait(Duration::from_secs(1)).iter().any(|path| path == directory) {
                return true;
            }
        }
        false
    }

    #[test]
    fn changes_of_a_directory_are_heard() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        let mut hints = Hints::new();
        follow(&mut hints, &[directory]);
        if !hints.take_troubles().is_empty() {
            println!("skipped: this machine has no watches left");
            return;
        }
        fs::write(directory.join("a"), "").expect("the write");
        assert!(hears(&mut hints, directory, PATIENCE), "created");
        fs::rename(directory.join("a"), directory.join("b")).expect("the rename");
        assert!(hears(&mut hints, directory, PATIENCE), "renamed");
        fs::remove_file(directory.join("b")).expect("the removal");
        assert!(hears(&mut hints, directory, PATIENCE), "removed");

        // Another directory of the same name. What the kernel says of the first one may come late and end the watch of the
        // second, which then is watched again.
        let below = directory.join("below");
        for _ in 0..2 {
            fs::create_dir(&below).expect("the directory");
            let is_heard = (0..20).any(|attempt| {
                follow(&mut hints, &[directory, &below]);
                fs::write(below.join(attempt.to_string()), "").expect("the write");
                hears(&mut hints, &below, Duration::from_secs(1))
            });
            assert!(is_heard, "created below");
            fs::remove_dir_all(&below).expect("the removal");
            assert!(hears(&mut hints, directory, PATIENCE), "removed below");
        }
        follow(&mut hints, &[]);
        assert_eq!((hints.count, hints.watches.len()), (0, 0));
    }

    #[test]
    fn too_many_directories_are_reported_once() {
        let directories = [(); 4].map(|()| tempfile::tempdir().expect("a directory"));
        let paths: Vec<&Path> = directories.iter().map(tempfile::TempDir::path).collect();
        let mut hints = Hints::with_limit(2);
        follow(&mut hints, &paths);
        follow(&mut hints, &paths);
        let troubles = hints.take_troubles();
        if troubles.iter().any(|trouble| trouble.kind == HINTS_UNAVAILABLE) {
            println!("skipped: this machine has no watches left");
            return;
        }
        assert_eq!(troubles.iter().map(|trouble| trouble.kind).collect::<Vec<_>>(), [TOO_MANY_HINTS]);
        assert_eq!((hints.count, hints.watches.len()), (2, 4));
        follow(&mut hints, &paths[2..]);
        follow(&mut hints, &paths[2..]);
        assert_eq!((hints.count, hints.watches.len()), (2, 2));
    }

    #[test]
    fn a_wait_can_be_ended() {
        let mut hints = Hints::new();
        let waker = hints.waker();
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| waker.wake());
            assert!(hints.wait(PATIENCE).is_empty());
        });
        assert!(start.elapsed() < PATIENCE);
    }

    #[test]
    fn a_loud_directory_is_left_alone_and_looked_at() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        let mut hints = Hints::new();
        follow(&mut hints, &[directory]);
        hints.shared.heard().loud.push(directory.to_owned());
        hints.wait(Duration::ZERO);
        assert!(matches!(hints.watches[directory].state, State::Loud(_)));
        assert_eq!(hints.count, 0);
        assert!(hears(&mut hints, directory, PATIENCE));
    }
}
