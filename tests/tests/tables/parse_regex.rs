use loglift_parse_regex::ParseRegex;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/parse-regex/src/tests/table.rs"]
mod table;

/// Engines are compared with each other in the crate of the processor; a component shows only the one that it has chosen.
fn check_engines(_: &str, _: &[u8], _: Option<&[&[u8]]>) {}
