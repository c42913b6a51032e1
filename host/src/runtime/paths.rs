//! Turns what configs say of paths into path sets.

use std::path::Path;

use crate::config::{FileInput, InputKind, Pipeline};
use crate::input::paths::{PathRules, PathSet};

/// The files of a pipeline; relative paths count from `working_directory`. `None`: it has no input.
pub fn path_set(pipeline: &Pipeline, working_directory: &Path) -> Option<PathSet> {
    Some(PathSet::new(&rules(file_input(pipeline)?), working_directory))
}

/// The files of each pattern of `FilePaths`, as if it stood alone.
pub fn pattern_sets(pipeline: &Pipeline, working_directory: &Path) -> Vec<(String, PathSet)> {
    let Some(file) = file_input(pipeline) else { return Vec::new() };
    let alone = |pattern: &String| {
        let rules = PathRules { file_paths: vec![pattern.clone()], ..rules(file) };
        (pattern.clone(), PathSet::new(&rules, working_directory))
    };
    file.file_paths.iter().map(alone).collect()
}

/// The file input of a pipeline, if it has an input.
pub fn file_input(pipeline: &Pipeline) -> Option<&FileInput> {
    pipeline.inputs.first().map(|input| match &input.kind {
        InputKind::File(file) => &**file,
    })
}

/// What a config says of paths.
pub fn rules(file: &FileInput) -> PathRules {
    PathRules {
        file_paths: file.file_paths.clone(),
        max_dir_search_depth: file.max_dir_search_depth,
        exclude_file_paths: file.exclude_file_paths.clone(),
        exclude_files: file.exclude_files.clone(),
        exclude_dirs: file.exclude_dirs.clone(),
        may_begin_at_root: file.allowing_collecting_files_in_root_dir,
        is_shared: file.allowing_included_by_multi_configs,
    }
}
