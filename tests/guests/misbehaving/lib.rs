//! A processor that answers by hand and breaks the contract in the way its config names: `{"Do": "trap"}`.
//!
//! With `When` it does so for batches that hold this text. Else it is honest, and gives each event the field `seen`.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::hint::black_box;

use loglift_sdk::bindings::exports::loglift::processor::columnar::{self, Answer, Batch, Description, Issue, Setup};
use loglift_sdk::bindings::loglift::processor::host::{self, Level};
use loglift_sdk::bindings::loglift::processor::types::{Alarm, Edits, Fields, Rows};
use serde::Deserialize;

struct Misbehaving;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    r#do: String,
    when: Option<String>,
}

/// Tests look for this text in the component, and write another lie over it.
static DESCRIBED: [u8; 16] = *b"described-honest";

thread_local! {
    static CONFIG: RefCell<Config> = RefCell::default();
}

impl columnar::Guest for Misbehaving {
    fn describe() -> Description {
        let mut description = Description {
            name: "processor_misbehaving".to_owned(),
            version: "0.1.0".to_owned(),
            summary: black_box("Breaks the contract on demand.").to_owned(),
            config_schema: SCHEMA.to_owned(),
        };
        match &black_box(&DESCRIBED)[10..] {
            b"panics" => panic!("as it was told to"),
            b"loops " => spin(),
            b"hoards" => hoard(),
            b"others" => description.name = "processor_parse_json_native".to_owned(),
            b"names " => description.name = "\n".repeat(1 << 20),
            b"schema" => description.config_schema = "anything goes".to_owned(),
            b"list  " => description.config_schema = format!("[{SCHEMA}]"),
            b"length" => description.config_schema = format!(r#"{{"title": "{}"}}"#, "x".repeat(5 << 20)),
            _ => {}
        }
        description
    }

    fn configure(config: String, _: columnar::Context) -> Result<Setup, Vec<Issue>> {
        let issue = |path: &str, message: &str| Issue { path: path.to_owned(), message: message.to_owned() };
        let config: Config = serde_json::from_str(&config).map_err(|error| vec![issue("", &error.to_string())])?;
        let mut setup = Setup { reads: None, warnings: Vec::new(), notes: Vec::new() };
        match config.r#do.as_str() {
            "trap in configure" => panic!("as it was told to"),
            "loop in configure" => spin(),
            "refuse" => return Err(vec![issue("Keys[1]", "is no good"), issue("", "and the rest\nneither")]),
            "warn" => setup.warnings.push(issue("Keys[1]", "is strange")),
            "rows with reads" => setup.reads = Some(vec!["content".to_owned()]),
            _ => {}
        }
        CONFIG.set(config);
        Ok(setup)
    }

    fn process(batch: Batch) -> Result<Answer, String> {
        CONFIG.with_borrow(|config| {
            let holds = |text: &String| batch.bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes());
            match &config.when {
                Some(text) if !holds(text) => Ok(honest(&batch)),
                _ => answer(&config.r#do, &batch),
            }
        })
    }
}

loglift_sdk::bindings::export!(Misbehaving with_types_in loglift_sdk::bindings);

/// Gives each event the field `seen`.
fn honest(batch: &Batch) -> Answer {
    let events = batch.seconds.len() as u32;
    let arena = batch.bytes.len() as u32;
    let key = (batch.names.len() / 2) as u32;
    let edits = Edits {
        events: (0..events).collect(),
        keys: vec![key; events as usize],
        values: [arena + 4, 3].repeat(events as usize),
    };
    Answer {
        appended: b"seenyes".to_vec(),
        names: Some([&batch.names[..], &[arena, 4]].concat()),
        fields: Fields::Edits(edits),
        ..nothing()
    }
}

fn nothing() -> Answer {
    Answer {
        appended: Vec::new(),
        names: None,
        origins: None,
        through: None,
        seconds: None,
        nanoseconds: None,
        fields: Fields::Unchanged,
        tags: None,
        outcomes: None,
        counts: Vec::new(),
        alarms: Vec::new(),
    }
}

fn answer(what: &str, batch: &Batch) -> Result<Answer, String> {
    let events = batch.seconds.len();
    let arena = batch.bytes.len() as u32;
    let names = batch.names.len() as u32 / 2;
    let mut answer = honest(batch);
    let Fields::Edits(edits) = &mut answer.fields else { unreachable!("an honest answer edits") };
    match what {
        "trap" => panic!("as it was told to"),
        "loop" => spin(),
        "hoard" => hoard(),
        "overflow the stack" => return Err(deep(&[1; 64]).to_string()),
        "fail" => return Err("no event\nwas to its taste".to_owned()),
        "fail at length" => return Err("x".repeat(1 << 20)),

        "span past the arena" => edits.values[0] = arena + 5,
        "span past all numbers" => edits.values[..2].copy_from_slice(&[u32::MAX - 1, u32::MAX]),
        "span that is half" => drop(edits.values.pop()),
        "edit of no event" => edits.events[events - 1] = events as u32,
        "edit of no name" => edits.keys[0] = names + 1,
        "edits out of order" => edits.events.reverse(),
        "edits of one field twice" => edits.events.fill(0),
        "edits of unequal lengths" => drop(edits.keys.pop()),

        "names too few" => answer.names = Some(Vec::new()),
        "names odd" => answer.names.iter_mut().for_each(|names| drop(names.pop())),
        "names equal" => {
            let first = batch.names[..2].to_vec();
            answer.names.iter_mut().for_each(|names| names[2 * batch.names.len() / 2..].copy_from_slice(&first));
        }
        "names new and gone" => answer.names = Some([&batch.names[..], &[u32::MAX, 0]].concat()),
        "names not UTF-8" => {
            answer.appended.extend(b"\xff\xc0\x80");
            answer.names.iter_mut().for_each(|all| all.extend([arena + 7, 3]));
            edits.events = (0..events as u32).flat_map(|event| [event, event]).collect();
            edits.keys = [names, names + 1].repeat(events);
            edits.values = [arena + 4, 3].repeat(2 * events);
        }
        "words not UTF-8" => answer.alarms.push(alarm(None, black_box("ALARM_IN_UTF8"), 1)),
        "names past the arena" => answer.names = Some([&batch.names[..], &[arena, 8]].concat()),
        "edit of a name that is gone" => {
            edits.keys.fill(0);
            answer.names.iter_mut().for_each(|names| names[..2].copy_from_slice(&[u32::MAX, 0]));
        }

        "origins out of order" => answer.origins = Some((0..events as u32).rev().collect()),
        "origins of no event" => answer.origins = Some(vec![events as u32; events]),
        "through without origins" => answer.through = Some(vec![0; events]),
        "through before its origin" => {
            answer.origins = Some((0..events as u32).collect());
            answer.through = Some(vec![0; events]);
        }

        "seconds too few" => answer.seconds = Some(vec![0; events - 1]),
        "seconds of the year 10000" => answer.seconds = Some(vec![253_402_300_800; events]),
        "seconds out of this world" => answer.seconds = Some(vec![i64::MIN; events]),
        "nanoseconds too many" => answer.nanoseconds = Some(vec![1_000_000_000; events]),

        "counts that do not sum" => answer.fields = rows(vec![2; events], vec![0; events]),
        "counts that wrap" => {
            // The sum of 32 bits is right.
            let mut counts = vec![1; events];
            counts[0] = u32::MAX;
            counts.iter_mut().skip(1).take(1).for_each(|count| *count = 2);
            let sum = counts.iter().fold(0, |sum: u32, count| sum.wrapping_add(*count));
            answer.fields = rows(counts, vec![0; if events == 1 { 0 } else { sum as usize }]);
        }
        "counts past all numbers" => answer.fields = rows(vec![u32::MAX; events], vec![0; events]),
        "counts too few" => answer.fields = rows(vec![1; events - 1], vec![0; events - 1]),
        "rows of no name" => answer.fields = rows(vec![1; events], vec![names + 1; events]),
        "rows with a field twice" => answer.fields = rows(vec![2; events], vec![0; 2 * events]),
        "rows with reads" => answer.fields = rows(vec![1; events], vec![0; events]),

        "outcomes too few" => answer.outcomes = Some(vec![0; events - 1]),
        "outcomes unknown" => answer.outcomes = Some(vec![4; events]),
        "tags odd" => answer.tags = Some((vec![0], vec![0])),
        "tags unequal" => answer.tags = Some((vec![0, 0], Vec::new())),
        "alarm of no event" => answer.alarms.push(alarm(Some(events as u32), "AN_ALARM", 1)),
        "alarm of no kind" => answer.alarms.push(alarm(None, "AN\nALARM", 1)),
        "alarm of nothing" => answer.alarms.push(alarm(None, "AN_ALARM", 0)),
        "alarm of all the world" => answer.alarms.push(alarm(None, "AN_ALARM", u32::MAX)),

        "answer of no use and no end" => answer.appended.resize(2 << 20, b'x'),
        "amplify" => {
            // A thousand events for each, and each of them shows the whole arena.
            let count = 1000 * events;
            answer.origins = Some((0..count).map(|event| (event / 1000) as u32).collect());
            let values = [0, arena].repeat(count);
            answer.fields = Fields::Rows(Rows { field_counts: vec![1; count], keys: vec![0; count], values });
        }
        "flood with alarms" => {
            answer.alarms = (0..10_000).map(|number| alarm(None, &format!("ALARM_{number}"), 1)).collect();
        }
        "flood with counters" => answer.counts = (0..10_000).map(|number| (format!("count_{number}"), 1)).collect(),
        "flood the log" => (0..10_000).for_each(|_| host::log(Level::Warn, &"flood\nof words ".repeat(1000))),
        "log" => {
            host::log(Level::Debug, "for its author");
            host::log(Level::Warn, "for everybody");
        }
        "ask for a zone" => {
            let answered = host::zone("UTC").is_some();
            host::log(Level::Warn, if answered { "was given a zone" } else { "was given no zone" });
        }
        "merge" => {
            // The events after the first go into it, and all that is left is its own fields.
            answer = Answer { origins: Some(vec![0]), through: Some(vec![events as u32 - 1]), ..nothing() };
        }
        "slow by a little" => (0..events).for_each(|_| work(1_000_000)),
        "late" => work(3_000_000_000),
        "grow forever" => std::mem::forget(black_box(vec![1u8; 1 << 20])),
        "log a million times" => (0..1_000_000).for_each(|_| host::log(Level::Error, "again")),
        "fail each event" => answer.outcomes = Some(vec![1; events]),
        "trap under load" => assert!(events < 8, "as it was told to"),
        "lose half" => answer.origins = Some((0..events as u32 / 2).collect()),

        "tag" => answer.tags = Some((vec![arena, 4], vec![arena + 4, 3])),
        _ => {}
    }
    Ok(answer)
}

/// Rows whose values are all empty.
fn rows(field_counts: Vec<u32>, keys: Vec<u32>) -> Fields {
    let values = vec![0; 2 * keys.len()];
    Fields::Rows(Rows { field_counts, keys, values })
}

fn alarm(event: Option<u32>, kind: &str, occurrences: u32) -> Alarm {
    Alarm { event, kind: kind.to_owned(), message: "two\nlines".to_owned(), occurrences }
}

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

/// Takes its time.
fn work(turns: u64) {
    let mut done = 0u64;
    while done < turns {
        done = black_box(done).wrapping_add(1);
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1u8; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "so that the stack overflows")]
fn deep(before: &[u64; 64]) -> u64 {
    let here = black_box(before.map(|number| number + 1));
    deep(&here) + here[63]
}

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "Do": {"type": "string", "description": "What to do."},
        "When": {"type": "string", "description": "Only for batches that hold this text."},
        "Keys": {"type": "array", "items": {"type": "string"}, "description": "Of no use."}
    },
    "required": ["Do"]
}"#;
