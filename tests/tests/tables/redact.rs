use loglift_redact::Redact;
use loglift_tests::sandboxed::Guest;

#[path = "../../../builtin-processors/redact/src/tests/table.rs"]
mod table;
