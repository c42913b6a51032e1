//! What holds for any format, any value, and any order of values.

use loglift_event_time::{CachedParser, Format, Resolver, YearPolicy, Zone};
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
    let mut remembering = CachedParser::new(format.clone(), resolver());
    for value in values {
        let expected = format.parse(value.as_bytes()).map(|fields| resolver().resolve(fields));
        prop_assert_eq!(remembering.parse(value.as_bytes()), expected, "{} among {:?}", value, values);
    }
    Ok(())
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
    fn written_out_times_are_read_back(seconds in -62_135_596_800_i64..253_402_300_799, nanoseconds in 0_u32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, 0).expect("in range").to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let value = format!("{} {}.{nanoseconds:09}", time.date(), time.time());
        let format = Format::compile("%F %T.%f").expect("a format");
        let resolved = CachedParser::new(format, Resolver::new(Zone::utc(), YearPolicy::ClosestToNow)).parse(value.as_bytes());
        let found = resolved.map(|it| (it.time.seconds, it.time.nanoseconds));
        prop_assert_eq!(found, Ok((seconds, nanoseconds)));
    }
}
