//! The built-in processors as real components, with the surface that unit tests know from [`loglift_sdk::testing`].
//!
//! The tables of a processor take their `Guest` from the module around them. In the crate of the processor that is the native
//! one; here it is this one, so that each row is written once and holds for the code and for the component.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use loglift::event::{EventBatch, Offset, Provenance, Source, Tags};
use loglift::processor::Limits;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::Lineup;
use loglift::processor::stage::{Policy, Stage, StageError};
use loglift::telemetry::alarm::Alarms;
use loglift_sdk::testing::{Output, TestEvent};
use loglift_sdk::{Context, Issue, Processor, Setup};

use crate::agent::cache_dir;

/// A configured component that tests feed with events.
#[derive(Debug)]
pub struct Guest<P> {
    chain: Chain,
    /// What `configure` answered.
    pub setup: Setup,
    processor: PhantomData<fn() -> P>,
}

impl<P: Processor> Guest<P> {
    /// Configures the component of a processor by JSON, in the zone UTC and with no event too old.
    ///
    /// # Errors
    /// The mistakes that the processor found in the configuration.
    ///
    /// # Panics
    /// If the component fails.
    pub fn configure(config: &str) -> Result<Self, Vec<Issue>> {
        let context = Context { machine_zone: "UTC".to_owned(), discard_older_than: None, extra: Vec::new() };
        Self::configure_with(config, &context)
    }

    /// Configures the component of a processor by JSON in a context of the test's choice.
    ///
    /// # Errors
    /// The mistakes that the processor found in the configuration.
    ///
    /// # Panics
    /// If the component fails.
    pub fn configure_with(config: &str, context: &Context) -> Result<Self, Vec<Issue>> {
        let context = loglift::processor::Context {
            machine_zone: context.machine_zone.clone(),
            discard_older_than: context.discard_older_than,
            extra: context.extra.clone(),
        };
        let name = P::DESCRIPTION.name;
        let stage = Stage::new(
            name.to_owned(),
            component(name),
            config.to_owned(),
            context,
            Policy { limits: limits(), ..Policy::default() },
        );
        let stage = Arc::new(stage.map_err(|error| match error {
            StageError::Config(issues) => issues.into_iter().map(issue).collect::<Vec<_>>(),
            StageError::Fault(message) => panic!("{name}: {message}"),
        })?);
        let chain = Chain::new(
            name,
            &Arc::new(Lineup::new("test", vec![Arc::clone(&stage)], 0)),
            &Arc::new(Alarms::for_one_command()),
        );
        let reads = chain.reads().remove(0);
        let text = |name| String::from_utf8(name).expect("the contract has text");
        let setup = Setup {
            reads: reads.map(|names| names.into_iter().map(text).collect()),
            warnings: stage.warnings.iter().cloned().map(issue).collect(),
            notes: stage.notes.clone(),
        };
        Ok(Self { chain, setup, processor: PhantomData })
    }

    /// Has a batch processed, which the host read at Unix second 0.
    ///
    /// # Panics
    /// If the component fails, breaks the contract, or refuses the whole batch.
    pub fn process(&mut self, events: &[TestEvent]) -> Output {
        self.process_at(0, events)
    }

    /// Has a batch processed, which the host read at `read_seconds`.
    ///
    /// # Panics
    /// If the component fails, breaks the contract, or refuses the whole batch.
    pub fn process_at(&mut self, read_seconds: i64, events: &[TestEvent]) -> Output {
        let mut batch = batch(read_seconds, events);
        let said = self.chain.run_and_listen(&mut batch).unwrap_or_else(|message| panic!("{message}")).remove(0);
        let origins: Vec<usize> = match &batch.provenance.origins {
            None => (0..events.len()).collect(),
            Some(origins) => origins.iter().map(|origin| *origin as usize).collect(),
        };
        Output {
            outcomes: said.outcomes.unwrap_or_else(|| {
                (0..events.len()).map(|event| if origins.contains(&event) { SUCCESSFUL } else { DISCARDED }).collect()
            }),
            events: test_events(&batch),
            origins,
            alarms: said.alarms.into_iter().map(|alarm| (alarm.kind, alarm.message)).collect(),
            counts: said.counts,
        }
    }
}

/// The component of a built-in processor, compiled once a process and kept from one run of the tests to the next.
fn component(type_name: &str) -> Component {
    static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
        let directory: PathBuf = cache_dir();
        let cache = loglift::runtime::open_cache(Some(&directory)).map_err(|(_, error)| error);
        Arc::new(
            Engine::new(Some(cache.expect("there is a place for compiled components"))).expect("wasmtime runs here"),
        )
    });
    static COMPONENTS: LazyLock<Mutex<HashMap<String, Component>>> = LazyLock::new(Mutex::default);
    let mut components = COMPONENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let load = || {
        let built_in = loglift_builtin_processors::find(type_name).expect("it is built in");
        Component::load(&ENGINE, built_in.component).expect("it is a processor")
    };
    components.entry(type_name.to_owned()).or_insert_with(load).clone()
}

fn issue(issue: loglift::processor::Issue) -> Issue {
    Issue::new(issue.path, issue.message)
}

/// A batch of these events, as if each was a record of one byte.
fn batch(read_seconds: i64, events: &[TestEvent]) -> EventBatch {
    let mut batch = EventBatch {
        source: Arc::new(Source::new("table".into(), None)),
        bytes: Vec::new(),
        seconds: events.iter().map(|event| event.seconds).collect(),
        nanoseconds: events.iter().map(|event| event.nanoseconds).collect(),
        names: Vec::new(),
        field_counts: events.iter().map(|event| event.fields.len() as u32).collect(),
        keys: Vec::new(),
        values: Vec::new(),
        tags: Tags::default(),
        read_seconds,
        provenance: Provenance {
            start: Offset(0),
            end: Offset(events.len() as u64),
            records: (0..events.len() as u32).collect(),
            origins: None,
            merged: Vec::new(),
        },
    };
    let mut keys: HashMap<&[u8], u32> = HashMap::new();
    for (name, value) in events.iter().flat_map(|event| &event.fields) {
        let key = *keys.entry(name).or_insert_with(|| {
            let span = batch.append(name);
            batch.names.extend(span);
            batch.name_count() as u32 - 1
        });
        batch.keys.push(key);
        let span = batch.append(value);
        batch.values.extend(span);
    }
    batch
}

fn test_events(batch: &EventBatch) -> Vec<TestEvent> {
    let mut fields = batch.keys.iter().zip(batch.values.chunks_exact(2)).map(|(key, value)| {
        let name = batch.name(*key)?;
        Some((name.to_vec(), batch.slice(value[0], value[1]).to_vec()))
    });
    let event = |event: usize| TestEvent {
        seconds: batch.seconds[event],
        nanoseconds: batch.nanoseconds[event],
        // Without the fields whose name is gone.
        fields: fields.by_ref().take(batch.field_counts[event] as usize).flatten().collect(),
    };
    (0..batch.len()).map(event).collect()
}

/// The usual ones but for time: rows that are about much work must not fail on a machine that is busy.
fn limits() -> Limits {
    Limits { time: Duration::from_secs(60), ..Limits::default() }
}

const SUCCESSFUL: u8 = 0;
const DISCARDED: u8 = 3;
