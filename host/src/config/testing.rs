//! What the tests of this module share.

use super::node::Node;
use super::problem::Report;
use super::yaml;

/// Parses a YAML text that is known to be valid.
pub(super) fn yaml(text: &str) -> Node {
    yaml::parse(text, &Report::new("a.yaml")).expect(text)
}

/// Returns what `read` returns, and all problems and warnings that it reports, in the order of the text.
pub(super) fn warnings_and_problems<T>(read: impl FnOnce(&Report) -> T) -> (T, Vec<String>) {
    let report = Report::new("a.yaml");
    let value = read(&report);
    report.forgive();
    let (_, found) = report.conclude(Some(())).expect("forgiven");
    (value, found.iter().map(ToString::to_string).collect())
}
