//! A processor that stamps events with what it is: `component` is a text in its own code, which tests change to get another
//! version of it, and `config` is what its config says.
#![forbid(unsafe_code)]

use std::hint::black_box;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
use serde::Deserialize;

struct Stamping {
    stamp: String,
    trap_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    /// The field `config` of each event.
    stamp: String,
    /// A batch that holds this text is one too many.
    trap_on: Option<String>,
}

/// Tests look for this text in the component, and write another number over it.
static COMPONENT: [u8; 16] = *b"component-000000";

impl Processor for Stamping {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_stamping",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Stamps events with what it is.",
        config_schema: r#"{
            "type": "object",
            "properties": {"Stamp": {"type": "string"}, "TrapOn": {"type": "string"}},
            "required": ["Stamp"]
        }"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let Config { stamp, trap_on } = config;
        // What it reads is enough to be put aside and found again.
        let setup = Setup { reads: Some(vec!["content".to_owned()]), ..Setup::default() };
        Ok((Self { stamp, trap_on }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        if let (Some(text), Some(content)) = (&self.trap_on, batch.key(b"content")) {
            let holds = |value: &[u8]| value.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!batch.events().any(|event| event.value(content).is_some_and(holds)), "as it was told to");
        }
        let [component, config] = [&b"component"[..], b"config"].map(|name| changes.key(name));
        let own = changes.append(black_box(&COMPONENT));
        let given = changes.append(self.stamp.as_bytes());
        for event in batch.events() {
            changes.set(event.index(), component, own);
            changes.set(event.index(), config, given);
        }
        Ok(())
    }
}

loglift_sdk::export!(Stamping);
