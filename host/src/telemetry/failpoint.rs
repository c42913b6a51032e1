//! provisional
/// Hit.
pub fn hit(_: &str) {}
