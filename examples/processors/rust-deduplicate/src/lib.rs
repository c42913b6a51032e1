//! Drops events whose field is the same as that of one of the last events: a processor that remembers.
#![forbid(unsafe_code)]

use std::collections::{HashSet, VecDeque};

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup, Stateful};
use serde::Deserialize;

/// Drops events that were there already.
#[derive(Debug)]
pub struct Deduplicate {
    key: String,
    window: usize,
    /// The hashes of the last values, oldest first.
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

/// The parameters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// The field that makes an event the same as another.
    #[serde(default = "content")]
    key: String,
    /// How many different values are remembered.
    #[serde(default = "usual_window")]
    window: usize,
}

fn content() -> String {
    "content".to_owned()
}

fn usual_window() -> usize {
    10_000
}

impl Processor for Deduplicate {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "deduplicate",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Drops events whose field is the same as that of one of the last events.",
        config_schema: r#"{
            "type": "object",
            "properties": {
                "Key": {"type": "string", "description": "The field that makes an event the same as another."},
                "Window": {"type": "integer", "description": "How many different values are remembered."}
            }
        }"#,
    };

    fn configure(config: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let Config { key, window } = config;
        if !(1..=MAX_WINDOW).contains(&window) {
            return Err(vec![Issue::new("Window", format!("expected 1 to {MAX_WINDOW}"))]);
        }
        let setup = Setup { reads: Some(vec![key.clone()]), ..Setup::default() };
        Ok((Self { key, window, order: VecDeque::new(), known: HashSet::new() }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(key) = batch.key(self.key.as_bytes()) else { return Ok(()) };
        for event in batch.events() {
            let Some(value) = event.value(key) else { continue };
            if !self.is_new(hash(value)) {
                changes.discard(event.index());
            }
        }
        Ok(())
    }
}

impl Stateful for Deduplicate {
    fn save(&self) -> Vec<u8> {
        let hashes = self.order.iter().flat_map(|hash| hash.to_le_bytes());
        std::iter::once(FORMAT).chain(hashes).collect()
    }

    fn restore(&mut self, _: &str, saved: &[u8]) -> Result<(), String> {
        let Some((&FORMAT, hashes)) = saved.split_first() else {
            return Err("saved in a form that this version does not know".to_owned());
        };
        for hash in hashes.chunks_exact(8) {
            self.is_new(u64::from_le_bytes(hash.try_into().expect("a chunk has eight bytes")));
        }
        Ok(())
    }
}

impl Deduplicate {
    /// Whether a value was not among the last ones, to which it belongs now.
    fn is_new(&mut self, hash: u64) -> bool {
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > self.window
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// FNV-1a, which is the same in every version.
fn hash(value: &[u8]) -> u64 {
    value.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The form in which the memory is saved.
const FORMAT: u8 = 1;

/// Eight bytes for each in what is saved.
const MAX_WINDOW: usize = 1_000_000;

loglift_sdk::export_stateful!(Deduplicate);

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::{Guest, TestEvent, event};

    use super::*;

    fn left(guest: &mut Guest<Deduplicate>, values: &[&str]) -> Vec<String> {
        let events: Vec<_> = values.iter().map(|value| event(&[("content", value)])).collect();
        let output = guest.process(&events);
        let value = |event: &TestEvent| event.value("content").expect("it has one").into_owned();
        output.events.iter().map(value).collect()
    }

    #[test]
    fn what_was_seen_not_long_ago_is_dropped() {
        let mut guest = Guest::<Deduplicate>::configure(r#"{"Window": 2}"#).expect("the config is right");
        assert_eq!(left(&mut guest, &["a", "b", "a"]), ["a", "b"]);
        assert_eq!(left(&mut guest, &["b", "c", "a"]), ["c", "a"]);
    }

    #[test]
    fn another_instance_goes_on_with_what_was_saved() {
        let configure = || Guest::<Deduplicate>::configure(r#"{"Window": 2}"#).expect("the config is right");
        let mut first = configure();
        left(&mut first, &["a", "b", "c"]);
        let mut second = configure();
        second.restore("0.0.1", &first.save()).expect("it is understood");
        assert_eq!(left(&mut second, &["c", "b", "a"]), ["a"]);
        assert!(configure().restore("9.0.0", &[9, 9]).is_err());
    }

    #[test]
    fn a_window_of_nothing_is_refused() {
        assert!(Guest::<Deduplicate>::configure(r#"{"Window": 0}"#).is_err());
    }
}
