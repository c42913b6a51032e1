//! What a person at a terminal meets: exit codes, one clear line for each mistake, and nothing but events on standard
//! output.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Finished, Invocation};
use loglift_tests::scratch::Scratch;

const JSON: &str = "Type: processor_parse_json_native, SourceKey: content, KeepingSourceWhenParseFail: true";
const PROCESS: &[&str] = &["process", "-c", "pipeline.yaml", "input.log"];

/// Expects that a command fails, says why in this one line and prints nothing.
fn refuses(agent: Invocation<'_>, line: &str) -> Result<()> {
    let found = agent.finish()?;
    let error = expected_error(&found, 1)?;
    ensure!(error == line, "expected: {line}\nfound:    {error}");
    Ok(())
}

/// The one line of an agent that fails.
fn expected_error(found: &Finished, code: i32) -> Result<String> {
    let errors = found.log("error: ");
    ensure!(found.code() == Some(code), "exit code {:?}\n{}", found.code(), found.stderr);
    ensure!(errors.len() == 1 && found.stderr.lines().count() == 1, "not one line:\n{}", found.stderr);
    ensure!(found.stdout.is_empty(), "printed {}", String::from_utf8_lossy(&found.stdout));
    Ok(errors[0].to_owned())
}

#[test]
fn help_is_there_for_every_command() -> Result<()> {
    let scratch = Scratch::new()?;
    for (command, mentions) in [
        (&["--help"][..], "Usage: loglift"),
        (&["help"], "process"),
        (&["run", "--help"], "--flusher"),
        (&["process", "--help"], "--tags"),
        (&["validate", "--help"], "--config"),
        (&["inspect", "--help"], "COMPONENT"),
        (&["checkpoint", "--help"], "import"),
        (&["--version"], "loglift "),
    ] {
        let found = scratch.loglift(command).finish()?;
        let text = String::from_utf8_lossy(&found.stdout);
        assert_eq!((found.code(), found.stderr.as_str()), (Some(0), ""), "{command:?}");
        assert!(text.contains(mentions), "{command:?} says nothing of {mentions:?}:\n{text}");
    }
    Ok(())
}

#[test]
fn a_command_line_that_makes_no_sense_is_exit_code_2() -> Result<()> {
    let scratch = Scratch::new()?;
    for command in [
        &[][..],
        &["proces"],
        &["process"],
        &["run"],
        &["run", "-c", "a.yaml", "--flusher", "sls"],
        &["run", "-c", "a.yaml", "--workers", "0"],
        &["run", "-c", "a.yaml", "--buffer", "0"],
        &["validate", "--tags"],
        &["process", "-c", "a.yaml", "--log-level", "loud"],
    ] {
        let found = scratch.loglift(command).finish()?;
        assert_eq!(found.code(), Some(2), "{command:?}\n{}", found.stderr);
        assert!(found.stdout.is_empty() && !found.stderr.is_empty(), "{command:?}");
    }
    Ok(())
}

#[test]
fn a_config_that_cannot_be_read_is_one_line() -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("directory.yaml"))?;
    scratch.write("latin1.yaml", b"name: caf\xe9\n")?;
    scratch.write("pipeline.conf", "")?;
    let missing = "none.yaml: cannot be read: No such file or directory (os error 2)";
    let check = |config: &str, line: &str| {
        let line = format!("error: {line}");
        refuses(scratch.loglift(&["process", "-c", config]), &line).with_context(|| format!("process {config}"))
    };
    check("none.yaml", missing)?;
    check("directory.yaml", "directory.yaml: cannot be read: not a regular file")?;
    check("latin1.yaml", "latin1.yaml:1:10: not UTF-8 (save the file as UTF-8)")?;
    check("pipeline.conf", "pipeline.conf: expected a name in .yaml, .yml or .json")?;

    let found = scratch.loglift(&["validate", "-c", "none.yaml"]).finish()?;
    assert_eq!(expected_error(&found, 1)?, format!("error: {missing}"));
    let found = scratch.loglift(&["run", "-c", "none.yaml"]).finish()?;
    assert_eq!(found.stderr, format!("error: {missing}\nerror: no pipeline can run\n"));
    assert_eq!(found.code(), Some(1));
    Ok(())
}

#[test]
fn a_config_of_the_agent_that_is_wrong_keeps_it_from_starting() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    let command = ["run", "-c", "pipeline.yaml", "--agent-config", "agent.json"];
    let check = |text: &str, line: &str| {
        scratch.write("agent.json", text)?;
        refuses(scratch.loglift(&command), &format!("error: agent.json:{line}")).with_context(|| text.to_owned())
    };
    check("{", "1:1: not valid JSON: unterminated object")?;
    check("7", "1:1: expected a map at the top, found the number 7")?;
    check(r#"{"working_ip": []}"#, "1:16: working_ip: expected a string, found a list")?;
    scratch.write("agent.json", "{}")?;
    let line = "error: environment: discard_old_data: expected true or false, found a string";
    refuses(scratch.loglift(&command).env("LOONG_DISCARD_OLD_DATA", "maybe"), line)
}

#[test]
fn a_config_that_only_root_can_read_is_one_line() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    fs::set_permissions(scratch.path("pipeline.yaml"), fs::Permissions::from_mode(0o000))?;
    if File::open(scratch.path("pipeline.yaml")).is_ok() {
        println!("skipped: this user can read everything");
        return Ok(());
    }
    let line = "error: pipeline.yaml: cannot be read: Permission denied (os error 13)";
    refuses(scratch.loglift(&["process", "-c", "pipeline.yaml"]), line)
}

#[test]
fn a_destination_that_cannot_be_is_refused_before_anything_runs() -> Result<()> {
    fn check(sls: &str, problem: &str) -> Result<()> {
        let scratch = Scratch::new()?;
        scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&format!("Type: flusher_sls, {sls}")]))?;
        let found = scratch.loglift(&["run", "-c", "pipeline.yaml"]).finish()?;
        assert_eq!(
            found.log("error: "),
            [format!("error: pipeline.yaml:5:5: flushers[0]: {problem}"), "error: no pipeline can run".to_owned()]
        );
        assert_eq!(found.code(), Some(1));
        Ok(())
    }
    check(
        "Project: p, Logstore: l, Region: cn-hangzhou",
        "Endpoint is missing, such as cn-hangzhou.log.aliyuncs.com, and the agent config has none for its Region",
    )
}

#[test]
fn what_is_no_component_is_refused_by_what_it_is() -> Result<()> {
    let scratch = Scratch::new()?;
    let component = fs::read(loglift_tests::guests::misbehaving()?)?;
    let other_version = replace(&component, b"@0.1.0", b"@0.9.0");
    scratch.pipeline(&["Type: processor_wasm, Component: guest.wasm, Config: {Do: nothing}"])?;
    let check = |content: &[u8], line: &str| {
        scratch.write("guest.wasm", content)?;
        let line = format!("error: pipeline.yaml:4:5: processors[0].Component: {line}");
        refuses(scratch.loglift(&["process", "-c", "pipeline.yaml"]), &line)
    };
    refuses(
        scratch.loglift(&["process", "-c", "pipeline.yaml"]),
        "error: pipeline.yaml:4:5: processors[0].Component: cannot read guest.wasm: No such file or directory \
         (os error 2)",
    )?;
    check(b"", "guest.wasm: not a WebAssembly file")?;
    check(b"#!/bin/sh\n", "guest.wasm: not a WebAssembly file")?;
    check(
        b"\0asm\x01\0\0\0",
        "guest.wasm: a core module, not a component: make a component of it first, with `loglift component`",
    )?;
    check(
        b"\0asm\x0d\0\x01\0",
        "guest.wasm: not a processor: it exports neither loglift:processor/columnar@0.1.0 nor \
         loglift:processor/typed@0.1.0 (it exports nothing)",
    )?;
    check(
        &other_version,
        "guest.wasm: made for loglift:processor/columnar@0.9.0; this agent speaks loglift:processor/columnar@0.1.0 and \
         loglift:processor/typed@0.1.0",
    )?;

    // Where it is cut decides what the compiler says of it, but it is one line.
    scratch.write("guest.wasm", &component[..component.len() / 2])?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml"]).finish()?;
    let line = expected_error(&found, 1)?;
    ensure!(line.contains("guest.wasm: not a valid component: "), "{line}");
    Ok(())
}

#[test]
fn what_no_component_can_be_made_of_is_refused_by_what_it_is() -> Result<()> {
    let scratch = Scratch::new()?;
    let component = fs::read(loglift_tests::guests::misbehaving()?)?;
    let check = |content: &[u8], line: &str| {
        scratch.write("core.wasm", content)?;
        refuses(scratch.loglift(&["component", "core.wasm"]), &format!("error: {line}"))
    };
    refuses(
        scratch.loglift(&["component", "core.wasm"]),
        "error: cannot read core.wasm: No such file or directory (os error 2)",
    )?;
    check(b"#!/bin/sh\n", "core.wasm is not WebAssembly")?;
    check(&component, "core.wasm is a component already: use it as it is")?;
    check(
        b"\0asm\x01\0\0\0",
        "core.wasm is not a processor: it exports no function of loglift:processor@0.1.0 (it exports nothing)",
    )?;
    ensure!(!scratch.path("core.component.wasm").exists(), "something was written");
    Ok(())
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn a_processor_that_does_not_take_its_config_says_where() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = loglift_tests::guests::misbehaving()?.display();
    let config = |config: &str| {
        let flushers = "flushers:\n  - Type: flusher_stdout\n";
        let inputs = "inputs:\n  - {Type: input_file, FilePaths: [/var/log/app.log]}\n";
        let text = format!(
            "{inputs}processors:\n  - Type: processor_wasm\n    Component: {guest}\n    Config:\n{config}{flushers}"
        );
        scratch.write("pipeline.yaml", text)
    };
    config("      Do: refuse\n      Keys:\n        - good\n        - bad\n")?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml"]).finish()?;
    assert_eq!(
        found.stderr.lines().collect::<Vec<_>>(),
        [
            "error: pipeline.yaml:10:11: processors[0].Config.Keys[1]: is no good",
            r"error: pipeline.yaml:7:7: processors[0].Config: and the rest\nneither",
        ]
    );
    assert_eq!(found.code(), Some(1));

    config("      Do: [refuse]\n")?;
    refuses(
        scratch.loglift(&["process", "-c", "pipeline.yaml"]),
        "error: pipeline.yaml:7:11: processors[0].Config.Do: expected a string, found a list",
    )?;
    config("      Keys: []\n")?;
    refuses(
        scratch.loglift(&["process", "-c", "pipeline.yaml"]),
        "error: pipeline.yaml:7:7: processors[0].Config: Do is missing",
    )?;
    config("      Do: trap in configure\n")?;
    refuses(
        scratch.loglift(&["process", "-c", "pipeline.yaml"]),
        "error: pipeline.yaml:7:7: processors[0].Config: cannot be set up: trapped: it panicked or aborted",
    )?;

    config("      Do: warn\n      Key: [a, b]\n")?;
    let found = scratch.loglift(&["process", "-c", "pipeline.yaml"]).finish()?;
    assert_eq!(
        found.stderr.lines().collect::<Vec<_>>(),
        [
            "warning: pipeline.yaml:8:7: processors[0].Config.Key: unknown parameter, ignored (did you mean Keys?)",
            "warning: pipeline.yaml:7:7: processors[0].Config.Keys[1]: is strange",
            "0 events in, 0 out, 0 dropped, 0 failed",
        ]
    );
    Ok(())
}

#[test]
fn an_input_that_cannot_be_read_is_one_line() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    refuses(scratch.loglift(PROCESS), "error: cannot open input.log: No such file or directory (os error 2)")?;
    fs::create_dir(scratch.path("input.log"))?;
    refuses(scratch.loglift(PROCESS), "error: cannot read input.log: Is a directory (os error 21)")
}

#[test]
fn standard_input_is_read_with_and_without_a_dash() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    scratch.write("other.log", "a line\n")?;
    for arguments in [&["process", "-c", "pipeline.yaml"][..], &["process", "-c", "pipeline.yaml", "-"]] {
        let found = scratch.loglift(arguments).stdin(File::open(scratch.path("other.log"))?).finish()?;
        assert_eq!(found.events(), [r#"{"__time__": NOW, "content": "a line"}"#]);
        assert_eq!(found.stderr, "1 events in, 1 out, 0 dropped, 0 failed\n");
    }
    Ok(())
}

#[test]
fn a_line_from_a_pipe_is_shown_before_the_next_one_comes() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    let (reader, mut writer) = std::io::pipe()?;
    let mut agent = scratch.loglift(&["process", "-c", "pipeline.yaml"]).stdin(reader).start()?;
    writer.write_all(b"first\n")?;
    agent.wait_until("an event of the first line", |agent| agent.stdout().contains("first"))?;
    writer.write_all(b"second\n")?;
    drop(writer);
    let found = agent.finish()?;
    assert_eq!(found.events().len(), 2);
    Ok(())
}

#[test]
fn a_closed_pipe_is_no_error() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    scratch.write("input.log", "a line of twenty b.\n".repeat(100_000))?;
    let mut command = scratch.loglift(PROCESS).into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut first = String::new();
    BufReader::new(child.stdout.take().context("it is piped")?).read_line(&mut first)?;
    let mut stderr = String::new();
    child.stderr.take().context("it is piped")?.read_to_string(&mut stderr)?;
    let status = child.wait()?;
    assert!(first.ends_with("\"content\": \"a line of twenty b.\"}\n"), "{first}");
    assert!(status.success(), "{status}");
    assert!(!stderr.contains("rror") && !stderr.contains("panic"), "{stderr}");
    Ok(())
}

#[test]
fn an_output_that_cannot_be_written_is_one_line() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    scratch.write("input.log", "a line\n")?;
    let Ok(full) = File::create("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return Ok(());
    };
    let output = scratch.loglift(PROCESS).into_command().stdout(full).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "error: cannot write to standard output: No space left on device (os error 28)\n");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

#[test]
fn a_line_of_10_mb_costs_none_of_its_neighbours() -> Result<()> {
    const LONG: usize = 10 << 20;
    let scratch = Scratch::new()?;
    for (processors, before, after) in
        [(&[][..], "before", "after"), (&[JSON][..], r#"{"a": "before"}"#, r#"{"a": "after"}"#)]
    {
        scratch.pipeline(processors)?;
        for long in ["x".repeat(LONG), format!("{{\"a\": \"{}\"}}", "x".repeat(LONG)), "{\"a\":[".repeat(LONG / 6)] {
            scratch.write("input.log", format!("{before}\n{long}\n{after}\n"))?;
            let found = scratch.loglift(PROCESS).finish()?;
            let what = format!("{processors:?} {}", &long[..10]);
            assert_eq!(found.code(), Some(0), "{what}\n{}", found.stderr);
            let events = found.events();
            let (first, last) = (&events[0], &events[events.len() - 1]);
            assert!(first.contains("before") && last.contains("after"), "{what}: {first:.80} ... {last:.80}");
            let kept: usize = events[1..events.len() - 1].iter().map(|event| content(event).len()).sum();
            assert_eq!(kept, long.len(), "{what}: bytes of the long line");
            let alarms = found.log("SPLIT_LOG_FAIL_ALARM in inputs[0] at input.log: ");
            assert!(!alarms.is_empty() && alarms.len() <= 6, "{what}\n{:.2000}", found.stderr);
        }
    }
    Ok(())
}

/// The field `content` of an event.
fn content(event: &str) -> String {
    let event = event.replacen("NOW", "0", 1);
    let fields: serde_json::Value = serde_json::from_str(&event).expect("events are JSON");
    fields["content"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn lines_that_are_no_json_keep_their_blanks_in_record_mode() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[JSON])?;
    scratch.write("input.log", "{\"a\": 1}\nTraceback:\n  File \"app.py\"\n\t{\"b\": 2}\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    assert_eq!(
        found.events(),
        [
            r#"{"__time__": NOW, "a": "1"}"#,
            r#"{"__time__": NOW, "content": "Traceback:"}"#,
            r#"{"__time__": NOW, "content": "  File \"app.py\""}"#,
            r#"{"__time__": NOW, "b": "2"}"#,
        ]
    );
    Ok(())
}

#[test]
fn old_events_are_discarded_only_when_asked_for() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[JSON, "Type: processor_parse_timestamp_native, SourceKey: t, SourceFormat: '%s'"])?;
    scratch.write("input.log", "{\"t\": 1698277870}\n{\"a\": 1}\n")?;
    let kept = scratch.loglift(PROCESS).finish()?;
    assert_eq!(kept.events(), [r#"{"__time__": 1698277870, "t": "1698277870"}"#, r#"{"__time__": NOW, "a": "1"}"#]);
    let arguments = [PROCESS, &["--discard-old"]].concat();
    let discarded = scratch.loglift(&arguments).finish()?;
    assert_eq!(discarded.events(), [r#"{"__time__": NOW, "a": "1"}"#]);
    assert_eq!(discarded.log("OUTDATED_LOG_ALARM").len(), 1, "{}", discarded.stderr);
    assert!(discarded.stderr.ends_with("2 events in, 1 out, 1 dropped, 0 failed\n"), "{}", discarded.stderr);
    Ok(())
}

#[test]
fn the_log_level_leaves_events_and_the_summary() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[JSON])?;
    scratch.write("input.log", "no JSON\n")?;
    let found = scratch.loglift(&[PROCESS, &["--log-level", "error"]].concat()).finish()?;
    assert_eq!(found.events(), [r#"{"__time__": NOW, "content": "no JSON"}"#]);
    assert_eq!(found.stderr, "1 events in, 1 out, 0 dropped, 1 failed\n");
    Ok(())
}

#[test]
fn validate_says_what_pipelines_are_and_fails_if_one_is_wrong() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[JSON])?;
    let found = scratch.loglift(&["validate", "-c", "pipeline.yaml"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).replace(&format!("{}/", scratch.directory().display()), "");
    assert_eq!((found.code(), found.stderr.as_str()), (Some(0), ""));
    let expected = [
        "pipeline.yaml: pipeline pipeline",
        "  inputs[0]: input.log (one event a JSON object, which may span lines)",
        "  processors[0] (processor_parse_json_native)",
        "    component DIGEST",
        "    wants nothing from outside",
        "  flushers[0]: standard output",
        "  events without __time_ns_part__",
        "",
    ];
    let lines = text.lines().map(|line| match line.split_once("    component sha256:") {
        Some(("", digest)) if digest.len() == 64 => "    component DIGEST",
        _ => line,
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected);

    fs::create_dir(scratch.path("conf"))?;
    scratch.write("conf/a.yaml", scratch.config("a", &[], &["Type: flusher_blackhole"]))?;
    scratch.write("conf/b.yaml", scratch.config("b", &["Type: processor_strptme"], &["Type: flusher_blackhole"]))?;
    scratch.write("conf/c.json", "{}")?;
    let found = scratch.loglift(&["validate", "-c", "conf"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.code(), Some(1));
    for line in ["conf/a.yaml: pipeline a", "conf/b.yaml: refused", "conf/c.json: refused"] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    let errors = found.log("error: conf/b.yaml:4:");
    assert!(errors.len() == 1 && errors[0].ends_with("(did you mean processor_strptime?)"), "{}", found.stderr);
    assert!(found.log("error: conf/a.yaml").is_empty() && !found.log("error: conf/c.json").is_empty());
    Ok(())
}

#[test]
fn explain_says_which_files_are_collected_and_why_others_are_not() -> Result<()> {
    let scratch = Scratch::new()?;
    for directory in ["logs", "logs/x", "logs/x/y"] {
        fs::create_dir(scratch.path(directory))?;
    }
    for name in ["logs/a.log", "logs/a.log.gz", "logs/old.log", "logs/x/b.log", "logs/x/y/c.log", "logs/new\nline.log"]
    {
        scratch.write(name, "one line\n")?;
    }
    let long_ago = SystemTime::now() - Duration::from_secs(3 * 86_400);
    File::options().append(true).open(scratch.path("logs/old.log"))?.set_modified(long_ago)?;
    scratch.write("logs/big.log", vec![b'x'; 3 << 20])?;
    scratch.fifo("logs/fifo.log")?;
    let root = scratch.directory().display();
    let config =
        |input: &str| format!("inputs: [{{Type: input_file, {input}}}]\nflushers: [{{Type: flusher_blackhole}}]\n");
    let a = format!("FilePaths: [{root}/logs/**/*.log*, {root}/none/*.txt], MaxDirSearchDepth: 1");
    scratch.write("a.yaml", config(&a))?;
    scratch.write("b.yaml", config(&format!("FilePaths: ['{root}/logs/x/*']")))?;

    let command =
        ["validate", "-c", "a.yaml", "b.yaml", "--explain", "logs/a.log.gz", "logs/x/b.log", "logs/fifo.log", "z"];
    let found = scratch.loglift(&command).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).replace(&format!("{root}/"), "");
    assert_eq!((found.code(), found.stderr.as_str()), (Some(0), ""));
    let explained: Vec<_> = text.lines().skip_while(|line| !line.ends_with("at first sight:")).collect();
    let expected = [
        "pipeline a on this machine, at first sight:",
        "  logs/a.log (9 bytes): read from the start",
        "  logs/big.log (3.0 MiB): the last 1.0 MiB are read, 2.0 MiB before are skipped (TailSizeKB)",
        r"  logs/new\nline.log (9 bytes): read from the start",
        "  logs/old.log (9 bytes): not read until it is written to; that was last 3 days ago (TailingAllMatchedFiles: true reads it)",
        "  logs/x/b.log (9 bytes): pipeline b reads it, whose base directory is longer",
        "  none/*.txt matches no file",
        "  passed over 1, such as logs/a.log.gz: names that end in .gz are never read",
        "  passed over 1, such as logs/x/y: 2 levels deep where logs/**/*.log* has `**`, and MaxDirSearchDepth is 1",
        "  logs/fifo.log: neither a regular file nor a directory: it is not read",
        "",
        "pipeline b on this machine, at first sight:",
        "  logs/x/b.log (9 bytes): read from the start",
        "",
        "logs/a.log.gz (9 bytes)",
        "  pipeline a: not collected: names that end in .gz are never read",
        "  pipeline b: not collected: no pattern of FilePaths leads to its directory",
        "",
        "logs/x/b.log (9 bytes)",
        "  pipeline a: not collected: matches logs/**/*.log*, but pipeline b reads it, whose base directory is longer",
        "  pipeline b: collected: matches logs/x/*; read from the start",
        "",
        "logs/fifo.log (neither a file nor a directory: it is never read)",
        "  pipeline a: would be collected: matches logs/**/*.log*",
        "  pipeline b: not collected: no pattern of FilePaths leads to its directory",
        "",
        "z (cannot be looked at: No such file or directory (os error 2))",
        "  pipeline a: not collected: no pattern of FilePaths leads to its directory",
        "  pipeline b: not collected: no pattern of FilePaths leads to its directory",
        "",
    ];
    assert_eq!(explained, expected);
    Ok(())
}

#[test]
fn inspect_says_what_a_component_is() -> Result<()> {
    let scratch = Scratch::new()?;
    let found = scratch.loglift(&["inspect", "processor_strptime"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!((found.code(), found.stderr.as_str()), (Some(0), ""));
    for part in [
        "processor_strptime 0.1.0: ",
        "built in",
        "exports  loglift:processor/columnar@0.1.0",
        "imports  loglift:processor/host@0.1.0",
        "\"SourceKey\"",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }

    fs::copy(loglift_tests::guests::misbehaving()?, scratch.path("guest.wasm"))?;
    let found = scratch.loglift(&["inspect", "guest.wasm"]).finish()?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(text.starts_with("processor_misbehaving 0.1.0: Breaks the contract on demand.\n"), "{text}");

    scratch.write("text.wasm", "text")?;
    refuses(scratch.loglift(&["inspect", "text.wasm"]), "error: text.wasm: not a WebAssembly file")?;
    let found = scratch.loglift(&["inspect", "processor_strptme"]).finish()?;
    let line = expected_error(&found, 1)?;
    assert!(line.starts_with("error: processor_strptme is neither a file nor a built-in processor ("), "{line}");
    Ok(())
}

#[test]
fn compiled_components_are_kept_and_damaged_ones_compiled_again() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&["Type: processor_strptime, SourceKey: content, Format: '%s'"])?;
    scratch.write("input.log", "1698277870\n")?;
    let run = |level| {
        let arguments = [PROCESS, &["--cache-dir", "cache/deep", "--log-level", level]].concat();
        let found = scratch.loglift(&arguments).finish()?;
        assert_eq!(found.events(), [r#"{"__time__": 1698277870, "content": "1698277870"}"#]);
        anyhow::Ok(found)
    };
    let kept =
        || -> Result<Vec<_>> { fs::read_dir(scratch.path("cache/deep"))?.map(|entry| Ok(entry?.path())).collect() };
    run("info")?;
    let files = kept()?;
    assert_eq!(files.len(), 1, "{files:?}");
    let compiled = fs::read(&files[0])?;
    run("info")?;
    assert_eq!(kept()?, files);

    for damaged in
        [&b""[..], b"short", &compiled[..compiled.len() - 1], &[&compiled[..99], b"?", &compiled[100..]].concat()]
    {
        fs::write(&files[0], damaged)?;
        run("info")?;
        assert!(fs::read(&files[0])? == compiled, "what was damaged is whole again");
    }

    // A directory that cannot be used costs time and a warning.
    scratch.write("cache/file", "")?;
    let found = scratch.loglift(&[PROCESS, &["--cache-dir", "cache/file"]].concat()).finish()?;
    assert_eq!((found.code(), found.events().len()), (Some(0), 1));
    assert_eq!(found.log("WARN compiled components are not kept").len(), 1, "{}", found.stderr);
    Ok(())
}
