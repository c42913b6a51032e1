//! processor_gotime: reads a time by a Go layout, sets it as event time, and writes it by another layout.
#![forbid(unsafe_code)]

mod layouts;
mod location;
mod source;

use loglift_event_time::{CachedParser, Printer, Resolved, Resolver, YearPolicy};
use loglift_sdk::{Batch, Changes, Context, Description, Issue, Outcome, Processor, Setup};
use loglift_time_options::TimeField;
use serde::Deserialize;

use location::Location;
use source::Source;

/// Sets the event time from a field, and writes it to another.
#[derive(Debug)]
pub struct Gotime {
    time: TimeField<Source>,
    printer: Printer,
    dest_key: String,
    set_time: bool,
    keep_source: bool,
    alarm_missing: bool,
}

/// The parameters of `processor_gotime`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The field that holds the text.
    pub source_key: String,
    /// Its layout, or the unit of its number.
    pub source_format: String,
    /// The zone of a text that does not say it.
    pub source_location: Location,
    /// The field to write.
    pub dest_key: String,
    /// Its layout.
    pub dest_format: String,
    /// Its zone.
    pub dest_location: Location,
    /// Whether the time becomes that of the event.
    pub set_time: bool,
    /// Whether the field stays when its time was read.
    pub keep_source: bool,
    /// Whether an event without the field raises an alarm.
    pub no_key_error: bool,
    /// Whether a text that does not fit raises an alarm.
    pub alarm_if_fail: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source_key: String::new(),
            source_format: String::new(),
            source_location: Location::default(),
            dest_key: String::new(),
            dest_format: String::new(),
            dest_location: Location::default(),
            set_time: true,
            keep_source: true,
            no_key_error: true,
            alarm_if_fail: true,
        }
    }
}

impl Processor for Gotime {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        name: "processor_gotime",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Sets the event time from a field, by a Go layout, and writes it by another.",
        config_schema: include_str!("../config.schema.json"),
    };

    fn configure(config: Config, context: &Context) -> Result<(Self, Setup), Vec<Issue>> {
        let mut warnings = Vec::new();
        let mut issues = Vec::new();
        issues.extend(missing("SourceKey", &config.source_key, "the field that holds the time"));
        issues.extend(missing("DestKey", &config.dest_key, "the field to write the time to"));
        let source = Source::compile("SourceFormat", &config.source_format).map_err(|issue| issues.push(issue));
        let dest = layouts::compile("DestFormat", &config.dest_format).map_err(|issue| issues.push(issue));
        let mut zone = |path: &str, location: &Location| {
            location.zone(path, context, &mut warnings).map_err(|issue| issues.push(issue))
        };
        let source_zone = zone("SourceLocation", &config.source_location);
        let dest_zone = zone("DestLocation", &config.dest_location);
        let (Ok(source), Ok(dest), Ok(source_zone), Ok(dest_zone), true) =
            (source, dest, source_zone, dest_zone, issues.is_empty())
        else {
            return Err(issues);
        };
        let time = TimeField {
            source: config.source_key.clone(),
            parser: CachedParser::new(source, Resolver::new(source_zone, YearPolicy::ClosestToNow)),
            precise: None,
            format_name: format!("SourceFormat {:?}", config.source_format),
            alarm: config.alarm_if_fail.then_some("GOTIME_PARSE_ALARM"),
        };
        let gotime = Self {
            time,
            printer: Printer::new(dest, dest_zone),
            dest_key: config.dest_key,
            set_time: config.set_time,
            keep_source: config.keep_source,
            alarm_missing: config.no_key_error,
        };
        let setup = Setup { reads: Some(vec![config.source_key]), warnings, ..Setup::default() };
        Ok((gotime, setup))
    }

    fn process(&mut self, batch: &Batch, changes: &mut Changes) -> Result<(), String> {
        let Some(source) = batch.key(self.time.source.as_bytes()) else {
            batch.events().for_each(|event| self.miss(event.index(), changes));
            return Ok(());
        };
        let dest = changes.key(self.dest_key.as_bytes());
        let removes_source = !self.keep_source && dest != source;
        let mut deduced_dates = 0;
        self.time.parser.set_now(batch.read_seconds());
        for event in batch.events() {
            let Some(value) = event.value(source) else {
                self.miss(event.index(), changes);
                continue;
            };
            let Some(Resolved { time, deduced }) = self.time.parse(event, value, changes) else { continue };
            deduced_dates += u64::from(deduced);
            if self.set_time {
                changes.set_time(event.index(), time.seconds, time.nanoseconds);
            }
            let text = self.printer.second(time.seconds);
            let printed = changes.append_within(text.room(), |room| text.write(time.nanoseconds, room));
            changes.set(event.index(), dest, printed);
            if removes_source {
                changes.remove(event.index(), source);
            }
        }
        if deduced_dates > 0 {
            changes.count("deduced_date_total", deduced_dates);
        }
        Ok(())
    }
}

impl Gotime {
    /// Says that an event has no field to read.
    #[cold]
    fn miss(&self, event: usize, changes: &mut Changes) {
        changes.outcome(event, Outcome::KeyNotFound);
        if self.alarm_missing {
            changes.alarm("GOTIME_FIND_ALARM", event, || format!("the event has no field {:?}", self.time.source));
        }
    }
}

loglift_sdk::export!(Gotime);

fn missing(path: &str, value: &str, what: &str) -> Option<Issue> {
    value.is_empty().then(|| Issue::new(path, format!("is missing: {what}")))
}

#[cfg(test)]
mod tests;
