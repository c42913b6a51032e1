//! Opens directories, builds stages, joins them by channels, and drains them.

pub mod agent;
pub mod assemble;
mod cache_dir;
pub mod capture;
mod checkpoints;
pub mod control;
pub mod data_dir;
pub mod depot;
mod discover;
pub mod events;
pub mod file_limit;
mod flush;
pub mod machine;
mod origin;
pub mod paths;
mod private_dir;
pub mod quarantine;
pub mod replay;
mod schedule;
mod ship;
pub mod status;
mod worker;

pub use cache_dir::open as open_cache;
