//! The whole agent: files that grow on one side, flushers on the other, and what may go wrong between them.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, ensure};
use loglift_tests::agent::{Finished, PATIENCE, Running, wait_until};
use loglift_tests::guests::misbehaving;
use loglift_tests::scratch::Scratch;
use loglift_tests::status::{expect_balanced, file};
use rustix::process::Signal;

const RUN: &[&str] = &["run", "-c", "pipeline.yaml"];
const JSON: &str = "Type: processor_parse_json_native, SourceKey: content, KeepingSourceWhenParseFail: true";
const STRPTIME: &str = "Type: processor_strptime, SourceKey: t, Format: '%Y-%m-%d %H:%M:%S,%f'";

/// `line 000000` to `line 000099`, and so on, each with its line end.
fn numbered(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!("line {number:06}\n")).collect()
}

/// The field `content` of each event.
fn contents(events: &[String]) -> Vec<String> {
    let content = |event: &String| {
        let fields: serde_json::Value = serde_json::from_str(&event.replacen("NOW", "0", 1)).ok()?;
        Some(fields["content"].as_str()?.to_owned())
    };
    events.iter().map(|event| content(event).unwrap_or_else(|| format!("no content: {event}"))).collect()
}

/// Expects that these are the numbered lines, each once and in order.
fn expect_numbered(events: &[String], count: u32) -> Result<()> {
    let found = contents(events);
    let expected: Vec<String> = numbered(0..count).lines().map(str::to_owned).collect();
    let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
    ensure!(
        differs.is_none() && found.len() == expected.len(),
        "{} of {count} lines, differ at {differs:?}",
        found.len()
    );
    Ok(())
}

fn stdout_lines(agent: &Running<'_>) -> usize {
    agent.stdout().lines().count()
}

/// What a counter of the summary of a pipeline says.
fn total(found: &Finished, counter: &str) -> Option<u64> {
    let summary = *found.log("pipeline stopped").first()?;
    summary.split_once(&format!("{counter}="))?.1.split(' ').next()?.parse().ok()
}

#[test]
fn every_line_of_a_growing_file_reaches_both_flushers_in_order() -> Result<()> {
    const LINES: u32 = 20_000;
    let scratch = Scratch::new()?;
    let out = scratch.path("out/deep/app.json");
    let flushers = [&format!("Type: flusher_file, FilePath: {}", out.display()), "Type: flusher_stdout"];
    let config = scratch.config("input.log", &[JSON, STRPTIME], &flushers);
    scratch.write("pipeline.yaml", format!("global: {{EnableTimestampNanosecond: true}}\n{config}"))?;
    scratch.write("input.log", "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;

    // Written in pieces that end anywhere, so that the agent meets many a half line.
    let text: String = (0..LINES)
        .map(|number| format!("{{\"t\": \"2023-10-25 23:51:10,{:09}\", \"no\": {number}}}\n", number * 7))
        .collect();
    let mut file = OpenOptions::new().append(true).open(scratch.path("input.log"))?;
    for (turn, piece) in text.as_bytes().chunks(9973).enumerate() {
        file.write_all(piece)?;
        if turn.is_multiple_of(20) {
            let complete = text.as_bytes()[..9973 * (turn + 1)].iter().filter(|byte| **byte == b'\n').count();
            agent.wait_until("the lines so far", |agent| stdout_lines(agent) == complete)?;
        }
    }
    agent.wait_until("all lines", |agent| stdout_lines(agent) == LINES as usize)?;
    let found = agent.terminate()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);

    let events = found.events();
    for (number, event) in events.iter().enumerate() {
        let nanoseconds = number * 7;
        let expected = format!(
            "{{\"__time__\": 1698277870, \"__time_ns_part__\": {nanoseconds}, \"t\": \"2023-10-25 23:51:10,{nanoseconds:09}\", \
             \"no\": \"{number}\"}}"
        );
        ensure!(*event == expected, "expected {expected}, found {event}");
    }
    // The file has the tags of each event too.
    let in_file: Vec<String> = fs::read_to_string(&out)?.lines().map(str::to_owned).collect();
    ensure!(in_file.len() == events.len(), "{} lines in the file", in_file.len());
    for (in_file, event) in in_file.iter().zip(&events) {
        let fields = event.strip_suffix('}').context("an event is an object")?;
        let tag = format!(r#", "__tag__:__path__": "{}""#, scratch.path("input.log").display());
        ensure!(in_file.starts_with(fields) && in_file.contains(&tag), "{in_file}");
    }
    assert_eq!(total(&found, "read_bytes_total"), Some(text.len() as u64));
    assert_eq!(total(&found, "acknowledged_events_total"), Some(u64::from(LINES)));
    Ok(())
}

#[test]
fn tags_offsets_and_gbk_are_those_of_the_file_however_it_grows() -> Result<()> {
    let scratch = Scratch::new()?;
    let input = format!(
        "inputs:\n  - {{Type: input_file, FilePaths: [{}], FileEncoding: gbk, FileOffsetKey: at, Tags: {{FilePathTagKey: ''}}}}\n",
        scratch.path("input.log").display()
    );
    scratch.write("pipeline.yaml", input + "flushers:\n  - {Type: flusher_stdout, Tags: true}\n")?;
    scratch.write("agent.json", r#"{"working_ip": "10.0.0.1", "working_hostname": "machine"}"#)?;
    let arguments = ["run", "-c", "pipeline.yaml", "--agent-config", "agent.json"];
    // The second byte of a character comes later than the first, and looks like a brace.
    scratch.write("input.log", b"one \xd6\xd0\ntwo \x81")?;
    let mut agent = scratch.loglift(&arguments).start()?;
    agent.wait_until("the first line", |agent| stdout_lines(agent) == 1)?;
    scratch.append("input.log", b"\x7b\nthree\n")?;
    agent.wait_until("all lines", |agent| stdout_lines(agent) == 3)?;
    let found = agent.terminate()?;
    let expected = [("one \u{4e2d}", 0), ("two \u{4e84}", 7), ("three", 14)].map(|(text, at)| {
        format!(
            r#"{{"__time__": NOW, "content": "{text}", "at": "{at}", "__tag__:__hostname__": "machine", "__tag__:__host_ip__": "10.0.0.1"}}"#
        )
    });
    assert_eq!(found.events(), expected);
    assert_eq!(total(&found, "read_bytes_total"), Some(20));
    assert_eq!(total(&found, "undecodable_lines_total"), Some(0));
    Ok(())
}

#[test]
fn files_are_taken_as_a_whole() -> Result<()> {
    let scratch = Scratch::new()?;
    let config = scratch.config("*.xml", &[], &["Type: flusher_stdout, Tags: true"]);
    let whole = "Type: input_file, FlushTimeoutSecs: 1, FileOffsetKey: at, \
                 Multiline: {Mode: whole_file, MaxWholeFileBytes: 1000000}";
    scratch.write("pipeline.yaml", config.replace("Type: input_file", whole))?;
    // Two pieces, and more than may be.
    let line = format!("{}\n", "x".repeat(1023));
    scratch.write("small.xml", "<a>\n\n</a>\n")?;
    scratch.write("long.xml", line.repeat(600))?;
    scratch.write("oversize.xml", line.repeat(1000))?;
    let of_file = |agent: &Running<'_>, name: &str| -> Vec<serde_json::Value> {
        let path = scratch.path(name);
        let events = agent.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>();
        let is_of_file = |event: &serde_json::Value| event["__tag__:__path__"] == *path.to_string_lossy();
        events.into_iter().filter(is_of_file).collect()
    };
    let is_skipped = |agent: &Running<'_>| {
        agent.stderr().contains("the file has 1024000 bytes, more than MaxWholeFileBytes; 1024000 of them are skipped")
    };
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("both files", |agent| stdout_lines(agent) == 3 && is_skipped(agent))?;
    let small = of_file(&agent, "small.xml");
    ensure!(small.len() == 1 && small[0]["content"] == "<a>\n\n</a>" && small[0]["at"] == "0", "{small:?}");
    ensure!(small[0].get("__whole_file_id__").is_none(), "{small:?}");
    let long = of_file(&agent, "long.xml");
    let text: String = long.iter().filter_map(|piece| piece["content"].as_str()).collect();
    ensure!(text.len() == 600 * 1024 - 1 && line.repeat(600).starts_with(&text), "{} bytes", text.len());
    for (number, piece) in long.iter().enumerate() {
        let id = piece["__whole_file_id__"].as_str().context("an id")?;
        ensure!(id.starts_with(&format!("{}_", scratch.path("long.xml").display())), "{id}");
        let expected = (number.to_string(), "2".to_owned(), (number * 512 * 1024).to_string());
        let [seq, total, at] = ["__whole_file_seq__", "__whole_file_total__", "at"].map(|key| piece[key].as_str());
        ensure!(
            (seq, total, at) == (Some(&*expected.0), Some(&*expected.1), Some(&*expected.2)),
            "{seq:?} {total:?} {at:?}"
        );
    }
    agent.wait_until("all acknowledged", |agent| {
        agent.status().is_ok_and(|status| status["pipelines"][0]["ledger"]["acknowledged"] == 10 + 600 * 1024)
    })?;
    let status = agent.status()?;
    expect_balanced(&status)?;
    let path = scratch.path("oversize.xml");
    let ledger = &file(&status, &path.to_string_lossy()).context("the file is known")?["ledger"];
    ensure!(ledger["lost"]["oversize"] == 1000 * 1024, "{ledger:#}");
    ensure!(agent.terminate()?.code() == Some(0));

    // A later agent takes what was written since, and nothing twice.
    scratch.append("small.xml", b"<b>\n</b>\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("what is new", |agent| stdout_lines(agent) > 0)?;
    let found = agent.terminate()?;
    assert_eq!(contents(&found.events()), ["<b>\n</b>"]);
    assert_eq!(total(&found, "read_bytes_total"), Some(9));
    Ok(())
}

#[test]
fn a_signal_drains_what_was_read_and_ends_with_success() -> Result<()> {
    for signal in [Signal::TERM, Signal::INT] {
        let scratch = Scratch::new()?;
        scratch.pipeline(&[JSON])?;
        scratch.write("input.log", numbered(0..200_000))?;
        let mut agent = scratch.loglift(RUN).start()?;
        agent.wait_until("an event", |agent| stdout_lines(agent) > 0)?;
        agent.signal(signal)?;
        let found = agent.finish()?;
        ensure!(found.code() == Some(0), "{signal:?}: {:?}\n{}", found.status, found.stderr);
        let events = found.events();
        expect_numbered(&events, u32::try_from(events.len())?)?;
        for counter in ["read_events_total", "out_events_total", "acknowledged_events_total"] {
            assert_eq!(total(&found, counter), Some(events.len() as u64), "{counter}\n{}", found.stderr);
        }
        expect_balanced(&scratch.status()?)?;
    }
    Ok(())
}

#[test]
fn several_pipelines_run_side_by_side_and_a_wrong_one_hurts_none() -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("conf"))?;
    let to_file = |name: &str| format!("Type: flusher_file, FilePath: {}", scratch.path(name).display());
    for name in ["a", "b"] {
        let config = scratch.config(&format!("{name}.log"), &[], &[&to_file(&format!("{name}.json"))]);
        scratch.write(&format!("conf/{name}.yaml"), config)?;
        scratch.write(&format!("{name}.log"), format!("from {name}\n"))?;
    }
    let disabled = scratch.config("a.log", &[], &[&to_file("c.json")]);
    scratch.write("conf/c.yaml", format!("enable: false\n{disabled}"))?;
    scratch.write("conf/d.yaml", scratch.config("a.log", &["Type: processor_strptme"], &[&to_file("d.json")]))?;

    let mut agent = scratch.loglift(&["run", "-c", "conf"]).start()?;
    agent.wait_until("both events", |_| scratch.lines("a.json").len() + scratch.lines("b.json").len() == 2)?;
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0), "{}", found.stderr);
    assert!(scratch.lines("a.json")[0].contains("from a") && scratch.lines("b.json")[0].contains("from b"));
    assert!(!scratch.path("c.json").exists() && !scratch.path("d.json").exists());
    assert_eq!(found.log("error: conf/d.yaml:4:").len(), 1, "{}", found.stderr);
    assert_eq!(found.log("pipelines=\"a, b\"").len(), 1, "{}", found.stderr);
    Ok(())
}

#[test]
fn the_flushers_of_the_command_line_replace_the_configured_ones() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.write("input.log", numbered(0..1000))?;
    let configured = format!("Type: flusher_file, FilePath: {}", scratch.path("configured.json").display());
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&configured]))?;
    let mut agent = scratch.loglift(&[RUN, &["--flusher", "file:chosen.json"]].concat()).start()?;
    agent.wait_until("all lines", |_| scratch.lines("chosen.json").len() == 1000)?;
    assert_eq!(agent.terminate()?.code(), Some(0));
    expect_numbered(&scratch.lines("chosen.json"), 1000)?;
    assert!(!scratch.path("configured.json").exists());

    let arguments = [RUN, &["--flusher", "blackhole", "--log-level", "debug"]].concat();
    let agent = scratch.loglift(&arguments).data_dir("other data").start()?;
    wait_until("end of the file", || agent.read_offset("input.log") == Some(12_000))?;
    let found = agent.terminate()?;
    assert_eq!((found.code(), found.stdout.as_slice()), (Some(0), &b""[..]));
    assert_eq!(total(&found, "acknowledged_events_total"), Some(1000), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_rotated_output_holds_each_event_once() -> Result<()> {
    let scratch = Scratch::new()?;
    let out = format!(
        "Type: flusher_file, FilePath: {}, MaxFileSize: 100000, MaxFiles: 50",
        scratch.path("out.json").display()
    );
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&out]))?;
    scratch.write("input.log", "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    let outputs = || -> Vec<String> {
        let newest_last = (1..50).rev().map(|number| format!("out.json.{number}")).chain(["out.json".to_owned()]);
        newest_last.flat_map(|name| scratch.lines(&name)).collect()
    };
    for part in 0..10 {
        scratch.append("input.log", numbered(part * 1000..(part + 1) * 1000))?;
        agent.wait_until("the lines so far", |_| outputs().len() == (part as usize + 1) * 1000)?;
    }
    assert_eq!(agent.terminate()?.code(), Some(0));
    expect_numbered(&outputs(), 10_000)?;
    assert!(scratch.path("out.json.3").exists(), "it was rotated");
    Ok(())
}

#[test]
fn only_so_many_rotated_files_are_kept() -> Result<()> {
    let scratch = Scratch::new()?;
    let out =
        format!("Type: flusher_file, FilePath: {}, MaxFileSize: 1, MaxFiles: 2", scratch.path("o.json").display());
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&out]))?;
    let mut agent = scratch.loglift(RUN).start()?;
    for line in ["one", "two", "three"] {
        scratch.append("input.log", format!("{line}\n"))?;
        agent.wait_until(line, |_| scratch.lines("o.json").iter().any(|event| event.contains(line)))?;
    }
    assert_eq!(agent.terminate()?.code(), Some(0));
    assert!(scratch.lines("o.json.1")[0].contains("two") && !scratch.path("o.json.2").exists());
    Ok(())
}

#[test]
fn events_are_routed_by_tag_and_unrouted_ones_raise_an_alarm() -> Result<()> {
    let scratch = Scratch::new()?;
    let inputs: Vec<String> = ["a.log", "b.log", "c.log"].map(|name| scratch.path(name).display().to_string()).into();
    let flusher = |name: &str, rule: &str| {
        format!("  - {{Type: flusher_file, FilePath: {}, Match: {{{rule}}}}}\n", scratch.path(name).display())
    };
    let by_path = |path: &str| format!("Type: tag, Key: __path__, Value: {path}");
    let config = format!(
        "inputs:\n  - {{Type: input_file, FilePaths: [{}]}}\nprocessors: []\nflushers:\n{}{}{}",
        inputs.join(", "),
        flusher("a.json", &by_path(&inputs[0])),
        flusher("b.json", &(by_path(&inputs[1]) + ", DiscardingTag: true")),
        flusher("metrics.json", "Type: event_type, Value: metric"),
    );
    scratch.write("pipeline.yaml", config)?;
    for name in ["a", "b", "c"] {
        scratch.write(&format!("{name}.log"), format!("from {name}\n"))?;
    }
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("both events", |_| scratch.lines("a.json").len() + scratch.lines("b.json").len() == 2)?;
    agent.wait_for_log("ROUTE_UNMATCHED_ALARM")?;
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0));
    assert!(scratch.lines("a.json")[0].contains("from a") && scratch.lines("b.json")[0].contains("from b"));
    let has_tag = |name: &str| scratch.lines(name)[0].contains("\"__tag__:__path__\": ");
    assert_eq!((has_tag("a.json"), has_tag("b.json")), (true, false));
    assert!(!scratch.path("metrics.json").exists());
    assert!(found.log("ROUTE_UNMATCHED_ALARM")[0].contains("c.log, offset 0: "), "{}", found.stderr);
    assert_eq!(total(&found, "unmatched_events_total"), Some(1));
    Ok(())
}

#[test]
fn a_file_that_is_not_there_yet_is_waited_for() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("no file matches yet, waiting for one")?;
    scratch.write("input.log", "")?;
    scratch.append("input.log", numbered(0..10))?;
    agent.wait_until("all lines", |agent| stdout_lines(agent) == 10)?;
    let found = agent.terminate()?;
    expect_numbered(&found.events(), 10)?;
    assert_eq!(found.log("no file matches yet").len(), 1, "{}", found.stderr);
    Ok(())
}

#[test]
fn what_cannot_be_read_raises_an_alarm_and_holds_up_nothing_else() -> Result<()> {
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("directory.log"))?;
    symlink("loop.log", scratch.path("loop.log"))?;
    scratch.fifo("pipe.log")?;
    let config = scratch.config("input.log", &[], &["Type: flusher_stdout"]);
    let names = ["directory.log", "loop.log", "pipe.log", "input.log"];
    let paths = names.map(|name| scratch.path(name).display().to_string());
    scratch.write("pipeline.yaml", config.replacen(&paths[3], &paths.join(", "), 1))?;
    scratch.write("input.log", numbered(0..10))?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("all lines", |agent| stdout_lines(agent) == 10)?;
    agent.wait_for_log("directory.log: a directory, where FilePaths has a file: it is not read")?;

    // It is a file after all.
    fs::remove_dir(scratch.path("directory.log"))?;
    scratch.write("directory.log", "at last\n")?;
    agent.wait_until("its line", |agent| stdout_lines(agent) == 11)?;
    expect_balanced(&agent.status()?)?;
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0));
    for (alarm, count) in [("UNEXPECTED_FILE_TYPE_MODE_ALARM", 2), ("OPEN_LOGFILE_FAIL_ALARM", 1)] {
        assert_eq!(found.log(alarm).len(), count, "each once:\n{}", found.stderr);
    }
    for trouble in ["pipe.log: neither a regular file nor", "loop.log: cannot see where it leads: Too many levels of"] {
        assert_eq!(found.log(trouble).len(), 1, "{}", found.stderr);
    }
    Ok(())
}

#[test]
fn a_line_of_10_mb_in_a_growing_file_costs_none_of_its_neighbours() -> Result<()> {
    const LONG: usize = 10 << 20;
    let scratch = Scratch::new()?;
    scratch.pipeline(&[])?;
    scratch.write("input.log", "before\n")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("the first line", |agent| stdout_lines(agent) == 1)?;
    scratch.append("input.log", "x".repeat(LONG))?;
    scratch.append("input.log", "\nafter\n")?;
    agent.wait_until("the last line", |agent| agent.stdout().ends_with("\"after\"}\n"))?;
    let found = agent.terminate()?;
    let lines = contents(&found.events());
    assert_eq!(lines[1..lines.len() - 1].iter().map(String::len).sum::<usize>(), LONG);
    assert!(lines[1..lines.len() - 1].iter().all(|line| line.bytes().all(|byte| byte == b'x')));
    assert!(!found.log("SPLIT_LOG_FAIL_ALARM").is_empty(), "{}", found.stderr);
    expect_balanced(&scratch.status()?)
}

#[test]
fn an_unfinished_last_line_is_taken_when_its_time_is_over() -> Result<()> {
    let scratch = Scratch::new()?;
    let config = scratch.config("input.log", &[], &["Type: flusher_stdout"]);
    scratch.write("pipeline.yaml", config.replacen("]}", "], FlushTimeoutSecs: 1}", 1))?;
    scratch.write("input.log", "one\ntwo")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_until("both lines", |agent| stdout_lines(agent) == 2)?;
    scratch.append("input.log", "\nthree\n")?;
    agent.wait_until("the third", |agent| stdout_lines(agent) == 3)?;
    let found = agent.terminate()?;
    assert_eq!(contents(&found.events()), ["one", "two", "three"]);
    assert!(found.log("FlushTimeoutSecs").is_empty(), "it has an effect:\n{}", found.stderr);
    Ok(())
}

#[test]
fn workers_share_the_files_and_keep_the_order_of_each() -> Result<()> {
    const FILES: usize = 4;
    let scratch = Scratch::new()?;
    let paths: Vec<String> =
        (0..FILES).map(|file| scratch.path(&format!("{file}.log")).display().to_string()).collect();
    let config = scratch.config("input.log", &[JSON], &["Type: flusher_stdout"]);
    let config = config.replacen(&scratch.path("input.log").display().to_string(), &paths.join(", "), 1);
    scratch.write("pipeline.yaml", config)?;
    for file in 0..FILES {
        let lines: String = (0..5000).map(|number| format!("{{\"file\": {file}, \"no\": {number}}}\n")).collect();
        scratch.write(&format!("{file}.log"), lines)?;
    }
    let mut agent = scratch.loglift(&[RUN, &["--workers", "3"]].concat()).start()?;
    agent.wait_until("all lines", |agent| stdout_lines(agent) == FILES * 5000)?;
    let found = agent.terminate()?;
    let events = found.events();
    for file in 0..FILES {
        let of_file: Vec<&String> =
            events.iter().filter(|event| event.contains(&format!("\"file\": \"{file}\""))).collect();
        assert_eq!(of_file.len(), 5000);
        let in_order = of_file.iter().enumerate().all(|(no, event)| event.ends_with(&format!("\"no\": \"{no}\"}}")));
        assert!(in_order, "file {file}");
    }
    Ok(())
}

#[test]
fn a_processor_that_fails_holds_up_no_line() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!("Type: processor_wasm, Component: {guest}, Config: {{Do: trap, When: poison}}")])?;
    scratch.write("input.log", "")?;
    let mut agent = scratch.loglift(RUN).start()?;
    agent.wait_for_log("running")?;
    for (count, line) in ["one", "poison", "three"].iter().enumerate() {
        scratch.append("input.log", format!("{line}\n"))?;
        agent.wait_until(line, |agent| stdout_lines(agent) == count + 1)?;
    }
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0));
    let events = found.events();
    assert!(events[0].ends_with("\"seen\": \"yes\"}") && events[2].ends_with("\"seen\": \"yes\"}"), "{events:?}");
    assert!(events[1].contains("\"poison\", \"__processor_error__\": "), "{events:?}");
    expect_balanced(&scratch.status()?)?;
    let summary = found.log("faulted_events_total=1");
    assert!(summary.len() == 1 && summary[0].contains("in_events_total=3"), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_slow_flusher_stops_the_reading_and_loses_nothing() -> Result<()> {
    const LINES: u32 = 400_000;
    const MIB: u64 = 1 << 20;
    let scratch = Scratch::new()?;
    scratch.fifo("out.json")?;
    // Open for both, so that neither side waits for the other: the agent writes until the pipe is full.
    let pipe = OpenOptions::new().read(true).write(true).open(scratch.path("out.json"))?;
    // Never rotated: the pipe would be renamed.
    let flusher =
        format!("Type: flusher_file, FilePath: {}, MaxFileSize: 1000000000", scratch.path("out.json").display());
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&flusher]))?;
    let text = numbered(0..LINES);
    scratch.write("input.log", &text)?;
    let agent = scratch.loglift(&[RUN, &["--buffer", "1"]].concat()).start()?;
    let position = || agent.read_offset("input.log").unwrap_or(0);
    wait_until("a chunk read", || position() > 0)?;

    let lines = lines_of(pipe);
    let mut events = Vec::new();
    for delivered in 0..u64::from(LINES) {
        if delivered.is_multiple_of(10_000) {
            // A line is 12 bytes here; what is in the budget, in the pipe and under way is far less than 2 MiB.
            let ahead = position().saturating_sub(12 * delivered);
            ensure!(ahead < 2 * MIB, "{ahead} bytes read ahead after {delivered} events");
            expect_balanced(&agent.status()?)?;
        }
        events.push(lines.recv_timeout(PATIENCE).with_context(|| format!("no event after {delivered}"))?);
    }
    expect_numbered(&events, LINES)?;
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0), "{}", found.stderr);
    assert_eq!(total(&found, "acknowledged_events_total"), Some(u64::from(LINES)));
    expect_balanced(&scratch.status()?)
}

/// Reads lines on a thread of its own, which ends with the test program.
fn lines_of(file: File) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        for line in BufReader::new(file).lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn an_agent_that_cannot_deliver_gives_up_after_the_drain_timeout() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.fifo("out.json")?;
    let flusher = format!("Type: flusher_file, FilePath: {}", scratch.path("out.json").display());
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&flusher]))?;
    scratch.write("input.log", "a line\n")?;
    let agent = scratch.loglift(&[RUN, &["--drain-timeout", "1"]].concat()).start()?;
    wait_until("the line read", || agent.read_offset("input.log") == Some(7))?;
    expect_balanced(&agent.status()?)?;
    // Nobody ever opens the other end of the pipe.
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(1), "{}", found.stderr);
    assert_eq!(found.log("not everything could be delivered in time, giving up").len(), 1, "{}", found.stderr);
    // It will be read again.
    let status = scratch.status()?;
    let input = file(&status, &scratch.path("input.log").display().to_string()).context("the file is known")?;
    assert_eq!((&input["acknowledged_offset"], &input["ledger"]["unread"]), (&0.into(), &7.into()));
    expect_balanced(&status)?;
    Ok(())
}

#[test]
fn a_full_disk_delays_events_and_loses_none() -> Result<()> {
    const LINES: u32 = 50_000;
    let scratch = Scratch::new()?;
    fs::create_dir(scratch.path("small"))?;
    let disk = Mounted { path: scratch.path("small").display().to_string() };
    if !disk.mount("size=256k") {
        println!("skipped: this user cannot mount a file system");
        return Ok(());
    }
    let flusher = format!("Type: flusher_file, FilePath: {}/out.json, MaxFileSize: 100000000", disk.path);
    scratch.write("pipeline.yaml", scratch.config("input.log", &[], &[&flusher]))?;
    scratch.write("input.log", numbered(0..LINES))?;
    let mut agent = scratch.loglift(&[RUN, &["--buffer", "1"]].concat()).start()?;
    agent.wait_for_log("FLUSH_FAIL_ALARM in flushers[0]: cannot write: No space left on device")?;
    expect_balanced(&agent.status()?)?;
    ensure!(disk.mount("remount,size=64m"), "cannot make room");
    agent.wait_until("all lines", |_| scratch.lines("small/out.json").len() == LINES as usize)?;
    let found = agent.terminate()?;
    assert_eq!(found.code(), Some(0), "{}", found.stderr);
    expect_balanced(&scratch.status()?)?;
    expect_numbered(&scratch.lines("small/out.json"), LINES)
}

/// A file system that goes when the test ends.
struct Mounted {
    path: String,
}

impl Mounted {
    fn mount(&self, options: &str) -> bool {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs", &self.path]).output();
        mounted.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, since the agent may still run when a check has failed. Nothing was mounted if it was not permitted.
        let _ = Command::new("umount").args(["--lazy", &self.path]).output();
    }
}
