//! What all batches of a recording have in common.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use crate::config::{Capabilities, Fuel};
use crate::processor::outside::Heard;
use crate::processor::stage::Stage;
use crate::processor::world::World;
use crate::processor::{Context, Limits};

/// What all batches of a recording have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// Why it was recorded.
    pub kind: Kind,
    /// The contract between agent and component.
    pub contract: String,
    /// The version of the agent.
    pub agent: String,
    /// When it was recorded, in Unix seconds.
    pub recorded_seconds: i64,
    /// The pipeline.
    pub pipeline: String,
    /// The place of the processor in it, such as `processors[1]`.
    pub processor: String,
    /// Its `Type`, as the config has it.
    pub r#type: String,
    /// Its component.
    pub component: ComponentFacts,
    /// What `configure` was given: the very text, which is JSON.
    pub config: String,
    /// What it was told besides.
    pub context: ContextFacts,
    /// What it may use.
    pub limits: LimitFacts,
    /// What it may touch outside of its sandbox: `clock` and `random`, whose answers are recorded with each batch, and
    /// others in words.
    pub grants: Vec<String>,
    /// The zones that it asked for while it was configured.
    pub zones: Vec<ZoneData>,
}

/// Why something was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The processor failed at an event.
    Quarantine,
    /// Somebody asked for it.
    Capture,
}

/// Which component that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentFacts {
    /// The SHA-256 of its bytes, as `sha256:` and hex digits.
    pub digest: String,
    /// Its name for itself.
    pub name: String,
    /// Its own version.
    pub version: String,
}

/// The context that `configure` was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFacts {
    /// The zone of the machine.
    pub machine_zone: String,
    /// Events older than so many seconds may be discarded.
    pub discard_older_than: Option<u32>,
    /// Further facts by their names.
    pub extra: Vec<(String, String)>,
}

/// The limits of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitFacts {
    /// Memory.
    pub memory_bytes: u64,
    /// Time of one call.
    pub time_milliseconds: u64,
    /// What an answer may add to its batch.
    pub answer_bytes: u64,
    /// Time in which an instance is set up.
    #[serde(default)]
    pub setup_milliseconds: Option<u64>,
    /// Steps for each byte of a batch, and for each call, if they are counted.
    #[serde(default)]
    pub fuel: Option<(u64, u64)>,
}

/// What is known of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneData {
    /// The name that was asked for.
    pub name: String,
    /// Its data in TZif form; `None` if nobody knows it.
    pub tzif: Option<Bytes>,
}

/// What a granted clock or source of random numbers answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granted {
    /// The time of day.
    WallClock {
        /// Unix seconds.
        seconds: u64,
        /// The rest.
        nanoseconds: u32,
    },
    /// The time since some moment, in nanoseconds.
    MonotonicClock(u64),
    /// Random bytes.
    Random(Bytes),
}

impl Header {
    /// The header of a recording of a stage that begins now.
    pub fn new(kind: Kind, pipeline: &str, stage: &Stage, recorded_seconds: i64) -> Self {
        let (processor, r#type) = parts(&stage.name);
        let (component, context, limits) = (stage.component(), stage.context(), stage.policy().limits);
        let zones = stage.zones().known().into_iter();
        Self {
            format: FORMAT,
            kind,
            contract: BATCHES.to_owned(),
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            recorded_seconds,
            pipeline: pipeline.to_owned(),
            processor: processor.to_owned(),
            r#type: r#type.to_owned(),
            component: ComponentFacts {
                digest: component.digest.clone(),
                name: component.description.name.clone(),
                version: component.description.version.clone(),
            },
            config: stage.config().to_owned(),
            context: ContextFacts {
                machine_zone: context.machine_zone.clone(),
                discard_older_than: context.discard_older_than,
                extra: context.extra.clone(),
            },
            limits: LimitFacts::of(&limits),
            grants: grants(&stage.policy().capabilities),
            zones: zones.map(|(name, tzif)| ZoneData { name, tzif: tzif.map(Bytes) }).collect(),
        }
    }

    /// What it may touch that can be replayed.
    pub(super) fn capabilities(&self) -> Capabilities {
        let has = |name: &str| self.grants.iter().any(|grant| grant == name);
        Capabilities { clock: has(CLOCK), random: has(RANDOM), ..Capabilities::default() }
    }

    /// Whether it is granted clocks or random numbers, of which nothing is recorded when an event is put in quarantine: a
    /// replay hears the real ones.
    pub fn hears_real_ones(&self) -> bool {
        self.kind == Kind::Quarantine && self.grants.iter().any(|grant| grant == CLOCK || grant == RANDOM)
    }

    /// What it was granted that cannot be replayed.
    pub fn lost_grants(&self) -> impl Iterator<Item = &String> {
        self.grants.iter().filter(|grant| *grant != CLOCK && *grant != RANDOM)
    }

    /// How logs name the processor.
    pub fn stage_name(&self) -> String {
        format!("{} ({})", self.processor, self.r#type)
    }

    pub(super) fn context(&self) -> Context {
        let ContextFacts { machine_zone, discard_older_than, extra } = self.context.clone();
        Context { machine_zone, discard_older_than, extra }
    }

    /// What it may use, with what the recording does not say as it is by default.
    pub fn limits(&self) -> Limits {
        let LimitFacts { memory_bytes, time_milliseconds, answer_bytes, setup_milliseconds, fuel } = self.limits;
        let usual = Limits::default();
        Limits {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            time: Duration::from_millis(time_milliseconds),
            answer_bytes: usize::try_from(answer_bytes).unwrap_or(usize::MAX),
            setup: setup_milliseconds.map_or(usual.setup, Duration::from_millis),
            fuel: fuel.map(|(per_byte, base)| Fuel { per_byte, base }),
            ..usual
        }
    }

    /// What is in no header that an agent wrote.
    pub(super) fn check(&self) -> Result<(), String> {
        let LimitFacts { memory_bytes, time_milliseconds, setup_milliseconds, .. } = self.limits;
        let longest = time_milliseconds.max(setup_milliseconds.unwrap_or(0));
        if self.contract != BATCHES {
            return Err(format!("made for {:?}; this agent speaks {BATCHES}", self.contract));
        }
        if memory_bytes > MOST_MEMORY_BYTES || longest > LONGEST_TIME.as_millis() as u64 {
            return Err("limits that no processor can have".to_owned());
        }
        Ok(())
    }
}

impl LimitFacts {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes as u64,
            time_milliseconds: limits.time.as_millis() as u64,
            answer_bytes: limits.answer_bytes as u64,
            setup_milliseconds: Some(limits.setup.as_millis() as u64),
            fuel: limits.fuel.map(|fuel| (fuel.per_byte, fuel.base)),
        }
    }
}

impl From<Heard> for Granted {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Wall(time) => Self::WallClock { seconds: time.as_secs(), nanoseconds: time.subsec_nanos() },
            Heard::Monotonic(nanoseconds) => Self::MonotonicClock(nanoseconds),
            Heard::Random(bytes) => Self::Random(Bytes(bytes)),
        }
    }
}

impl From<&Granted> for Heard {
    fn from(granted: &Granted) -> Self {
        match granted {
            Granted::WallClock { seconds, nanoseconds } => {
                Self::Wall(Duration::from_secs(*seconds).saturating_add(Duration::from_nanos((*nanoseconds).into())))
            }
            Granted::MonotonicClock(nanoseconds) => Self::Monotonic(*nanoseconds),
            Granted::Random(bytes) => Self::Random(bytes.0.clone()),
        }
    }
}

/// What is granted, in words.
fn grants(granted: &Capabilities) -> Vec<String> {
    let Capabilities { dirs, env, clock, random, .. } = granted;
    let plain = [(*clock, CLOCK), (*random, RANDOM)].into_iter().filter(|(is_granted, _)| *is_granted);
    let dirs = dirs.iter().map(|dir| format!("the directory {}", dir.guest));
    let env = env.iter().map(|name| format!("the environment variable {name}"));
    plain.map(|(_, name)| name.to_owned()).chain(dirs).chain(env).collect()
}

/// The place and the type in the name of a stage, `processors[1] (processor_strptime)`.
fn parts(name: &str) -> (&str, &str) {
    name.split_once(" (").map_or((name, ""), |(place, rest)| (place, rest.strip_suffix(')').unwrap_or(rest)))
}

const CLOCK: &str = "clock";
const RANDOM: &str = "random";

/// The version of the format that is written, and the newest that is read.
pub(super) const FORMAT: u32 = 1;

/// What 32 bits can address.
const MOST_MEMORY_BYTES: u64 = 1 << 32;

/// Nobody waits longer for a batch.
const LONGEST_TIME: Duration = Duration::from_secs(3600);

/// The contract that says what a batch is. Batches of every world are recorded as columns.
const BATCHES: &str = World::Columnar.export();
