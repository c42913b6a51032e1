use loglift_filter::Filter;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/filter/src/tests/table.rs"]
mod table;
