//! Opens directories, builds stages, joins them by channels, and drains them.

pub mod agent;
pub mod assemble;
mod cache_dir;
mod flush;
pub mod paths;
mod worker;

pub use cache_dir::open as open_cache;
