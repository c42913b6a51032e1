//! Processors of the typed world in the real agent: what they may do, and what becomes of events about which they lie.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use loglift::event::{EventBatch, Source};
use loglift::input::records::chunk::Chunker;
use loglift::input::records::frame::Framing;
use loglift::processor::Context;
use loglift::processor::chain::Chain;
use loglift::processor::component::Component;
use loglift::processor::engine::Engine;
use loglift::processor::lineup::Lineup;
use loglift::processor::stage::{Policy, Stage};
use loglift::telemetry::alarm::Alarms;
use loglift_tests::agent::Finished;
use loglift_tests::guests::{exemplary, typed};
use loglift_tests::scratch::Scratch;

const JSON: &str = "Type: processor_parse_json_native, SourceKey: content, KeepingSourceWhenParseFail: true";

/// What a guest does, and what the agent says of it.
const LIES: &[(&str, &str)] = &[
    ("name no event", "broke the contract: verdicts: event 1 of 1"),
    ("name an event twice", "broke the contract: verdicts: event 0 is named twice, or out of order"),
    ("split into nothing", "broke the contract: verdicts: event 0 is split into no events"),
    ("merge the first", "broke the contract: verdicts: event 0 is merged, and none goes out before it"),
    ("set a field twice", "broke the contract: verdicts: a change of event 0 names \"seen\" twice"),
    ("set and remove a field", "broke the contract: verdicts: a change of event 0 names \"content\" twice"),
    ("set the year 10000", "broke the contract: seconds: outside of the years 0000 to 9999"),
    ("set a whole second of nanoseconds", "broke the contract: nanoseconds: a whole second or more"),
    ("give too few outcomes", "broke the contract: outcomes: 0 elements instead of 1"),
    ("give a tag twice", "broke the contract: tags: \"a\" twice"),
    ("alarm of no event", "broke the contract: alarms: event Some(1) of 1"),
    ("trap", "trapped: it panicked or aborted"),
    ("refuse", "refused the batch: none of it"),
];

/// Runs input through processors, each an entry of a config.
fn process(processors: &[&str], input: &[u8], arguments: &[&str]) -> Result<Finished> {
    let scratch = Scratch::new()?;
    scratch.pipeline(processors)?;
    scratch.write("input.log", input)?;
    let found = scratch.loglift(&[&["process", "-c", "pipeline.yaml", "input.log"], arguments].concat()).finish()?;
    ensure!(found.code() == Some(0), "{}", found.stderr);
    Ok(found)
}

fn guest(config: &str) -> Result<String> {
    Ok(format!("Type: processor_wasm, Component: {}, Config: {{{config}}}", typed()?.display()))
}

/// Expects these events, with their times left out.
fn does(processors: &[&str], input: &str, expected: &[&str]) -> Result<()> {
    let found = process(processors, input.as_bytes(), &[])?;
    let events: Vec<String> = found.events().iter().map(|event| event.replacen("\"__time__\": NOW, ", "", 1)).collect();
    ensure!(events == expected, "{processors:?}: {events:#?}\n{}", found.stderr);
    Ok(())
}

#[test]
fn what_the_typed_world_offers_works() -> Result<()> {
    does(&[&guest("Do: nothing")?], "a\nb\n", &[r#"{"content": "a"}"#, r#"{"content": "b"}"#])?;
    does(
        &[&guest("Do: split")?],
        "a;b\nc\n;\n",
        &[
            r#"{"content": "a"}"#,
            r#"{"content": "b"}"#,
            r#"{"content": "c"}"#,
            r#"{"content": ""}"#,
            r#"{"content": ""}"#,
        ],
    )?;
    does(&[&guest("Do: drop")?], "a\ndrop\nb\n", &[r#"{"content": "a"}"#, r#"{"content": "b"}"#])?;
    does(&[&guest("Do: drop")?], "drop\ndrop\n", &[])?;
    let merged = [r#"{"content": "a|1|2"}"#, r#"{"content": "b"}"#, r#"{"content": "c|3"}"#];
    does(&[&guest("Do: merge")?], "a\n 1\n 2\nb\nc\n 3\n", &merged)?;
    let objects = "{\"content\": \"\u{e9}b\", \"old\": 1}\n{\"content\": \"cde\", \"x\": 3}\n";
    let edited = [r#"{"content": "ÉB", "length": "2"}"#, r#"{"content": "CDE", "x": "3", "length": "3"}"#];
    does(&[JSON, &guest("Do: edit")?], objects, &edited)?;
    Ok(())
}

#[test]
fn a_processor_that_reads_some_fields_sees_no_others_and_changes_what_it_likes() -> Result<()> {
    let objects = "{\"content\": \"ab\", \"old\": 1}\n{\"content\": \"cde\", \"x\": 3}\n{\"x\": 4}\n";
    let counted = [
        r#"{"content": "ab", "old": "1", "fields": "1"}"#,
        r#"{"content": "cde", "x": "3", "fields": "1"}"#,
        r#"{"x": "4", "fields": "0"}"#,
    ];
    does(&[JSON, &guest("Do: count fields, Reads: [content]")?], objects, &counted)?;
    let edited = [
        r#"{"content": "AB", "length": "2"}"#,
        r#"{"content": "CDE", "x": "3", "length": "3"}"#,
        r#"{"x": "4", "content": "", "length": "0"}"#,
    ];
    does(&[JSON, &guest("Do: edit, Reads: [content]")?], objects, &edited)?;
    // What came out of one goes into the next, also the other way of lending.
    let chain = [guest("Do: split")?, guest("Do: edit, Reads: [content]")?, guest("Do: split")?];
    let parts = [r#"{"content": "A", "length": "1"}"#, r#"{"content": "B", "length": "1"}"#];
    does(&chain.each_ref().map(String::as_str), "a;b\n", &parts)
}

#[test]
fn times_and_outcomes_and_alarms_arrive() -> Result<()> {
    let found = process(&[&guest("Do: time")?], b"1698277870\nnone\n-1\n", &[])?;
    assert_eq!(
        found.events(),
        [
            r#"{"__time__": 1698277870, "content": "1698277870"}"#,
            r#"{"__time__": NOW, "content": "none"}"#,
            r#"{"__time__": -1, "content": "-1"}"#,
        ]
    );
    let found = process(&[&guest("Do: report")?], b"a\nb\nc\n", &[])?;
    let alarm = "WARN TYPED_ALARM in processors[0] (processor_wasm) at input.log, offset 4: this is the last";
    assert_eq!(found.log(alarm).len(), 1, "{}", found.stderr);
    assert!(found.stderr.ends_with("3 events in, 3 out, 0 dropped, 1 failed\n"), "{}", found.stderr);
    let found = process(&[&guest("Do: tags")?], b"a\n", &["--tags"])?;
    let events = found.events();
    assert!(events[0].contains(r#""__tag__:came from": ""#) && !events[0].contains("__path__"), "{events:?}");
    Ok(())
}

#[test]
fn bytes_that_are_no_text_come_back_as_they_went() -> Result<()> {
    let input = b"good\nbad \xff\xfe\xc3\n\xe4\xb8\n\xef\xbf\xbd shown\n";
    // Printed as JSON, all broken bytes look the same. Their hashes do not.
    let hash = "Type: processor_desensitize_native, SourceKey: content, Method: md5, \
                ContentPatternBeforeReplacedString: '^', ReplacedContentPattern: '(?s).+'";
    let plain = process(&[hash], input, &["--tags"])?;
    for how in ["Do: nothing", "Do: echo", "Do: echo, Reads: [content]"] {
        let found = process(&[&guest(how)?, hash], input, &["--tags"])?;
        assert_eq!(found.events(), plain.events(), "{how}\n{}", found.stderr);
    }
    let found = process(&[&guest("Do: edit")?, hash], input, &["--tags"])?;
    assert_ne!(found.events()[1], plain.events()[1], "what was set is not what was there");
    Ok(())
}

#[test]
fn whatever_a_guest_of_the_typed_world_answers_its_events_go_on_marked() -> Result<()> {
    let mut failures = String::new();
    for (lie, message) in LIES {
        if let Err(error) = goes_on_marked(lie, message) {
            writeln!(failures, "{lie}: {error:#}\n")?;
        }
    }
    ensure!(failures.is_empty(), "{failures}");
    Ok(())
}

/// Runs two events through a guest that lies about each.
fn goes_on_marked(lie: &str, message: &str) -> Result<()> {
    let found = process(&[&guest(&format!("Do: {lie}"))?], b"one\ntwo\n", &[])?;
    let events = found.events();
    ensure!(events.len() == 2, "{events:?}\n{}", found.stderr);
    for (event, content) in events.iter().zip(["one", "two"]) {
        let start = format!(
            r#"{{"__time__": NOW, "content": "{content}", "__processor_error__": "processors[0] (processor_wasm): "#
        );
        let has_message = event.contains(&message.replace('"', "\\\""));
        ensure!(event.starts_with(&start) && has_message, "expected {message:?}, found {event}");
    }
    ensure!(found.log("WARN PROCESSOR_FAULT_ALARM").len() == 2, "{}", found.stderr);
    Ok(())
}

#[test]
fn verdicts_out_of_order_are_refused() -> Result<()> {
    let found = process(&[&guest("Do: name events out of order")?], b"one\ntwo\n", &[])?;
    let message = "broke the contract: verdicts: event 0 is named twice, or out of order";
    assert!(found.stderr.contains(message), "{}", found.stderr);
    assert_eq!(found.events().len(), 2);
    Ok(())
}

/// What events with strings cost beside columns, in MB/s of lines of 283 bytes: `cargo test -p loglift-tests --test typed
/// cost_of_strings -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_strings() -> Result<()> {
    let engine = Arc::new(Engine::new(None)?);
    let chain = |component: &[u8], config: &str| -> Result<Chain> {
        let component = Component::load(&engine, component)?;
        let stage =
            Stage::new("bench".to_owned(), component, config.to_owned(), Context::default(), Policy::default())?;
        let lineup = Arc::new(Lineup::new("test", vec![Arc::new(stage)], 0));
        Ok(Chain::new("bench", &lineup, &Arc::new(Alarms::for_one_command())))
    };
    let lines = lines()?;
    let mut parsed = lines.clone();
    let json = loglift_builtin_processors::find("processor_parse_json_native").context("it is built in")?;
    chain(json.component, r#"{"SourceKey": "content"}"#)?.run(&mut parsed)?;
    let rows: [(&str, &Path, &str, &EventBatch); 7] = [
        ("columns, one field read and two set", exemplary()?, r#"{"Do": "read"}"#, &lines),
        ("strings, one field read and two set", typed()?, r#"{"Do": "edit", "Reads": ["content"]}"#, &lines),
        ("strings, one field read, nothing set", typed()?, r#"{"Do": "nothing", "Reads": ["content"]}"#, &lines),
        (
            "strings, of seven fields one read, nothing set",
            typed()?,
            r#"{"Do": "nothing", "Reads": ["module"]}"#,
            &parsed,
        ),
        ("strings, seven fields read, nothing set", typed()?, r#"{"Do": "nothing"}"#, &parsed),
        ("strings, seven fields read, one set", typed()?, r#"{"Do": "count fields"}"#, &parsed),
        ("strings, seven fields read and set", typed()?, r#"{"Do": "echo"}"#, &parsed),
    ];
    for (what, component, config, batch) in rows {
        let mut chain = chain(&std::fs::read(component)?, config)?;
        chain.run(&mut batch.clone())?;
        let mut batches: Vec<EventBatch> = (0..200).map(|_| batch.clone()).collect();
        let began = on_cpu()?;
        batches.iter_mut().try_for_each(|batch| chain.run(batch))?;
        let took = on_cpu()? - began;
        println!("{what}: {:.0} MB/s", 200.0 * lines.provenance.end.0 as f64 / took.as_secs_f64() / 1e6);
    }
    Ok(())
}

/// How long this thread has run, whatever else the machine does.
fn on_cpu() -> Result<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().context("it begins with the time")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// A chunk of JSON lines of seven fields.
fn lines() -> Result<EventBatch> {
    let line = r#"{"asctime": "2023-10-25 23:51:10,199999999", "filename": "generate_data.py", "levelname": "INFO", "lineno": 51, "module": "generate_data", "message": "{\"no\": 10, \"inner_loop\": 100, \"loop\": 10000, \"uuid\": \"9be98c29-22c7-40a1-b7ed-29ae6c8367af\"}", "threadName": "MainThread"}"#;
    let text = format!("{line}\n").repeat(1000);
    let mut chunker = Chunker::new(Arc::new(Source::new("bench.log".into(), None)), Vec::new(), Framing::Lines);
    let (_, batch) = chunker.read(&mut text.as_bytes())?;
    batch.context("there are lines")
}
