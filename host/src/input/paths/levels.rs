//! The directories that a pattern of `FilePaths` leads to. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::input::paths::glob::{Glob, Slash};

/// The directory part of a pattern, from `/` on.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    levels: Vec<Level>,
    /// How many of them count as the base directory: all but a `**` at the end.
    base: usize,
}

/// What one component of a pattern stands for.
#[derive(Debug, Clone)]
enum Level {
    /// The directory of this name.
    Named(Vec<u8>),
    /// One directory whose name matches.
    ///
    /// A component whose only wildcard is `[` also stands for a directory of exactly that name: LoongCollector reads such a
    /// component in no other way, while people mean what `[` means everywhere else.
    One { glob: Glob, name: Option<Vec<u8>> },
    /// `**`: so many directories, one below the other. `None`: any number.
    Any { least: usize, most: Option<usize> },
}

/// How a directory lies to a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// It may have directories below it that the pattern leads to, or is one itself.
    pub(super) leads: bool,
    /// The pattern leads to this directory: its files are meant.
    pub(super) ends: bool,
}

impl Levels {
    /// Parses the directory part of a pattern. A relative one counts from `working_directory`, in which nothing is a
    /// wildcard. `.`, `..` and `//` are resolved by the text alone.
    ///
    /// `max_depth` is `MaxDirSearchDepth`: how many levels a `**` stands for at most, a negative number means all. A `**` that
    /// is not at the end stands for exactly one level if that is 0, as in LoongCollector, which knows no more of it.
    pub(super) fn parse(directory: &str, working_directory: &Path, max_depth: i64) -> Self {
        let mut levels = Vec::new();
        if !directory.starts_with('/') {
            levels.extend(names(working_directory).into_iter().map(|name| Level::Named(name.to_vec())));
        }
        let most = usize::try_from(max_depth).ok();
        for component in directory.split('/') {
            match component {
                "" | "." => {}
                ".." => drop(levels.pop()),
                "**" if most == Some(0) => levels.push(Level::Any { least: 1, most: Some(1) }),
                "**" => levels.push(Level::Any { least: 0, most }),
                name => levels.push(Level::of(name)),
            }
        }
        let mut base = levels.len();
        if let Some(last @ Level::Any { .. }) = levels.last_mut() {
            *last = Level::Any { least: 0, most };
            base -= 1;
        }
        Self { levels, base }
    }

    /// The directories before the first wildcard: where to begin to look.
    pub(super) fn root(&self) -> PathBuf {
        let mut root = PathBuf::from("/");
        root.extend(self.levels.iter().map_while(Level::name).map(OsStr::from_bytes));
        root
    }

    /// How many levels below [`Self::root`] the pattern leads at most. `None`: no limit.
    pub(super) fn depth(&self) -> Option<usize> {
        self.levels.iter().skip_while(|level| level.name().is_some()).map(Level::most).sum()
    }

    /// The length of the base directory, in separators.
    pub(super) fn base_len(&self) -> usize {
        self.base
    }

    /// Whether the pattern is about `/` itself, or about everything below it.
    pub(super) fn begins_at_root(&self) -> bool {
        self.base == 0 || matches!(self.levels.first(), Some(Level::Any { .. }))
    }

    /// How a directory, given by its names from `/` on, lies to the pattern.
    pub(super) fn fit(&self, names: &[&[u8]]) -> Fit {
        self.fit_within(names, |most| most)
    }

    /// If nothing but the limit of `**` keeps the pattern from leading to this directory: how many levels `**` would have to
    /// stand for, and how many it may.
    pub(super) fn too_deep(&self, names: &[&[u8]]) -> Option<(usize, usize)> {
        let limit = self.levels.iter().filter_map(|level| match level {
            Level::Any { most, .. } => *most,
            _ => None,
        });
        let limit = limit.max()?;
        let is_deep = !self.fit(names).ends && self.fit_within(names, |_| None).ends;
        let others = self.levels.iter().filter(|level| !matches!(level, Level::Any { .. })).count();
        is_deep.then(|| (names.len() - others, limit))
    }

    fn fit_within(&self, names: &[&[u8]], most: fn(Option<usize>) -> Option<usize>) -> Fit {
        let all = names.len();
        // Which numbers of names, from the first on, the levels so far can stand for.
        let mut taken = vec![false; all + 1];
        taken[0] = true;
        let mut leads = false;
        for level in &self.levels {
            leads |= taken[all];
            let mut next = vec![false; all + 1];
            for from in (0..=all).filter(|from| taken[*from]) {
                match level {
                    Level::Any { least, most: limit } => {
                        let to = most(*limit).map_or(all, |most| from.saturating_add(most).min(all));
                        next.iter_mut().take(to + 1).skip(from + least).for_each(|taken| *taken = true);
                    }
                    one if from < all && one.is(names[from]) => next[from + 1] = true,
                    _ => {}
                }
            }
            taken = next;
        }
        Fit { leads: leads || taken[all], ends: taken[all] }
    }
}

impl Level {
    fn of(component: &str) -> Self {
        let is_wild = component.contains(['*', '?']);
        if !is_wild && !component.contains('[') {
            return Self::Named(component.into());
        }
        Self::One { glob: Glob::new(component, Slash::Separates), name: (!is_wild).then(|| component.into()) }
    }

    /// The one name that this level can have, if there is just one.
    fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Named(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it stands for one directory of this name.
    fn is(&self, found: &[u8]) -> bool {
        match self {
            Self::Named(name) => name == found,
            Self::One { glob, name } => name.as_deref() == Some(found) || glob.matches(found),
            Self::Any { .. } => false,
        }
    }

    fn most(&self) -> Option<usize> {
        match self {
            Self::Any { most, .. } => *most,
            _ => Some(1),
        }
    }
}

/// The names along an absolute path, without the `/` that it begins with.
pub(super) fn names(path: &Path) -> Vec<&[u8]> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.as_bytes()),
        _ => None,
    });
    names.collect()
}

/// `path` from `/` on, with `.`, `..` and `//` resolved by the text alone: symbolic links are not looked at.
pub fn normalise(path: &Path, working_directory: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in working_directory.join(path).components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => drop(normal.pop()),
            _ => {}
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, max_depth: i64, directory: &str, leads: bool, ends: bool) {
        let levels = Levels::parse(pattern, Path::new("/where/[x]"), max_depth);
        let found = levels.fit(&names(Path::new(directory)));
        assert_eq!(found, Fit { leads, ends }, "{pattern} with depth {max_depth} and {directory}");
    }

    #[test]
    fn directories_of_patterns() {
        check("/var/log", 0, "/", true, false);
        check("/var/log", 0, "/var", true, false);
        check("/var/log", 0, "/var/log", true, true);
        check("/var/log", 9, "/var/log/x", false, false);
        check("/var/log", 0, "/var/lib", false, false);
        check("/home/*/logs", 0, "/home/u", true, false);
        check("/home/*/logs", 0, "/home/u/logs", true, true);
        check("/home/*/logs", 0, "/home/logs", true, false);
        check("/home/[ab]/logs", 0, "/home/a/logs", true, true);
        check("/home/[ab]/logs", 0, "/home/[ab]/logs", true, true);
        check("//var/./x/../log/", 0, "/var/log", true, true);
        check("/../var", 0, "/var", true, true);
        check("a/b", 0, "/where/[x]/a/b", true, true);
        check("../b", 0, "/where/b", true, true);
        check("a", 0, "/where/x/a", false, false);
    }

    #[test]
    fn double_stars() {
        check("/l/**", 0, "/l", true, true);
        check("/l/**", 0, "/l/x", false, false);
        check("/l/**", 2, "/l/x/y", true, true);
        check("/l/**", 2, "/l/x/y/z", false, false);
        check("/l/**", -1, "/l/1/2/3/4/5/6/7/8/9", true, true);
        check("/h/**/logs", 0, "/h/u/logs", true, true);
        check("/h/**/logs", 0, "/h/logs", true, false);
        check("/h/**/logs", 0, "/h/u/v/logs", false, false);
        check("/h/**/logs", 2, "/h/logs", true, true);
        check("/h/**/logs", 2, "/h/u/v/logs", true, true);
        check("/h/**/logs", 2, "/h/u/v/w", false, false);
        check("/h/**/logs", 2, "/h/u/v/w/logs", false, false);
        check("/h/**/logs/**", 1, "/h/u/logs/x", true, true);
        check("/h/a**b/logs", 5, "/h/aub/logs", true, true);
        check("/h/a**b/logs", 5, "/h/a/b/logs", false, false);
    }

    #[test]
    fn where_to_look() {
        let check = |pattern: &str, root: &str, depth: Option<usize>, base: usize| {
            let levels = Levels::parse(pattern, Path::new("/"), 3);
            assert_eq!(
                (levels.root(), levels.depth(), levels.base_len()),
                (PathBuf::from(root), depth, base),
                "{pattern}"
            );
        };
        check("/var/log", "/var/log", Some(0), 2);
        check("/var/log/**", "/var/log", Some(3), 2);
        check("/home/*/logs", "/home", Some(2), 3);
        check("/home/**/logs/**", "/home", Some(7), 3);
        check("/", "/", Some(0), 0);
        assert_eq!(Levels::parse("/a/**", Path::new("/"), -1).depth(), None);
    }

    #[test]
    fn paths_are_normalised_by_their_text() {
        let check = |path: &str, expected: &str| {
            assert_eq!(normalise(Path::new(path), Path::new("/w/d")), Path::new(expected), "{path}");
        };
        check("a", "/w/d/a");
        check("../a/./b//c", "/w/a/b/c");
        check("/a/../../b", "/b");
    }
}
