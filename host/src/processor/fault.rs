//! What can go wrong when a processor is run.

use std::fmt;

use wasmtime::{Trap, WasmBacktrace};

use crate::telemetry::counter::{Counter, FaultCounters};

/// A processor could not do its work on a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// What exactly, in one line.
    pub message: String,
    /// Where in the component, if it was a call that failed: a frame a line, the innermost first.
    pub backtrace: Option<String>,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// It panicked, aborted or did what WebAssembly forbids.
    Trap,
    /// It ran for too long.
    Deadline,
    /// It asked for more memory than its limit.
    Memory,
    /// It called itself too deeply.
    StackOverflow,
    /// It answered what the contract forbids.
    InvalidAnswer,
    /// It said that it could not process the events.
    Refused,
    /// No instance could be had.
    Setup,
}

impl Fault {
    /// A fault that is not about a call.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), backtrace: None }
    }

    /// A call that failed with `error`, of which `message` says all that a person needs to know.
    pub(super) fn of_call(error: &wasmtime::Error, is_out_of_memory: bool, message: String) -> Self {
        let kind = match error.downcast_ref::<Trap>() {
            _ if is_out_of_memory => FaultKind::Memory,
            Some(Trap::Interrupt | Trap::OutOfFuel) => FaultKind::Deadline,
            Some(Trap::StackOverflow) => FaultKind::StackOverflow,
            _ => FaultKind::Trap,
        };
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(|backtrace| shortened(&backtrace.to_string()));
        Self { kind, message, backtrace }
    }

    /// Whether the instance is still good for the next call.
    pub(super) fn leaves_instance(&self) -> bool {
        self.kind == FaultKind::Refused
    }
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Trap,
        Self::Deadline,
        Self::Memory,
        Self::StackOverflow,
        Self::InvalidAnswer,
        Self::Refused,
        Self::Setup,
    ];

    /// Where faults of this kind are counted.
    pub(super) fn counter(self, counters: &FaultCounters) -> &Counter {
        let FaultCounters { traps, deadlines, memory, stack_overflows, invalid_answers, refusals, setups } = counters;
        match self {
            Self::Trap => traps,
            Self::Deadline => deadlines,
            Self::Memory => memory,
            Self::StackOverflow => stack_overflows,
            Self::InvalidAnswer => invalid_answers,
            Self::Refused => refusals,
            Self::Setup => setups,
        }
    }

    /// How files and counters name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::StackOverflow => "stack_overflow",
            Self::InvalidAnswer => "invalid_answer",
            Self::Refused => "refused",
            Self::Setup => "setup",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first frames of a backtrace, without anything that could pass for lines of somebody else's.
fn shortened(backtrace: &str) -> String {
    let mut short = String::new();
    for line in backtrace.lines().skip(1).take(MAX_FRAMES) {
        let line = line.trim().chars().filter(|char| !char.is_control()).take(MAX_FRAME_CHARS);
        short.extend(line.chain(['\n']));
    }
    short
}

/// More frames nobody reads; a stack overflow has many thousands.
const MAX_FRAMES: usize = 32;

/// Names of functions can be as long as their author wants.
const MAX_FRAME_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_is_of_bearable_length() {
        let long = format!("heading\n{}", format!("   0: {}\u{7}\n", "x".repeat(1000)).repeat(1000));
        let short = shortened(&long);
        assert_eq!(short.lines().count(), MAX_FRAMES);
        assert!(short.starts_with("0: xx") && short.len() <= MAX_FRAMES * (MAX_FRAME_CHARS + 1), "{}", short.len());
    }

    #[test]
    fn each_kind_has_its_name() {
        let mut names = FaultKind::ALL.map(FaultKind::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FaultKind::ALL.len());
    }
}
