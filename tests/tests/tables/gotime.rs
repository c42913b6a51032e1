use loglift_gotime::Gotime;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/gotime/src/tests/table.rs"]
mod table;
