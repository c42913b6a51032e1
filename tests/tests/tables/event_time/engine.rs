//! The engine that the rows ask: here, the time processors in the sandbox.

use loglift_gotime::Gotime;
use loglift_parse_timestamp::ParseTimestamp;
use loglift_sdk::testing::event;
use loglift_sdk::{Context, Outcome, Processor};
use loglift_strptime::Strptime;
use loglift_tests::sandboxed::Guest;
use serde_json::{Value, json};

/// Reads values by a strptime format: by both processors that take one, which have to agree.
pub(crate) struct FormatParser {
    /// None where the row sets a year, which this one cannot.
    strptime: Option<Reader<Strptime>>,
    timestamp: Reader<ParseTimestamp>,
}

/// Reads values by a layout of Go.
pub(crate) struct LayoutParser(Reader<Gotime>);

/// Prints instants by a layout of Go.
pub(crate) struct LayoutPrinter(Guest<Gotime>);

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
    /// Whether a part of the date was chosen by the current time.
    pub(crate) deduced: bool,
    /// What follows the match, where the engine shows it: a processor does not.
    pub(crate) rest: Option<String>,
}

struct Reader<P> {
    guest: Guest<P>,
    /// How alarms name the format.
    format_name: String,
}

impl FormatParser {
    /// `source_year` is the year of values without one; `None` is the closest to now. Zones are as for [`Zone`].
    pub(crate) fn new(format: &str, zone_name: &str, source_year: Option<i64>) -> Self {
        let zone = Zone::of(zone_name);
        let mut config = json!({"SourceKey": "t", "Format": format});
        if let Zone::Fixed(seconds) = zone {
            config["AdjustUTCOffset"] = json!(true);
            config["UTCOffset"] = json!(seconds);
        }
        let strptime = source_year.is_none().then(|| Reader::new(&config, &zone, format!("Format {format:?}")));

        let mut config = json!({"SourceKey": "t", "SourceFormat": format});
        if let Zone::Fixed(seconds) = zone {
            config["SourceTimezone"] = json!(format!("GMT{}", offset(seconds)));
        }
        if let Some(year) = source_year {
            config["SourceYear"] = json!(year);
        }
        Self { strptime, timestamp: Reader::new(&config, &zone, format!("SourceFormat {format:?}")) }
    }

    pub(crate) fn read(&mut self, now_seconds: i64, value: &str) -> Result<Reading, String> {
        let found = self.timestamp.read(now_seconds, value);
        let Some(strptime) = &mut self.strptime else { return found.expect("a time after 1970") };
        let expected = strptime.read(now_seconds, value).expect("this processor drops no event");
        match found {
            Some(found) => assert_eq!(found, expected, "{value}"),
            // What is not after 1970 only one of them sets.
            None => assert!(expected.as_ref().is_ok_and(|reading| reading.seconds <= 0), "{value} {expected:?}"),
        }
        expected
    }
}

impl LayoutParser {
    pub(crate) fn new(layout: &str, zone_name: &str) -> Self {
        let zone = Zone::of(zone_name);
        let mut config = json!({"SourceKey": "t", "SourceFormat": layout, "DestKey": "printed", "DestFormat": "2006"});
        zone.set(&mut config, "SourceLocation");
        Self(Reader::new(&config, &zone, format!("SourceFormat {layout:?}")))
    }

    pub(crate) fn read(&mut self, now_seconds: i64, value: &str) -> Result<Reading, String> {
        self.0.read(now_seconds, value).expect("this processor drops no event")
    }
}

impl LayoutPrinter {
    pub(crate) fn new(layout: &str, zone_name: &str) -> Self {
        let zone = Zone::of(zone_name);
        let mut config =
            json!({"SourceKey": "t", "SourceFormat": "nanoseconds", "DestKey": "printed", "DestFormat": layout});
        zone.set(&mut config, "DestLocation");
        Self(Guest::configure_with(&config.to_string(), &zone.context()).expect("the config is right"))
    }

    pub(crate) fn print(&mut self, seconds: i64, nanoseconds: u32) -> String {
        let count = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        let output = self.0.process(&[event(&[("t", count.to_string())])]);
        assert_eq!((output.events[0].seconds, output.events[0].nanoseconds), (seconds, nanoseconds));
        output.events[0].value("printed").expect("it was printed").into_owned()
    }
}

impl<P: Processor> Reader<P> {
    fn new(config: &Value, zone: &Zone, format_name: String) -> Self {
        let guest = Guest::configure_with(&config.to_string(), &zone.context());
        Self { guest: guest.unwrap_or_else(|issues| panic!("{config}: {issues:?}")), format_name }
    }

    /// What is read from a value, or `None` if its event is dropped.
    fn read(&mut self, now_seconds: i64, value: &str) -> Option<Result<Reading, String>> {
        let input = event(&[("t", value)]).at(7, 8);
        let output = self.guest.process_at(now_seconds, std::slice::from_ref(&input));
        if output.outcomes == [Outcome::Discarded as u8] {
            assert_eq!(output.events, []);
            return None;
        }
        if output.outcomes == [Outcome::Failed as u8] {
            assert_eq!(output.events, [input], "a failure changes nothing");
            let message = &output.alarms.first().expect("a failure is told").1;
            let before = format!("t {value:?} does not match {}: ", self.format_name);
            return Some(Err(message.strip_prefix(&before).unwrap_or(message).to_owned()));
        }
        let event = &output.events[0];
        assert_eq!((output.outcomes, event.value("t").as_deref()), (vec![Outcome::Successful as u8], Some(value)));
        let deduced = output.counts.iter().any(|(name, _)| name == "deduced_date_total");
        Some(Ok(Reading { seconds: event.seconds, nanoseconds: event.nanoseconds, deduced, rest: None }))
    }
}

/// A zone as a row names it: seconds east of UTC, or what a machine can be in.
enum Zone {
    Fixed(i32),
    Machine(String),
}

impl Zone {
    fn of(name: &str) -> Self {
        name.parse().map_or_else(|_| Self::Machine(name.to_owned()), Self::Fixed)
    }

    /// A machine in this zone; one that is far away from an offset, which a parameter has to say.
    fn context(&self) -> Context {
        let machine_zone = match self {
            Self::Fixed(_) => "Pacific/Apia".to_owned(),
            Self::Machine(name) => name.clone(),
        };
        Context { machine_zone, discard_older_than: None, extra: Vec::new() }
    }

    /// Sets the parameter of a location, where the zone of the machine is not the one.
    fn set(&self, config: &mut Value, parameter: &str) {
        if let Self::Fixed(seconds) = self {
            config[parameter] = json!(offset(*seconds));
        }
    }
}

/// `+08:00` for so many seconds.
fn offset(seconds: i32) -> String {
    let minutes = seconds.abs() / 60;
    format!("{}{:02}:{:02}", if seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}
