//! What `wasmtime` generates from `wit/`.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "processor",
    ownership: Borrowing { duplicate_if_necessary: true },
});
