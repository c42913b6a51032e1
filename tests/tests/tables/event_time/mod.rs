//! The tables of the time engine, through the processors that are made of it.

mod engine;

#[path = "../../../../builtin-processors/event-time/tests/tables/directives.rs"]
mod directives;
#[path = "../../../../builtin-processors/event-time/tests/tables/extended.rs"]
mod extended;
#[path = "../../../../builtin-processors/event-time/tests/tables/glibc.rs"]
mod glibc;
#[path = "../../../../builtin-processors/event-time/tests/tables/go_layouts.rs"]
mod go_layouts;
#[path = "../../../../builtin-processors/event-time/tests/tables/layouts.rs"]
mod layouts;
#[path = "../../../../builtin-processors/event-time/tests/tables/native.rs"]
mod native;
#[path = "../../../../builtin-processors/event-time/tests/tables/resolving.rs"]
mod resolving;
