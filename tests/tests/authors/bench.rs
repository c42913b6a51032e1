//! `loglift bench`.

use anyhow::Result;
use loglift_tests::guests::misbehaving;
use loglift_tests::scratch::Scratch;

use super::{document, stdout};

#[test]
fn a_processor_is_measured_beside_one_that_changes_nothing() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("input.log", "{\"a\": \"1\"}\n".repeat(1000))?;
    let config = r#"{"SourceKey": "content"}"#;
    let arguments =
        ["bench", "processor_parse_json_native", "--input", "input.log", "--config", config, "--seconds", "0"];
    let found = scratch.loglift(&[&arguments[..], &["--json"]].concat()).finish()?;
    let document = document(&found)?;
    assert_eq!((&document["input"]["events"], &document["rounds"]), (&1000.into(), &5.into()), "{document:#}");
    for runner in ["processor", "pass_through"] {
        for number in ["events_per_second", "mb_per_second", "p50_ms_per_batch", "p99_ms_per_batch", "memory_bytes"] {
            assert!(
                document[runner][number].as_f64().is_some_and(|number| number > 0.0),
                "{runner} {number}: {document:#}"
            );
        }
    }
    assert!(document["compile_ms"].as_f64() > Some(0.0) && document["instantiate_ms"].as_f64() > Some(0.0));
    let found = scratch.loglift(&arguments).finish()?;
    let text = stdout(&found);
    assert!(text.starts_with("1000 events, 11000 bytes, batches: 1; 5 rounds in turns"), "{text}");
    assert!(text.contains("\npass-through "), "{text}");
    Ok(())
}

#[test]
fn one_that_fails_is_not_measured() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("input.log", "a\n")?;
    let guest = misbehaving()?.display().to_string();
    let found =
        scratch.loglift(&["bench", &guest, "--input", "input.log", "--config", r#"{"Do": "trap"}"#]).finish()?;
    assert_eq!(found.stderr, "error: it fails at batch 1 of 1: trapped: it panicked or aborted\n");
    assert_eq!(found.code(), Some(1));
    Ok(())
}
