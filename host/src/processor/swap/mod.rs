//! How a new version of a processor takes the place of the one that runs: at once or after a trial, and back again if it does
//! worse.

mod compare;
mod history;
mod judge;
mod shadow;
mod trial;

pub(super) use history::Book;
pub use history::{Standing, Version};
pub use judge::{Record, Worse};
pub use shadow::{Example, Report, ShownEvent};
pub(super) use trial::Method;
pub use trial::{Trial, TrialState};
