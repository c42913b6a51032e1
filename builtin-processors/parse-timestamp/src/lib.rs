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
    use loglift_sdk::testing::{Guest, event};

    use super::*;

    fn guest(config: &str, discard_older_than: Option<u32>) -> Guest<ParseTimestamp> {
        let shanghai = Context { machine_zone: "CST-8".to_owned(), discard_older_than, extra: Vec::new() };
        Guest::configure_with(config, &shanghai).expect("the config is valid")
    }

    fn check(config: &str, value: &str, expected: (i64, u32)) {
        let output = guest(config, None).process(&[event(&[("t", value)])]);
        assert_eq!(output.events, [event(&[("t", value)]).at(expected.0, expected.1)], "{config}");
    }

    #[test]
    fn the_time_is_set_and_the_source_stays() {
        let nanoseconds = r#"{"SourceKey": "t", "SourceFormat": "%Y-%m-%d %H:%M:%S,%f"}"#;
        check(nanoseconds, "2023-10-25 23:51:10,199999999", (1698249070, 199_999_999));
        check(nanoseconds, "2023-10-25 23:51:10.199", (0, 0));
        check(
            r#"{"SourceKey": "t", "SourceFormat": "[%Y-%m-%d %H:%M:%S"}"#,
            "[2017-12-11 15:05:07.012]",
            (1512975907, 0),
        );
        check(r#"{"SourceKey": "t", "SourceFormat": "%s"}"#, "1637843406123", (1637843406, 123_000_000));
        let utc = r#"{"SourceKey": "t", "SourceFormat": "%Y-%m-%d %H:%M:%S", "SourceTimezone": "GMT+00:00"}"#;
        check(utc, "2023-10-25 23:51:10", (1698277870, 0));
        let year = r#"{"SourceKey": "t", "SourceFormat": "%b %d %H:%M:%S", "SourceYear": 2023}"#;
        check(year, "Oct 26 01:02:03", (1698253323, 0));
    }

    #[test]
    fn a_failure_keeps_the_event_and_says_what_did_not_match() {
        let mut guest = guest(r#"{"SourceKey": "t", "SourceFormat": "%H:%M"}"#, None);
        let output = guest.process(&[event(&[("t", "12-30")]), event(&[("x", "12:30")])]);
        assert_eq!(output.events.len(), 2);
        assert_eq!(output.outcomes, [1, 2]);
        let message = r#"t "12-30" does not match SourceFormat "%H:%M": at byte 2: expected ":" but found "-""#;
        assert_eq!(output.alarms, [("PARSE_TIME_FAIL_ALARM".to_owned(), message.to_owned())]);
    }

    #[test]
    fn old_events_are_dropped_with_an_alarm_and_a_counter() {
        let config = r#"{"SourceKey": "t", "SourceFormat": "%s"}"#;
        let input = [event(&[("t", "1700000000")]), event(&[("t", "1699999999")]), event(&[("t", "1700003600")])];
        let output = guest(config, Some(3600)).process_at(1_700_003_600, &input);
        assert_eq!(output.origins, [0, 2]);
        assert_eq!(output.outcomes, [0, 3, 0]);
        assert_eq!(output.counts, [("history_failure_total".to_owned(), 1)]);
        assert_eq!(output.alarms[0].0, "OUTDATED_LOG_ALARM");
        assert_eq!(guest(config, None).process_at(1_700_003_600, &input).events.len(), 3);
    }

    #[test]
    fn questionable_zones_are_warned_of() {
        let config = r#"{"SourceKey": "t", "SourceFormat": "%s", "SourceTimezone": "Asia/Shanghai"}"#;
        assert_eq!(guest(config, None).setup.warnings[0].path, "SourceTimezone");
    }
}
