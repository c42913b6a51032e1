//! A processor of the typed world that does one thing at a time, right or wrong: `{"Do": "split"}`.
#![forbid(unsafe_code)]

use std::cell::RefCell;

use loglift_sdk::bindings::loglift::processor::types::Alarm;
use loglift_sdk::typed::bindings::exports::loglift::processor::typed::{
    self, Answer, Batch, Change, Description, Event, Fate, Field, Issue, Outcome, Setup, Time, Verdict,
};
use serde::Deserialize;

struct Typed;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    r#do: String,
    reads: Option<Vec<String>>,
}

thread_local! {
    static CONFIG: RefCell<Config> = RefCell::default();
}

impl typed::Guest for Typed {
    fn describe() -> Description {
        Description {
            name: "processor_typed".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Does one thing, right or wrong.".to_owned(),
            config_schema: SCHEMA.to_owned(),
        }
    }

    fn configure(config: String, _: typed::Context) -> Result<Setup, Vec<Issue>> {
        let issue = |error: serde_json::Error| Issue { path: String::new(), message: error.to_string() };
        let config: Config = serde_json::from_str(&config).map_err(|error| vec![issue(error)])?;
        let setup = Setup { reads: config.reads.clone(), warnings: Vec::new(), notes: Vec::new() };
        CONFIG.set(config);
        Ok(setup)
    }

    fn process(batch: Batch) -> Result<Answer, String> {
        CONFIG.with_borrow(|config| {
            if config.r#do == "refuse" {
                return Err("none of it".to_owned());
            }
            Ok(answer(&config.r#do, batch))
        })
    }
}

loglift_sdk::typed::bindings::export!(Typed with_types_in loglift_sdk::typed::bindings);

fn answer(what: &str, batch: Batch) -> Answer {
    let count = batch.events.len() as u32;
    match what {
        "nothing" => nothing(),
        "split" => each(&batch, |_, content| {
            let parts = content.split(';').map(|part| set("content", part));
            Some(Fate::Split(parts.collect()))
        }),
        "drop" => each(&batch, |_, content| (content == "drop").then_some(Fate::Discarded)),
        // A line that begins with a space belongs to the one before it.
        "merge" => {
            let mut verdicts: Vec<Verdict> = Vec::new();
            let mut texts: Vec<(u32, String)> = Vec::new();
            for (event, (_, content)) in (0..).zip(contents(&batch)) {
                match (content.strip_prefix(' '), texts.last_mut()) {
                    (Some(rest), Some((_, text))) => {
                        *text += "|";
                        *text += rest;
                        verdicts.push(Verdict { event, fate: Fate::Merged });
                    }
                    _ => texts.push((event, content.to_owned())),
                }
            }
            let changed = |(event, text): (u32, String)| Verdict { event, fate: Fate::Changed(set("content", &text)) };
            verdicts.extend(texts.into_iter().map(changed));
            verdicts.sort_by_key(|verdict| verdict.event);
            Answer { verdicts, ..nothing() }
        }
        "edit" => each(&batch, |_, content| {
            let mut change = set("content", &content.to_uppercase());
            change.set.push(field("length", &content.chars().count().to_string()));
            change.remove = vec!["old".to_owned(), "never there".to_owned()];
            Some(Fate::Changed(change))
        }),
        // Everything that was shown, once more.
        "echo" => Answer {
            tags: Some(batch.tags.iter().map(|tag| field(&tag.name, &tag.value)).collect()),
            ..each(&batch, |event, _| {
                let fields = event.fields.iter().map(|known| field(batch.name(known), &known.value));
                Some(Fate::Changed(Change { time: Some(event.time), set: fields.collect(), remove: Vec::new() }))
            })
        },
        "count fields" => each(&batch, |event, _| Some(Fate::Changed(set("fields", &event.fields.len().to_string())))),
        "time" => each(&batch, |_, content| {
            let seconds = content.parse().ok()?;
            Some(Fate::Changed(Change { time: Some(Time { seconds, nanoseconds: 1 }), ..unchanged() }))
        }),
        "tags" => {
            let path = batch.tags.iter().find(|tag| tag.name == "__path__").map_or("", |tag| &tag.value);
            Answer { tags: Some(vec![field("came from", path)]), ..nothing() }
        }
        "report" => Answer {
            outcomes: Some((0..count).map(|event| OUTCOMES[event as usize % 3]).collect()),
            counts: vec![("reported_total".to_owned(), u64::from(count))],
            alarms: vec![Alarm {
                event: Some(count - 1),
                kind: "TYPED_ALARM".to_owned(),
                message: "this is the last".to_owned(),
                occurrences: 1,
            }],
            ..nothing()
        },
        // Lies.
        "name no event" => verdicts(vec![(count, Fate::Discarded)]),
        "name an event twice" => verdicts(vec![(0, Fate::Discarded), (0, Fate::Discarded)]),
        // That takes two.
        "name events out of order" if count == 1 => nothing(),
        "name events out of order" => {
            verdicts(vec![(1, Fate::Changed(set("a", "1"))), (0, Fate::Changed(set("a", "1")))])
        }
        "split into nothing" => verdicts(vec![(0, Fate::Split(Vec::new()))]),
        "merge the first" => verdicts(vec![(0, Fate::Merged)]),
        "set a field twice" => {
            let change = Change { set: vec![field("seen", "1"), field("seen", "2")], ..unchanged() };
            verdicts(vec![(0, Fate::Changed(change))])
        }
        "set and remove a field" => {
            let change = Change { remove: vec!["content".to_owned()], ..set("content", "x") };
            verdicts(vec![(0, Fate::Changed(change))])
        }
        "set the year 10000" => {
            let time = Some(Time { seconds: 253_402_300_800, nanoseconds: 0 });
            verdicts(vec![(0, Fate::Changed(Change { time, ..unchanged() }))])
        }
        "set a whole second of nanoseconds" => {
            let time = Some(Time { seconds: 0, nanoseconds: 1_000_000_000 });
            verdicts(vec![(0, Fate::Changed(Change { time, ..unchanged() }))])
        }
        "give too few outcomes" => Answer { outcomes: Some(Vec::new()), ..nothing() },
        "give a tag twice" => Answer { tags: Some(vec![field("a", "1"), field("a", "2")]), ..nothing() },
        "alarm of no event" => {
            let (kind, message) = ("TYPED_ALARM".to_owned(), String::new());
            Answer { alarms: vec![Alarm { event: Some(count), kind, message, occurrences: 1 }], ..nothing() }
        }
        "trap" => panic!("as it was told to"),
        unknown => panic!("does not know how to {unknown}"),
    }
}

fn nothing() -> Answer {
    Answer { verdicts: Vec::new(), outcomes: None, tags: None, counts: Vec::new(), alarms: Vec::new() }
}

fn verdicts(verdicts: Vec<(u32, Fate)>) -> Answer {
    Answer { verdicts: verdicts.into_iter().map(|(event, fate)| Verdict { event, fate }).collect(), ..nothing() }
}

fn each(batch: &Batch, fate: impl Fn(&Event, &str) -> Option<Fate>) -> Answer {
    let fates =
        (0..).zip(contents(batch)).filter_map(|(event, (record, content))| Some((event, fate(record, content)?)));
    verdicts(fates.collect())
}

/// The events, and what each has in `content`.
fn contents(batch: &Batch) -> impl Iterator<Item = (&Event, &str)> {
    let content = batch.key("content");
    let value = move |event| (event, content.and_then(|content| Event::value(event, content)).unwrap_or_default());
    batch.events.iter().map(value)
}

fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), value: value.to_owned() }
}

fn unchanged() -> Change {
    Change { time: None, set: Vec::new(), remove: Vec::new() }
}

fn set(name: &str, value: &str) -> Change {
    Change { set: vec![field(name, value)], ..unchanged() }
}

const OUTCOMES: [Outcome; 3] = [Outcome::Successful, Outcome::Failed, Outcome::KeyNotFound];

const SCHEMA: &str = r#"{"type": "object", "properties": {
    "Do": {"type": "string", "description": "What to do."},
    "Reads": {"type": "array", "items": {"type": "string"}, "description": "The fields to be shown."}
}, "required": ["Do"]}"#;
