//! Finds the level of a line, such as `ERROR`, and gives it a field of its own.
#![forbid(unsafe_code)]

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Outcome, Processor, Setup};
use serde::Deserialize;

/// The processor, configured.
#[derive(Debug)]
pub struct __PASCAL__ {
    source: String,
    target: String,
}

/// Its parameters, as a pipeline config has them under `Config`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field to look at.
    #[serde(default = "content")]
    source_key: String,
    /// The field that gets the level.
    #[serde(default = "level")]
    target_key: String,
}

fn content() -> String {
    "content".to_owned()
}

fn level() -> String {
    "level".to_owned()
}

impl Processor for __PASCAL__ {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor___SNAKE__",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Finds the level of a line and gives it a field of its own.",
        // The agent checks configs against this, and says in which line of its file a mistake is.
        config_schema: r#"{
            "type": "object",
            "properties": {
                "SourceKey": {"type": "string", "minLength": 1, "description": "The field to look at. Default: content."},
                "TargetKey": {"type": "string", "minLength": 1, "description": "The field that gets the level. Default: level."}
            }
        }"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let Config { source_key, target_key } = config;
        if source_key == target_key {
            return Err(vec![Issue::new("TargetKey", "must not be the field that is looked at")]);
        }
        // Batches then hold these fields only, which makes them cheaper.
        let setup = Setup { reads: Some(vec![source_key.clone(), target_key.clone()]), ..Setup::default() };
        Ok((Self { source: source_key, target: target_key }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(source) = batch.key(self.source.as_bytes()) else { return Ok(()) };
        let target = changes.key(self.target.as_bytes());
        for event in batch.events() {
            let Some(text) = event.value(source) else { continue };
            match find_level(text) {
                Some(level) => {
                    let level = changes.append(level);
                    changes.set(event.index(), target, level);
                }
                None => changes.outcome(event.index(), Outcome::KeyNotFound),
            }
        }
        Ok(())
    }
}

/// The first word of a line that is a level.
fn find_level(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.split(|byte| !byte.is_ascii_alphanumeric());
    words.find(|word| LEVELS.contains(word))
}

const LEVELS: [&[u8]; 6] = [b"TRACE", b"DEBUG", b"INFO", b"WARN", b"ERROR", b"FATAL"];

loglift_sdk::export!(__PASCAL__);

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::{Guest, event};

    use super::*;

    #[test]
    fn a_level_becomes_a_field() {
        let mut guest = Guest::<__PASCAL__>::configure("{}").expect("the config is right");
        let output = guest.process(&[event(&[("content", "12:00 [ERROR] disk full")]), event(&[("content", "ERRORS")])]);
        let expected = [
            event(&[("content", "12:00 [ERROR] disk full"), ("level", "ERROR")]),
            event(&[("content", "ERRORS")]),
        ];
        assert_eq!(output.events, expected);
    }

    #[test]
    fn a_level_cannot_take_the_place_of_its_line() {
        assert!(Guest::<__PASCAL__>::configure(r#"{"SourceKey": "a", "TargetKey": "a"}"#).is_err());
    }
}
