//! The `Sandbox` parameter, which every processor can have: what the agent grants and limits, what it trusts, and what it
//! does on a fault. [`read`] reads it.

mod read;

use std::path::PathBuf;
use std::time::Duration;

use super::node::Position;

pub(super) use read::read;

/// The `Sandbox` parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SandboxSpec {
    /// `Limits`: what the processor may use.
    pub limits: Limits,
    /// `Capabilities` and `Strict`: what the component may touch outside of its sandbox.
    pub capabilities: Capabilities,
    /// `Digest`, `Signature` and `PublicKey`: what the component must be.
    pub pins: Pins,
    /// `OnError`: what becomes of an event that the processor fails on.
    pub on_error: OnError,
    /// `Breaker`: when the processor is given no more events for a while.
    pub breaker: BreakerSpec,
    /// `Swap`: how a new version takes the place of the one that runs.
    pub swap: SwapSpec,
}

/// What a processor may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `Memory`: that of one instance.
    pub memory_bytes: usize,
    /// `Time`: that of one call.
    pub time: Duration,
    /// `Setup`: the time in which an instance is created and configured.
    pub setup: Duration,
    /// `Table`: the elements of one table, in which a component keeps its functions.
    pub table_elements: usize,
    /// `Instances`: as many core instances, memories and tables may a component be made of.
    pub instances: usize,
    /// `FuelPerByte` and `FuelBase`, if steps are counted.
    pub fuel: Option<Fuel>,
    /// `Answer`: what an answer may add to its batch.
    pub answer_bytes: usize,
    /// `LogLinesPerSecond`: lines that all instances together may log.
    pub log_lines_per_second: u32,
    /// `AlarmsPerSecond`: alarms that all instances together may raise.
    pub alarms_per_second: u32,
}

/// How many steps a call may take, a step being about an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuel {
    /// `FuelPerByte`: for each byte of the batch.
    pub per_byte: u64,
    /// `FuelBase`: for the call itself.
    pub base: u64,
}

/// What a component must be before it is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// `Digest`: the SHA-256 of its bytes.
    pub digest: Option<[u8; 32]>,
    /// `Signature` and `PublicKey`.
    pub signature: Option<SignaturePin>,
}

/// Who must have signed a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignaturePin {
    /// `Signature`: of the component's bytes, by Ed25519.
    pub signature: Attached,
    /// `PublicKey`: of the one who signed.
    pub public_key: Attached,
}

/// Bytes that a config holds, or names a file of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// `base64:...`, decoded.
    Inline(Vec<u8>),
    /// A file; a relative path counts from the directory of the config file.
    File(PathBuf),
}

/// What a component may touch outside of its sandbox: nothing, unless granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `Dirs`: directories.
    pub dirs: Vec<DirGrant>,
    /// `Env`: the names of environment variables.
    pub env: Vec<String>,
    /// `Clock`: the time of day.
    pub clock: bool,
    /// `Random`: random numbers that nobody can tell in advance.
    pub random: bool,
    /// `Strict` beside them: a component that imports more is refused, instead of being denied when it asks.
    pub strict: bool,
}

/// A directory that a component may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirGrant {
    /// `Host`: where it is, an absolute path. A config may name it relative to itself.
    pub host: PathBuf,
    /// `Guest`: how the component calls it.
    pub guest: String,
    /// `Access: rw`.
    pub writable: bool,
    /// Where the config says so.
    pub at: Position,
}

/// What becomes of an event that a processor fails on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// It goes on as it was, marked.
    #[default]
    Keep,
    /// It is dropped, and counted.
    Drop,
    /// It waits, and with it the pipeline, until the processor is replaced.
    Halt,
}

/// When a processor that keeps failing is given no more events, and what becomes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerSpec {
    /// `Faults`: as many faults within `window` are too many. 0: never too many.
    pub faults: u32,
    /// `Share`: unless they are this part, 0 to 1, of all batches within `window`.
    pub share: f64,
    /// `Window`.
    pub window: Duration,
    /// `Pause`: how long it is given no events.
    pub pause: Duration,
    /// `Policy`: what becomes of the events meanwhile.
    pub policy: BreakerPolicy,
}

/// What becomes of the events of a processor that is given none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerPolicy {
    /// They go on as they were, marked.
    #[default]
    Pass,
    /// They are dropped, and counted.
    Drop,
    /// They wait, and with them the pipeline.
    Block,
}

/// How a new version of a processor takes the place of the one that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct SwapSpec {
    /// `Mode`.
    pub mode: SwapMode,
    /// `Events`: how many events a trial takes.
    pub events: u64,
    /// `Seconds`: for how long a new version is watched.
    pub watch: Duration,
    /// `MaxErrorRate`: the part of events, 0 to 1, that may fail in the new version beyond what fails in the old one.
    pub max_error_rate: f64,
    /// `Share`: the part of the sources, 0 to 1, whose events go to the new version in a canary trial.
    pub share: f64,
    /// `RollbackOn`: what brings the old version back.
    pub rollback_on: RollbackOn,
    /// `Promote: manual`: a trial that went well waits for a person.
    pub manual: bool,
}

/// How a new version of a processor is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SwapMode {
    /// Not at all: it is put in place at once, and watched.
    #[default]
    Immediate,
    /// On copies of live batches; what it answers is compared, and thrown away.
    Shadow,
    /// On the events of some sources.
    Canary,
}

/// What brings the old version of a processor back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollbackOn {
    /// `faults`: it traps, runs too long, or breaks the contract.
    pub faults: bool,
    /// `errors`: more events fail than before.
    pub errors: bool,
    /// `time`: a batch takes much longer than before.
    pub time: bool,
}

impl Capabilities {
    /// Whether a component may touch anything at all.
    pub fn grants_anything(&self) -> bool {
        self.clock || self.random || !self.dirs.is_empty() || !self.env.is_empty()
    }
}

impl Default for Limits {
    /// 64 MiB, and a second: a batch usually takes a millisecond, and a machine that is out of breath should not make a
    /// healthy processor look sick. Setting up may compile patterns, which takes longer. Tables and instances are more
    /// than any compiler makes.
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            time: Duration::from_secs(1),
            setup: Duration::from_secs(5),
            table_elements: 100_000,
            instances: 100,
            fuel: None,
            answer_bytes: 64 << 20,
            log_lines_per_second: 10,
            alarms_per_second: 100,
        }
    }
}

impl Default for BreakerSpec {
    /// Five faults in ten seconds, if those are half of all batches; then half a minute without events, which go on marked.
    /// A bad event now and then costs itself and some time, and all others are better off with the processor than without.
    fn default() -> Self {
        let [window, pause] = [10, 30].map(Duration::from_secs);
        Self { faults: 5, share: 0.5, window, pause, policy: BreakerPolicy::Pass }
    }
}

impl Default for SwapSpec {
    fn default() -> Self {
        Self {
            mode: SwapMode::Immediate,
            events: 10_000,
            watch: Duration::from_secs(60),
            max_error_rate: 0.01,
            share: 0.1,
            rollback_on: RollbackOn { faults: true, errors: true, time: false },
            manual: false,
        }
    }
}
