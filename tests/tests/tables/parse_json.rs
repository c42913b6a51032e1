use loglift_parse_json::ParseJson;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/parse-json/src/tests/table.rs"]
mod table;
