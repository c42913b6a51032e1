//! Joins a [`Processor`] to the generated bindings. [`export!`](crate::export) calls these functions.

use serde::de::DeserializeOwned;

use crate::bindings::loglift::processor::{host, types};
use crate::{Batch, Changes, Context, Description, Issue, Level, Processor, Setup, Stateful};

/// Makes a component of the crate: `loglift_sdk::export!(MyProcessor);`, once, at the top level of a `cdylib`.
#[macro_export]
macro_rules! export {
    ($processor:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            $crate::__export_processor!($processor);
        };
    };
}

/// As [`export!`], of a processor that is [`Stateful`](crate::Stateful).
#[macro_export]
macro_rules! export_stateful {
    ($processor:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            $crate::__export_processor!($processor);

            impl $crate::memory::exports::loglift::processor::state::Guest for Component {
                fn save() -> Vec<u8> {
                    PROCESSOR.with_borrow(|processor| $crate::guest::save(processor.as_ref()))
                }

                fn restore(from_version: String, saved: Vec<u8>) -> Result<(), String> {
                    PROCESSOR
                        .with_borrow_mut(|processor| $crate::guest::restore(processor.as_mut(), &from_version, &saved))
                }
            }

    $crate::memory::export!(Component with_types_in $crate::memory);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_processor {
    ($processor:ty) => {
        use $crate::bindings::exports::loglift::processor::columnar;

        struct Component;

        ::std::thread_local! {
            static PROCESSOR: ::std::cell::RefCell<Option<$processor>> =
                const { ::std::cell::RefCell::new(None) };
        }

        impl columnar::Guest for Component {
            fn describe() -> columnar::Description {
                $crate::guest::describe::<$processor>()
            }

            fn configure(
                config: String,
                context: columnar::Context,
            ) -> Result<columnar::Setup, Vec<columnar::Issue>> {
                let (processor, setup) = $crate::guest::configure::<$processor>(&config, &context)?;
                PROCESSOR.set(Some(processor));
                Ok(setup)
            }

            fn process(events: columnar::Batch) -> Result<columnar::Answer, String> {
                PROCESSOR.with_borrow_mut(|processor| $crate::guest::process(processor.as_mut(), events))
            }
        }

        $crate::bindings::export!(Component with_types_in $crate::bindings);
    };
}

pub fn describe<P: Processor>() -> types::Description {
    description(P::DESCRIPTION)
}

/// What a processor says of itself, as the contract has it.
pub(crate) fn description(description: Description) -> types::Description {
    let Description { name, version, summary, config_schema } = description;
    let [name, version, summary, config_schema] = [name, version, summary, config_schema].map(str::to_owned);
    types::Description { name, version, summary, config_schema }
}

/// Reads a configuration.
pub(crate) fn read<C: DeserializeOwned>(config: &str) -> Result<C, Vec<Issue>> {
    serde_json::from_str(config).map_err(|error| vec![Issue::new("", error.to_string())])
}

pub fn configure<P: Processor>(config: &str, context: &Context) -> Result<(P, Setup), Vec<Issue>> {
    P::configure(read(config)?, context)
}

pub fn process<P: Processor>(processor: Option<&mut P>, events: types::Batch) -> Result<types::Answer, String> {
    let processor = processor.ok_or("process was called before configure")?;
    let batch = Batch::new(events);
    let mut changes = Changes::new(&batch);
    processor.process(&batch, &mut changes)?;
    Ok(changes.into_answer())
}

pub fn save<P: Stateful>(processor: Option<&P>) -> Vec<u8> {
    processor.map(Stateful::save).unwrap_or_default()
}

pub fn restore<P: Stateful>(processor: Option<&mut P>, from_version: &str, saved: &[u8]) -> Result<(), String> {
    processor.ok_or("restore was called before configure")?.restore(from_version, saved)
}

pub(crate) fn host_log(level: Level, message: &str) {
    if cfg!(target_arch = "wasm32") {
        host::log(level, message);
    }
}

pub(crate) fn host_zone(name: &str) -> Option<Vec<u8>> {
    if cfg!(target_arch = "wasm32") { host::zone(name) } else { None }
}
