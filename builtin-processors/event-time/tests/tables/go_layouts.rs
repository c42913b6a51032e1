//! Layouts read and print what Go reads and prints: `go-layouts/generate.go` has written the table with real Go.

use std::collections::HashMap;

use super::engine::{LayoutParser, LayoutPrinter};

const TABLE: &str = include_str!("../go-layouts/table.tsv");

#[test]
fn every_row_is_as_in_go() {
    let mut parsers: HashMap<(&str, &str), LayoutParser> = HashMap::new();
    let mut printers: HashMap<(&str, &str), LayoutPrinter> = HashMap::new();
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
                let printer = printers.entry((zone, layout)).or_insert_with(|| LayoutPrinter::new(layout, zone));
                print(printer, given)
            }
            "parse" => {
                *(if expected == "error" { &mut refused } else { &mut read }) += 1;
                // Parsers are kept, so that what they remember is tried as well.
                let parser = parsers.entry((zone, layout)).or_insert_with(|| LayoutParser::new(layout, zone));
                parse(parser, given, expected)
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
    match found.strip_prefix("error: ") {
        Some(OUT_OF_RANGE) => seconds(expected).is_some_and(|seconds| !YEARS.contains(&seconds)),
        // Why it is an error is our own.
        Some(_) => expected == "error",
        None => found == expected,
    }
}

fn seconds(instant: &str) -> Option<i64> {
    instant.split('.').next()?.parse().ok()
}

fn parse(parser: &mut LayoutParser, value: &str, expected: &str) -> String {
    // Go takes the first day of the year 0 for what is missing, and we what is closest to now: so it is then.
    match parser.read(seconds(expected).unwrap_or(0), value) {
        Ok(it) => format!("{}.{:09}", it.seconds, it.nanoseconds),
        Err(mismatch) => format!("error: {mismatch}"),
    }
}

fn print(printer: &mut LayoutPrinter, instant: &str) -> String {
    let (seconds, nanoseconds) = instant.split_once('.').expect("an instant");
    let (seconds, nanoseconds) = (seconds.parse().expect("seconds"), nanoseconds.parse().expect("nanoseconds"));
    let first = printer.print(seconds, nanoseconds);
    assert_eq!(printer.print(seconds, nanoseconds), first, "the second time");
    first
}

/// The years 0000 to 9999 in UTC: processors set no other time, which some zones had in the first and the last of them.
const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
const OUT_OF_RANGE: &str = "a time outside of the years 0000 to 9999";
