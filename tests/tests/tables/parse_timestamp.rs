use loglift_parse_timestamp::ParseTimestamp;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/parse-timestamp/src/tests/table.rs"]
mod table;
