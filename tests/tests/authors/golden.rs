//! `loglift test`.

use std::fs;

use anyhow::Result;
use loglift_tests::scratch::Scratch;
use serde_json::Value;

use super::stdout;

const PIPELINE: &str = "inputs:
  - {Type: input_file, FilePaths: [/var/log/app.log]}
processors:
  - {Type: processor_parse_json_native, SourceKey: content}
flushers:
  - {Type: flusher_stdout}
";

/// A case with two events of which the second cannot be parsed.
fn case(scratch: &Scratch, name: &str, expected: Option<&str>) -> Result<()> {
    fs::create_dir_all(scratch.path(name))?;
    scratch.write(&format!("{name}/pipeline.yaml"), PIPELINE)?;
    scratch.write(&format!("{name}/input.log"), "{\"a\": \"1\", \"b\": \"2\"}\n{\"a\": \"3\"}\n")?;
    expected.map_or(Ok(()), |expected| scratch.write(&format!("{name}/expected.jsonl"), expected))
}

const RIGHT: &str = r#"{"__time__": 1767225600, "a": "1", "b": "2"}
{"__time__": 1767225600, "a": "3"}
"#;

#[test]
fn a_difference_names_the_event_and_the_field() -> Result<()> {
    let scratch = Scratch::new()?;
    case(&scratch, "cases/right", Some(RIGHT))?;
    let wrong = r#"{"__time__":1767225600,"a":"1","b":"x","c":"gone"}
{"__time__": 1, "never": "there"}
{"__time__": 1767225600, "a": "3"}
"#;
    case(&scratch, "cases/wrong", Some(wrong))?;
    let found = scratch.loglift(&["test", "cases"]).finish()?;
    let expected = "ok       cases/right (2 events)
failed   cases/wrong
         event 1: b: expected \"x\"
                     found    \"2\"
         event 1: c: missing, expected \"gone\"
         missing event (line 2 of expected.jsonl): {\"__time__\": 1, \"never\": \"there\"}
2 cases: 1 passed, 1 failed
";
    assert_eq!((stdout(&found).as_str(), found.code()), (expected, Some(1)), "{}", found.stderr);

    let found = scratch.loglift(&["test", "cases/right/pipeline.yaml", "--json"]).finish()?;
    let report: Value = serde_json::from_slice(&found.stdout)?;
    assert_eq!((&report["result"], &report["events"], found.code()), (&"passed".into(), &2.into(), Some(0)));
    Ok(())
}

#[test]
fn blessing_writes_what_comes_out_and_says_what_changed() -> Result<()> {
    let scratch = Scratch::new()?;
    case(&scratch, "new", None)?;
    case(&scratch, "old", Some(&RIGHT.replace("\"3\"", "\"4\"")))?;
    scratch.write("old/messages.txt", "nothing\n")?;
    case(&scratch, "same", Some(RIGHT))?;
    let found = scratch.loglift(&["test", "."]).finish()?;
    assert!(stdout(&found).contains("no expected.jsonl: `loglift test --bless` writes it"), "{}", stdout(&found));
    let found = scratch.loglift(&["test", "--bless", "."]).finish()?;
    let text = stdout(&found);
    assert_eq!(found.code(), Some(0), "{text}");
    for line in [
        "blessed  new: expected.jsonl, 2 events",
        "blessed  old: expected.jsonl and messages.txt, 2 events",
        "         event 2: a: expected \"4\"",
        "  found    2 events in, 2 out, 0 dropped, 0 failed",
        "ok       same (2 events)",
        "3 cases: 1 passed, 2 blessed",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(fs::read_to_string(scratch.path("new/expected.jsonl"))?, RIGHT);
    assert_eq!(fs::read_to_string(scratch.path("old/expected.jsonl"))?, RIGHT);
    assert!(!scratch.path("new/messages.txt").exists(), "nobody asked for it");
    assert_eq!(scratch.loglift(&["test", "."]).finish()?.code(), Some(0));
    Ok(())
}

#[test]
fn what_cannot_be_run_fails_and_is_not_blessed() -> Result<()> {
    let scratch = Scratch::new()?;
    case(&scratch, "a", Some(RIGHT))?;
    scratch.write("a/pipeline.yaml", PIPELINE.replace("SourceKey: content", "SourceKey: []"))?;
    let found = scratch.loglift(&["test", "--bless", "a"]).finish()?;
    let reason = "error: pipeline.yaml:4:52: processors[0].SourceKey: expected a string, found a list";
    assert!(stdout(&found).contains(reason), "{}", stdout(&found));
    assert_eq!(found.code(), Some(1));
    assert_eq!(fs::read_to_string(scratch.path("a/expected.jsonl"))?, RIGHT);

    fs::create_dir(scratch.path("empty"))?;
    let found = scratch.loglift(&["test", "empty"]).finish()?;
    let reason = "error: no case in empty: a case is a directory with pipeline.yaml, input.log and expected.jsonl\n";
    assert_eq!((found.stderr.as_str(), found.code()), (reason, Some(1)));
    Ok(())
}
