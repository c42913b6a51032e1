//! Kills the agent again and again while files are written and rotated, and checks that nothing is lost.
//!
//! A [`writer`] writes numbered lines to several [`stream`]s, which rotate in every way. The agent ([`mod@run`]) delivers them to
//! one file, which [`arrivals`] reads, and is killed at random moments and at the places where it hurts. After each kill the
//! checkpoints on disk ([`saved`]) say what the next agent may deliver again: what was delivered and is not covered. In the
//! end, [`check`](check::check) compares what was written with what arrived.
//!
//! [`swap`] replaces processors under load instead, and kills the agent now and then.
//!
//! [`ship`] does the same with a service that fails: the one writes and the other reads, and [`delivered`] compares. [`outage`] is a long
//! outage without a kill.

pub mod arrivals;
pub mod check;
pub mod delivered;
pub mod full_disk;
pub mod line;
pub mod outage;
pub mod plan;
pub mod random;
pub mod report;
pub mod run;
pub mod saved;
pub mod ship;
pub mod ship_report;
pub mod stream;
pub mod swap;
pub mod writer;

pub use plan::{Death, Plan};
pub use report::Report;
pub use run::run;
