//! Compiles processor crates to WebAssembly components.
//!
//! [`Toolchain::find`] says which Rust can compile for `wasm32-unknown-unknown` on this machine, [`Workspace`] compiles
//! packages with it (to components with the feature `componentize`, else to core modules), and [`install()`] gets a
//! toolchain where there is none. It works the same from a build script (also under `cargo clippy`, `cargo doc` and with
//! a user's `RUSTFLAGS`), from a test and from a plain program, since the inner cargo sees none of the outer one's
//! settings and has a target directory of its own.
//!
//! [`Project`] does the same for the projects of processors in other languages, which have a script of their own.
#![forbid(unsafe_code)]

mod install;
mod project;
mod toolchain;
mod workspace;

pub use install::install;
pub use project::{Language, Project, Tools};
pub use toolchain::{Missing, Toolchain};
#[cfg(feature = "componentize")]
pub use workspace::Component;
pub use workspace::{BuildError, Workspace, outer_target_dir};

/// The target of all guests: no WASI, so a guest can import nothing but what the contract offers.
pub const TARGET: &str = "wasm32-unknown-unknown";
