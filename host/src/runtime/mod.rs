//! Opens directories, builds stages, joins them by channels, and drains them.

pub mod agent;
pub mod assemble;
mod cache_dir;
mod discover;
mod flush;
mod private_dir;
mod scan;
mod schedule;
pub mod data_dir;
mod worker;

pub use cache_dir::open as open_cache;
