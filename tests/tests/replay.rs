//! What processors failed at is kept, and runs again; live batches are recorded, and run again to the last bit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, ensure};
use loglift::event::{EventBatch, FileId, Offset, Provenance, Source, Tags};
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::fault::{Fault, FaultKind};
use loglift::processor::quarantine::{Case, Quarantine};
use loglift::processor::stage::{Policy, Stage};
use loglift::runtime::quarantine::QuarantineDirectory;
use loglift::telemetry::alarm::Alarms;
use loglift_tests::agent::Finished;
use loglift_tests::guests::{exemplary, misbehaving};
use loglift_tests::scratch::Scratch;
use serde_json::Value;

/// The event `one bad line`, at offset 1200 of a file.
fn bad_event() -> EventBatch {
    let bytes = b"one bad linecontent".to_vec();
    EventBatch {
        source: Arc::new(Source::new("app.log".into(), Some(FileId { device: 3, inode: 42 }))),
        bytes,
        seconds: vec![1_700_000_000],
        nanoseconds: vec![0],
        names: vec![12, 7],
        field_counts: vec![1],
        keys: vec![0],
        values: vec![0, 12],
        tags: Tags::default(),
        read_seconds: 1_700_000_000,
        provenance: Provenance {
            start: Offset(1200),
            end: Offset(1213),
            records: vec![0],
            origins: None,
            merged: Vec::new(),
        },
    }
}

/// The misbehaving guest as a processor.
fn stage(config: &str) -> Result<Stage> {
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(Engine::new(None).expect("this machine runs WebAssembly")));
    let component = Component::load(&ENGINE, &fs::read(misbehaving()?)?)?;
    let name = "processors[0] (processor_wasm)".to_owned();
    let stage =
        Stage::new(name, component, config.to_owned(), loglift::processor::Context::default(), Policy::default());
    stage.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// Has events at which a guest failed with this message kept below `data`.
fn put_in_quarantine(scratch: &Scratch, config: &str, kind: FaultKind, message: &str, times: usize) -> Result<()> {
    let alarms = Arc::new(Alarms::for_one_command());
    let opened = QuarantineDirectory::open(&scratch.path("data"), 1 << 20, &alarms);
    let quarantine = opened.map_err(|(path, error)| anyhow::anyhow!("{}: {error}", path.display()))?;
    let (stage, batch) = (stage(config)?, bad_event());
    let backtrace = Some("0: guest::process\n1: guest::main".to_owned());
    let fault = Fault { kind, message: message.to_owned(), backtrace };
    (0..times).for_each(|_| quarantine.keep(&Case { pipeline: "shop", stage: &stage, batch: &batch, fault: &fault }));
    Ok(())
}

fn quarantined(scratch: &Scratch) -> Result<Vec<Value>> {
    let listed = scratch.loglift(&["quarantine", "list", "--json"]).finish()?;
    ensure!(listed.code() == Some(0), "{}", listed.stderr);
    String::from_utf8(listed.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn replay(scratch: &Scratch, arguments: &[&str]) -> Result<(String, Finished)> {
    let mut found = scratch.loglift(&[&["replay"], arguments].concat()).finish()?;
    Ok((String::from_utf8(std::mem::take(&mut found.stdout))?, found))
}

#[test]
fn an_event_in_quarantine_is_listed_shown_and_cleared() -> Result<()> {
    let scratch = Scratch::new()?;
    put_in_quarantine(&scratch, r#"{"Do": "trap"}"#, FaultKind::Trap, "trapped: it panicked or aborted", 3)?;
    let kept = quarantined(&scratch)?;
    ensure!(kept.len() == 3, "{kept:#?}");
    let name = kept[0]["file"].as_str().context("it has a name")?;
    let mode = |path: &str| Ok::<_, anyhow::Error>(fs::metadata(scratch.path(path))?.permissions().mode() & 0o777);
    assert_eq!((mode("data/quarantine")?, mode(&format!("data/quarantine/{name}"))?), (0o700, 0o600));
    let facts = ["pipeline", "processor", "path", "inode", "offset", "reason"].map(|fact| kept[0][fact].to_string());
    let expected =
        ["\"shop\"", "\"processors[0] (processor_wasm)\"", "\"app.log\"", "42", "1200", "\"trap\""].map(str::to_owned);
    assert_eq!(facts, expected);
    ensure!(kept[0]["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{:#?}", kept[0]);

    let table = scratch.loglift(&["quarantine", "list"]).finish()?;
    ensure!(String::from_utf8(table.stdout)?.contains("1200  app.log  trap: trapped: it panicked or aborted\n"));
    let shown = scratch.loglift(&["quarantine", "show", name]).finish()?;
    let shown = String::from_utf8(shown.stdout)?;
    for part in [
        "config     {\"Do\": \"trap\"}\n",
        "file       app.log, inode 42, offset 1200\n",
        "fault      trap: trapped: it panicked or aborted\n    0: guest::process\n    1: guest::main\n",
        r#"{"__time__": 1700000000, "__time_ns_part__": 0, "content": "one bad line"}"#,
    ] {
        ensure!(shown.contains(part), "{part:?} is not in\n{shown}");
    }

    let code = |arguments: &[&str]| Ok::<_, anyhow::Error>(scratch.loglift(arguments).finish()?.code());
    assert_eq!(code(&["quarantine", "clear"])?, Some(2));
    assert_eq!(code(&["quarantine", "clear", "../checkpoint"])?, Some(1));
    assert_eq!(code(&["quarantine", "clear", name])?, Some(0));
    assert_eq!(quarantined(&scratch)?.len(), 2);
    assert_eq!(code(&["quarantine", "clear", "--all"])?, Some(0));
    assert_eq!(quarantined(&scratch)?.len(), 0);
    Ok(())
}

#[test]
fn an_event_in_quarantine_fails_again_until_the_processor_is_mended() -> Result<()> {
    let scratch = Scratch::new()?;
    put_in_quarantine(&scratch, r#"{"Do": "trap"}"#, FaultKind::Trap, "trapped: it panicked or aborted", 1)?;
    let kept = quarantined(&scratch)?;
    let name = kept[0]["file"].as_str().context("it has a name")?;

    let (_, found) = replay(&scratch, &[name])?;
    ensure!(found.code() == Some(1) && found.stderr.contains("name it with --component FILE"), "{}", found.stderr);

    let guest = misbehaving()?.to_str().context("a path that is text")?;
    let (stdout, found) = replay(&scratch, &[name, "--component", guest])?;
    let place = "batch 1, app.log at offset 1200";
    let expected = format!("{place}: same fault: trap: trapped: it panicked or aborted\n1 batch: 1 same fault\n");
    assert_eq!((stdout, found.code()), (expected, Some(0)), "{}", found.stderr);
    ensure!(!found.stderr.contains("another component"), "{}", found.stderr);

    // Another config takes the place of one that was mended.
    let (stdout, found) = replay(&scratch, &[name, "--component", guest, "--config", r#"{"Do": "nothing"}"#])?;
    let event = r#"{"__time__":1700000000,"__time_ns_part__":0,"content":"one bad line","seen":"yes"}"#;
    let expected = format!("{place}: now processed\n{event}\n1 batch: 1 processed\n");
    assert_eq!((stdout, found.code()), (expected, Some(0)), "{}", found.stderr);

    // Another component does.
    let mended = exemplary()?.to_str().context("a path that is text")?;
    let (stdout, found) = replay(&scratch, &[name, "--component", mended, "--config", r#"{"Do": "edit"}"#, "--json"])?;
    let report: Value = serde_json::from_str(&stdout).with_context(|| found.stderr.clone())?;
    assert_eq!((&report["result"], found.code()), (&"processed".into(), Some(0)), "{report:#}");
    ensure!(found.stderr.contains("this is another component than the recorded one (sha256:"), "{}", found.stderr);

    scratch.write("config.json", r#"{"Do": "names odd"}"#)?;
    let (stdout, found) = replay(&scratch, &[name, "--component", guest, "--config", "config.json"])?;
    let expected =
        format!("{place}: other fault: invalid_answer: broke the contract: names: an odd number of elements\n");
    ensure!(stdout.starts_with(&expected) && found.code() == Some(1), "{stdout}{}", found.stderr);
    Ok(())
}

#[test]
fn what_a_running_agent_puts_in_quarantine_fails_again() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.to_str().context("a path that is text")?;
    scratch.pipeline(&[&format!("Type: processor_wasm, Component: {guest}, Config: {{Do: trap, When: bad}}")])?;
    scratch.write("input.log", "a good line\nthe bad line\nanother good line\n")?;
    let mut agent = scratch.loglift(&["run", "-c", "pipeline.yaml"]).start()?;
    agent.wait_until("the lines", |agent| agent.stdout().lines().count() == 3)?;
    ensure!(agent.terminate()?.code() == Some(0));

    let kept = quarantined(&scratch)?;
    ensure!(kept.len() == 1, "one event is at fault: {kept:#?}");
    let name = kept[0]["file"].as_str().context("it has a name")?;
    assert_eq!((&kept[0]["offset"], &kept[0]["pipeline"]), (&12.into(), &"pipeline".into()), "{:#}", kept[0]);
    let shown = scratch.loglift(&["quarantine", "show", name]).finish()?;
    let shown = String::from_utf8(shown.stdout)?;
    ensure!(shown.contains("the bad line") && !shown.contains("good line"), "{shown}");
    ensure!(shown.contains("misbehaving.wasm!"), "there is no backtrace in\n{shown}");

    let (stdout, found) = replay(&scratch, &[name, "--component", guest])?;
    ensure!(stdout.ends_with("1 batch: 1 same fault\n") && found.code() == Some(0), "{stdout}{}", found.stderr);
    let (stdout, _) = replay(&scratch, &[name, "--component", guest, "--config", r#"{"Do": "nothing"}"#])?;
    ensure!(stdout.ends_with("1 batch: 1 processed\n"), "{stdout}");
    Ok(())
}

#[test]
fn limits_are_those_of_the_recording() -> Result<()> {
    let scratch = Scratch::new()?;
    put_in_quarantine(&scratch, r#"{"Do": "hoard"}"#, FaultKind::Memory, "asked for more", 1)?;
    let kept = quarantined(&scratch)?;
    let name = kept[0]["file"].as_str().context("it has a name")?;
    let text = fs::read_to_string(scratch.path(&format!("data/quarantine/{name}")))?;
    scratch.write("less.jsonl", text.replace("\"memory_bytes\":67108864", "\"memory_bytes\":8388608"))?;
    let guest = misbehaving()?.to_str().context("a path that is text")?;
    let (stdout, found) = replay(&scratch, &["less.jsonl", "--component", guest])?;
    ensure!(stdout.contains("other fault: memory: asked for ") && stdout.contains("its limit is 8388608"), "{stdout}");
    assert_eq!(found.code(), Some(1));
    Ok(())
}

#[test]
fn a_file_that_is_damaged_is_one_line_of_error() -> Result<()> {
    let scratch = Scratch::new()?;
    put_in_quarantine(&scratch, r#"{"Do": "trap"}"#, FaultKind::Trap, "trapped: it panicked or aborted", 1)?;
    let kept = quarantined(&scratch)?;
    let name = kept[0]["file"].as_str().context("it has a name")?;
    let text = fs::read_to_string(scratch.path(&format!("data/quarantine/{name}")))?;
    let guest = misbehaving()?.to_str().context("a path that is text")?;
    let first_lines = |count: usize| text.split_inclusive('\n').take(count).collect::<String>();
    for (damaged, expected) in [
        (String::new(), "error: damaged.jsonl is not a recording\n"),
        ("nothing of the kind\n".to_owned(), "error: damaged.jsonl is not a recording\n"),
        (first_lines(1), "error: damaged.jsonl is cut short after line 1\n"),
        (first_lines(2), "error: damaged.jsonl is cut short after line 2\n"),
        (text.replace("\"keys\":[0]", "\"keys\":[7]"), "error: damaged.jsonl line 2: lent.keys: a key of no name\n"),
        (
            text.replace("\"format\":1", "\"format\":7"),
            "error: damaged.jsonl is a recording of format 7; this agent knows 1\n",
        ),
    ] {
        scratch.write("damaged.jsonl", damaged)?;
        let (_, found) = replay(&scratch, &["damaged.jsonl", "--component", guest])?;
        ensure!(found.code() == Some(1) && found.stderr.ends_with(expected), "{expected}{}", found.stderr);
    }
    scratch.write("data/quarantine/0000000000001.jsonl", "nothing of the kind\n")?;
    let listed = scratch.loglift(&["quarantine", "list"]).finish()?;
    ensure!(listed.code() == Some(1), "{}", listed.stderr);
    ensure!(listed.stderr == "warning: 0000000000001.jsonl is not a recording\n", "{}", listed.stderr);
    Ok(())
}

/// Lines with a time in the zone of the machine, and some without.
fn lines(numbers: std::ops::Range<u32>) -> String {
    let line = |number: u32| match number % 5 {
        0 => format!("no time at all, number {number}\n"),
        _ => format!("2026-11-{:02} 10:11:12 number {number} \u{e4}\n", number % 28 + 1),
    };
    numbers.map(line).collect()
}

const PARSER: &str = "Type: processor_strptime, SourceKey: content, Format: '%Y-%m-%d %H:%M:%S', AlarmIfFail: false";

#[test]
fn live_batches_are_captured_and_run_again_to_the_last_bit() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.to_str().context("a path that is text")?;
    let own = format!("Type: processor_wasm, Component: {guest}, Config: {{Do: trap, When: 'number 7 '}}");
    scratch.pipeline(&[&own, PARSER])?;
    scratch.write("input.log", "the first line\n")?;
    let mut agent = scratch.loglift(&["run", "-c", "pipeline.yaml"]).env("TZ", "Asia/Shanghai").start()?;
    agent.wait_until("the line", |agent| !agent.stdout().is_empty())?;

    let refused = scratch.loglift(&["capture", "processors[7]"]).finish()?;
    let expected = "error: no processor is called \"processors[7]\"; there are processors[0] (processor_wasm) of pipeline, \
        processors[1] (processor_strptime) of pipeline\n";
    assert_eq!((refused.code(), refused.stderr.as_str()), (Some(1), expected));

    for (processor, component) in [("processor_wasm", Some(guest)), ("processors[1]", None)] {
        let capture =
            scratch.loglift(&["capture", processor, "--batches", "3", "--output", "captured.jsonl"]).start()?;
        let mut capture = capture;
        // What is written before the agent listens at the processor is not in it, so it writes until there is enough.
        let mut number = 0;
        while !capture.has_ended()? {
            scratch.append("input.log", lines(number..number + 10))?;
            let read = fs::metadata(scratch.path("input.log"))?.len();
            number += 10;
            agent.wait_until("the lines", |agent| agent.read_offset("input.log") == Some(read))?;
        }
        let captured = capture.finish()?;
        ensure!(captured.code() == Some(0), "{}", captured.stderr);
        let stdout = String::from_utf8(captured.stdout)?;
        ensure!(
            stdout.starts_with("3 batches of processors[") && stdout.contains("until there were enough"),
            "{stdout}"
        );

        let arguments: Vec<&str> =
            ["captured.jsonl"].into_iter().chain(component.iter().flat_map(|file| ["--component", *file])).collect();
        let (stdout, found) = replay(&scratch, &arguments)?;
        ensure!(found.code() == Some(0), "{stdout}{}", found.stderr);
        ensure!(stdout.starts_with("3 batches: ") && stdout.contains(" identical") || component.is_some(), "{stdout}");

        // Another machine, and another zone.
        let elsewhere = scratch.loglift(&[&["replay"], &arguments[..]].concat()).env("TZ", "Asia/Tokyo").finish()?;
        assert_eq!(String::from_utf8(elsewhere.stdout)?, stdout);
        let mode = fs::metadata(scratch.path("captured.jsonl"))?.permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::remove_file(scratch.path("captured.jsonl"))?;
    }
    ensure!(fs::read_dir(scratch.path("data/captures"))?.next().is_none(), "what was moved is not there any more");
    ensure!(agent.terminate()?.code() == Some(0));
    let alone = scratch.loglift(&["capture", "processors[0]"]).finish()?;
    ensure!(
        alone.code() == Some(1) && alone.stderr.starts_with("error: no agent is running with the data directory "),
        "{}",
        alone.stderr
    );
    Ok(())
}

#[test]
fn what_differs_is_shown_and_a_capture_ends_with_the_agent() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.to_str().context("a path that is text")?;
    scratch.pipeline(&[&format!("Type: processor_wasm, Component: {guest}, Config: {{Do: nothing}}")])?;
    scratch.write("input.log", "the first line\n")?;
    let mut agent = scratch.loglift(&["run", "-c", "pipeline.yaml"]).start()?;
    agent.wait_until("the line", |agent| !agent.stdout().is_empty())?;
    let capture = scratch.loglift(&["capture", "processors[0]", "--seconds", "600"]).start()?;
    agent.wait_until("the file", |_| scratch.path("data/captures").is_dir())?;
    let unfinished = || {
        let files = fs::read_dir(scratch.path("data/captures")).into_iter().flatten().flatten();
        files.map(|file| file.file_name().into_string().unwrap_or_default()).collect::<Vec<_>>()
    };
    agent.wait_until("the capture", |_| unfinished().iter().any(|name| name.ends_with(".part")))?;
    scratch.append("input.log", "the second line\n")?;
    agent.wait_until("the second line", |agent| agent.stdout().lines().count() == 2)?;
    // A second one would take the place of the first.
    let second = scratch.loglift(&["capture", "processors[0]"]).finish()?;
    assert_eq!((second.code(), second.stderr.as_str()), (Some(1), "error: it is being captured already\n"));
    ensure!(agent.terminate()?.code() == Some(0));
    let captured = capture.finish()?;
    ensure!(captured.code() == Some(0), "{}", captured.stderr);
    let stdout = String::from_utf8(captured.stdout)?;
    ensure!(
        stdout.contains("1 batch of processors[0] (processor_wasm) of pipeline pipeline, until the agent stopped: "),
        "{stdout}"
    );

    let name = unfinished().pop().context("the recording is there")?;
    let other = exemplary()?.to_str().context("a path that is text")?;
    let (stdout, found) = replay(&scratch, &[&name, "--component", other, "--config", r#"{"Do": "edit"}"#])?;
    ensure!(found.code() == Some(1) && stdout.contains(": different in "), "{stdout}{}", found.stderr);
    ensure!(stdout.contains("  recorded  {") && stdout.contains("\"seen\":\"yes\""), "{stdout}");
    Ok(())
}
