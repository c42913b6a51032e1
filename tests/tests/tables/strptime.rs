use loglift_strptime::Strptime;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/strptime/src/tests/table.rs"]
mod table;
