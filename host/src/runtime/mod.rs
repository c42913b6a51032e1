//! Opens directories, builds stages, joins them by channels, and drains them.
//!
//! An `agent` runs `pipeline`s, which come and go while it runs; each is made of what `assemble` has made of its
//! config.

pub mod agent;
pub mod assemble;
pub mod cache_dir;
pub mod capture;
mod checkpoints;
pub mod control;
mod crew;
pub mod data_dir;
pub mod depot;
mod discover;
pub mod events;
pub mod file_limit;
mod flush;
mod grants;
pub mod machine;
mod origin;
pub mod paths;
mod pipeline;
mod private_dir;
pub mod processors;
pub mod quarantine;
pub mod reload;
pub mod remote;
pub mod replay;
mod schedule;
mod ship;
pub mod status;
mod trials;
mod worker;

use std::path::PathBuf;

pub use cache_dir::open as open_cache;

/// Which config comes before which: by the place of its directory among those that were given, then by its file.
pub type Rank = (usize, PathBuf);
