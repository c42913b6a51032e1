//! processor_parse_timestamp_native: sets the event time from a field, by a strptime format.
#![forbid(unsafe_code)]

use loglift_event_time::{CachedParser, Resolver, Time, YearPolicy, Zone, gmt_offset};
use loglift_sdk::{Batch, Changes, Context, Description, Issue, Processor, Setup};
use loglift_time_options::{PreciseTimestampOptions, TimeField, compile, machine_zone};
use serde::Deserialize;

/// Sets the event time from a field, and drops events that are too old.
#[derive(Debug)]
pub struct ParseTimestamp {
    time: TimeField,
    discard_older_than: Option<u32>,
}

/// The parameters of `processor_parse_timestamp_native`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The field that holds the text.
    pub source_key: String,
    /// The strptime format.
    pub source_format: String,
    /// The zone of the text, as `GMT+HH:MM`.
    pub source_timezone: String,
    /// The year of texts without one.
    pub source_year: Option<i64>,
    /// A field with the time as one exact number.
    #[serde(flatten)]
    pub precise: PreciseTimestampOptions,
}

impl Processor for ParseTimestamp {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_parse_timestamp_native",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Sets the event time from a field, by a strptime format.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let mut warnings = Vec::new();
        if config.source_key.is_empty() {
            return Err(vec![Issue::new("SourceKey", "is missing: the field that holds the time")]);
        }
        let format = compile("SourceFormat", &config.source_format)?;
        let zone = zone(&config.source_timezone, context, &mut warnings);
        let year = YearPolicy::from_source_year(config.source_year.unwrap_or(-1)).ok_or_else(|| {
            vec![Issue::new("SourceYear", "expected a year up to 9999, or 0 for the one closest to now")]
        })?;
        let time = TimeField {
            parser: CachedParser::new(format, Resolver::new(zone, year)),
            precise: config.precise.into_precise(&mut warnings),
            format_name: format!("SourceFormat {:?}", config.source_format),
            alarm: Some("PARSE_TIME_FAIL_ALARM"),
            source: config.source_key.clone(),
        };
        let setup = Setup { reads: Some(vec![config.source_key]), warnings, ..Setup::default() };
        Ok((Self { time, discard_older_than: context.discard_older_than }, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let now = batch.read_seconds();
        let oldest = self.discard_older_than.map(|age| now - i64::from(age));
        let mut outdated = 0;
        self.time.apply(batch, changes, |event, time, changes| {
            let is_outdated = time.seconds <= 0 || oldest.is_some_and(|oldest| time.seconds < oldest);
            if is_outdated {
                outdated += 1;
                changes.discard(event.index());
                changes.alarm("OUTDATED_LOG_ALARM", event.index(), || explain(time, now, oldest));
            }
            !is_outdated
        });
        if outdated > 0 {
            changes.count("history_failure_total", outdated);
        }
        Ok(())
    }
}

loglift_sdk::export!(ParseTimestamp);

fn zone(source_timezone: &str, context: &Context, warnings: &mut Vec<Issue>) -> Zone {
    if let Some(offset) = gmt_offset(source_timezone) {
        return Zone::fixed(offset);
    }
    if !source_timezone.is_empty() {
        let message = "expected the form GMT+08:00; the zone of this machine is used";
        warnings.push(Issue::new("SourceTimezone", message));
    }
    machine_zone(context, warnings)
}

fn explain(time: Time, now: i64, oldest: Option<i64>) -> String {
    match oldest {
        Some(oldest) if time.seconds > 0 => {
            let (age, limit) = (now - time.seconds, now - oldest);
            format!("event of Unix second {} dropped: it is {age} seconds old, more than {limit}", time.seconds)
        }
        _ => format!("event of Unix second {} dropped: it is not after 1970-01-01", time.seconds),
    }
}

#[cfg(test)]
mod tests {
    use loglift_sdk::testing::Guest;

    use super::ParseTimestamp;

    mod table;
}
