//! The parameters `SourceLocation` and `DestLocation`.

use loglift_event_time::{Fields, Layout, LocalOffset, Zone, gmt_offset};
use loglift_sdk::{Context, Issue};
use loglift_time_options::machine_zone;
use serde::Deserialize;

/// A zone as the configuration names it.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected hours east of UTC, or an offset or a name of a zone as text")]
pub enum Location {
    /// Hours east of UTC; -100 is the zone of the machine.
    Hours(i64),
    /// An offset such as `+05:30`, or a name of the tz database.
    Named(String),
}

impl Default for Location {
    fn default() -> Self {
        Self::Hours(MACHINE_ZONE)
    }
}

impl Location {
    /// Returns the zone; `path` is the parameter.
    ///
    /// # Errors
    /// Fails on more than 24 hours, and on a text that is neither an offset nor the name of a zone.
    pub(crate) fn zone(&self, path: &str, context: &Context, warnings: &mut Vec<Issue>) -> Result<Zone, Issue> {
        match self {
            Self::Hours(MACHINE_ZONE) => Ok(machine_zone(context, warnings)),
            Self::Hours(hours @ -24..=24) => Ok(Zone::fixed(*hours as i32 * 3600)),
            Self::Hours(_) => Err(Issue::new(path, "expected -24 to 24 hours, or -100 for the zone of the machine")),
            Self::Named(name) => match (named_zone(name), name.parse()) {
                (Some(zone), _) => Ok(zone),
                (None, Ok(hours)) => Self::Hours(hours).zone(path, context, warnings),
                (None, Err(_)) => Err(Issue::new(path, format!("the zone {name:?} is not known"))),
            },
        }
    }
}

fn named_zone(name: &str) -> Option<Zone> {
    if matches!(name, "UTC" | "GMT") {
        return Some(Zone::utc());
    }
    if let Some(seconds) = offset(name).or_else(|| gmt_offset(name)) {
        return Some(Zone::fixed(seconds));
    }
    loglift_sdk::zone(name).and_then(|data| Zone::from_tzif(name, &data).ok())
}

/// Returns the seconds of an offset such as `+05:30`, `+0530` or `+05`.
fn offset(text: &str) -> Option<i32> {
    let seconds = |layout| match Layout::compile(layout).ok()?.parse(text.as_bytes()).ok()? {
        Fields::Civil { offset: LocalOffset::Seconds(seconds), .. } => Some(seconds),
        _ => None,
    };
    ["Z07:00", "Z0700", "Z07"].into_iter().find_map(seconds)
}

const MACHINE_ZONE: i64 = -100;

#[cfg(test)]
mod tests {
    use loglift_event_time::{Printer, Time};

    use super::*;

    #[test]
    fn hours_and_offsets() {
        let context = Context { machine_zone: "CST-8".to_owned(), discard_older_than: None, extra: Vec::new() };
        let check = |config: &str, expected: &str| {
            let location: Location = serde_json::from_str(config).expect("a location");
            let found = match location.zone("DestLocation", &context, &mut Vec::new()) {
                Ok(zone) => {
                    let (layout, mut out) = (Layout::compile("-07:00").expect("a layout"), Vec::new());
                    Printer::new(layout, zone).print(Time { seconds: 1_698_249_070, nanoseconds: 0 }, &mut out);
                    String::from_utf8(out).expect("text")
                }
                Err(issue) => format!("{}: {}", issue.path, issue.message),
            };
            assert_eq!(found, expected, "{config}");
        };
        check("-100", "+08:00");
        check("0", "+00:00");
        check("-7", "-07:00");
        check(r#""-7""#, "-07:00");
        check(r#""-100""#, "+08:00");
        check(r#""+7""#, "+07:00");
        check(r#""+07""#, "+07:00");
        check(r#""+05:30""#, "+05:30");
        check(r#""-0330""#, "-03:30");
        check(r#""GMT-03:30""#, "-03:30");
        check(r#""UTC""#, "+00:00");
        check("25", "DestLocation: expected -24 to 24 hours, or -100 for the zone of the machine");
        // Names are known to the host, which is not there in a unit test.
        check(r#""Mars/Base""#, r#"DestLocation: the zone "Mars/Base" is not known"#);
    }
}
