//! A processor that uses what the contract offers, one thing at a time: `{"Do": "split"}`.
#![forbid(unsafe_code)]

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Outcome, Processor, Rows, Setup};
use serde::Deserialize;

struct Exemplary {
    what: What,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    r#do: What,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    /// Makes an event of each part of `content` between semicolons.
    Split,
    /// Drops events that say so.
    Drop,
    /// Renames `content` to `text`.
    Rename,
    /// Removes `content` from all events.
    Remove,
    /// Adds `length`, replaces `content` by its capitals, removes `old`.
    Edit,
    /// As `Edit`, but reads `content` only.
    Read,
    /// Sets each time to the number in `content`, and nanoseconds to 1.
    Time,
    /// Sets `stamp` to what the component is stamped with.
    Stamp,
    /// Fails for odd events, and raises an alarm and a counter for them.
    Report,
}

impl Processor for Exemplary {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_exemplary",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Does one thing well.",
        config_schema: r#"{"type": "object", "properties": {"Do": {"type": "string"}}, "required": ["Do"]}"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let reads = matches!(config.r#do, What::Read).then(|| vec!["content".to_owned()]);
        Ok((Self { what: config.r#do }, Setup { reads, ..Setup::default() }))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let content = batch.key(b"content").ok_or("no event has content")?;
        match self.what {
            What::Split => {
                let part = changes.key(b"part");
                let mut rows = Rows::default();
                for event in batch.events() {
                    for text in event.value(content).unwrap_or_default().split(|byte| *byte == b';') {
                        let text = changes.append(text);
                        rows.push(part, text);
                        rows.finish(event.index());
                    }
                }
                changes.replace(rows);
            }
            What::Drop => {
                let dropped = batch.events().filter(|event| event.value(content) == Some(b"drop"));
                dropped.for_each(|event| changes.discard(event.index()));
            }
            What::Rename => changes.rename(content, b"text"),
            What::Remove => changes.remove_everywhere(content),
            What::Edit | What::Read => {
                let (length, old) = (changes.key(b"length"), changes.key(b"old"));
                for event in batch.events() {
                    let Some(text) = event.value(content) else { continue };
                    let capitals = changes.append(&text.to_ascii_uppercase());
                    changes.set(event.index(), content, capitals);
                    let bytes = changes.append(text.len().to_string().as_bytes());
                    changes.set(event.index(), length, bytes);
                    changes.remove(event.index(), old);
                }
            }
            What::Time => {
                for event in batch.events() {
                    let text = event.value(content).map(String::from_utf8_lossy);
                    if let Some(seconds) = text.and_then(|text| text.parse().ok()) {
                        changes.set_time(event.index(), seconds, 1);
                    }
                }
            }
            What::Stamp => {
                let (key, stamp) = (changes.key(b"stamp"), changes.append(std::hint::black_box(STAMP)));
                batch.events().for_each(|event| changes.set(event.index(), key, stamp));
            }
            What::Report => {
                for event in batch.events().filter(|event| event.index() % 2 == 1) {
                    changes.outcome(event.index(), Outcome::Failed);
                    changes.alarm("ODD_ALARM", event.index(), || "odd".to_owned());
                    changes.count("odd_total", 1);
                }
            }
        }
        Ok(())
    }
}

/// A test makes another version of the component by putting another stamp into its file.
static STAMP: &[u8] = b"stamp of the first version of the component";

loglift_sdk::export!(Exemplary);
