//! Looks at config files and components.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::settle::{Settled, Sight};
use crate::config::{self, Component, Found, Problem, Warning};
use crate::event::FileId;
use crate::input::walk::hints::{Hints, Waker};
use crate::processor::trust::digest;
use crate::runtime::Rank;
use crate::runtime::remote::Remote;

/// Watches the config files that some paths lead to, and the components that these name.
pub(super) struct Watch {
    /// What was given: files and directories.
    sources: Vec<PathBuf>,
    configs: Settled<Rank, Result<String, Problem>>,
    components: Settled<Component, Result<String, String>>,
    remote: Arc<Remote>,
    digests: HashMap<PathBuf, Digest>,
    hints: Hints,
    /// What is wrong with the sources themselves.
    pub(super) problems: Vec<Problem>,
    /// What was found beside config files.
    pub(super) warnings: Vec<Warning>,
}

/// The digest of a file as it was at one time.
struct Digest {
    stamp: Stamp,
    digest: Result<String, String>,
    /// It could be written again without another stamp.
    is_fresh: bool,
}

/// What tells one content of a file from another one, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watch {
    /// Looks at nothing yet.
    pub(super) fn new(sources: Vec<PathBuf>, remote: &Arc<Remote>) -> Self {
        Self {
            sources,
            configs: Settled::new(),
            components: Settled::new(),
            remote: Arc::clone(remote),
            digests: HashMap::new(),
            hints: Hints::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The config files with their texts, as far as these can be relied on.
    pub(super) fn configs(&self) -> &BTreeMap<Rank, Result<String, Problem>> {
        self.configs.taken()
    }

    /// The digest of a component, or why there is none.
    pub(super) fn component(&self, component: &Component) -> Result<String, String> {
        self.components.taken().get(component).cloned().unwrap_or_else(|| Err("not looked at yet".to_owned()))
    }

    /// Looks at all config files.
    pub(super) fn look_at_configs(&mut self, at_once: bool) -> Sight {
        self.problems.clear();
        self.warnings.clear();
        let mut now = BTreeMap::new();
        for (place, source) in self.sources.iter().enumerate() {
            match config::find(source) {
                Ok(Found { files, warnings }) => {
                    now.extend(files.into_iter().map(|(path, text)| ((place, path), text)));
                    self.warnings.extend(warnings);
                }
                Err(problem) => {
                    // A file that was named may be removed as any other. A directory that cannot be read removes
                    // nothing.
                    let known = self.configs.taken().iter().filter(|((known, _), _)| *known == place);
                    let is_removed = |path: &Path| path == source && is_absent(source);
                    let kept = known.filter(|((_, path), _)| !is_removed(path));
                    now.extend(kept.map(|(rank, text)| (rank.clone(), text.clone())));
                    self.problems.push(problem);
                }
            }
        }
        self.configs.look(now, at_once)
    }

    /// Looks at these components and no others. One that was not asked for before is taken as it is.
    pub(super) fn look_at_components(&mut self, named: &BTreeSet<Component>, at_once: bool) -> Sight {
        self.digests.retain(|path, _| named.contains(&Component::File(path.clone())));
        let now: BTreeMap<Component, Result<String, String>> =
            named.iter().map(|component| (component.clone(), self.digest_of(component))).collect();
        let known = self.components.taken().clone();
        let is_unknown = |component: &Component| !known.contains_key(component);
        if known.keys().any(|component| !named.contains(component)) || now.keys().any(is_unknown) {
            let mut taken = known.clone();
            taken.retain(|component, _| named.contains(component));
            let unknown = now.iter().filter(|(component, _)| is_unknown(component));
            taken.extend(unknown.map(|(component, found)| (component.clone(), found.clone())));
            self.components.look(taken, true);
        }
        self.components.look(now, at_once)
    }

    /// Waits until the system tells of a change, or somebody wakes it, at most for `patience`. Returns whether there is
    /// something to look at.
    pub(super) fn wait(&mut self, patience: Duration) -> bool {
        !self.hints.wait(patience).is_empty()
    }

    /// What ends a wait.
    pub(super) fn waker(&self) -> Waker {
        self.hints.waker()
    }

    /// Listens for changes where config files and components are.
    pub(super) fn listen(&mut self) {
        let parent = |path: &Path| {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            parent.unwrap_or(Path::new(".")).to_owned()
        };
        let files = self.components.taken().keys().filter_map(|component| match component {
            Component::File(path) => Some(parent(path)),
            Component::BuiltIn(_) | Component::Registry(_) => None,
        });
        let mut directories: BTreeSet<PathBuf> = files.collect();
        for source in &self.sources {
            directories.insert(if source.is_dir() { source.clone() } else { parent(source) });
        }
        let directories: Vec<(PathBuf, FileId)> = directories
            .into_iter()
            .filter_map(|path| {
                let metadata = fs::metadata(&path).ok()?;
                Some((path, FileId { device: metadata.dev(), inode: metadata.ino() }))
            })
            .collect();
        self.hints.follow(directories.iter().map(|(path, id)| (path.as_path(), *id)));
        // Whoever looks for files tells of what is wrong with listening.
        self.hints.take_troubles();
    }

    fn digest_of(&mut self, component: &Component) -> Result<String, String> {
        match component {
            Component::File(path) => self.digest(path),
            Component::Registry(reference) => self.remote.digest(reference),
            // It changes with the agent.
            Component::BuiltIn(name) => Ok(name.clone()),
        }
    }

    fn digest(&mut self, path: &Path) -> Result<String, String> {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        let stamp = Stamp::of(&metadata);
        if let Some(known) = self.digests.get(path).filter(|known| known.stamp == stamp && !known.is_fresh) {
            return known.digest.clone();
        }
        let age = metadata.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let is_fresh = age.is_none_or(|age| age < FRESH);
        let digest = fs::read(path).map(|bytes| digest(&bytes)).map_err(|error| error.to_string());
        self.digests.insert(path.to_owned(), Digest { stamp, digest: digest.clone(), is_fresh });
        digest
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// A file that was written to a shorter time ago is read with every look: clocks of file systems do not tell two writes
/// apart that come right after each other.
const FRESH: Duration = Duration::from_secs(2);
