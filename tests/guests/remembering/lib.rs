//! A processor that remembers how many events it has seen, and gives each event its number as the field `seen`. With what it
//! remembers it goes wrong in the way that its config names: `{"Do": "trap in restore"}`.
#![forbid(unsafe_code)]

use std::hint::black_box;

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup, Stateful};
use serde::Deserialize;

struct Remembering {
    r#do: String,
    seen: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    r#do: String,
}

impl Processor for Remembering {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_remembering",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Numbers events, and forgets on demand.",
        config_schema: r#"{"type": "object", "properties": {"Do": {"type": "string"}}, "required": ["Do"]}"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        Ok((Self { r#do: config.r#do, seen: 0 }, Setup::default()))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let key = changes.key(b"seen");
        for event in batch.events() {
            self.seen += 1;
            let number = changes.append(self.seen.to_string().as_bytes());
            changes.set(event.index(), key, number);
        }
        Ok(())
    }
}

impl Stateful for Remembering {
    fn save(&self) -> Vec<u8> {
        match self.r#do.as_str() {
            "trap in save" => panic!("as it was told to"),
            "loop in save" => spin(),
            "hoard in save" => vec![1; 1 << 30],
            "save nothing" => Vec::new(),
            _ => self.seen.to_le_bytes().to_vec(),
        }
    }

    fn restore(&mut self, _: &str, saved: &[u8]) -> Result<(), String> {
        match self.r#do.as_str() {
            "trap in restore" => panic!("as it was told to"),
            "loop in restore" => spin(),
            "refuse" => return Err("it is of\nno use".to_owned()),
            _ => {}
        }
        let saved = saved.try_into().map_err(|_| "it is no number".to_owned())?;
        self.seen = u64::from_le_bytes(saved);
        Ok(())
    }
}

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

loglift_sdk::export_stateful!(Remembering);
