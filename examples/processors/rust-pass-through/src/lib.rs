//! A processor that changes nothing: the least that a processor is, and what others are measured against.
#![forbid(unsafe_code)]

use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
use serde::Deserialize;

/// Changes nothing.
#[derive(Debug)]
pub struct PassThrough;

/// There is nothing to configure.
#[derive(Debug, Deserialize)]
pub struct Config {}

impl Processor for PassThrough {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "pass-through",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Changes nothing.",
        config_schema: r#"{"type": "object", "properties": {}}"#,
    };

    fn configure(_: Config, _: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        Ok((Self, Setup::default()))
    }

    fn process(&mut self, _: &Batch, _: &mut Changes) -> Result<(), String> {
        Ok(())
    }
}

loglift_sdk::export!(PassThrough);

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::{Guest, event};

    use super::*;

    #[test]
    fn events_stay_as_they_are() {
        let mut guest = Guest::<PassThrough>::configure("{}").expect("the config is right");
        let events = [event(&[("content", "a")]).at(5, 7), event(&[("x", "1"), ("y", "2")])];
        assert_eq!(guest.process(&events).events, events);
    }
}
