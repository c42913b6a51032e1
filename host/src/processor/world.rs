//! The worlds of the contract. Whichever a component has, the host speaks of columns.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::answer::Invalid;
use super::bindings::loglift::processor::types::{Answer, Batch, Context, Description, Issue, Setup};
use super::bindings::typed::{TypedProcessor, TypedProcessorPre};
use super::bindings::{self, ProcessorPre};
use super::guest::Guest;
use super::typed;

/// What events look like to a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Numbers that point into one block of bytes.
    Columnar,
    /// Records with strings in them.
    Typed,
}

/// The functions of an instance.
pub(super) enum Processor {
    Columnar(bindings::Processor),
    Typed(TypedProcessor),
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The call failed.
    Failed(wasmtime::Error),
    /// It says why.
    Refused(String),
    /// It is none that could be carried out.
    Invalid(Invalid),
}

impl World {
    /// All of them; a component that exports several is taken as the first.
    pub const ALL: [Self; 2] = [Self::Columnar, Self::Typed];

    /// The export by which a component is known to have this world.
    pub const fn export(self) -> &'static str {
        match self {
            Self::Columnar => "loglift:processor/columnar@0.1.0",
            Self::Typed => "loglift:processor/typed@0.1.0",
        }
    }

    /// The world of a component with these exports.
    pub(super) fn of(exports: &[String]) -> Option<Self> {
        Self::ALL.into_iter().find(|world| exports.iter().any(|export| export == world.export()))
    }

    /// The export that is of some world in another version.
    pub(super) fn of_another_version(exports: &[String]) -> Option<&String> {
        let is_near = |export: &&String| Self::ALL.iter().any(|world| export.starts_with(world.unversioned()));
        exports.iter().find(is_near)
    }

    fn unversioned(self) -> &'static str {
        let (name, _) = self.export().split_once("0.").expect("exports of the contract have versions");
        name
    }

    /// Whether its functions have the types of the contract.
    pub(super) fn check(self, pre: &InstancePre<Guest>) -> wasmtime::Result<()> {
        match self {
            Self::Columnar => ProcessorPre::new(pre.clone()).map(drop),
            Self::Typed => TypedProcessorPre::new(pre.clone()).map(drop),
        }
    }
}

/// Its name, as authors know it.
impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Columnar => "columnar",
            Self::Typed => "typed",
        })
    }
}

impl Processor {
    /// Finds the functions of an instance.
    pub(super) fn new(world: World, store: &mut Store<Guest>, instance: &Instance) -> wasmtime::Result<Self> {
        match world {
            World::Columnar => bindings::Processor::new(store, instance).map(Self::Columnar),
            World::Typed => TypedProcessor::new(store, instance).map(Self::Typed),
        }
    }

    pub(super) fn describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<Description> {
        match self {
            Self::Columnar(processor) => processor.loglift_processor_columnar().call_describe(store),
            Self::Typed(processor) => processor.loglift_processor_typed().call_describe(store),
        }
    }

    pub(super) fn configure(
        &self,
        store: &mut Store<Guest>,
        config: &str,
        context: Context<'_>,
    ) -> wasmtime::Result<Result<Setup, Vec<Issue>>> {
        match self {
            Self::Columnar(processor) => processor.loglift_processor_columnar().call_configure(store, config, context),
            Self::Typed(processor) => processor.loglift_processor_typed().call_configure(store, config, context),
        }
    }

    pub(super) fn process(&self, store: &mut Store<Guest>, batch: Batch<'_>) -> Result<Answer, Unanswered> {
        match self {
            Self::Columnar(processor) => {
                let answered = processor.loglift_processor_columnar().call_process(store, batch);
                answered.map_err(Unanswered::Failed)?.map_err(Unanswered::Refused)
            }
            Self::Typed(processor) => {
                let answered = typed::with_strings(&batch, |strings| {
                    processor.loglift_processor_typed().call_process(store, strings)
                });
                let answer = answered.map_err(Unanswered::Failed)?.map_err(Unanswered::Refused)?;
                typed::answer::to_columns(answer, &batch).map_err(Unanswered::Invalid)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_known_by_its_export() {
        let of = |exports: &[&str]| World::of(&exports.iter().map(|&export| export.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["loglift:processor/columnar@0.1.0"]), Some(World::Columnar));
        assert_eq!(of(&["loglift:processor/state@0.1.0", "loglift:processor/typed@0.1.0"]), Some(World::Typed));
        assert_eq!(of(&["loglift:processor/typed@0.1.0", "loglift:processor/columnar@0.1.0"]), Some(World::Columnar));
        assert_eq!(of(&["loglift:processor/typed@0.2.0"]), None);
    }

    #[test]
    fn another_version_is_recognised() {
        let other = ["wasi:cli/run@0.2.0".to_owned(), "loglift:processor/typed@0.2.0".to_owned()];
        assert_eq!(World::of_another_version(&other), Some(&other[1]));
        assert_eq!(World::of_another_version(&["loglift:processor/typist@0.1.0".to_owned()]), None);
    }
}
