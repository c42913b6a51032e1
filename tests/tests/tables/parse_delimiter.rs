use loglift_parse_delimiter::ParseDelimiter;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/parse-delimiter/src/tests/table.rs"]
mod table;
