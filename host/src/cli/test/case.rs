//! Golden cases: where they are, and what comes out of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;

use super::shown;
use crate::cli::passage::{Listener, Manner, Passage, Stop};
use crate::cli::{Common, config_context_with};
use crate::config::{self, AgentConfig};
use crate::event::Source;
use crate::processor::engine::Engine;
use crate::runtime::assemble::Workshop;
use crate::runtime::remote::Remote;
use crate::telemetry::alarm::Alarms;

/// A directory with a config and input.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    directory: PathBuf,
    config: String,
}

/// What a case wants besides.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wishes {
    /// Variables for the config and for what the agent reads from its environment; no others are there.
    env: BTreeMap<String, String>,
    /// Tags are shown.
    tags: bool,
    /// Processors may discard old events.
    discard_old: bool,
}

/// What came out of a case.
pub(super) struct Outcome {
    /// Events, one a line.
    pub(super) events: String,
    /// What was said besides, as on standard error.
    pub(super) messages: String,
    /// The config is valid and all lines were processed.
    pub(super) ended_well: bool,
}

/// Where cases are run. What they have in common is compiled once.
pub(super) struct Laboratory<'a> {
    common: &'a Common,
    tools: (Arc<Engine>, Arc<Remote>),
    home: PathBuf,
}

/// The cases at a path, in order.
pub(super) fn find(path: &Path) -> anyhow::Result<Vec<Case>> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
    if metadata.is_file() {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.file_name().and_then(|name| name.to_str()).context("the name of the config is not UTF-8")?;
        return Ok(vec![Case { directory, config: name.to_owned() }]);
    }
    let mut found = Vec::new();
    search(path, MAX_DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn search(directory: &Path, depth: usize, found: &mut Vec<Case>) -> anyhow::Result<()> {
    let unreadable = || format!("cannot list {}", shown(directory));
    let has = |name: &str| directory.join(name).is_file();
    if has(CONFIG) && (has(INPUT) || has(super::EXPECTED)) {
        found.push(Case { directory: directory.to_owned(), config: CONFIG.to_owned() });
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(directory).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        // Links are not followed: they may lead back.
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let is_leftover = name.to_str().is_some_and(|name| name.starts_with('.') || LEFTOVERS.contains(&name));
        if is_directory && !is_leftover {
            search(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

impl Case {
    /// How a person knows it.
    pub(super) fn name(&self) -> String {
        if self.config == CONFIG { shown(&self.directory) } else { shown(&self.directory.join(&self.config)) }
    }

    /// The text of one of its files. `None` if there is no such file.
    pub(super) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        match fs::read(self.directory.join(name)) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| anyhow!("{name} is not UTF-8")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
        }
    }

    /// Gives one of its files this content.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.directory.join(name), text)
    }

    fn wishes(&self) -> anyhow::Result<Wishes> {
        let text = self.read(WISHES)?;
        text.map_or_else(|| Ok(Wishes::default()), |text| serde_json::from_str(&text).context(WISHES))
    }
}

impl Wishes {
    /// A variable: nothing of the machine that the case runs on reaches it.
    fn lookup(&self, name: &str) -> Option<String> {
        let usual = || USUAL_ENV.iter().find(|(usual, _)| *usual == name).map(|(_, value)| (*value).to_owned());
        self.env.get(name).cloned().or_else(usual)
    }
}

impl<'a> Laboratory<'a> {
    pub(super) fn new(common: &'a Common) -> anyhow::Result<Self> {
        let home = std::env::current_dir().context("the working directory is gone")?;
        let Workshop { engine, remote, .. } = common.workshop(false, &AgentConfig::default())?;
        Ok(Self { common, tools: (engine, remote), home })
    }

    /// Runs a case in its directory, so that what its config and its messages name is relative to that.
    pub(super) fn run(&self, case: &Case) -> anyhow::Result<Outcome> {
        let wishes = case.wishes()?;
        let directory = self.home.join(&case.directory);
        std::env::set_current_dir(&directory).with_context(|| format!("cannot enter {}", directory.display()))?;
        let outcome = self.run_here(Path::new(&case.config), &wishes);
        std::env::set_current_dir(&self.home).with_context(|| format!("cannot return to {}", self.home.display()))?;
        outcome
    }

    fn run_here(&self, config: &Path, wishes: &Wishes) -> anyhow::Result<Outcome> {
        let input = File::open(INPUT).with_context(|| format!("no {INPUT}"))?;
        let lookup = |name: &str| wishes.lookup(name);
        let mut notes = Notes::default();
        let agent = match config::load_agent_config(None, &lookup) {
            Ok((agent, warnings)) => {
                warnings.iter().for_each(|warning| notes.hear(&format!("warning: {warning}")));
                agent
            }
            Err(problems) => bail!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        };
        let workshop = self.common.workshop_with(self.tools.clone(), wishes.discard_old, &agent, &lookup);
        let context = config_context_with(&agent, &lookup);
        let Some(passage) = Passage::open(config, &context, &workshop, &mut notes) else { return notes.end(false) };
        let manner = Manner {
            source: Source::new(INPUT.into(), None),
            read_seconds: Some(READ_SECONDS),
            tags: wishes.tags,
            alarms: Alarms::kept(),
        };
        match passage.take(input, manner, &mut notes) {
            Ok(()) => notes.end(true),
            Err(Stop::Halt(stopped)) => {
                notes.hear(&format!("error: {stopped}"));
                notes.end(false)
            }
            Err(Stop::Read(error) | Stop::Take(error)) => Err(error).with_context(|| format!("cannot read {INPUT}")),
        }
    }
}

/// Keeps what comes out.
#[derive(Default)]
struct Notes {
    events: Vec<u8>,
    messages: String,
}

impl Notes {
    fn end(self, ended_well: bool) -> anyhow::Result<Outcome> {
        let events = String::from_utf8(self.events).context("the events are not UTF-8")?;
        Ok(Outcome { events, messages: self.messages, ended_well })
    }
}

impl Listener for Notes {
    fn take(&mut self, lines: &[u8]) -> io::Result<()> {
        self.events.extend_from_slice(lines);
        Ok(())
    }

    fn hear(&mut self, message: &str) {
        self.messages.push_str(message);
        self.messages.push('\n');
    }
}

/// The files of a case, for who has none.
pub(super) const WHAT_IT_HAS: &str = "pipeline.yaml, input.log and expected.jsonl";

const CONFIG: &str = "pipeline.yaml";
const INPUT: &str = "input.log";
const WISHES: &str = "case.json";

/// What the environment of each case has unless it says something else: the same on every machine.
const USUAL_ENV: [(&str, &str); 3] =
    [("TZ", "UTC"), ("LOONG_WORKING_HOSTNAME", "localhost"), ("LOONG_WORKING_IP", "127.0.0.1")];

/// When the lines of all cases are read: 2026-01-01T00:00:00Z.
const READ_SECONDS: i64 = 1_767_225_600;

/// Directories that tools make beside a project, in which nobody keeps cases of his own.
const LEFTOVERS: [&str; 5] = ["target", "node_modules", "__pycache__", "venv", "sdk"];

/// Deeper than any project.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_at_any_depth_but_not_among_leftovers() {
        let scratch = tempfile::tempdir().expect("a directory");
        let make = |name: &str, files: &[&str]| {
            let directory = scratch.path().join(name);
            fs::create_dir_all(&directory).expect("made");
            files.iter().for_each(|file| fs::write(directory.join(file), "").expect("written"));
        };
        make("cases/b", &[CONFIG, INPUT]);
        make("cases/a/deep", &[CONFIG, super::super::EXPECTED]);
        make("target/c", &[CONFIG, INPUT]);
        make("sdk/cases/d", &[CONFIG, INPUT]);
        make(".git/e", &[CONFIG, INPUT]);
        make("config-alone", &[CONFIG]);
        let found = find(scratch.path()).expect("it can be listed");
        let names: Vec<&Path> =
            found.iter().map(|case| case.directory.strip_prefix(scratch.path()).expect("below")).collect();
        assert_eq!(names, [Path::new("cases/a/deep"), Path::new("cases/b")]);
        let one = find(&scratch.path().join("cases/b").join(CONFIG)).expect("it is there");
        assert_eq!(one, [Case { directory: scratch.path().join("cases/b"), config: CONFIG.to_owned() }]);
        assert!(find(&scratch.path().join("none")).is_err());
    }
}
