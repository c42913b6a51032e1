//! What a config leaves out although `FilePaths` names it. Pure.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::input::paths::glob::{Glob, Slash};
use crate::input::paths::levels::normalise;

/// A list of a config that leaves something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExclusionList {
    /// `ExcludeFilePaths`: whole paths of files.
    FilePaths,
    /// `ExcludeFiles`: names of files.
    Files,
    /// `ExcludeDirs`: directories, with everything below.
    Dirs,
}

/// An entry of one of the lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exclusion {
    /// The list.
    pub list: ExclusionList,
    /// The entry, as the config has it.
    pub pattern: Arc<str>,
}

/// The exclusions of one input.
#[derive(Debug, Clone)]
pub(super) struct Exclusions {
    file_paths: Vec<(Glob, Arc<str>)>,
    files: Vec<(Glob, Arc<str>)>,
    dirs: Vec<(DirRule, Arc<str>)>,
}

#[derive(Debug, Clone)]
enum DirRule {
    /// This directory.
    Exact(PathBuf),
    /// Directories whose whole path matches.
    Glob(Glob),
}

impl ExclusionList {
    /// The key of the list in a config.
    pub fn key(self) -> &'static str {
        match self {
            Self::FilePaths => "ExcludeFilePaths",
            Self::Files => "ExcludeFiles",
            Self::Dirs => "ExcludeDirs",
        }
    }
}

impl Exclusions {
    pub(super) fn new(file_paths: &[String], files: &[String], dirs: &[String]) -> Self {
        Self {
            file_paths: compile(file_paths, path_glob),
            files: compile(files, |name| Glob::new(name, Slash::Ordinary)),
            dirs: compile(dirs, |dir| {
                let is_wild = dir.contains(['*', '?']);
                if is_wild { DirRule::Glob(path_glob(dir)) } else { DirRule::Exact(normal(dir)) }
            }),
        }
    }

    /// What leaves out a file of this path and name, apart from its directory.
    pub(super) fn file(&self, path: &Path, name: &[u8]) -> Option<Exclusion> {
        let by_name = self.files.iter().find(|(glob, _)| glob.matches(name));
        let by_name = by_name.map(|(_, pattern)| (ExclusionList::Files, pattern));
        let by_path = || {
            let found = self.file_paths.iter().find(|(glob, _)| glob.matches(path.as_os_str().as_bytes()));
            found.map(|(_, pattern)| (ExclusionList::FilePaths, pattern))
        };
        let (list, pattern) = by_name.or_else(by_path)?;
        Some(Exclusion { list, pattern: pattern.clone() })
    }

    /// What leaves out a directory: an entry that means it, or one of the directories above it.
    pub(super) fn directory(&self, path: &Path) -> Option<Exclusion> {
        let means = |rule: &DirRule, directory: &Path| match rule {
            DirRule::Exact(excluded) => excluded == directory,
            DirRule::Glob(glob) => glob.matches(directory.as_os_str().as_bytes()),
        };
        let mut rules = self.dirs.iter();
        let (_, pattern) = rules.find(|(rule, _)| path.ancestors().any(|directory| means(rule, directory)))?;
        Some(Exclusion { list: ExclusionList::Dirs, pattern: pattern.clone() })
    }
}

fn compile<T>(patterns: &[String], compile: impl Fn(&str) -> T) -> Vec<(T, Arc<str>)> {
    patterns.iter().map(|pattern| (compile(pattern), pattern.as_str().into())).collect()
}

/// A pattern for whole paths, in which `*` stays within a level unless there is a `**` somewhere.
fn path_glob(pattern: &str) -> Glob {
    let slash = if pattern.contains("**") { Slash::Ordinary } else { Slash::Separates };
    Glob::new(normal(pattern).as_os_str().as_bytes(), slash)
}

fn normal(path: &str) -> PathBuf {
    normalise(Path::new(path), Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pattern: &str) -> Vec<String> {
        vec![pattern.to_owned()]
    }

    #[test]
    fn files_by_path() {
        let check = |pattern: &str, path: &str, expected: bool| {
            let found = Exclusions::new(&list(pattern), &[], &[]).file(Path::new(path), b"a.log");
            let hit = Exclusion { list: ExclusionList::FilePaths, pattern: pattern.into() };
            assert_eq!(found, expected.then_some(hit), "{pattern} and {path}");
        };
        check("/l/a.log", "/l/a.log", true);
        check("/l//./a.log", "/l/a.log", true);
        check("/l/*.log", "/l/a.log", true);
        check("/l/*.log", "/l/x/a.log", false);
        check("/l/**.log", "/l/x/a.log", true);
        check("/l/**/a.log", "/l/x/y/a.log", true);
        check("/l/[x]/a.log", "/l/x/a.log", true);
        check("/l", "/l/a.log", false);
    }

    #[test]
    fn files_by_name() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let found = Exclusions::new(&[], &list(pattern), &[]).file(Path::new("/l/f"), name.as_bytes());
            let hit = Exclusion { list: ExclusionList::Files, pattern: pattern.into() };
            assert_eq!(found, expected.then_some(hit), "{pattern} and {name}");
        };
        check("a.log", "a.log", true);
        check("*.bak", "a.log.bak", true);
        check("*.bak", "a.bak.log", false);
        check("?", ".", true);
    }

    #[test]
    fn directories() {
        let check = |pattern: &str, directory: &str, expected: bool| {
            let found = Exclusions::new(&[], &[], &list(pattern)).directory(Path::new(directory));
            let hit = Exclusion { list: ExclusionList::Dirs, pattern: pattern.into() };
            assert_eq!(found, expected.then_some(hit), "{pattern} and {directory}");
        };
        check("/l/x", "/l/x", true);
        check("/l/x/", "/l/x", true);
        check("/l/x", "/l/x/y/z", true);
        check("/l/x", "/l/xy", false);
        check("/l/x", "/l", false);
        check("/l/*", "/l/x", true);
        check("/l/*", "/l/x/y", true);
        check("/l/*", "/l", false);
        check("/l/?/b", "/l/x/b/c", true);
        check("/l/*/b", "/l/x/y/b", false);
        check("/l/**/b", "/l/x/y/b", true);
        check("/l/**/b", "/l/x/y/b/c", true);
        check("/l/**/b", "/l/b", false);
    }
}
