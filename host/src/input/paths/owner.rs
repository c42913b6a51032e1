//! Which pipeline reads a file that several of them mean. Pure.

use std::path::Path;

use crate::input::paths::{PathSet, Verdict};

/// Who reads a file, as positions in the list of all inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The owner, and those that read it in addition, in the order of the list.
    pub readers: Vec<usize>,
    /// The owner. `None`: nobody means the file.
    pub owner: Option<usize>,
    /// Those that mean the file, and do not read it since the owner does.
    pub outranked: Vec<usize>,
}

/// Decides who reads the file at `path`: the input with the longest base directory, of equal ones the first, and every input
/// that shares files.
pub fn ownership<'a>(sets: impl IntoIterator<Item = &'a PathSet>, path: &Path) -> Ownership {
    let mut claims = Vec::new();
    for (position, set) in sets.into_iter().enumerate() {
        if let Verdict::Matches { base_len, .. } = set.judge(path) {
            claims.push((position, base_len, set.is_shared()));
        }
    }
    // The last of equal maxima counts, hence from the back.
    let owner = claims.iter().rev().max_by_key(|(_, base_len, _)| *base_len).map(|(position, ..)| *position);
    let reads = |(position, _, is_shared): &&(usize, usize, bool)| *is_shared || Some(*position) == owner;
    let positions = |claims: Vec<&(usize, usize, bool)>| claims.iter().map(|(position, ..)| *position).collect();
    let (readers, outranked) = claims.iter().partition(reads);
    Ownership { readers: positions(readers), owner, outranked: positions(outranked) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::paths::PathRules;

    fn check(sets: &[(&str, bool)], readers: &[usize], owner: Option<usize>, outranked: &[usize]) {
        let set = |(pattern, is_shared): &(&str, bool)| {
            let rules = PathRules {
                file_paths: vec![(*pattern).to_owned()],
                max_dir_search_depth: 9,
                is_shared: *is_shared,
                ..PathRules::default()
            };
            PathSet::new(&rules, Path::new("/"))
        };
        let sets: Vec<_> = sets.iter().map(set).collect();
        let found = ownership(&sets, Path::new("/a/b/c.log"));
        let expected = Ownership { readers: readers.into(), owner, outranked: outranked.into() };
        assert_eq!(found, expected, "{sets:?}");
    }

    #[test]
    fn owners() {
        check(&[], &[], None, &[]);
        check(&[("/x/*", false)], &[], None, &[]);
        check(&[("/a/**/*.log", false), ("/a/b/*.log", false)], &[1], Some(1), &[0]);
        check(&[("/a/b/*.log", false), ("/a/b/c*", false), ("/a/**/*", false)], &[0], Some(0), &[1, 2]);
        // A wildcard directory counts as one, whatever its name.
        check(&[("/a/*/*.log", false), ("/a/b/*.log", false)], &[0], Some(0), &[1]);
        check(&[("/a/**/*.log", true), ("/a/b/*.log", false), ("/a/**/*", false)], &[0, 1], Some(1), &[2]);
        check(&[("/a/**/*.log", true), ("/a/b/*.log", true)], &[0, 1], Some(1), &[]);
    }
}
