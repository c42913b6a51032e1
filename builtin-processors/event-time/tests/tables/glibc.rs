//! Formats of strptime read what glibc reads, where both read the same language.
//!
//! `glibc.py` asks the C library of this machine; where there is no glibc or no Python, the test says so and passes.
//!
//! Known differences, which the rows avoid or the test lets pass:
//!
//! - glibc takes blanks before any number; we take them before `%e`, `%k` and `%l`.
//! - We take day 0 and hour 0 of twelve, as one of the processors that we replace did.
//! - A day of the year or a week that is outside of the year counts on here; glibc then makes a month of a wrong number.
//! - Weeks of the year 0 are a day off in glibc.
//! - `%G` reads four digits here, and any number there; `%E` and `%O` before a letter are
//!   without effect here, and not understood there in the locale C.
//! - `%p` makes an hour of `%H` one of twelve here, and is without effect there.
//! - `%Z` skips any word there, and abbreviations here; `%z` takes names such as `GMT` here.
//! - `%V` with a weekday, or with `%G`, defines a date here if nothing else does.
//! - `%s` is a local time there; a bare `%s` may have a fraction here. `%f` and `%+` are unknown there.
//! - Without a year, glibc leaves it as it was; we take the closest to now.

use std::collections::HashMap;
use std::process::Command;

use loglift_event_time::{Day, Fields, Format, LocalOffset, Resolver, YearPolicy, Zone};

use super::engine::FormatParser;

#[test]
fn formats_read_what_glibc_reads() {
    let Some(table) = table() else { return };
    let mut parsers: HashMap<&str, FormatParser> = HashMap::new();
    let (mut read, mut refused, mut let_pass) = (0, 0, 0);
    let mut differences = Vec::new();
    for row in table.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [format, value, expected] = columns[..] else { panic!("not three columns: {row:?}") };
        let parser = parsers.entry(format).or_insert_with(|| FormatParser::new(format, "UTC", None));
        let found = match parser.read(0, value) {
            Ok(reading) => {
                // An engine that does not show the rest cannot be wrong about it.
                let rest = reading.rest.map(|rest| rest.len().to_string());
                let rest = rest.as_deref().or_else(|| expected.split(' ').nth(1)).unwrap_or_default();
                format!("{} {rest}", reading.seconds)
            }
            Err(_) => "none".to_owned(),
        };
        *(if expected == "none" { &mut refused } else { &mut read }) += 1;
        if found == expected {
            continue;
        }
        match Format::compile(format).expect(format).parse(value.as_bytes()) {
            Ok(fields) if expected == "none" && has_zero(format, fields) => let_pass += 1,
            Ok(fields) if is_odd_day(fields) => let_pass += 1,
            _ => differences.push(format!("{row}\n    found {found}")),
        }
    }
    assert!(differences.is_empty(), "{} rows differ:\n{}", differences.len(), differences.join("\n"));
    assert!(read > 3_000 && refused > 3_000 && let_pass < 300, "{read} read, {refused} refused, {let_pass} let pass");
}

/// Whether a value has day 0 or hour 0 of twelve.
fn has_zero(format: &str, fields: Fields) -> bool {
    let Fields::Civil { day, second_of_day, .. } = fields else { return false };
    let reads_twelve = ["%I", "%l", "%r"].iter().any(|directive| format.contains(directive));
    matches!(day, Day::OfMonth { day: 0, .. }) || (reads_twelve && second_of_day / 3600 % 12 == 0)
}

/// Whether the day of the year or the week is in the year before or after, or it is a week of the year 0.
fn is_odd_day(fields: Fields) -> bool {
    let mut resolver = Resolver::new(Zone::utc(), YearPolicy::ClosestToNow);
    let Fields::Civil { year: Some(year), day: Day::OfYear(_) | Day::OfWeek { .. }, .. } = fields else { return false };
    let mut start_of_year = |year| {
        let day = Day::OfMonth { month: 1, day: 1 };
        let offset = LocalOffset::Seconds(0);
        let fields = Fields::Civil { year: Some(year), day, second_of_day: 0, nanoseconds: 0, offset };
        resolver.resolve(fields).time.seconds
    };
    if year == 0 && matches!(fields, Fields::Civil { day: Day::OfWeek { .. }, .. }) {
        return true;
    }
    let (start, end) = (start_of_year(year), start_of_year(year + 1));
    !(start..end).contains(&resolver.resolve(fields).time.seconds)
}

fn table() -> Option<String> {
    let output = match Command::new("python3").args(["-c", include_str!("glibc.py")]).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: python3 does not run here: {error}");
            return None;
        }
    };
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.trim() == "no glibc", "{message}");
        eprintln!("SKIPPED: this machine has no glibc");
        return None;
    }
    Some(String::from_utf8(output.stdout).expect("text"))
}
