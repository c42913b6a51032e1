//! What the time processors share: how they go through a batch, the machine's zone, and exact timestamps.
#![forbid(unsafe_code)]

use loglift_event_time::{CachedParser, Format, Resolved, Syntax, Time, Unit, Zone};
use loglift_sdk::{Batch, Changes, Context, Event, Issue, Outcome, excerpt};
use serde::Deserialize;

/// The parameters for a field with the time as one exact number.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PreciseTimestampOptions {
    /// Whether there is such a field.
    pub enable_precise_timestamp: bool,
    /// Its name.
    pub precise_timestamp_key: String,
    /// Its unit: `ms`, `us` or `ns`.
    pub precise_timestamp_unit: String,
}

/// A field with the time as one exact number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreciseTimestamp {
    key: String,
    unit: Unit,
}

/// Parses one field of each event as a time.
#[derive(Debug)]
pub struct TimeField<S = Format> {
    /// The field that holds the text.
    pub source: String,
    /// How it is parsed.
    pub parser: CachedParser<S>,
    /// The field for the exact number, if there is one.
    pub precise: Option<PreciseTimestamp>,
    /// What an alarm calls the format: the parameter and its value.
    pub format_name: String,
    /// The kind of the alarm for a text that does not fit, if there is one.
    pub alarm: Option<&'static str>,
}

impl Default for PreciseTimestampOptions {
    fn default() -> Self {
        Self {
            enable_precise_timestamp: false,
            precise_timestamp_key: "precise_timestamp".to_owned(),
            precise_timestamp_unit: "ms".to_owned(),
        }
    }
}

impl PreciseTimestampOptions {
    /// The field, if the options ask for one. A unit that is none is taken as `ms`, with a warning.
    pub fn into_precise(self, warnings: &mut Vec<Issue>) -> Option<PreciseTimestamp> {
        if !self.enable_precise_timestamp {
            return None;
        }
        let unit = Unit::from_name(&self.precise_timestamp_unit).unwrap_or_else(|| {
            warnings.push(Issue::new("PreciseTimestampUnit", "expected ms, us or ns; ms is used"));
            Unit::Milliseconds
        });
        Some(PreciseTimestamp { key: self.precise_timestamp_key, unit })
    }
}

impl<S: Syntax> TimeField<S> {
    /// Goes through a batch: sets the time of each event whose text fits, unless `accept` says otherwise.
    ///
    /// `accept` sees the event and its time before anything is changed; it has to say what becomes of an event that it
    /// does not accept. Returns the events that were accepted, in order.
    pub fn apply(
        &mut self,
        batch: &Batch,
        changes: &mut Changes,
        mut accept: impl FnMut(Event, Time, &mut Changes) -> bool,
    ) -> usize {
        let Some(source) = batch.key(self.source.as_bytes()) else {
            batch.events().for_each(|event| changes.outcome(event.index(), Outcome::KeyNotFound));
            return 0;
        };
        let precise = self.precise.as_ref().map(|precise| (changes.key(precise.key.as_bytes()), precise.unit));
        self.parser.set_now(batch.read_seconds());
        let (mut accepted, mut deduced_years) = (0, 0);
        for event in batch.events() {
            let Some(value) = event.value(source) else {
                changes.outcome(event.index(), Outcome::KeyNotFound);
                continue;
            };
            let Some(Resolved { time, deduced }) = self.parse(event, value, changes) else { continue };
            if !accept(event, time, changes) {
                continue;
            }
            accepted += 1;
            deduced_years += u64::from(deduced);
            changes.set_time(event.index(), time.seconds, time.nanoseconds);
            if let Some((key, unit)) = precise {
                let number = changes.append_with(|arena| time.write_in(unit, arena));
                changes.set(event.index(), key, number);
            }
        }
        if deduced_years > 0 {
            changes.count("deduced_date_total", deduced_years);
        }
        accepted
    }

    /// The time that the text of an event's field says; if there is none, says that the event failed.
    #[inline]
    pub fn parse(&mut self, event: Event, value: &[u8], changes: &mut Changes) -> Option<Resolved> {
        match self.parser.parse(value) {
            // No event of a log is that far away, and the contract has no such time.
            Ok(resolved) if YEARS.contains(&resolved.time.seconds) => Some(resolved),
            Ok(_) => self.fail(event, value, &"a time outside of the years 0000 to 9999", changes),
            Err(mismatch) => self.fail(event, value, &mismatch, changes),
        }
    }

    #[cold]
    fn fail<T>(&self, event: Event, value: &[u8], reason: &dyn std::fmt::Display, changes: &mut Changes) -> Option<T> {
        changes.outcome(event.index(), Outcome::Failed);
        if let Some(kind) = self.alarm {
            changes.alarm(kind, event.index(), || {
                let (source, format, value) = (&self.source, &self.format_name, excerpt(value));
                format!("{source} {value:?} does not match {format}: {reason}")
            });
        }
        None
    }
}

/// Compiles a format, whose parameter is called `parameter`.
///
/// # Errors
/// What is wrong with it, as an issue of that parameter.
pub fn compile(parameter: &str, format: &str) -> Result<Format, Vec<Issue>> {
    if format.is_empty() {
        return Err(vec![Issue::new(parameter, "is missing: a strptime format such as %Y-%m-%d %H:%M:%S")]);
    }
    Format::compile(format).map_err(|error| vec![Issue::new(parameter, error.to_string())])
}

/// The zone of the machine, or UTC with a warning where it cannot be known.
pub fn machine_zone(context: &Context, warnings: &mut Vec<Issue>) -> Zone {
    let name = context.machine_zone.as_str();
    if name == "UTC" {
        return Zone::utc();
    }
    let from_data = loglift_sdk::zone(name).and_then(|data| Zone::from_tzif(name, &data).ok());
    from_data.or_else(|| Zone::posix(name).ok()).unwrap_or_else(|| {
        warnings.push(Issue::new("", format!("the time zone {name:?} of this machine is not known; UTC is used")));
        Zone::utc()
    })
}

/// The years 0000 to 9999, as Unix seconds.
const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
