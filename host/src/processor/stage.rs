//! A processor as a pipeline uses it: one version of it, set up once and shared by all workers.

use super::bindings::loglift::processor::types::{self, Issue};
use super::component::Component;
use super::instance::{Instance, SetupError};
use super::{Context, Description, Limits};
use crate::config::{BreakerSpec, OnError, SwapSpec};
use crate::telemetry::counter::ProcessorCounters;
use crate::telemetry::one_line;

/// One version of a processor of a pipeline.
#[derive(Debug)]
pub struct Stage {
    /// How logs name it: `processors[1] (processor_strptime)`.
    pub name: String,
    component: Component,
    config: String,
    context: Context,
    policy: Policy,
    /// What it does, counted.
    pub counters: ProcessorCounters,
    /// What is questionable about its configuration.
    pub warnings: Vec<Issue>,
    /// Facts about its configuration.
    pub notes: Vec<String>,
}

/// What a processor may use, and what becomes of its events when it fails.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// What an instance may use.
    pub limits: Limits,
    /// What becomes of an event that it fails on.
    pub on_error: OnError,
    /// When it is given no more events for a while.
    pub breaker: BreakerSpec,
    /// How it takes the place of another version.
    pub swap: SwapSpec,
}

/// Why a processor cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its configuration is wrong, in these parameters.
    #[error("the configuration is wrong")]
    Config(Vec<Issue>),
    /// It failed while it was being set up.
    #[error("cannot be set up: {0}")]
    Fault(String),
}

impl Stage {
    /// Configures a component once, to find mistakes before any worker starts.
    ///
    /// # Errors
    /// [`StageError`].
    pub fn new(
        name: String,
        component: Component,
        config: String,
        context: Context,
        policy: Policy,
    ) -> Result<Self, StageError> {
        let mut stage = Self {
            name,
            component,
            config,
            context,
            policy,
            counters: ProcessorCounters::default(),
            warnings: Vec::new(),
            notes: Vec::new(),
        };
        let (_, setup) = stage.instantiate().map_err(|error| match error {
            SetupError::Config(issues) => StageError::Config(issues),
            SetupError::Fault(message) => StageError::Fault(message),
        })?;
        stage.warnings = setup.warnings;
        stage.notes = setup.notes.iter().map(|note| one_line(note)).collect();
        Ok(stage)
    }

    /// What the component says of itself.
    pub fn description(&self) -> &Description {
        &self.component.description
    }

    /// What it may use, and what becomes of its events when it fails.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn instantiate(&self) -> Result<(Instance, types::Setup), SetupError> {
        Instance::new(&self.component, &self.name, &self.config, &self.context, self.policy.limits)
    }
}
