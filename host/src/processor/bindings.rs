//! What `wasmtime` generates from `wit/`.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "processor",
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// What a component that remembers exports besides.
pub mod memory {
    wasmtime::component::bindgen!({
        inline: "
            package loglift:host;

            world remembering {
                export loglift:processor/state@0.1.0;
            }
        ",
        path: "../wit",
    });
}

/// The world of events with strings.
pub mod typed {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "typed-processor",
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "loglift:processor/types": super::loglift::processor::types,
            "loglift:processor/host": super::loglift::processor::host,
        },
    });
}
