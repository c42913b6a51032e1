//! Does what is to be done so that what runs is what configs say.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, TryRecvError};

use super::plan::{Recipe, Step, shadows, step};
use super::report::{FileReport, Outcome, Report};
use super::{Failure, Run, Supervisor};
use crate::config::{Pipeline, Problem, Warning};
use crate::flusher::sls::package::Destination;
use crate::processor::stage::Stage;
use crate::processor::trust::digest;
use crate::runtime::Rank;
use crate::runtime::assemble::Assembly;
use crate::runtime::machine::unix_seconds;
use crate::runtime::pipeline::{End, destinations};
use crate::runtime::status::{ConfigStatus, SHOWN_DIGEST};

/// What is ready to be put in place.
enum Ready {
    /// A whole pipeline.
    Assembly(Box<Assembly>),
    /// Other processors of one that runs.
    Stages(Vec<Arc<Stage>>),
}

/// A pipeline that is to change.
struct Change {
    rank: Rank,
    recipe: Recipe,
    ready: Ready,
    report: FileReport,
}

impl Supervisor {
    /// Compares what runs with what the files say, makes everything ready that is to change, and puts it in place.
    pub(super) fn apply(&mut self, interrupt: &Receiver<Infallible>) -> Report {
        let mut report = Report {
            files: Vec::new(),
            problems: self.watch.problems.iter().map(ToString::to_string).collect(),
            warnings: self.watch.warnings.iter().map(ToString::to_string).collect(),
        };
        let named = self.files.iter().filter_map(|(rank, file)| Some((rank, file.parsed.as_ref().ok()?)));
        let enabled = named.filter(|(_, (pipeline, _))| pipeline.enable);
        let shadowed = shadows(enabled.map(|(rank, (pipeline, _))| (rank, pipeline.name.as_str())));
        let mut changes = Vec::new();
        let mut wanted = BTreeSet::new();
        let ranks: Vec<Rank> = self.files.keys().cloned().collect();
        for rank in ranks {
            if interrupt.try_recv() == Err(TryRecvError::Disconnected) {
                // Nothing is begun any more that may take long.
                return report;
            }
            let file = &self.files[&rank];
            let mut found = FileReport { file: rank.1.display().to_string(), ..FileReport::default() };
            match &file.parsed {
                Err(problems) => {
                    found.outcome = Outcome::Broken;
                    found.problems = problems.iter().map(ToString::to_string).collect();
                    found.pipeline = self.name_of(&rank);
                    wanted.insert(found.pipeline.clone());
                    let since = file.since;
                    self.fail(&rank, &found, None, since);
                }
                Ok((pipeline, warnings)) => {
                    found.pipeline.clone_from(&pipeline.name);
                    found.warnings = warnings.iter().map(ToString::to_string).collect();
                    if !pipeline.enable {
                        found.outcome = Outcome::Disabled;
                    } else if let Some(owner) = shadowed.get(&rank) {
                        found.outcome = Outcome::Shadowed;
                        let owner = owner.1.display();
                        found.warnings.push(format!("skipped: the pipeline {} is already in {owner}", pipeline.name));
                    } else {
                        wanted.insert(pipeline.name.clone());
                        let pipeline = pipeline.clone();
                        match self.prepare(&rank, &pipeline, found) {
                            Ok(change) => changes.push(change),
                            Err(found) => report.files.push(found),
                        }
                        continue;
                    }
                }
            }
            report.files.push(found);
        }
        self.stop_others(&wanted, &mut report, interrupt);
        self.failed.retain(|name, _| wanted.contains(name));
        self.put_in_place(changes, &mut report, interrupt);
        report.files.sort_by(|a, b| a.file.cmp(&b.file));
        self.show();
        report
    }

    /// The pipeline that a file had when it could be read, or the name that it would have.
    fn name_of(&self, rank: &Rank) -> String {
        let run = self.running.iter().find(|(_, run)| run.rank == *rank);
        let stem = || rank.1.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        run.map_or_else(stem, |(name, _)| name.clone())
    }

    /// Notes that a pipeline cannot run, with an alarm if that is news.
    fn fail(&mut self, rank: &Rank, found: &FileReport, recipe: Option<Recipe>, since: i64) {
        let FileReport { pipeline, problems, .. } = found;
        let known = self.failed.get(pipeline);
        let is_news = known.is_none_or(|known| known.problems != *problems);
        let since = known.filter(|_| !is_news).map_or(since, |known| known.since);
        self.failed.insert(pipeline.clone(), Failure { recipe, problems: problems.clone(), since });
        if is_news && !self.is_begin {
            self.raise(pipeline, rank, problems);
        }
    }

    /// Makes what is to change about a pipeline ready, or says why nothing will.
    fn prepare(&mut self, rank: &Rank, pipeline: &Pipeline, mut found: FileReport) -> Result<Change, FileReport> {
        let recipe = Recipe {
            config: pipeline.placeless(),
            components: self.files[rank].components(rank).iter().map(|named| self.watch.component(named)).collect(),
        };
        let run = self.running.get(&pipeline.name);
        let failure = self.failed.get(&pipeline.name);
        let failed = failure.and_then(|failure| failure.recipe.as_ref());
        let step = step(&recipe, run.map(|run| &run.recipe), failed);
        match step {
            Step::Keep => {
                self.failed.remove(&pipeline.name);
                if let Some(run) = self.running.get_mut(&pipeline.name) {
                    run.rank.clone_from(rank);
                    run.hash.clone_from(&self.files[rank].hash);
                }
                return Err(found);
            }
            Step::Wait => {
                found.outcome = Outcome::Broken;
                found.problems = failure.map(|failure| failure.problems.clone()).unwrap_or_default();
                return Err(found);
            }
            Step::Start | Step::Replace | Step::Restart => {}
        }
        let mut warnings = Vec::new();
        let made = if self.is_begin {
            self.make(rank, pipeline, step, &mut warnings)
        } else {
            gently(|| self.make(rank, pipeline, step, &mut warnings))
        };
        found.warnings.extend(warnings.iter().map(ToString::to_string));
        match made {
            Ok(ready) => Ok(Change { rank: rank.clone(), recipe, ready, report: found }),
            Err(problems) => {
                found.outcome = Outcome::Broken;
                found.problems = problems.iter().map(ToString::to_string).collect();
                self.fail(rank, &found, Some(recipe), unix_seconds());
                Err(found)
            }
        }
    }

    fn make(
        &self,
        rank: &Rank,
        pipeline: &Pipeline,
        step: Step,
        warnings: &mut Vec<Warning>,
    ) -> Result<Ready, Vec<Problem>> {
        let workshop = &self.means.workshop;
        if step == Step::Replace {
            let known = self.agent.stages(&pipeline.name);
            let stages = workshop.stages_beside(pipeline, &known, warnings)?;
            // How far files have come is stored otherwise where processors remember.
            let is_in_place = self.agent.remembers(&pipeline.name) == stages.iter().any(|stage| stage.remembers());
            if !is_in_place {
                return self.assembly(rank, pipeline, warnings);
            }
            // What is remembered is remembered in one place.
            let workers = if self.agent.remembers(&pipeline.name) { 1 } else { self.agent.workers() };
            for (stage, spec) in stages.iter().zip(&pipeline.processors) {
                if !known.iter().any(|known| Arc::ptr_eq(known, stage)) {
                    stage.prepare(workers).map_err(|error| vec![spec.problem("", error)])?;
                }
            }
            return Ok(Ready::Stages(stages));
        }
        self.assembly(rank, pipeline, warnings)
    }

    fn assembly(&self, rank: &Rank, pipeline: &Pipeline, warnings: &mut Vec<Warning>) -> Result<Ready, Vec<Problem>> {
        let file = rank.1.display().to_string();
        let assembly = self.means.workshop.assemble(pipeline, &file, self.means.flusher.as_ref(), warnings)?;
        Ok(Ready::Assembly(Box::new(assembly)))
    }

    /// Stops the pipelines of which no config is there any more.
    fn stop_others(&mut self, wanted: &BTreeSet<String>, report: &mut Report, interrupt: &Receiver<Infallible>) {
        let others: Vec<String> = self.running.keys().filter(|name| !wanted.contains(*name)).cloned().collect();
        for name in others {
            if self.agent.end(&name, false, self.means.patience, interrupt) == End::Interrupted {
                return;
            }
            let Some(run) = self.running.remove(&name) else { continue };
            let file = run.rank.1.display().to_string();
            let disabled = report.files.iter_mut().find(|found| found.file == file && found.pipeline == name);
            match disabled {
                Some(found) => found.outcome = Outcome::Stopped,
                None => report.files.push(FileReport {
                    file,
                    pipeline: name,
                    outcome: Outcome::Stopped,
                    ..FileReport::default()
                }),
            }
        }
    }

    /// Puts in place what is ready: first what replaces something that runs, then what is new.
    fn put_in_place(&mut self, changes: Vec<Change>, report: &mut Report, interrupt: &Receiver<Infallible>) {
        let assemblies = changes.iter().filter_map(|change| match &change.ready {
            Ready::Assembly(assembly) => Some(&**assembly),
            Ready::Stages(_) => None,
        });
        let coming: Vec<Destination> = assemblies.flat_map(destinations).cloned().collect();
        let mut has_closed = self.agent.make_room(&coming);
        for Change { rank, recipe, ready, report: mut found } in changes {
            let name = found.pipeline.clone();
            let has_run = self.running.contains_key(&name);
            let placed = match ready {
                Ready::Stages(stages) => {
                    self.agent.replace_processors(&name, &stages);
                    found.outcome = Outcome::Replaced;
                    Ok(())
                }
                Ready::Assembly(assembly) => {
                    if self.agent.end(&name, true, self.means.patience, interrupt) == End::Interrupted {
                        return;
                    }
                    found.outcome = if has_run { Outcome::Restarted } else { Outcome::Started };
                    if self.running.remove(&name).is_some() {
                        has_closed |= self.agent.make_room(&coming);
                    }
                    self.agent.add(*assembly, rank.clone())
                }
            };
            match placed {
                Ok(()) => {
                    self.failed.remove(&name);
                    let hash = self.files[&rank].hash.clone();
                    self.running.insert(name, Run { rank, recipe, hash, since: unix_seconds() });
                }
                Err(error) => {
                    found.outcome = Outcome::Broken;
                    found.problems = vec![format!("cannot start: {error:#}")];
                    self.fail(&rank, &found, None, unix_seconds());
                }
            }
            report.files.push(found);
        }
        self.agent.look();
        has_closed |= self.agent.make_room(&[]);
        if has_closed || self.is_begin {
            self.agent.tell_orphans();
        }
    }

    /// Has status show how configs are.
    fn show(&self) {
        let names: BTreeSet<&String> = self.running.keys().chain(self.failed.keys()).collect();
        let status = |name: &String| {
            let (run, failure) = (self.running.get(name), self.failed.get(name));
            let file = self.files.iter().find(|(rank, file)| match &file.parsed {
                Ok((pipeline, _)) => pipeline.name == *name,
                Err(_) => self.name_of(rank) == *name,
            });
            let path = run.map(|run| &run.rank).or(file.map(|(rank, _)| rank));
            ConfigStatus {
                file: path.map(|rank| rank.1.display().to_string()).unwrap_or_default(),
                state: if run.is_some() { "running" } else { "broken" }.to_owned(),
                since: run.map_or_else(|| failure.map_or(0, |failure| failure.since), |run| run.since),
                hash: run.map(|run| &run.hash).or(file.map(|(_, file)| &file.hash)).cloned().unwrap_or_default(),
                problem: failure.map(|failure| failure.problems.join("; ")),
            }
        };
        self.agent.show_configs(names.into_iter().map(|name| (name.clone(), status(name))).collect());
    }
}

/// The start of the digest of bytes.
pub(super) fn short_digest(bytes: &[u8]) -> String {
    digest(bytes).trim_start_matches("sha256:").chars().take(SHOWN_DIGEST).collect()
}

/// Does something on a thread to which all others are more urgent.
fn gently<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        // Nothing is different if that is not possible, but for who waits for whom.
        let _ = rustix::process::setpriority_process(None, LOW_PRIORITY);
        work()
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// As `nice` has it: from 19, which is lowest, to -20.
const LOW_PRIORITY: i32 = 10;
