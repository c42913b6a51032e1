//! Finds config files and reads them; what they mean is up to [`parse`].

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::node::Position;
use super::pipeline::Pipeline;
use super::problem::{Problem, Warning};
use super::{AgentConfig, Context, Lookup, Source, Syntax, parse};

/// The config files of a directory, or one file.
#[derive(Debug)]
pub struct Loaded {
    /// One entry for each config file, in the order of their names.
    pub files: Vec<LoadedFile>,
    /// What was found beside the config files, or is in the way of one.
    pub warnings: Vec<Warning>,
}

/// A config file and what it holds.
#[derive(Debug)]
pub struct LoadedFile {
    /// The file.
    pub path: PathBuf,
    /// Its pipeline with warnings, or all that is wrong with it.
    pub result: Result<(Pipeline, Vec<Warning>), Vec<Problem>>,
}

/// The config files that a path leads to, not understood yet.
#[derive(Debug)]
pub struct Found {
    /// Their texts, or why one cannot be read, in the order of their names.
    pub files: Vec<(PathBuf, Result<String, Problem>)>,
    /// What was found beside them.
    pub warnings: Vec<Warning>,
}

/// Finds one config file, or all those directly in a directory.
///
/// In a directory, config files are the regular files, also by symbolic link, that end in `.yaml`, `.yml` or `.json`.
/// They are taken in the order of their names.
///
/// # Errors
/// Only if nothing at all can be read at `path`.
pub fn find(path: &Path) -> Result<Found, Problem> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        let text = if Source::of_path(path).is_some() { read_text(path) } else { Err(no_config_name(path)) };
        return Ok(Found { files: vec![(path.to_owned(), text)], warnings: Vec::new() });
    }
    let mut warnings = Vec::new();
    let paths = config_files(path, &mut warnings).map_err(|error| unreadable(path, &error))?;
    if paths.is_empty() {
        warnings.push(warning(path, "no config file in this directory"));
    }
    let files = paths.into_iter().map(|path| {
        let text = read_text(&path);
        (path, text)
    });
    Ok(Found { files: files.collect(), warnings })
}

/// Loads one config file, or all those directly in a directory, as [`find`] finds them. Of two for one pipeline name
/// the first counts.
///
/// # Errors
/// Only if nothing at all can be read at `path`. What is wrong with one file is in its entry.
pub fn load(path: &Path, context: &Context<'_>) -> Result<Loaded, Problem> {
    let Found { files, warnings } = find(path)?;
    let load = |(path, text): (PathBuf, Result<String, Problem>)| LoadedFile {
        result: parse_file(&path, &text, context),
        path,
    };
    let mut loaded = Loaded { files: files.into_iter().map(load).collect(), warnings };
    loaded.drop_repeated_names();
    Ok(loaded)
}

/// Reads the config that a file holds.
///
/// # Errors
/// All that is wrong with it, as for [`parse`]; a file that cannot be read is one problem.
pub fn parse_file(
    path: &Path,
    text: &Result<String, Problem>,
    context: &Context<'_>,
) -> Result<(Pipeline, Vec<Warning>), Vec<Problem>> {
    let source = Source::of_path(path).ok_or_else(|| vec![no_config_name(path)])?;
    let text = text.as_ref().map_err(|problem| vec![problem.clone()])?;
    parse(text, &source, context)
}

/// Loads one config file.
///
/// # Errors
/// As [`parse_file`].
pub fn load_file(path: &Path, context: &Context<'_>) -> Result<(Pipeline, Vec<Warning>), Vec<Problem>> {
    if Source::of_path(path).is_none() {
        return Err(vec![no_config_name(path)]);
    }
    parse_file(path, &read_text(path), context)
}

/// Loads the config of the agent: the file if there is one, and the environment.
///
/// # Errors
/// All that is wrong with it, as for [`AgentConfig::parse`]; a file that cannot be read is one problem.
pub fn load_agent_config(path: Option<&Path>, env: &Lookup<'_>) -> Result<(AgentConfig, Vec<Warning>), Vec<Problem>> {
    let Some(path) = path else { return AgentConfig::parse("{}", "", env) };
    let text = read_text(path).map_err(|problem| vec![problem])?;
    AgentConfig::parse(&text, &path.display().to_string(), env)
}

impl Source {
    /// Returns the source that a path stands for, or `None` if its name does not end as that of a config file.
    pub fn of_path(path: &Path) -> Option<Self> {
        let syntax = match path.extension()?.to_str()? {
            "yaml" | "yml" => Syntax::Yaml,
            "json" => Syntax::Json,
            _ => return None,
        };
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        Some(Self { file: path.display().to_string(), stem, syntax })
    }
}

impl Loaded {
    /// Leaves out the files whose pipeline has the name of an earlier one, as Kubernetes resources can.
    fn drop_repeated_names(&mut self) {
        let mut owners: HashMap<String, PathBuf> = HashMap::new();
        self.files.retain(|file| {
            let Ok((pipeline, _)) = &file.result else { return true };
            let owner = owners.entry(pipeline.name.clone()).or_insert_with(|| file.path.clone());
            if *owner != file.path {
                self.warnings.push(shadowed(&file.path, &pipeline.name, owner));
            }
            *owner == file.path
        });
    }
}

/// Larger than any config: what is larger is something else.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

fn read_text(path: &Path) -> Result<String, Problem> {
    let bytes = read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let start = str::from_utf8(&error.as_bytes()[..error.utf8_error().valid_up_to()]).unwrap_or_default();
        let at = Some(Position::of_offset(start, start.len()));
        Problem { at, ..of_path(path, "not UTF-8") }.hint("save the file as UTF-8")
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_CONFIG_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {MAX_CONFIG_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Returns the config files of a directory, one for each stem, in the order of their names.
fn config_files(directory: &Path, warnings: &mut Vec<Warning>) -> io::Result<Vec<PathBuf>> {
    let entries: io::Result<Vec<_>> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = entries?;
    paths.sort();
    let mut owners: HashMap<String, PathBuf> = HashMap::new();
    paths.retain(|path| match candidate(path) {
        Candidate::Config(stem) => {
            let owner = owners.entry(stem.clone()).or_insert_with(|| path.clone());
            if owner != path {
                warnings.push(shadowed(path, &stem, owner));
            }
            owner == path
        }
        Candidate::Skipped(reason) => {
            warnings.push(warning(path, &format!("skipped: {reason}")));
            false
        }
        Candidate::Ignored => false,
    });
    Ok(paths)
}

/// What an entry of a config directory is.
enum Candidate {
    /// A config file, with the name of its pipeline.
    Config(String),
    /// Something that a user may take for a config file, and why it is none.
    Skipped(String),
    /// Something that nobody takes for a config file.
    Ignored,
}

fn candidate(path: &Path) -> Candidate {
    let Some(source) = Source::of_path(path) else {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let reason = "the name does not end in .yaml, .yml or .json";
        return if is_hidden { Candidate::Ignored } else { Candidate::Skipped(reason.to_owned()) };
    };
    if SETTINGS.contains(&source.stem.as_str()) {
        return Candidate::Ignored;
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Candidate::Config(source.stem),
        Ok(_) => Candidate::Skipped("not a regular file".to_owned()),
        Err(error) => Candidate::Skipped(error.to_string()),
    }
}

/// Files of LoongCollector that lie among the pipelines but are none.
const SETTINGS: &[&str] = &["region_config", "readable_region_config"];

fn no_config_name(path: &Path) -> Problem {
    of_path(path, "expected a name in .yaml, .yml or .json")
}

fn of_path(path: &Path, message: impl Into<String>) -> Problem {
    Problem::of_file(path.display().to_string(), message)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    of_path(path, format!("cannot be read: {error}"))
}

fn warning(path: &Path, message: &str) -> Warning {
    Warning(of_path(path, message))
}

fn shadowed(path: &Path, name: &str, owner: &Path) -> Warning {
    warning(path, &format!("skipped: the pipeline {name} is already in {}", owner.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPELINE: &str = "inputs: [{Type: input_file, FilePaths: [/a]}]\nflushers: [{Type: flusher_blackhole}]\n";
    const CONTEXT: Context<'_> = Context { env: &|_| None, builtin_types: &[], default_tail_limit_kib: None };

    /// Returns `files` by name and first problem, and the warnings, of a directory with these files.
    fn load_directory(files: &[(&str, &[u8])]) -> (Vec<(String, String)>, Vec<String>) {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, content) in files {
            match *content {
                b"DIR" => fs::create_dir(directory.path().join(name)).expect("a directory"),
                _ => fs::write(directory.path().join(name), content).expect("a file"),
            }
        }
        let loaded = load(directory.path(), &CONTEXT).expect("a readable directory");
        let root = format!("{}/", directory.path().display());
        let relative = |text: String| text.replace(&root, "");
        let entry = |file: &LoadedFile| {
            let problem = file.result.as_ref().err().map(|problems| problems[0].to_string()).unwrap_or_default();
            (relative(file.path.display().to_string()), relative(problem))
        };
        let warnings = loaded.warnings.iter().map(|warning| relative(warning.to_string())).collect();
        (loaded.files.iter().map(entry).collect(), warnings)
    }

    #[test]
    fn a_directory_gives_an_entry_for_each_config_file() {
        let resource = "apiVersion: telemetry.alibabacloud.com/v1alpha1\nkind: ClusterAliyunPipelineConfig\n\
            metadata: {name: a1}\nspec:\n config:\n  inputs: [{Type: input_file, FilePaths: [/a]}]\n  \
            flushers: [{Type: flusher_blackhole}]\n";
        let (files, warnings) = load_directory(&[
            ("a1.yml", PIPELINE.as_bytes()),
            ("a1.txt", b""),
            ("a1.yaml", PIPELINE.as_bytes()),
            ("b.json", b"[]"),
            ("c.YAML", PIPELINE.as_bytes()),
            ("d.yaml", b"DIR"),
            ("e.yaml", b""),
            ("f.yaml", b"a: \xff"),
            ("g.yaml", resource.as_bytes()),
            ("region_config.json", b"{}"),
            (".swap", b""),
            ("sub", b"DIR"),
        ]);
        let expected = [
            ("a1.yaml", ""),
            ("b.json", "b.json:1:1: expected a map at the top, found a list"),
            ("e.yaml", "e.yaml:1:1: the file holds no config"),
            ("f.yaml", "f.yaml:1:4: not UTF-8 (save the file as UTF-8)"),
        ];
        assert_eq!(files, expected.map(|(file, problem)| (file.to_owned(), problem.to_owned())));
        assert_eq!(
            warnings,
            [
                "a1.txt: skipped: the name does not end in .yaml, .yml or .json",
                "a1.yml: skipped: the pipeline a1 is already in a1.yaml",
                "c.YAML: skipped: the name does not end in .yaml, .yml or .json",
                "d.yaml: skipped: not a regular file",
                "sub: skipped: the name does not end in .yaml, .yml or .json",
                "g.yaml: skipped: the pipeline a1 is already in a1.yaml",
            ]
        );
    }

    #[test]
    fn an_empty_directory_is_worth_a_warning() {
        let (files, warnings) = load_directory(&[]);
        assert_eq!((files.len(), warnings.len()), (0, 1));
        assert!(warnings[0].ends_with("no config file in this directory"), "{}", warnings[0]);
    }

    #[test]
    fn a_single_file_is_loaded_by_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let check = |name: &str, content: Option<&[u8]>, expected: &str| {
            let path = directory.path().join(name);
            content.iter().for_each(|content| fs::write(&path, content).expect("a file"));
            let problem = match load(&path, &CONTEXT) {
                Err(problem) => problem.to_string(),
                Ok(loaded) => {
                    loaded.files[0].result.as_ref().map_or_else(|found| found[0].to_string(), |_| String::new())
                }
            };
            assert_eq!(problem.replace(&path.display().to_string(), "FILE"), expected, "{name}");
        };
        check("a.yaml", Some(PIPELINE.as_bytes()), "");
        check("none.yaml", None, "FILE: cannot be read: No such file or directory (os error 2)");
        check("a.conf", Some(b""), "FILE: expected a name in .yaml, .yml or .json");
        let huge = vec![b'#'; 5 << 20];
        check("huge.yaml", Some(&huge), "FILE: cannot be read: larger than 4194304 bytes");
    }
}
