//! Which files a config means. Pure: it knows names and never looks at the machine.
//!
//! A pattern of `FilePaths` is directories (`levels`) and a name. What it names can still be left out
//! ([`crate::input::paths::exclude`]), or be of a kind that is never read. [`PathSet::judge`] is the one place that decides: discovery asks
//! it, and so does whoever asks why a file is not collected.

pub mod exclude;
pub mod glob;
mod levels;
pub mod owner;

pub use levels::normalise;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::input::paths::exclude::{Exclusion, Exclusions};
use crate::input::paths::glob::{Glob, Slash};
use crate::input::paths::levels::{Levels, names};

/// What a config says of the paths of one input.
#[derive(Debug, Clone, Default)]
pub struct PathRules {
    /// `FilePaths`.
    pub file_paths: Vec<String>,
    /// `MaxDirSearchDepth`; a negative number means all levels.
    pub max_dir_search_depth: i64,
    /// `ExcludeFilePaths`, all of them absolute.
    pub exclude_file_paths: Vec<String>,
    /// `ExcludeFiles`, none with a separator.
    pub exclude_files: Vec<String>,
    /// `ExcludeDirs`, all of them absolute.
    pub exclude_dirs: Vec<String>,
    /// `AllowingCollectingFilesInRootDir`.
    pub may_begin_at_root: bool,
    /// `AllowingIncludedByMultiConfigs`.
    pub is_shared: bool,
}

/// The files that one input means.
#[derive(Debug, Clone)]
pub struct PathSet {
    patterns: Vec<Pattern>,
    exclusions: Exclusions,
    is_shared: bool,
}

#[derive(Debug, Clone)]
struct Pattern {
    /// As the config has it.
    text: Arc<str>,
    directory: Levels,
    name: Glob,
    /// It begins at `/`, which the config does not allow.
    is_refused: bool,
}

impl Pattern {
    fn is_literal(&self) -> bool {
        self.directory.depth() == Some(0) && self.name.is_literal()
    }
}

/// A directory to begin at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base {
    /// Its path.
    pub directory: PathBuf,
    /// How many levels below it there can be files at most. `None`: any number.
    pub depth: Option<usize>,
}

/// Whether a path is collected, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is.
    Matches {
        /// The pattern of `FilePaths`, the one with the longest base directory if there are several.
        pattern: Arc<str>,
        /// The length of that base directory, in separators.
        base_len: usize,
    },
    /// No pattern leads to its directory.
    NotNamed,
    /// A pattern leads to its directory, but has another name.
    NameDoesNotMatch {
        /// The pattern.
        pattern: Arc<str>,
    },
    /// It is further down than `**` goes.
    TooDeep {
        /// The pattern.
        pattern: Arc<str>,
        /// For how many levels `**` would have to stand.
        depth: usize,
        /// For how many it may.
        limit: usize,
    },
    /// The config leaves it out.
    Excluded(Exclusion),
    /// It is compressed or an archive, by the end of its name.
    Compressed {
        /// The end.
        suffix: &'static str,
    },
    /// The pattern begins at `/`, and the config does not say that it may.
    RootNotAllowed {
        /// The pattern.
        pattern: Arc<str>,
    },
}

/// Names that end like this are never read, as in LoongCollector.
const COMPRESSED: &[&str] = &[".gz", ".bz", ".tar"];

impl PathSet {
    /// Compiles what a config says; relative patterns count from `working_directory`.
    pub fn new(rules: &PathRules, working_directory: &Path) -> Self {
        let pattern = |text: &String| {
            let (directory, name) = text.rsplit_once('/').map_or(("", text.as_str()), |(directory, name)| {
                (if directory.is_empty() { "/" } else { directory }, name)
            });
            let directory = Levels::parse(directory, working_directory, rules.max_dir_search_depth);
            let is_refused = directory.begins_at_root() && !rules.may_begin_at_root;
            Pattern { text: text.as_str().into(), directory, name: Glob::new(name, Slash::Ordinary), is_refused }
        };
        Self {
            patterns: rules.file_paths.iter().map(pattern).collect(),
            exclusions: Exclusions::new(&rules.exclude_file_paths, &rules.exclude_files, &rules.exclude_dirs),
            is_shared: rules.is_shared,
        }
    }

    /// Where to look, each directory once.
    pub fn bases(&self) -> Vec<Base> {
        let allowed = self.patterns.iter().filter(|pattern| !pattern.is_refused);
        let base = |pattern: &Pattern| Base { directory: pattern.directory.root(), depth: pattern.directory.depth() };
        let mut bases: Vec<Base> = allowed.map(base).collect();
        // The deepest of each directory first, that is the one that stays.
        bases.sort_by_key(|base| (base.directory.clone(), base.depth.map_or(0, |depth| usize::MAX - depth)));
        bases.dedup_by(|next, kept| next.directory == kept.directory);
        bases
    }

    /// Whether there can be files that match in this directory or below it. `directory` is an absolute path.
    pub fn enters(&self, directory: &Path) -> bool {
        self.bars(directory).is_none()
    }

    /// Why no file in this directory or below it can match; `None` if one can.
    pub fn bars(&self, directory: &Path) -> Option<Verdict> {
        let names = names(directory);
        let mut allowed = self.patterns.iter().filter(|pattern| !pattern.is_refused);
        if allowed.clone().any(|pattern| pattern.directory.fit(&names).leads) {
            return self.exclusions.directory(directory).map(Verdict::Excluded);
        }
        let too_deep = allowed.find_map(|pattern| {
            let (depth, limit) = pattern.directory.too_deep(&names)?;
            Some(Verdict::TooDeep { pattern: pattern.text.clone(), depth, limit })
        });
        Some(too_deep.unwrap_or(Verdict::NotNamed))
    }

    /// Whether a file of this absolute path is collected, and if not, why.
    pub fn judge(&self, path: &Path) -> Verdict {
        match (path.parent(), path.file_name()) {
            (Some(directory), Some(name)) => self.directory(directory).judge(name),
            _ => Verdict::NotNamed,
        }
    }

    /// What holds for all files of a directory, to judge many of them.
    pub fn directory(&self, directory: &Path) -> DirectoryJudge<'_> {
        let names = names(directory);
        let candidate = |pattern| Some((pattern, Place::of(pattern, &names)?));
        DirectoryJudge {
            set: self,
            candidates: self.patterns.iter().filter_map(candidate).collect(),
            excluded: self.exclusions.directory(directory),
            directory: directory.to_owned(),
        }
    }

    /// Whether it takes files that another pipeline owns.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The patterns that begin at `/`, although the config does not say that they may. They match nothing.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter(|pattern| pattern.is_refused).map(|pattern| &*pattern.text)
    }

    /// The patterns of `FilePaths`, as the config has them.
    pub fn patterns(&self) -> impl Iterator<Item = &Arc<str>> {
        self.patterns.iter().map(|pattern| &pattern.text)
    }
}

/// Judges the files of one directory.
#[derive(Debug)]
pub struct DirectoryJudge<'a> {
    set: &'a PathSet,
    directory: PathBuf,
    candidates: Vec<(&'a Pattern, Place)>,
    excluded: Option<Exclusion>,
}

/// How a directory lies to a pattern that has to do with it.
#[derive(Debug, Clone, Copy)]
enum Place {
    Inside,
    TooDeep { depth: usize, limit: usize },
    RootNotAllowed,
}

impl Place {
    fn of(pattern: &Pattern, names: &[&[u8]]) -> Option<Self> {
        if pattern.directory.fit(names).ends {
            return Some(if pattern.is_refused { Self::RootNotAllowed } else { Self::Inside });
        }
        pattern.directory.too_deep(names).map(|(depth, limit)| Self::TooDeep { depth, limit })
    }
}

impl DirectoryJudge<'_> {
    /// Whether the file of this name is collected, and if not, why.
    pub fn judge(&self, name: &OsStr) -> Verdict {
        let name = name.as_bytes();
        let named = self.candidates.iter().filter(|(pattern, _)| pattern.name.matches(name));
        let inside = named.clone().filter(|(_, place)| matches!(place, Place::Inside)).map(|(pattern, _)| pattern);
        if let Some(pattern) = inside.max_by_key(|pattern| pattern.directory.base_len()) {
            let found = Verdict::Matches { pattern: pattern.text.clone(), base_len: pattern.directory.base_len() };
            return self.left_out(name).unwrap_or(found);
        }
        if let Some((pattern, place)) = named.clone().next() {
            let pattern = pattern.text.clone();
            return match *place {
                Place::TooDeep { depth, limit } => Verdict::TooDeep { pattern, depth, limit },
                Place::Inside | Place::RootNotAllowed => Verdict::RootNotAllowed { pattern },
            };
        }
        let mut inside = self.candidates.iter().filter(|(_, place)| matches!(place, Place::Inside));
        let other_name = inside.next().map(|(pattern, _)| Verdict::NameDoesNotMatch { pattern: pattern.text.clone() });
        other_name.unwrap_or(Verdict::NotNamed)
    }

    /// Whether a pattern without a wildcard is this very path, and nothing leaves it out.
    pub fn spells_out(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        let mut inside = self.candidates.iter().filter(|(_, place)| matches!(place, Place::Inside));
        inside.any(|(pattern, _)| pattern.is_literal() && pattern.name.matches(name)) && self.left_out(name).is_none()
    }

    fn left_out(&self, name: &[u8]) -> Option<Verdict> {
        if let Some(suffix) = COMPRESSED.iter().find(|suffix| name.ends_with(suffix.as_bytes())) {
            return Some(Verdict::Compressed { suffix });
        }
        let path = self.directory.join(OsStr::from_bytes(name));
        let excluded = self.excluded.clone().or_else(|| self.set.exclusions.file(&path, name));
        excluded.map(Verdict::Excluded)
    }
}

impl Verdict {
    /// Whether it is collected.
    pub fn is_match(&self) -> bool {
        matches!(self, Self::Matches { .. })
    }

    /// Whether a person would expect the file to be collected who reads no further than the patterns.
    pub fn is_surprising(&self) -> bool {
        !matches!(self, Self::Matches { .. } | Self::NotNamed | Self::NameDoesNotMatch { .. })
    }

    /// The verdict in a few words that go on after the path.
    pub fn describe(&self) -> String {
        match self {
            Self::Matches { pattern, .. } => format!("matches {pattern}"),
            Self::NotNamed => "no pattern of FilePaths leads to its directory".to_owned(),
            Self::NameDoesNotMatch { pattern } => format!("its name does not match {pattern}"),
            Self::TooDeep { pattern, depth, limit } => {
                let levels = if *depth == 1 { "level" } else { "levels" };
                format!("{depth} {levels} deep where {pattern} has `**`, and MaxDirSearchDepth is {limit}")
            }
            Self::Excluded(Exclusion { list, pattern }) => format!("left out by {} {pattern}", list.key()),
            Self::Compressed { suffix } => format!("names that end in {suffix} are never read"),
            Self::RootNotAllowed { pattern } => {
                format!("{pattern} begins at `/`, which needs AllowingCollectingFilesInRootDir: true")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::paths::exclude::ExclusionList;

    fn rules(pattern: &str, depth: i64) -> PathRules {
        PathRules { file_paths: vec![pattern.to_owned()], max_dir_search_depth: depth, ..PathRules::default() }
    }

    fn set(rules: &PathRules) -> PathSet {
        PathSet::new(rules, Path::new("/where"))
    }

    #[test]
    fn paths_that_are_spelt_out() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let set = set(&rules(pattern, 0));
            assert_eq!(set.directory(Path::new("/a/b")).spells_out(OsStr::new(name)), expected, "{pattern}, {name}");
        };
        check("/a/b/app.log", "app.log", true);
        check("/a/b/app.log", "app.log.1", false);
        check("/a/b/app.*", "app.log", false);
        check("/a/*/app.log", "app.log", false);
        check("/a/app.log", "app.log", false);
        check("/a/b/app.gz", "app.gz", false);
    }

    #[test]
    fn files_that_match() {
        let check = |pattern: &str, depth: i64, path: &str, expected: bool| {
            let verdict = set(&rules(pattern, depth)).judge(Path::new(path));
            assert_eq!(verdict.is_match(), expected, "{pattern} with depth {depth} and {path}: {verdict:?}");
        };
        check("/var/log/*.log", 0, "/var/log/a.log", true);
        check("/var/log/*.log", 5, "/var/log/x/a.log", false);
        check("/var/log/**/*.log", 0, "/var/log/a.log", true);
        check("/var/log/**/*.log", 0, "/var/log/x/a.log", false);
        check("/var/log/**/*.log", 2, "/var/log/x/y/a.log", true);
        check("/var/log/**/*.log", 2, "/var/log/x/y/z/a.log", false);
        check("/home/*/logs/*.log", 0, "/home/u/logs/a.log", true);
        check("/home/*/logs/*.log", 0, "/home/u/v/logs/a.log", false);
        check("/home/**/logs/*.log", 0, "/home/u/logs/a.log", true);
        check("/home/**/logs/*.log", 0, "/home/u/v/logs/a.log", false);
        check("/home/**/logs/*.log", 2, "/home/u/v/logs/a.log", true);
        check("/data/app.log*", 0, "/data/app.log.3", true);
        check("/data/app.log*", 0, "/data/app.log.3.gz", false);
        check("/data/app.log*", 0, "/data/app.log.gz.1", true);
        check("/data/app.log*", 0, "/data/app.log.zip", true);
        check("/data/*", 0, "/data/.hidden", true);
        check("/data/**", 0, "/data/a", true);
        check("a.log", 0, "/where/a.log", true);
        check("../x/./a.log", 0, "/x/a.log", true);
        check("/x/[ab].log", 0, "/x/b.log", true);
        check("/x/[ab].log", 0, "/x/[ab].log", false);
    }

    #[test]
    fn why_not() {
        let base = PathRules {
            file_paths: vec!["/l/**/*.log".to_owned(), "/**/*.txt".to_owned()],
            max_dir_search_depth: 1,
            exclude_file_paths: vec!["/l/secret.log".to_owned()],
            exclude_files: vec!["b*.log".to_owned()],
            exclude_dirs: vec!["/l/private".to_owned()],
            ..PathRules::default()
        };
        let set = set(&base);
        let check = |path: &str, expected: Verdict, words: &str| {
            let verdict = set.judge(Path::new(path));
            assert_eq!((verdict.describe().as_str(), &verdict), (words, &expected), "{path}");
        };
        let (log, text): (Arc<str>, Arc<str>) = ("/l/**/*.log".into(), "/**/*.txt".into());
        let left_out = |list, pattern: &str| Verdict::Excluded(Exclusion { list, pattern: pattern.into() });
        check("/l/a.log", Verdict::Matches { pattern: log.clone(), base_len: 1 }, "matches /l/**/*.log");
        check("/m/a.log", Verdict::NotNamed, "no pattern of FilePaths leads to its directory");
        check("/l/a.md", Verdict::NameDoesNotMatch { pattern: log.clone() }, "its name does not match /l/**/*.log");
        check(
            "/l/1/2/a.log",
            Verdict::TooDeep { pattern: log, depth: 2, limit: 1 },
            "2 levels deep where /l/**/*.log has `**`, and MaxDirSearchDepth is 1",
        );
        check(
            "/l/secret.log",
            left_out(ExclusionList::FilePaths, "/l/secret.log"),
            "left out by ExcludeFilePaths /l/secret.log",
        );
        check("/l/b1.log", left_out(ExclusionList::Files, "b*.log"), "left out by ExcludeFiles b*.log");
        check("/l/private/a.log", left_out(ExclusionList::Dirs, "/l/private"), "left out by ExcludeDirs /l/private");
        check(
            "/l/a.txt",
            Verdict::RootNotAllowed { pattern: text },
            "/**/*.txt begins at `/`, which needs AllowingCollectingFilesInRootDir: true",
        );
        assert_eq!(set.refused().collect::<Vec<_>>(), ["/**/*.txt"]);
        let packed = PathSet::new(&rules("/l/*", 0), Path::new("/")).judge(Path::new("/l/a.tar"));
        assert_eq!(packed.describe(), "names that end in .tar are never read");
    }

    #[test]
    fn the_root_directory_needs_permission() {
        let check = |pattern: &str, path: &str, needs: bool| {
            let without = rules(pattern, 5);
            let with = PathRules { may_begin_at_root: true, ..without.clone() };
            assert!(set(&with).judge(Path::new(path)).is_match(), "{pattern} and {path}");
            assert_eq!(set(&without).judge(Path::new(path)).is_match(), !needs, "{pattern} and {path}");
            assert_eq!(set(&without).bases().is_empty(), needs, "{pattern}");
        };
        check("/a.log", "/a.log", true);
        check("/**/a.log", "/x/y/a.log", true);
        check("/**/logs/a.log", "/x/logs/a.log", true);
        check("/*/a.log", "/x/a.log", false);
    }

    #[test]
    fn where_to_look() {
        let patterns = ["/v/*.log", "/v/**/x", "/h/*/l/*.log", "a.log", "/w"].map(str::to_owned);
        let set = set(&PathRules { file_paths: patterns.into(), max_dir_search_depth: 3, ..PathRules::default() });
        let base = |directory: &str, depth| Base { directory: directory.into(), depth: Some(depth) };
        assert_eq!(set.bases(), [base("/h", 2), base("/v", 3), base("/where", 0)]);
        for (directory, expected) in [("/v/1/2/3", true), ("/v/1/2/3/4", false), ("/h/u", true), ("/h/u/m", false)] {
            assert_eq!(set.enters(Path::new(directory)), expected, "{directory}");
        }
    }

    #[test]
    fn excluded_directories_are_not_entered() {
        let set = set(&PathRules { exclude_dirs: vec!["/v/x".to_owned()], ..rules("/v/**/a", 9) });
        assert!(set.enters(Path::new("/v/y")) && !set.enters(Path::new("/v/x")) && !set.enters(Path::new("/v/x/y")));
    }

    #[test]
    fn names_need_not_be_text() {
        let path = Path::new("/l").join(OsStr::from_bytes(b"\xff\n.log"));
        assert!(set(&rules("/l/*.log", 0)).judge(&path).is_match());
    }
}
