//! What holds for any format, any value, and any order of values.

use loglift_event_time::{CachedParser, Format, Layout, Printer, Resolver, Syntax, Time, YearPolicy, Zone};
use proptest::prelude::*;
use proptest::sample::select;

/// Directives, and text that meets them or not.
fn formats() -> impl Strategy<Value = String> {
    let directive = "aAbBhcCdDeEfFgGHIjklmMnprRsStTuUVwWxXyYzZ+%".chars().map(|letter| format!("%{letter}"));
    let literal = ["-", "/", ":", ".", ",", " ", "T", "[", "]", "1", "h", "年"].map(str::to_owned);
    let part = select(directive.chain(literal).collect::<Vec<_>>());
    proptest::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

fn common_formats() -> impl Strategy<Value = String> {
    select(vec![
        "%Y-%m-%d %H:%M:%S,%f",
        "%Y-%m-%d %H:%M:%S",
        "%Y%m%d%H%M%S%f",
        "%Y%m%d%H%M%S",
        "%d/%b/%Y:%H:%M:%S %z",
        "[%d/%b/%Y:%H:%M:%S]",
        "%b %e %H:%M:%S",
        "%b %d %k:%M:%S.%f",
        "%H:%M:%S.%f",
        "%H:%M:%S.%f %d/%m/%Y",
        "%F %I:%M:%S %p",
        "%d %M%S%f",
        "%c",
        "%s",
        "%s.%f",
    ])
    .prop_map(str::to_owned)
}

/// Bytes out of which times are made.
fn values() -> impl Strategy<Value = String> {
    let part = select(vec!["0", "1", "2", "3", "5", "9", "12", "20", "23", "-", "/", ":", ".", ",", " ", "Z"]);
    let word = select(vec!["Mar", "March", "Oct", "Thu", "Thursday", "AM", "pm", "GMT", "CST", "+08", "+0800"]);
    let part = prop_oneof![4 => part, 1 => word];
    proptest::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

/// A time as one of the common formats has it, and sometimes with less or more digits at the end.
fn times() -> impl Strategy<Value = String> {
    let value = select(vec![
        "2023-10-25 23:51:1",
        "2023-10-25 23:51:10",
        "20231025235110",
        "2023102523511",
        "25/Oct/2023:23:51:10 +0800",
        "[25/Oct/2023:23:51:10]",
        "Oct 25 23:51:10",
        "Oct  5  3:51:10",
        "23:51:10.5 25/10/2023",
        "23:51:10",
        "2023-10-25 11:51:10 PM",
        "25 591",
        "Wed Oct 25 23:51:10 2023",
        "1637843406",
    ]);
    (value, "[,.]?[0-9]{0,10}", 0_usize..3).prop_map(|(value, more, less)| {
        let value = format!("{value}{more}");
        value[..value.len() - less].to_owned()
    })
}

fn resolver() -> Resolver {
    let zone = Zone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a rule");
    let mut resolver = Resolver::new(zone, YearPolicy::ClosestToNow);
    resolver.set_now(1_698_249_070);
    resolver
}

fn check_remembering(format: &str, values: &[String]) -> Result<(), TestCaseError> {
    let Ok(format) = Format::compile(format) else { return Ok(()) };
    check_syntax_remembering(&format, values)
}

fn check_syntax_remembering<S: Syntax + Clone>(syntax: &S, values: &[String]) -> Result<(), TestCaseError> {
    let mut remembering = CachedParser::new(syntax.clone(), resolver());
    for value in values {
        let expected = syntax.read(value.as_bytes()).map(|(fields, _)| resolver().resolve(fields));
        prop_assert_eq!(remembering.parse(value.as_bytes()), expected, "{} among {:?}", value, values);
    }
    Ok(())
}

/// Elements of Go layouts, and text between them.
fn layouts() -> impl Strategy<Value = String> {
    let element = [
        "2006",
        "06",
        "01",
        "1",
        "Jan",
        "January",
        "02",
        "2",
        "_2",
        "002",
        "__2",
        "Mon",
        "Monday",
        "15",
        "03",
        "3",
        "04",
        "4",
        "05",
        "5",
        "PM",
        "pm",
        ".000",
        ",000000000",
        ".999",
        ",999999999",
        "-0700",
        "-07:00",
        "-07",
        "-070000",
        "-07:00:00",
        "Z0700",
        "Z07:00",
        "Z07",
        "MST",
    ];
    let literal = ["-", "/", ":", ".", ",", " ", "T", "[", "]", "年"];
    let part = prop_oneof![3 => select(element.to_vec()), 1 => select(literal.to_vec())];
    proptest::collection::vec(part, 1..9).prop_map(|parts| parts.concat())
}

/// Layouts that say all of an instant, however they put it.
fn whole_layouts() -> impl Strategy<Value = String> {
    let date = select(vec![
        "2006-01-02",
        "06/1/2",
        "Monday, 02-Jan-06",
        "Jan _2 2006",
        "2 January 2006",
        "2006-002",
        "2006 __2",
        "02.01.2006",
        "20060102",
        "Mon Jan _2 2006",
        "[2006年01月02日]",
    ]);
    let clock = select(vec!["15:04:05", "15:4:5", "03:04:05 PM", "3.4.5pm", "150405", "15h04m05s"]);
    let fraction = select(vec![".000000000", ",000000000", ".999999999", ",999999999"]);
    let zone = select(vec!["", " -0700", "-07:00", " -070000", " -07:00:00", "Z07:00", " Z0700", " Z07:00:00"]);
    let clock = (clock, fraction).prop_map(|(clock, fraction)| {
        // The fraction belongs to the second.
        let second = clock.rfind('5').expect("a second") + 1;
        format!("{}{fraction}{}", &clock[..second], &clock[second..])
    });
    (date, clock, zone, proptest::bool::ANY).prop_map(|(date, clock, zone, date_first)| match date_first {
        true => format!("{date} {clock}{zone}"),
        // A year after a blank, so that no digit of it can join an offset.
        false => format!("{clock}{zone} {date}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(format in ".{0,12}", piecewise in formats(), value: Vec<u8>, now: i64) {
        for format in [format, piecewise] {
            if let Ok(format) = Format::compile(&format) {
                let mut parser = CachedParser::new(format, resolver());
                parser.set_now(now);
                match parser.parse(&value) {
                    Ok(resolved) => prop_assert!(resolved.time.nanoseconds < 1_000_000_000),
                    Err(mismatch) => prop_assert!(mismatch.at() <= value.len() && !mismatch.to_string().is_empty()),
                }
            }
        }
    }

    #[test]
    fn nothing_panics_on_values_that_nearly_match(format in formats(), value in values(), now: i64) {
        if let Ok(format) = Format::compile(&format) {
            let mut parser = CachedParser::new(format, resolver());
            parser.set_now(now);
            if let Ok(resolved) = parser.parse(value.as_bytes()) {
                prop_assert!(resolved.time.nanoseconds < 1_000_000_000);
            }
        }
    }

    #[test]
    fn remembering_changes_no_result(format in common_formats(), values in proptest::collection::vec(times(), 1..12)) {
        check_remembering(&format, &values)?;
    }

    #[test]
    fn remembering_changes_no_result_of_odd_formats(
        format in formats(),
        value in values(),
        more in proptest::collection::vec(("[0-9:,. ]{0,3}", 0_usize..4), 1..8),
    ) {
        // Values that share their beginning.
        let longer = more.iter().map(|(more, less)| {
            let kept = value.chars().count().saturating_sub(*less);
            value.chars().take(kept).chain(more.chars()).collect::<String>()
        });
        check_remembering(&format, &longer.collect::<Vec<_>>())?;
    }

    #[test]
    fn no_layout_panics(layout in prop_oneof![layouts(), ".{0,12}"], value in values(), bytes: Vec<u8>, now: i64) {
        let Ok(layout) = Layout::compile(&layout) else { return Ok(()) };
        let mut parser = CachedParser::new(layout, resolver());
        parser.set_now(now);
        for value in [value.as_bytes(), &bytes] {
            match parser.parse(value) {
                Ok(resolved) => prop_assert!(resolved.time.nanoseconds < 1_000_000_000),
                Err(mismatch) => prop_assert!(mismatch.at() <= value.len() && !mismatch.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn what_a_layout_prints_it_reads(
        layout in whole_layouts(),
        // From 1970 to 2068, for years of two digits.
        seconds in 86_400_i64..3_120_000_000,
        nanoseconds in prop_oneof![0_u32..1_000_000_000, (0_u32..1000).prop_map(|it| it * 1_000_000)],
        // In whole minutes, which every offset can say.
        offset_minutes in -720_i32..=840,
    ) {
        let zone = Zone::fixed(offset_minutes * 60);
        let compiled = Layout::compile(&layout).expect("a layout");
        let time = Time { seconds, nanoseconds };
        let mut text = Vec::new();
        Printer::new(compiled.clone(), zone.clone()).print(time, &mut text);
        // Where the text has an offset, another zone changes nothing.
        let zone = if compiled.has_zone() { Zone::utc() } else { zone };
        let parsed = CachedParser::new(compiled, Resolver::new(zone, YearPolicy::ClosestToNow)).parse(&text);
        prop_assert_eq!(parsed.map(|it| it.time), Ok(time), "{} as {}", String::from_utf8_lossy(&text), layout);
    }

    #[test]
    fn a_used_printer_prints_what_a_new_one_does(
        layout in prop_oneof![layouts(), whole_layouts()],
        // A day on which the clocks are changed, and those around it.
        times in proptest::collection::vec((1_678_500_000_i64..1_678_700_000, 0_u32..1_000_000_000), 1..12),
    ) {
        let Ok(layout) = Layout::compile(&layout) else { return Ok(()) };
        let zone = Zone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a rule");
        let mut used = Printer::new(layout.clone(), zone.clone());
        for (seconds, nanoseconds) in times {
            let (time, mut expected, mut found) = (Time { seconds, nanoseconds }, Vec::new(), Vec::new());
            Printer::new(layout.clone(), zone.clone()).print(time, &mut expected);
            used.print(time, &mut found);
            prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
        }
    }

    #[test]
    fn remembering_changes_no_result_of_layouts(
        layout in prop_oneof![layouts(), whole_layouts()],
        seconds in 1_600_000_000_i64..1_700_000_000,
        more in proptest::collection::vec((0_i64..3, 0_u32..1_000_000_000, "[0-9:,. Z]{0,2}", 0_usize..3), 1..8),
    ) {
        let Ok(layout) = Layout::compile(&layout) else { return Ok(()) };
        let mut printer = Printer::new(layout.clone(), Zone::fixed(-3600));
        let values = more.into_iter().map(|(later, nanoseconds, more, less)| {
            let mut text = Vec::new();
            printer.print(Time { seconds: seconds + later / 2, nanoseconds }, &mut text);
            let text = String::from_utf8(text).expect("text");
            let kept = if more.is_empty() { text.chars().count() } else { text.chars().count().saturating_sub(less) };
            text.chars().take(kept).chain(more.chars()).collect()
        });
        check_syntax_remembering(&layout, &values.collect::<Vec<String>>())?;
    }

    #[test]
    fn written_out_times_are_read_back(seconds in -62_135_596_800_i64..253_402_300_799, nanoseconds in 0_u32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, 0).expect("in range").to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let value = format!("{} {}.{nanoseconds:09}", time.date(), time.time());
        let format = Format::compile("%F %T.%f").expect("a format");
        let resolved = CachedParser::new(format, Resolver::new(Zone::utc(), YearPolicy::ClosestToNow)).parse(value.as_bytes());
        let found = resolved.map(|it| (it.time.seconds, it.time.nanoseconds));
        prop_assert_eq!(found, Ok((seconds, nanoseconds)));
    }
}
