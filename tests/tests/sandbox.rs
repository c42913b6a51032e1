//! Guests that loop, hoard, trap, flood or lie, each in the real agent: their events go on unprocessed and marked, and
//! nothing else suffers.

#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/policies.rs"]
mod policies;

use std::fmt::Write;

use anyhow::{Result, ensure};
use loglift_tests::agent::Finished;
use loglift_tests::guests::{exemplary, misbehaving};
use loglift_tests::scratch::Scratch;

const PROCESS: &[&str] = &["process", "-c", "pipeline.yaml", "input.log"];

/// What a guest does, and what the agent says of it.
const LIES: &[(&str, &str)] = &[
    ("trap", "trapped: it panicked or aborted"),
    ("overflow the stack", "trapped: "),
    ("fail", "refused the batch: no event\u{fffd}was to its taste"),
    ("span past the arena", "broke the contract: edits.values: a range ends at "),
    ("span past all numbers", "broke the contract: edits.values: a range ends at 8589934589, the arena at "),
    ("span that is half", "broke the contract: edits.values: 1 elements instead of 2"),
    ("edit of no event", "broke the contract: edits.events: event 1 of 1"),
    ("edit of no name", "broke the contract: edits: key 2 of 2 names"),
    ("edits of unequal lengths", "broke the contract: edits.keys: 0 elements instead of 1"),
    ("names too few", "broke the contract: names: 0 entries for a dictionary of 1"),
    ("names odd", "broke the contract: names: an odd number of elements"),
    ("names equal", "broke the contract: names: \"content\" twice"),
    ("names new and gone", "broke the contract: names: entry 1 is new and gone"),
    ("names past the arena", "broke the contract: names: a range ends at "),
    ("edit of a name that is gone", "broke the contract: edits: key 0 is a name that is gone"),
    ("origins of no event", "broke the contract: origins: event 1 of 1"),
    ("through without origins", "broke the contract: through: without origins"),
    ("seconds too few", "broke the contract: seconds: 0 elements instead of 1"),
    ("seconds of the year 10000", "broke the contract: seconds: outside of the years 0000 to 9999"),
    ("seconds out of this world", "broke the contract: seconds: outside of the years 0000 to 9999"),
    ("nanoseconds too many", "broke the contract: nanoseconds: a whole second or more"),
    ("counts that do not sum", "broke the contract: rows: the field counts sum to 2, there are 1 keys"),
    ("counts past all numbers", "broke the contract: rows: the field counts sum to 4294967295, there are 1 keys"),
    ("counts too few", "broke the contract: rows.field-counts: 0 elements instead of 1"),
    ("rows of no name", "broke the contract: rows: key 2 of 2 names"),
    ("rows with a field twice", "broke the contract: rows: event 0 has key 0 twice"),
    ("rows with reads", "broke the contract: rows from a processor that reads some fields only"),
    ("outcomes too few", "broke the contract: outcomes: 0 elements instead of 1"),
    ("outcomes unknown", "broke the contract: outcomes: only 0 to 3 are known"),
    ("tags odd", "broke the contract: tags: an odd number of elements"),
    ("tags unequal", "broke the contract: tags: names and values differ in number"),
    ("alarm of no event", "broke the contract: alarms: event Some(1) of 1"),
    ("alarm of no kind", "broke the contract: alarms: the kind is no plain name"),
    ("alarm of nothing", "broke the contract: alarms: 0 occurrences in 1 events"),
    ("alarm of all the world", "broke the contract: alarms: 4294967295 occurrences in 1 events"),
];

/// The same of lies that only more than one event allows.
const LIES_ABOUT_TWO: &[(&str, &str)] = &[
    ("edits out of order", "broke the contract: edits.events: not in order"),
    ("edits of one field twice", "broke the contract: edits: key 1 of event 0 twice"),
    ("origins out of order", "broke the contract: origins: not in order"),
    ("through before its origin", "broke the contract: through: ends before its origin"),
];

#[test]
fn whatever_a_guest_answers_its_events_go_on_marked() -> Result<()> {
    let mut failures = String::new();
    for (lie, message) in LIES {
        if let Err(error) = goes_on_marked(lie, "", message) {
            writeln!(failures, "{lie}: {error:#}\n")?;
        }
    }
    ensure!(failures.is_empty(), "{failures}");
    Ok(())
}

#[test]
fn a_guest_that_loops_is_stopped() -> Result<()> {
    goes_on_marked("loop", "Time: 100ms", "ran for longer than its limit of 100ms")
}

#[test]
fn a_guest_that_hoards_gets_no_more_than_its_limit() -> Result<()> {
    goes_on_marked("hoard", "Memory: 8MiB", "asked for ")?;
    let message = "bytes of memory; its limit is 8388608";
    goes_on_marked("hoard", "Memory: 8MiB", message)
}

/// Runs two events through a misbehaving guest and one that behaves.
fn goes_on_marked(lie: &str, limits: &str, message: &str) -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    let bad =
        format!("Type: processor_wasm, Component: {guest}, Config: {{Do: {lie}}}, Sandbox: {{Limits: {{{limits}}}}}");
    let good = format!("Type: processor_wasm, Component: {guest}, Config: {{Do: nothing}}");
    scratch.pipeline(&[&bad, &good])?;
    scratch.write("input.log", "one\ntwo\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    ensure!(found.code() == Some(0), "exit code {:?}\n{}", found.code(), found.stderr);

    let events = found.events();
    ensure!(events.len() == 2, "{events:?}\n{}", found.stderr);
    for (event, content) in events.iter().zip(["one", "two"]) {
        let start = format!(
            r#"{{"__time__": NOW, "content": "{content}", "__processor_error__": "processors[0] (processor_wasm): "#
        );
        let has_message = event.contains(&message.replace('"', "\\\""));
        ensure!(event.starts_with(&start) && has_message, "expected {message:?}, found {event}");
        ensure!(event.ends_with(r#"", "seen": "yes"}"#), "the next processor did not see {event}");
    }
    for offset in [0, 4] {
        let alarm =
            format!("WARN PROCESSOR_FAULT_ALARM in processors[0] (processor_wasm) at input.log, offset {offset}: ");
        let alarms = found.log(&alarm);
        ensure!(alarms.len() == 1 && alarms[0].contains(message), "{}", found.stderr);
        let end = "; the event goes on unprocessed, marked with __processor_error__";
        ensure!(alarms[0].contains(end), "{}", alarms[0]);
    }
    ensure!(found.stderr.lines().count() == 3, "two alarms and the summary, no more:\n{}", found.stderr);
    ensure!(found.stderr.ends_with("2 events in, 2 out, 0 dropped, 2 failed\n"), "{}", found.stderr);
    Ok(())
}

#[test]
fn what_fails_only_together_is_processed_apart() -> Result<()> {
    for (lie, message) in LIES_ABOUT_TWO {
        let found = honest(lie, "one\ntwo\n", &[])?;
        let expected = ["one", "two"].map(|line| format!(r#"{{"__time__": NOW, "content": "{line}", "seen": "yes"}}"#));
        assert_eq!(found.events(), expected, "{lie}\n{}", found.stderr);
        let alarms = found.log("WARN PROCESSOR_FAULT_ALARM in processors[0] (processor_wasm) at input.log, offset 0: ");
        let message = format!("{message}; its events were processed in 2 parts");
        assert!(alarms.len() == 1 && alarms[0].contains(&message), "{lie}\n{}", found.stderr);
        assert!(found.stderr.ends_with("2 events in, 2 out, 0 dropped, 0 failed\n"), "{lie}\n{}", found.stderr);
    }
    Ok(())
}

#[test]
fn a_guest_cannot_make_much_of_little() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: amplify}}, Sandbox: {{Limits: {{Memory: 8MiB}}}}"
    )])?;
    // 200 KiB, which become 200 MiB of a thousand references to them.
    scratch.write("input.log", "x".repeat(200 << 10) + "\n")?;
    let found = scratch.loglift(PROCESS).finish()?;
    assert!(found.stdout.len() < 8 << 20, "{} bytes of a line of {}", found.stdout.len(), 200 << 10);
    assert_eq!(found.log("PROCESSOR_FAULT_ALARM").len(), 1, "{}", found.stderr);
    Ok(())
}

#[test]
fn only_the_event_at_fault_is_marked() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    for (lie, limits) in [("trap", ""), ("hoard", "Memory: 8MiB"), ("names odd", ""), ("fail", "")] {
        scratch.pipeline(&[&format!(
            "Type: processor_wasm, Component: {guest}, Config: {{Do: {lie}, When: poison}}, \
             Sandbox: {{Limits: {{{limits}}}}}"
        )])?;
        let batch = "a line of twenty b.\n".repeat(20_000);
        scratch.write("input.log", format!("{batch}poison\n{batch}{batch}poison\n{batch}"))?;
        let found = scratch.loglift(PROCESS).finish()?;
        let events = found.events();
        assert_eq!((found.code(), events.len()), (Some(0), 80_002), "{lie}\n{}", found.stderr);
        for (place, event) in events.iter().enumerate() {
            let is_poison = [20_000, 60_001].contains(&place);
            assert_eq!(event.contains("\"poison\", \"__processor_error__\": "), is_poison, "{lie}: {place}: {event}");
            assert_eq!(event.contains("\"seen\": \"yes\""), !is_poison, "{lie}: {place}: {event}");
        }
        for offset in [400_000, 1_200_007] {
            let alarms = found.log(&format!("at input.log, offset {offset}: "));
            assert_eq!(alarms.len(), 1, "{lie}\n{}", found.stderr);
        }
        assert!(found.stderr.ends_with("80002 events in, 80002 out, 0 dropped, 2 failed\n"), "{lie}\n{}", found.stderr);
    }
    Ok(())
}

#[test]
fn one_event_that_makes_a_guest_loop_is_found() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: loop, When: poison}}, Sandbox: {{Limits: {{Time: 1s}}}}"
    )])?;
    scratch.write("input.log", format!("{}poison\n{}", "one\n".repeat(100), "two\n".repeat(50)))?;
    let found = scratch.loglift(PROCESS).finish()?;
    let marked =
        "\"poison\", \"__processor_error__\": \"processors[0] (processor_wasm): ran for longer than its limit of 1s";
    assert!(found.events()[100].contains(marked), "{}", found.stderr);
    assert!(found.stderr.ends_with("151 events in, 151 out, 0 dropped, 1 failed\n"), "{}", found.stderr);
    Ok(())
}

#[test]
fn a_guest_that_loops_while_it_is_set_up_is_stopped() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!(
        "Type: processor_wasm, Component: {guest}, Config: {{Do: loop in configure}}, Sandbox: {{Limits: {{Time: 10ms}}}}"
    )])?;
    let found = scratch.loglift(PROCESS).finish()?;
    assert_eq!(found.code(), Some(1));
    let line = "processors[0].Config: cannot be set up: ran for longer than its limit of ";
    assert!(found.stderr.contains(line) && found.stderr.lines().count() == 1, "{}", found.stderr);
    Ok(())
}

/// Runs input through a misbehaving guest that keeps the contract.
fn honest(what: &str, input: &str, arguments: &[&str]) -> Result<Finished> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.display();
    scratch.pipeline(&[&format!("Type: processor_wasm, Component: {guest}, Config: {{Do: {what}}}")])?;
    scratch.write("input.log", input)?;
    let found = scratch.loglift(&[PROCESS, arguments].concat()).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    Ok(found)
}

#[test]
fn a_long_story_is_cut() -> Result<()> {
    let found = honest("fail at length", "one\n", &[])?;
    assert!(found.events()[0].len() < 2000 && found.stderr.len() < 4000, "{:.5000}", found.stderr);
    Ok(())
}

#[test]
fn floods_are_dammed() -> Result<()> {
    let seen = [r#"{"__time__": NOW, "content": "one", "seen": "yes"}"#];
    let found = honest("flood with alarms", "one\n", &[])?;
    assert_eq!(found.events(), seen);
    assert_eq!(found.log("too many alarms from one processor").len(), 1);
    assert!(found.stderr.lines().count() < 110, "{} lines of log", found.stderr.lines().count());

    let found = honest("flood with counters", "one\n", &[])?;
    assert_eq!(found.events(), seen);

    let found = honest("flood the log", "one\n", &[])?;
    assert_eq!(found.events(), seen);
    assert!(found.stderr.lines().count() < 20 && found.stderr.len() < 30_000, "{:.3000}", found.stderr);
    Ok(())
}

#[test]
fn a_guest_cannot_forge_lines_of_the_log() -> Result<()> {
    let found = honest("flood the log", "one\n", &[])?;
    let foreign = found.stderr.lines().find(|line| line.starts_with("of words"));
    assert_eq!(foreign, None);
    Ok(())
}

#[test]
fn a_guest_logs_under_its_name_and_level() -> Result<()> {
    let found = honest("log", "one\n", &[])?;
    assert_eq!(found.log("for everybody").len(), 1, "{}", found.stderr);
    assert!(found.log("WARN")[0].contains("processors[0] (processor_wasm)"), "{}", found.stderr);
    assert!(found.log("for its author").is_empty());
    let found = honest("log", "one\n", &["--log-level", "debug"])?;
    assert_eq!(found.log("for its author").len(), 1, "{}", found.stderr);
    Ok(())
}

#[test]
fn zones_are_given_while_a_guest_is_set_up_and_not_later() -> Result<()> {
    let found = honest("ask for a zone", "one\n", &[])?;
    assert_eq!(found.log("was given no zone").len(), 1, "{}", found.stderr);
    Ok(())
}

#[test]
fn events_can_be_merged_and_tags_replaced() -> Result<()> {
    let found = honest("merge", "one\ntwo\nthree\n", &[])?;
    assert_eq!(found.events(), [r#"{"__time__": NOW, "content": "one"}"#]);
    let found = honest("tag", "one\n", &["--tags"])?;
    assert_eq!(found.events(), [r#"{"__time__": NOW, "content": "one", "seen": "yes", "__tag__:seen": "yes"}"#]);
    Ok(())
}

/// Runs input through guests that do these things, one after the other.
fn exemplary_events(what: &[&str], input: &str) -> Result<Finished> {
    let scratch = Scratch::new()?;
    let guest = exemplary()?.display();
    let json = "Type: processor_parse_json_native, SourceKey: content, KeepingSourceWhenParseFail: true".to_owned();
    let entry = |what: &&str| match *what {
        "json" => json.clone(),
        what => format!("Type: processor_wasm, Component: {guest}, Config: {{Do: {what}}}"),
    };
    let entries: Vec<String> = what.iter().map(entry).collect();
    scratch.pipeline(&entries.iter().map(String::as_str).collect::<Vec<_>>())?;
    scratch.write("input.log", input)?;
    let found = scratch.loglift(PROCESS).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    Ok(found)
}

/// Expects these fields of all events in place of their times.
fn does(what: &[&str], input: &str, expected: &[&str]) -> Result<()> {
    let found = exemplary_events(what, input)?;
    let events: Vec<String> = found.events().iter().map(|event| event.replacen("\"__time__\": NOW, ", "", 1)).collect();
    ensure!(events == expected, "{what:?}: {events:#?}\n{}", found.stderr);
    Ok(())
}

#[test]
fn what_the_contract_offers_works() -> Result<()> {
    does(
        &["split"],
        "a;b\nc\n;\n",
        &[r#"{"part": "a"}"#, r#"{"part": "b"}"#, r#"{"part": "c"}"#, r#"{"part": ""}"#, r#"{"part": ""}"#],
    )?;
    does(&["drop"], "a\ndrop\nb\n", &[r#"{"content": "a"}"#, r#"{"content": "b"}"#])?;
    does(&["drop"], "drop\ndrop\n", &[])?;
    does(&["rename"], "a\nb\n", &[r#"{"text": "a"}"#, r#"{"text": "b"}"#])?;
    does(&["remove"], "a\nb\n", &[])?;

    let objects = "{\"content\": \"ab\", \"old\": 1}\n{\"content\": \"cde\"}\n{\"old\": 2}\n";
    let renamed = [r#"{"text": "ab", "old": "1"}"#, r#"{"text": "cde"}"#, r#"{"old": "2"}"#];
    does(&["json", "rename"], objects, &renamed)?;
    does(&["json", "remove"], objects, &[r#"{"old": "1"}"#, r#"{"old": "2"}"#])?;
    let edited = [r#"{"content": "AB", "length": "2"}"#, r#"{"content": "CDE", "length": "3"}"#, r#"{"old": "2"}"#];
    does(&["json", "edit"], objects, &edited)?;
    // A processor that reads one field only does not see `old`, and removes it nevertheless.
    does(&["json", "read"], objects, &edited)?;
    does(&["json", "read", "split"], objects, &[r#"{"part": "AB"}"#, r#"{"part": "CDE"}"#, r#"{"part": ""}"#])?;

    let found = exemplary_events(&["time"], "1698277870\nnone\n-1\n")?;
    assert_eq!(
        found.events(),
        [
            r#"{"__time__": 1698277870, "content": "1698277870"}"#,
            r#"{"__time__": NOW, "content": "none"}"#,
            r#"{"__time__": -1, "content": "-1"}"#,
        ]
    );
    Ok(())
}

#[test]
fn after_a_split_and_a_drop_alarms_still_name_the_right_record() -> Result<()> {
    let found = exemplary_events(&["drop", "report"], "drop\none\ndrop\ntwo\nthree\nfour\n")?;
    assert_eq!(found.events().len(), 4);
    let alarms = found.log("WARN ODD_ALARM in processors[1] (processor_wasm) at input.log, offset ");
    let offsets: Vec<&str> = alarms.iter().filter_map(|line| line.split("offset ").nth(1)?.split(':').next()).collect();
    assert_eq!(offsets, ["14", "24"], "{}", found.stderr);
    assert!(found.stderr.ends_with("6 events in, 4 out, 2 dropped, 2 failed\n"), "{}", found.stderr);
    Ok(())
}
