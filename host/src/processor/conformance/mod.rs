//! The conformance kit: does a processor keep the contract?
//!
//! A processor is set up as the agent does it, is lent batches that were made to be difficult (`batches`), and configured with
//! configs that are (`configs`). What it answers goes through the same checks as in the agent; what these cannot see is looked
//! at besides: whether equal batches get equal answers, whether a memory that was saved is worth something, whether its
//! schema is one. Each finding names the place in `wit/processor.wit` that says so (`rule`).
//!
//! All of it goes through `Caller` and `Process`, which know nothing of worlds.

mod batches;
mod configs;
mod number;
mod rule;
mod schema;
mod trials;

use std::sync::Arc;

use serde_json::Value;

use super::bindings::loglift::processor::types::Issue;
use super::bisect::Patience;
use super::caller::{Caller, Process};
use super::component::Component;
use super::fault::{Fault, FaultKind};
use super::instance::SetupError;
use super::lend::{Projection, whole};
use super::stage::{Policy, Stage};
use super::world::World;
use super::zones::Zones;
use super::{Context, Description};
use crate::config::Schema;
use crate::telemetry::one_line;
use batches::Sample;
use number::Numbers;
pub use rule::Rule;

/// What is to be examined.
#[derive(Debug)]
pub struct Examination<'a> {
    /// The processor.
    pub component: &'a Component,
    /// A valid configuration, as JSON.
    pub config: &'a str,
    /// What it may use and touch.
    pub policy: Policy,
    /// Other seeds give other batches.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Findings {
    /// The world of the component.
    pub world: World,
    /// Each rule, and whether it was kept.
    pub rules: Vec<(Rule, Verdict)>,
    /// What is no breach and still good to know.
    pub notes: Vec<String>,
    /// How many batches it was lent.
    pub batches: usize,
    /// How many configs it was given.
    pub configs: usize,
}

/// Whether a rule was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As far as could be seen.
    Kept,
    /// It was broken.
    Broken {
        /// How, the first time, in one line.
        how: String,
        /// Where in the contract the rule stands, if more is known than for the rule as a whole.
        place: Option<&'static str>,
        /// How often.
        times: usize,
    },
    /// It was not looked at.
    Skipped(String),
}

/// The processor does not take the configuration: without one that it takes, nothing can be examined.
#[derive(Debug, thiserror::Error)]
#[error("it refuses the configuration: {}", list(.0))]
pub struct Unconfigured(pub Vec<Issue>);

impl Findings {
    /// Whether anything was broken.
    pub fn is_broken(&self) -> bool {
        self.rules.iter().any(|(_, verdict)| matches!(verdict, Verdict::Broken { .. }))
    }

    /// What is known of a rule.
    pub fn verdict(&self, rule: Rule) -> &Verdict {
        let found = self.rules.iter().find(|(known, _)| *known == rule);
        found.map(|(_, verdict)| verdict).expect("each rule has a verdict")
    }

    /// Whether it takes so long that nothing more is to be learned in a bearable time.
    fn is_tiresome(&self) -> bool {
        let is_tiresome =
            |rule| matches!(self.verdict(rule), Verdict::Broken { times: ENOUGH_OF_WHAT_TAKES_LONG.., .. });
        is_tiresome(Rule::Time) || is_tiresome(Rule::Log)
    }

    fn new(world: World) -> Self {
        let rules = Rule::ALL.iter().map(|rule| (*rule, Verdict::Kept)).collect();
        Self { world, rules, notes: Vec::new(), batches: 0, configs: 0 }
    }

    fn broken(&mut self, rule: Rule, how: impl Into<String>) {
        self.broken_at(rule, None, how);
    }

    fn broken_at(&mut self, rule: Rule, place: Option<&'static str>, how: impl Into<String>) {
        let verdict = self.rules.iter_mut().find(|(known, _)| *known == rule).map(|(_, verdict)| verdict);
        match verdict {
            Some(Verdict::Broken { times, .. }) => *times += 1,
            Some(verdict) => *verdict = Verdict::Broken { how: one_line(&how.into()), place, times: 1 },
            None => {}
        }
    }

    fn skip(&mut self, rule: Rule, why: &str) {
        let verdict = self.rules.iter_mut().find(|(known, _)| *known == rule);
        if let Some((_, verdict @ Verdict::Kept)) = verdict {
            *verdict = Verdict::Skipped(why.to_owned());
        }
    }

    /// Files a fault under the rule that it breaks; a refusal breaks none by itself. `during` names the occasion.
    fn fault(&mut self, fault: &Fault, during: &str) {
        let how = format!("{}: {}", during, fault.message);
        match fault.kind {
            FaultKind::Refused => {}
            FaultKind::InvalidAnswer => {
                let (rule, place) = rule::of_invalid(&fault.message, self.world);
                self.broken_at(rule, place, how);
            }
            FaultKind::Deadline => self.broken(Rule::Time, how),
            FaultKind::Memory => self.broken(Rule::Memory, how),
            FaultKind::Setup => self.broken(Rule::Configure, how),
            FaultKind::Trap | FaultKind::StackOverflow if fault.message.ends_with("which is not granted") => {
                self.broken(Rule::Imports, how);
            }
            FaultKind::Trap | FaultKind::StackOverflow => self.broken(Rule::Process, how),
        }
    }
}

impl Examination<'_> {
    /// Examines the processor.
    ///
    /// # Errors
    /// If it does not take the config.
    pub fn run(&self) -> Result<Findings, Unconfigured> {
        let mut findings = Findings::new(self.component.world);
        self.describe(&mut findings);
        let stage = Arc::new(self.stage(self.config));
        let reads = match stage.instantiate() {
            Ok((_, setup)) => setup.reads,
            Err(SetupError::Config(issues)) if !issues.is_empty() => return Err(Unconfigured(issues)),
            Err(SetupError::Config(_)) => {
                findings.broken(Rule::Configure, "it refuses the config and gives no reason");
                return Ok(findings.without("it could not be configured"));
            }
            Err(SetupError::Fault(message)) => {
                let rule = if message.starts_with("ran for longer") { Rule::Time } else { Rule::Configure };
                findings.broken(rule, format!("with the config {}: {message}", shortened(self.config)));
                return Ok(findings.without("it could not be configured"));
            }
        };
        self.configs(&mut findings);
        let samples = batches::samples(&likely_fields(reads.as_deref(), self.config), self.seed);
        findings.batches = samples.len();
        if reads.is_none() {
            findings.skip(Rule::Reads, "it asks for all fields");
        }
        trials::run(self, &stage, &samples, &mut findings);
        if !findings.is_tiresome() {
            self.endure(&stage, &samples[0], &mut findings);
        }
        Ok(findings)
    }

    fn stage(&self, config: &str) -> Stage {
        Stage::untried(
            self.component.description.name.clone(),
            self.component.clone(),
            config.to_owned(),
            Context::default(),
            self.policy.clone(),
            Zones::default(),
        )
    }

    /// Whether it hears of the real time or real random numbers, so that no two answers need to be equal.
    fn hears_real_ones(&self) -> bool {
        self.policy.capabilities.clock || self.policy.capabilities.random
    }

    fn describe(&self, findings: &mut Findings) {
        let Description { name, version, summary, config_schema } = &self.component.description;
        let is_word =
            |text: &str| !text.is_empty() && !text.chars().any(|char| char.is_whitespace() || char.is_control());
        for (what, text) in [("name", name), ("version", version)] {
            if !is_word(text) {
                findings.broken(Rule::Describe, format!("its {what} is {text:?}, not one word"));
            }
        }
        if summary.trim().is_empty() || summary.chars().any(char::is_control) {
            findings.broken(Rule::Describe, format!("its summary is {summary:?}, not one line"));
        }
        match self.component.describe_again(self.policy.limits) {
            Ok(again) => {
                let Description { name: a, version: b, summary: c, config_schema: d } = &again;
                if [a, b, c, d] != [name, version, summary, config_schema] {
                    findings.broken(Rule::Describe, "it says something else each time");
                }
            }
            Err(message) => findings.broken(Rule::Describe, format!("the second time, it {message}")),
        }
        let (problems, notes) = schema::look(config_schema);
        problems.into_iter().for_each(|problem| findings.broken(Rule::Schema, problem));
        findings.notes.extend(notes);
    }

    /// Sets it up with configs that are odd.
    fn configs(&self, findings: &mut Findings) {
        let schema = serde_json::from_str(&self.component.description.config_schema).unwrap_or_default();
        let config = serde_json::from_str(self.config).unwrap_or_default();
        let Ok(checked) = Schema::parse(&self.component.description.config_schema) else { return };
        for config in configs::odd(&schema, &config, &mut Numbers::new(self.seed)) {
            // What its schema does not allow never reaches it.
            let Ok((text, _)) = checked.check_json(&config.to_string(), "") else { continue };
            findings.configs += 1;
            match self.stage(&text).instantiate() {
                Err(SetupError::Fault(message)) => {
                    findings.broken(Rule::Configure, format!("with the config {}: {message}", shortened(&text)));
                }
                Err(SetupError::Config(issues)) if issues.is_empty() => {
                    let how = format!("it refuses the config {} and gives no reason", shortened(&text));
                    findings.broken(Rule::Configure, how);
                }
                _ => {}
            }
        }
    }

    /// Lends one instance the same small batch many times: what it takes for that, it must give back.
    fn endure(&self, stage: &Arc<Stage>, sample: &Sample, findings: &mut Findings) {
        let Ok((mut instance, setup)) = stage.instantiate() else { return };
        let reads: Option<Vec<Vec<u8>>> = setup.reads.map(|reads| reads.into_iter().map(String::into_bytes).collect());
        let mut projection = Projection::default();
        for turn in 1..=TURNS {
            let batch = &sample.batch;
            let lent = match &reads {
                Some(reads) => {
                    projection.fill(batch, reads);
                    projection.lend(batch)
                }
                None => whole(batch),
            };
            let Err(fault) = instance.process(lent, Patience::Full) else { continue };
            if fault.kind == FaultKind::Memory {
                let how = format!("lent the same small batch over and over, at the {turn}th time it {}", fault.message);
                findings.broken(Rule::Memory, how);
            }
            if !fault.leaves_instance() {
                return;
            }
        }
    }
}

impl Findings {
    /// What was not looked at yet is not going to be.
    fn without(mut self, why: &str) -> Self {
        let only_after = |rule: &&Rule| !matches!(rule, Rule::Describe | Rule::Schema | Rule::Configure);
        Rule::ALL.iter().filter(only_after).for_each(|rule| self.skip(*rule, why));
        self
    }
}

/// A caller as the agent has one.
fn caller(stage: &Arc<Stage>) -> Caller<Arc<Stage>> {
    Caller::new(Arc::clone(stage))
}

/// The fields that a processor most likely works on: those that it reads, and what its config names.
fn likely_fields(reads: Option<&[String]>, config: &str) -> Vec<Vec<u8>> {
    let mut names: Vec<String> = reads.unwrap_or_default().to_vec();
    collect_texts(&serde_json::from_str(config).unwrap_or_default(), &mut names);
    names.push("content".to_owned());
    let mut distinct: Vec<Vec<u8>> = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty() && name.len() <= LONGEST_FIELD_NAME) {
        if !distinct.contains(&name.as_bytes().to_vec()) {
            distinct.push(name.into_bytes());
        }
    }
    distinct.truncate(MOST_FIELDS);
    distinct
}

fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            texts.push(key.clone());
            collect_texts(value, texts);
        }),
        _ => {}
    }
}

fn list(issues: &[Issue]) -> String {
    let line = |issue: &Issue| match issue.path.as_str() {
        "" => one_line(&issue.message),
        path => format!("{}: {}", one_line(path), one_line(&issue.message)),
    };
    issues.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(MOST_CONFIG_CHARS).collect();
    if chars.next().is_some() { start + "..." } else { start }
}

/// Enough to fill the memory that a processor has by default with what it could keep of a small batch.
const TURNS: u32 = 200;

/// Batches that took a second each, or were logged about without end.
const ENOUGH_OF_WHAT_TAKES_LONG: usize = 3;

/// A text of a config that is longer is no name of a field.
const LONGEST_FIELD_NAME: usize = 64;

const MOST_FIELDS: usize = 16;

/// What a person sees of a config.
const MOST_CONFIG_CHARS: usize = 200;
