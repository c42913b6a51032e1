//! The conformance kit finds what is sick and leaves alone what is not.

use std::fmt::Write;
use std::fs;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, ensure};
use loglift::processor::component::Component;
use loglift::processor::conformance::{Examination, Findings, Rule, Verdict};
use loglift::processor::engine::Engine;
use loglift::processor::stage::Policy;
use loglift_tests::guests::{deduplicate, exemplary, lookup, misbehaving, stamping, typed};
use loglift_tests::scratch::Scratch;

use super::{document, stdout};

/// What the misbehaving guest can be told to do that breaks the contract, and the rule that it breaks.
const BREACHES: &[(&str, Rule)] = &[
    ("trap in configure", Rule::Configure),
    ("loop in configure", Rule::Time),
    ("trap", Rule::Process),
    ("trap under load", Rule::Process),
    ("overflow the stack", Rule::Process),
    ("loop", Rule::Time),
    ("late", Rule::Time),
    ("hoard", Rule::Memory),
    ("grow forever", Rule::Memory),
    ("span past the arena", Rule::Answer),
    ("span past all numbers", Rule::Answer),
    ("span that is half", Rule::Answer),
    ("edit of no event", Rule::Answer),
    ("edit of no name", Rule::Answer),
    ("edits out of order", Rule::Answer),
    ("edits of one field twice", Rule::Answer),
    ("edits of unequal lengths", Rule::Answer),
    ("names too few", Rule::Answer),
    ("names odd", Rule::Answer),
    ("names equal", Rule::Answer),
    ("names new and gone", Rule::Answer),
    ("names past the arena", Rule::Answer),
    ("edit of a name that is gone", Rule::Answer),
    ("origins out of order", Rule::Answer),
    ("origins of no event", Rule::Answer),
    ("through without origins", Rule::Answer),
    ("through before its origin", Rule::Answer),
    ("seconds too few", Rule::Answer),
    ("seconds of the year 10000", Rule::Answer),
    ("seconds out of this world", Rule::Answer),
    ("nanoseconds too many", Rule::Answer),
    ("counts that do not sum", Rule::Answer),
    ("counts past all numbers", Rule::Answer),
    ("counts that wrap", Rule::Answer),
    ("counts too few", Rule::Answer),
    ("rows of no name", Rule::Answer),
    ("rows with a field twice", Rule::Answer),
    ("rows with reads", Rule::Reads),
    // Of a batch with one event it leaves none, and edits that.
    ("lose half", Rule::Answer),
    ("outcomes too few", Rule::Answer),
    ("outcomes unknown", Rule::Answer),
    ("tags odd", Rule::Answer),
    ("tags unequal", Rule::Answer),
    ("alarm of no event", Rule::Alarms),
    ("alarm of no kind", Rule::Alarms),
    ("alarm of nothing", Rule::Alarms),
    ("alarm of all the world", Rule::Alarms),
    ("amplify", Rule::Answer),
    ("words not UTF-8", Rule::Alarms),
    ("flood with alarms", Rule::Alarms),
    ("flood with counters", Rule::Alarms),
    ("flood the log", Rule::Log),
    ("log a million times", Rule::Log),
];

/// What it can be told to do that is odd, or slow, and allowed. (`slow by a little` is missing: whether it is too slow is up
/// to the machine. So is `refuse`, which refuses its config, and gives a reason.)
const ALLOWED: &[&str] = &[
    "nothing bad",
    "fail",
    "fail at length",
    "warn",
    "merge",
    "log",
    "ask for a zone",
    "fail each event",
    "tag",
    "names not UTF-8",
    // Within the limit of an answer.
    "answer of no use and no end",
];

/// What the guest of the typed world can be told to do that breaks the contract.
const TYPED_BREACHES: &[(&str, Rule)] = &[
    ("trap", Rule::Process),
    ("name no event", Rule::Answer),
    ("name an event twice", Rule::Answer),
    ("name events out of order", Rule::Answer),
    ("split into nothing", Rule::Answer),
    ("merge the first", Rule::Answer),
    ("set a field twice", Rule::Answer),
    ("set and remove a field", Rule::Answer),
    ("set the year 10000", Rule::Answer),
    ("set a whole second of nanoseconds", Rule::Answer),
    ("give too few outcomes", Rule::Answer),
    ("give a tag twice", Rule::Answer),
    ("alarm of no event", Rule::Alarms),
];

/// What it can be told to do that is right.
const TYPED_ALLOWED: &[&str] =
    &["nothing", "split", "drop", "merge", "edit", "echo", "count fields", "time", "tags", "report", "refuse"];

fn component(bytes: &[u8]) -> Result<Component> {
    static ENGINE: LazyLock<Arc<Engine>> =
        LazyLock::new(|| Arc::new(Engine::new(None).expect("this machine runs WebAssembly")));
    Ok(Component::load(&ENGINE, bytes)?)
}

fn examine(component: &Component, config: &str) -> Result<Findings> {
    Ok(Examination { component, config, policy: Policy::default(), seed: 1 }.run()?)
}

/// What was broken, for a test that fails.
fn broken(findings: &Findings) -> Vec<String> {
    let broken = findings.rules.iter().filter_map(|(rule, verdict)| match verdict {
        Verdict::Broken { how, .. } => Some(format!("{}: {how}", rule.name())),
        _ => None,
    });
    broken.collect()
}

#[test]
fn every_guest_that_breaks_the_contract_is_found_out() -> Result<()> {
    let mut failures = String::new();
    for (guest, breaches) in [(misbehaving()?, BREACHES), (typed()?, TYPED_BREACHES)] {
        let component = component(&fs::read(guest)?)?;
        for (what, rule) in breaches {
            let findings = examine(&component, &format!(r#"{{"Do": "{what}"}}"#))?;
            if !matches!(findings.verdict(*rule), Verdict::Broken { .. }) {
                writeln!(failures, "{what}: {} is not broken, but {:?}", rule.name(), broken(&findings))?;
            }
        }
    }
    ensure!(failures.is_empty(), "{failures}");
    Ok(())
}

#[test]
fn what_is_odd_and_allowed_is_let_pass() -> Result<()> {
    for (guest, allowed) in [(misbehaving()?, ALLOWED), (typed()?, TYPED_ALLOWED)] {
        let component = component(&fs::read(guest)?)?;
        for what in allowed {
            let broken = broken(&examine(&component, &format!(r#"{{"Do": "{what}"}}"#))?);
            ensure!(broken.is_empty(), "{what}: {broken:?}");
        }
    }
    Ok(())
}

#[test]
fn every_list_of_what_the_guest_can_do_is_complete() -> Result<()> {
    let of_columns = include_str!("../../guests/misbehaving/lib.rs");
    let of_strings = include_str!("../../guests/typed/lib.rs");
    let mut unknown = Vec::new();
    for (source, breaches, allowed) in [(of_columns, BREACHES, ALLOWED), (of_strings, TYPED_BREACHES, TYPED_ALLOWED)] {
        let arms = source.lines().filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" =>"));
        let known = |what: &str| {
            breaches.iter().any(|(breach, _)| *breach == what)
                || allowed.contains(&what)
                || ["slow by a little", "refuse"].contains(&what)
        };
        unknown.extend(arms.map(|(what, _)| what).filter(|what| !known(what)));
    }
    ensure!(unknown.is_empty(), "neither a breach nor allowed: {unknown:?}");
    Ok(())
}

#[test]
fn built_in_processors_and_examples_keep_the_contract() -> Result<()> {
    let mut failures = String::new();
    let built_in = |name: &str| loglift_builtin_processors::find(name).map(|found| found.component.to_vec());
    let mut subjects: Vec<(&str, Vec<u8>, &str)> = Vec::new();
    for (name, config) in BUILT_IN {
        subjects.push((name, built_in(name).with_context(|| format!("{name} is not built in"))?, config));
    }
    for name in loglift_builtin_processors::TYPES {
        ensure!(BUILT_IN.iter().any(|(known, _)| known == name), "{name} is not examined");
    }
    subjects.push(("pass-through", loglift_builtin_processors::PASS_THROUGH.to_vec(), "{}"));
    subjects.push(("deduplicate", fs::read(deduplicate()?)?, r#"{"Window": 5}"#));
    subjects.push(("stamping", fs::read(stamping()?)?, r#"{"Stamp": "x"}"#));
    for what in ["split", "drop", "rename", "remove", "edit", "read", "time", "stamp", "report"] {
        let config: &str = format!(r#"{{"Do": "{what}"}}"#).leak();
        subjects.push(("exemplary", fs::read(exemplary()?)?, config));
    }
    for (name, bytes, config) in &subjects {
        let findings = examine(&component(bytes)?, config).with_context(|| format!("{name} {config}"))?;
        let broken = broken(&findings);
        if !broken.is_empty() {
            writeln!(failures, "{name} {config}: {broken:#?}")?;
        }
        let is_stateful = *name == "deduplicate";
        ensure!(is_stateful == (findings.verdict(Rule::State) == &Verdict::Kept), "{name}: state is not looked at");
    }
    ensure!(failures.is_empty(), "{failures}");
    Ok(())
}

#[test]
fn the_command_says_what_is_broken_and_where_the_contract_says_so() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = misbehaving()?.to_str().context("the path is UTF-8")?;
    let found = scratch.loglift(&["conformance", guest, "--config", r#"{"Do": "names odd"}"#]).finish()?;
    let text = stdout(&found);
    for line in [
        "  BROKEN   answer       batch \"one event\": broke the contract: names: an odd number of elements",
        "see types.answer.names in wit/processor.wit, and ",
        "  ok       describe     says what it is, and the same each time",
        "  skipped  state        it does not export loglift:processor/state",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(found.code(), Some(1), "{}", found.stderr);

    let found = scratch.loglift(&["conformance", guest]).finish()?;
    assert_eq!(found.code(), Some(1));
    assert!(
        found.stderr.contains("needs a config, give it one with --config: --config:1:1: Do is missing"),
        "{}",
        found.stderr
    );
    let found = scratch.loglift(&["conformance", guest, "--config", r#"{"Do": "refuse"}"#]).finish()?;
    assert!(found.stderr.contains("it refuses the configuration: Keys[1]: is no good; "), "{}", found.stderr);

    let arguments = ["conformance", "processor_strptime", "--json", "--config", "pipeline.yaml"];
    scratch.pipeline(&["Type: processor_strptime, SourceKey: content, Format: '%Y-%m-%d %H:%M:%S'"])?;
    let found = scratch.loglift(&arguments).finish()?;
    let document = document(&found)?;
    assert_eq!((&document["conforms"], found.code()), (&true.into(), Some(0)), "{document:#}");
    assert_eq!(document["config"]["Format"], "%Y-%m-%d %H:%M:%S");
    Ok(())
}

#[test]
fn a_processor_gets_what_the_config_of_a_pipeline_grants() -> Result<()> {
    let scratch = Scratch::new()?;
    let guest = lookup()?.to_str().context("the path is UTF-8")?;
    fs::create_dir(scratch.path("geo"))?;
    scratch.write("geo/networks.csv", "network,country\n203.0.113.0/24,DE\n")?;
    let entry = |sandbox: &str| {
        let config = "Config: {SourceKey: content, File: /geo/networks.csv, Prefix: geo_}";
        scratch.pipeline(&[&format!("Type: processor_wasm, Component: {guest}, {config}{sandbox}")])
    };
    let directory = scratch.path("geo").display().to_string();
    entry(&format!(", Sandbox: {{Capabilities: {{Dirs: [{{Host: {directory}, Guest: /geo, Access: ro}}]}}}}"))?;
    let found = scratch.loglift(&["conformance", guest, "--config", "pipeline.yaml"]).finish()?;
    assert_eq!(found.code(), Some(0), "{}{}", stdout(&found), found.stderr);
    entry("")?;
    let found = scratch.loglift(&["conformance", guest, "--config", "pipeline.yaml"]).finish()?;
    assert!(
        found.code() == Some(1) && found.stderr.contains("it refuses the configuration: File: "),
        "{}",
        found.stderr
    );
    Ok(())
}

/// The built-in processors, each with a config that makes it work.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "processor_desensitize_native",
        r#"{"SourceKey": "content", "Method": "const", "ReplacingString": "***",
            "ContentPatternBeforeReplacedString": "user=", "ReplacedContentPattern": "\\w+"}"#,
    ),
    ("processor_filter_regex_native", r#"{"FilterKey": ["content"], "FilterRegex": [".*a.*"]}"#),
    (
        "processor_gotime",
        r#"{"SourceKey": "content", "SourceFormat": "2006-01-02 15:04:05", "DestKey": "time", "DestFormat": "2006/01/02"}"#,
    ),
    ("processor_parse_delimiter_native", r#"{"SourceKey": "content", "Separator": ",", "Keys": ["a", "b", "c"]}"#),
    ("processor_parse_json_native", r#"{"SourceKey": "content"}"#),
    (
        "processor_parse_regex_native",
        r#"{"SourceKey": "content", "Regex": "(\\S+) (\\S+)", "Keys": ["first", "second"]}"#,
    ),
    ("processor_parse_timestamp_native", r#"{"SourceKey": "content", "SourceFormat": "%Y-%m-%d %H:%M:%S"}"#),
    ("processor_strptime", r#"{"SourceKey": "content", "Format": "%Y-%m-%d %H:%M:%S"}"#),
];
