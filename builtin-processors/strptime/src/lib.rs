//! processor_strptime: sets the event time from a field, by a strptime format.
#![forbid(unsafe_code)]

use loglift_event_time::{CachedParser, Resolver, YearPolicy, Zone};
use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
use loglift_time_options::{PreciseTimestampOptions, TimeField, compile, machine_zone};
use serde::Deserialize;

/// Sets the event time from a field.
#[derive(Debug)]
pub struct Strptime {
    time: TimeField,
    keep_source: bool,
}

/// The parameters of `processor_strptime`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The field that holds the text.
    pub source_key: String,
    /// The strptime format.
    pub format: String,
    /// Whether the field stays when the time was set.
    pub keep_source: bool,
    /// Whether the text is in `UTCOffset` instead of the zone of the machine.
    #[serde(rename = "AdjustUTCOffset")]
    pub adjust_utc_offset: bool,
    /// Seconds east of UTC.
    #[serde(rename = "UTCOffset")]
    pub utc_offset: Option<i32>,
    /// Whether a text that does not fit raises an alarm.
    pub alarm_if_fail: bool,
    /// A field with the time as one exact number.
    #[serde(flatten)]
    pub precise: PreciseTimestampOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source_key: String::new(),
            format: String::new(),
            keep_source: true,
            adjust_utc_offset: false,
            utc_offset: None,
            alarm_if_fail: true,
            precise: PreciseTimestampOptions::default(),
        }
    }
}

impl Processor for Strptime {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_strptime",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Sets the event time from a field, by a strptime format.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let mut warnings = Vec::new();
        let format = compile("Format", &config.format)?;
        let zone = match config.utc_offset.filter(|_| config.adjust_utc_offset) {
            Some(offset) if UTC_OFFSETS.contains(&offset) => Zone::fixed(offset),
            Some(_) => return Err(vec![Issue::new("UTCOffset", "expected -43200 to 50400 seconds")]),
            None => machine_zone(context, &mut warnings),
        };
        let source = if config.source_key.is_empty() { "time".to_owned() } else { config.source_key };
        let time = TimeField {
            parser: CachedParser::new(format, Resolver::new(zone, YearPolicy::ClosestToNow)),
            precise: config.precise.into_precise(&mut warnings),
            format_name: format!("Format {:?}", config.format),
            alarm: config.alarm_if_fail.then_some("STRPTIME_PARSE_ALARM"),
            source: source.clone(),
        };
        let setup = Setup { reads: Some(vec![source]), warnings, ..Setup::default() };
        Ok((Self { time, keep_source: config.keep_source }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let keep_source = self.keep_source;
        let source = batch.key(self.time.source.as_bytes());
        let mut parsed = Vec::new();
        let accepted = self.time.apply(batch, changes, |event, _, _| {
            if !keep_source {
                parsed.push(event.index());
            }
            true
        });
        match source {
            Some(source) if !keep_source && accepted == batch.len() => changes.remove_everywhere(source),
            Some(source) => parsed.iter().for_each(|event| changes.remove(*event, source)),
            None => {}
        }
        Ok(())
    }
}

loglift_sdk::export!(Strptime);

/// From UTC-12 to UTC+14.
const UTC_OFFSETS: std::ops::RangeInclusive<i32> = -43_200..=50_400;

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::Guest;

    use super::Strptime;

    mod table;
}
