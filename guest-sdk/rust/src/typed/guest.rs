//! Joins a [`Processor`] to the generated bindings. [`export_typed!`](crate::export_typed) calls these functions.

use super::bindings::exports::loglift::processor::typed::{Answer, Batch};
use super::{Changes, Processor};
use crate::bindings::loglift::processor::types;
use crate::{Context, Issue, Setup};

/// Makes a component of the crate, as [`export!`](crate::export) does, of a [`Processor`] of the typed world.
#[macro_export]
macro_rules! export_typed {
    ($processor:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::typed::bindings::exports::loglift::processor::typed;

            struct Component;

            ::std::thread_local! {
                static PROCESSOR: ::std::cell::RefCell<Option<$processor>> =
                    const { ::std::cell::RefCell::new(None) };
            }

            impl typed::Guest for Component {
                fn describe() -> typed::Description {
                    $crate::typed::guest::describe::<$processor>()
                }

                fn configure(config: String, context: typed::Context) -> Result<typed::Setup, Vec<typed::Issue>> {
                    let (processor, setup) = $crate::typed::guest::configure::<$processor>(&config, &context)?;
                    PROCESSOR.set(Some(processor));
                    Ok(setup)
                }

                fn process(events: typed::Batch) -> Result<typed::Answer, String> {
                    PROCESSOR.with_borrow_mut(|processor| $crate::typed::guest::process(processor.as_mut(), &events))
                }
            }

    $crate::typed::bindings::export!(Component with_types_in $crate::typed::bindings);
        };
    };
}

pub fn describe<P: Processor>() -> types::Description {
    crate::guest::description(P::DESCRIPTION)
}

pub fn configure<P: Processor>(config: &str, context: &Context) -> Result<(P, Setup), Vec<Issue>> {
    P::configure(crate::guest::read(config)?, context)
}

pub fn process<P: Processor>(processor: Option<&mut P>, batch: &Batch) -> Result<Answer, String> {
    let processor = processor.ok_or("process was called before configure")?;
    let mut changes = Changes::new(batch.events.len());
    processor.process(batch, &mut changes)?;
    Ok(changes.into_answer())
}
