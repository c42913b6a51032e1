//! Turns the config of a pipeline into stages that are ready to run.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::events::{event_spec, ignores_unmatched};
use super::machine::Surroundings;
use super::remote::Remote;
use super::{grants, origin, paths};
use crate::config::{self, FlusherSpec, Pipeline, Problem, ProcessorSpec, Schema, Shipping, SlsFlusher, Warning};
use crate::flusher::json_lines::Shape;
use crate::flusher::sls::http::endpoint::{Endpoint, check_logstore};
use crate::flusher::sls::pack::packer;
use crate::flusher::sls::package::{Compression, Destination};
use crate::flusher::{Blackhole, Flusher, file, stdout};
use crate::input::follow::delay::Delay;
use crate::input::follow::follower::FollowSpec;
use crate::input::follow::tail::{LOST_TIME, Patience, QUIET_TIME};
use crate::input::paths::PathSet;
use crate::input::records::chunk::EventSpec;
use crate::processor::Context;
use crate::processor::component::{Component, LoadError, Terms};
use crate::processor::engine::Engine;
use crate::processor::stage::{Policy, Stage, StageError};
use crate::processor::trust::digest;
use crate::telemetry::chain;

/// What pipelines are assembled with.
#[derive(Debug)]
pub struct Workshop {
    /// The compiler.
    pub engine: Arc<Engine>,
    /// What processors are told of the machine.
    pub context: Context,
    /// Where relative paths count from.
    pub working_directory: PathBuf,
    /// The agent's data and its cache, which no component may write to.
    pub own_directories: Vec<PathBuf>,
    /// What tags are made of, besides the config.
    pub surroundings: Surroundings,
    /// How the agent as a whole sends.
    pub shipping: Shipping,
    /// Components in registries.
    pub remote: Arc<Remote>,
}

/// A pipeline that is ready to run.
pub struct Assembly {
    /// Its name.
    pub name: String,
    /// The files to look for.
    pub paths: Arc<PathSet>,
    /// How their files are followed.
    pub follow: FollowSpec,
    /// Below how many levels of directories a renamed file is looked for.
    pub search_depth: u64,
    /// No alarm for lines that belong to no record.
    pub ignores_unmatched: bool,
    /// Its processors.
    pub stages: Vec<Arc<Stage>>,
    /// Its flushers.
    pub outlets: Vec<Outlet>,
}

/// A flusher and what is routed to it.
pub struct Outlet {
    /// How logs name it: `flushers[0]`.
    pub name: String,
    /// Where they go.
    pub sink: Sink,
    /// The events that it takes, all if `None`.
    pub match_rule: Option<config::MatchRule>,
}

/// How events leave the agent.
pub enum Sink {
    /// Written as they are.
    Written(Box<dyn Flusher>),
    /// Packed, and brought to a destination.
    Shipped(Box<Shipment>),
}

/// How a `flusher_sls` packs, and where it sends.
pub struct Shipment {
    /// Where packages go.
    pub destination: Destination,
    /// How batches are packed.
    pub pack: packer::Spec,
    /// Headers that are added to each request.
    pub extra_headers: Vec<(String, String)>,
    /// Bytes before compression that may be sent in a second; 0 for any number.
    pub bytes_per_sec: u64,
}

/// Flushers that the command line puts in the place of the configured ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlusherOverride {
    /// Standard output.
    Stdout,
    /// A file.
    File(String),
    /// Nowhere.
    Blackhole,
}

impl Workshop {
    /// Sets up the processors of a pipeline: compiles them, checks their configs against their schemas, configures each
    /// once.
    ///
    /// # Errors
    /// Everything that is wrong, by file and line. Warnings are added to `warnings` in any case.
    pub fn stages(&self, pipeline: &Pipeline, warnings: &mut Vec<Warning>) -> Result<Vec<Arc<Stage>>, Vec<Problem>> {
        self.stages_beside(pipeline, &[], warnings)
    }

    /// As [`Self::stages`]. Those that are `known` already and would be the same are taken over.
    ///
    /// # Errors
    /// As [`Self::stages`].
    pub fn stages_beside(
        &self,
        pipeline: &Pipeline,
        known: &[Arc<Stage>],
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Arc<Stage>>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut stages = Vec::new();
        let context = Context { extra: facts(pipeline), ..self.context.clone() };
        for spec in &pipeline.processors {
            match self.stage(spec, &context, known, warnings) {
                Ok(stage) => stages.push(stage),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(stages) } else { Err(problems) }
    }

    fn stage(
        &self,
        spec: &ProcessorSpec,
        context: &Context,
        known: &[Arc<Stage>],
        warnings: &mut Vec<Warning>,
    ) -> Result<Arc<Stage>, Vec<Problem>> {
        let component = self.component_of(spec)?;
        let schema = Schema::parse(&component.description.config_schema).map_err(|error| {
            vec![spec.problem("", format!("the schema of the processor is broken: {}", chain(&error)))]
        })?;
        let (config, found) = schema.check(spec)?;
        warnings.extend(found);
        if spec.sandbox.capabilities.grants_anything() && component.wants().is_empty() {
            warnings.push(spec.warning("", "Sandbox.Capabilities has no effect: the component wants nothing"));
        }

        warnings.extend(impostor(&component).map(|message| spec.warning("", message)));

        let name = format!("{} ({})", spec.path, spec.type_name);
        let sandbox = &spec.sandbox;
        let policy = Policy {
            limits: sandbox.limits,
            capabilities: sandbox.capabilities.clone(),
            on_error: sandbox.on_error,
            breaker: sandbox.breaker.clone(),
            swap: sandbox.swap.clone(),
        };
        let is_same = |stage: &&Arc<Stage>| stage.is_of(&name, &component.digest, &config, context, &policy);
        if let Some(known) = known.iter().find(is_same) {
            return Ok(Arc::clone(known));
        }
        let stage = Stage::new(name, component, config, context.clone(), policy).map_err(|error| match error {
            StageError::Config(issues) => {
                issues.iter().map(|issue| spec.problem(&issue.path, issue.message.clone())).collect()
            }
            fault @ StageError::Fault(_) => vec![spec.problem("", fault.to_string())],
        })?;
        warnings.extend(stage.warnings.iter().map(|issue| spec.warning(&issue.path, issue.message.clone())));
        Ok(Arc::new(stage))
    }

    /// The component of a processor, if it is the one that was meant and wants no more than it may.
    fn component_of(&self, spec: &ProcessorSpec) -> Result<Component, Vec<Problem>> {
        let sandbox = &spec.sandbox;
        let problem = |key: &str, at, message| {
            let path = format!("{}.{key}", spec.path);
            vec![Problem { file: spec.file.clone(), at: Some(at), path, message, hint: None }]
        };
        let file = Path::new(&spec.file);
        for (index, dir) in sandbox.capabilities.dirs.iter().enumerate() {
            let path = format!("Sandbox.Capabilities.Dirs[{index}].Host");
            grants::check(&dir.host, dir.writable, &self.own_directories, file.parent().unwrap_or(Path::new("")))
                .map_err(|error| problem(&path, dir.at, error.to_string()))?;
        }
        let key = if matches!(spec.component, config::Component::BuiltIn(_)) { "Type" } else { "Component" };
        let bytes = origin::component(&spec.component, file, &self.remote);
        let bytes = bytes.map_err(|message| problem(key, spec.at, message))?;
        origin::check(&bytes, &sandbox.pins, file)
            .map_err(|(key, message)| problem(&format!("Sandbox.{key}"), spec.at, message))?;
        let strict = sandbox.capabilities.strict.then_some(&sandbox.capabilities);
        let terms = Terms { limits: sandbox.limits, strict };
        Component::load_on(&self.engine, &bytes, terms)
            .map_err(|error| problem(key, spec.at, named(&spec.component, file, &error)))
    }

    /// Loads a component: a built-in one, a file that is named relative to the config, or one from a registry.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn component(&self, component: &config::Component, config_file: &Path) -> Result<Component, String> {
        self.component_on(component, config_file, Terms::default())
    }

    /// The bytes of a component, as [`Self::component`] finds it.
    ///
    /// # Errors
    /// As [`Self::component`], but for what is in the bytes.
    pub fn component_bytes(&self, component: &config::Component) -> Result<Cow<'static, [u8]>, String> {
        origin::component(component, Path::new(""), &self.remote)
    }

    /// As [`Self::component`], on terms.
    ///
    /// # Errors
    /// As [`Self::component`].
    pub fn component_on(
        &self,
        component: &config::Component,
        config_file: &Path,
        terms: Terms<'_>,
    ) -> Result<Component, String> {
        let bytes = origin::component(component, config_file, &self.remote)?;
        Component::load_on(&self.engine, &bytes, terms).map_err(|error| named(component, config_file, &error))
    }

    /// Makes a pipeline ready to run.
    ///
    /// # Errors
    /// As [`Self::stages`], and flushers that cannot run.
    pub fn assemble(
        &self,
        pipeline: &Pipeline,
        file: &str,
        flusher: Option<&FlusherOverride>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Assembly, Vec<Problem>> {
        let shape = Shape { nanoseconds: pipeline.global.nanoseconds, ..Shape::default() };
        let outlets = match flusher {
            Some(flusher) => Ok(vec![override_outlet(flusher, shape)]),
            None => self.outlets(pipeline, file, &shape),
        };
        let stages = self.stages(pipeline, warnings);
        let (outlets, stages) = match (outlets, stages) {
            (Ok(outlets), Ok(stages)) => (outlets, stages),
            (outlets, stages) => {
                return Err([outlets.err(), stages.err()].into_iter().flatten().flatten().collect());
            }
        };
        let config::InputKind::File(input) = &pipeline.inputs[0].kind;
        let set = PathSet::new(&paths::rules(input), &self.working_directory);
        Ok(Assembly {
            name: pipeline.name.clone(),
            paths: Arc::new(set),
            follow: follow_spec(input, event_spec(pipeline, &self.surroundings)),
            search_depth: input.max_checkpoint_dir_search_depth,
            ignores_unmatched: ignores_unmatched(pipeline),
            stages,
            outlets,
        })
    }
}

impl Workshop {
    fn outlets(&self, pipeline: &Pipeline, file: &str, shape: &Shape) -> Result<Vec<Outlet>, Vec<Problem>> {
        let (mut outlets, mut problems) = (Vec::new(), Vec::new());
        for spec in &pipeline.flushers {
            match self.sink(pipeline, spec, shape) {
                Ok(sink) => {
                    outlets.push(Outlet { name: spec.path.clone(), sink, match_rule: spec.match_rule.clone() });
                }
                Err(message) => problems.push(Problem {
                    file: file.to_owned(),
                    at: Some(spec.at),
                    path: spec.path.clone(),
                    message,
                    hint: None,
                }),
            }
        }
        if problems.is_empty() { Ok(outlets) } else { Err(problems) }
    }

    fn sink(&self, pipeline: &Pipeline, spec: &FlusherSpec, shape: &Shape) -> Result<Sink, String> {
        let without_tag = match &spec.match_rule {
            Some(config::MatchRule::Tag { key, discarding_tag: true, .. }) => Some(key.clone()),
            _ => None,
        };
        let shape = Shape { without_tag: without_tag.clone(), ..shape.clone() };
        let flusher: Box<dyn Flusher> = match &spec.kind {
            config::FlusherKind::Stdout(stdout) => Box::new(stdout::Stdout::new(Shape { tags: stdout.tags, ..shape })),
            config::FlusherKind::File(spec) => Box::new(file_flusher(spec, shape)),
            config::FlusherKind::Blackhole => Box::new(Blackhole),
            config::FlusherKind::Sls(sls) => {
                return self.shipment(pipeline, sls, without_tag).map(|shipment| Sink::Shipped(Box::new(shipment)));
            }
        };
        Ok(Sink::Written(flusher))
    }

    fn shipment(&self, pipeline: &Pipeline, sls: &SlsFlusher, without_tag: Option<String>) -> Result<Shipment, String> {
        let of_region = || {
            let known = self.shipping.endpoints.iter().find(|known| Some(&known.region) == sls.region.as_ref());
            known.map(|known| known.endpoint.clone())
        };
        let endpoint = sls.endpoint.clone().or_else(of_region).ok_or(
            "Endpoint is missing, such as cn-hangzhou.log.aliyuncs.com, and the agent config has none for its Region",
        )?;
        if self.shipping.signs_v4 && sls.region.is_none() {
            return Err("Region is missing, for which requests are signed when sls_signature_version is v4".to_owned());
        }
        let checked = Endpoint::parse(&endpoint, &sls.project).and_then(|_| check_logstore(&sls.logstore));
        checked.map_err(|error| error.to_string())?;
        let destination = Destination {
            endpoint,
            region: sls.region.clone().filter(|_| self.shipping.signs_v4),
            project: sls.project.clone(),
            logstore: sls.logstore.clone(),
        };
        let pack = packer::Spec {
            pipeline: pipeline.name.clone(),
            nanoseconds: pipeline.global.nanoseconds,
            compression: match sls.compression {
                config::Compression::Lz4 => Compression::Lz4,
                config::Compression::Zstd => Compression::Zstd,
                config::Compression::None => Compression::None,
            },
            shard_hash_keys: sls.shard_hash_keys.clone(),
            without_tag,
            min_bytes: sls.batch.min_bytes,
            min_events: sls.batch.min_events,
            timeout: Duration::from_secs(sls.batch.timeout_secs),
        };
        Ok(Shipment {
            destination,
            pack,
            extra_headers: sls.extra_headers.clone().into_iter().collect(),
            bytes_per_sec: sls.max_send_rate_bytes,
        })
    }
}

/// What is to be said of a component that has the name of a built-in processor and is another one.
pub fn impostor(component: &Component) -> Option<String> {
    let name = &component.description.name;
    let built_in = loglift_builtin_processors::find(name)?;
    (digest(built_in.component) != component.digest).then(|| {
        format!(
            "the component calls itself {name}, as a processor does that is built in; counters and logs do not tell \
             them apart, so give it a name of its own"
        )
    })
}

/// Why a component cannot be loaded, with the file or the reference that names it.
fn named(component: &config::Component, config_file: &Path, error: &LoadError) -> String {
    match component {
        config::Component::BuiltIn(_) => chain(error),
        config::Component::File(path) => {
            format!("{}: {}", component_path(path, config_file).display(), chain(error))
        }
        config::Component::Registry(reference) => format!("{reference}: {}", chain(error)),
    }
}

/// The file of a component, which is named relative to the config.
pub(super) fn component_path(component: &Path, config_file: &Path) -> PathBuf {
    config_file.parent().unwrap_or(Path::new("")).join(component)
}

/// What the processors of a pipeline are told of it: how the field is called that holds the offset of an event, so that a
/// parser can tell an event from which nothing else is left.
fn facts(pipeline: &Pipeline) -> Vec<(String, String)> {
    let key = pipeline.inputs.iter().find_map(|input| match &input.kind {
        config::InputKind::File(input) => input.file_offset_key.clone(),
    });
    key.map(|key| ("file-offset-key".to_owned(), key)).into_iter().collect()
}

fn follow_spec(input: &config::FileInput, events: EventSpec) -> FollowSpec {
    FollowSpec {
        events,
        patience: Patience {
            flush: Duration::from_secs(input.flush_timeout_secs),
            quiet: QUIET_TIME,
            lost: LOST_TIME,
            close: Duration::from_secs(input.close_unused_reader_interval_secs),
        },
        tail_bytes: input.tail_size_kib << 10,
        tailing_all: input.tailing_all_matched_files,
        max_open_waiting: usize::try_from(input.rotator_queue_size).unwrap_or(usize::MAX),
        delay: Delay {
            skip_bytes: input.read_delay_skip_threshold_bytes,
            alert_bytes: input.read_delay_alert_threshold_bytes,
        },
    }
}

fn file_flusher(spec: &config::FileFlusher, shape: Shape) -> file::Files {
    file::Files::new(file::Spec {
        path: (&spec.path).into(),
        max_file_bytes: spec.max_file_bytes,
        max_files: u32::try_from(spec.max_files).unwrap_or(u32::MAX),
        // Tags are part of what this flusher writes.
        shape: Shape { tags: true, ..shape },
    })
}

fn override_outlet(flusher: &FlusherOverride, shape: Shape) -> Outlet {
    let flusher: Box<dyn Flusher> = match flusher {
        FlusherOverride::Stdout => Box::new(stdout::Stdout::new(shape)),
        FlusherOverride::File(path) => {
            let spec = file::Spec { path: path.into(), max_file_bytes: u64::MAX, max_files: 1, shape };
            Box::new(file::Files::new(spec))
        }
        FlusherOverride::Blackhole => Box::new(Blackhole),
    };
    Outlet { name: "--flusher".to_owned(), sink: Sink::Written(flusher), match_rule: None }
}
