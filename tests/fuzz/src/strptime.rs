//! `format \n value \n value ...`

use loglift_event_time::{CachedParser, Format, Resolver, Syntax, YearPolicy, Zone};

use super::settings;

/// Reads the values one after the other with one parser, and each with a fresh one.
pub fn run(data: &[u8]) {
    let Some((format, values)) = settings(data) else { return };
    let Ok(format) = Format::compile(format) else { return };
    for value in values.split(|byte| *byte == b'\n') {
        match format.parse_with_rest(value) {
            Ok((_, rest)) => assert!(value.ends_with(rest)),
            Err(mismatch) => assert!(mismatch.at() <= value.len() && !mismatch.to_string().is_empty()),
        }
    }
    read(&format, values);
}

/// What is remembered of a value changes nothing for the next.
pub(super) fn read<S: Syntax + Clone>(syntax: &S, values: &[u8]) {
    let resolver = || {
        let zone = Zone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a rule");
        let mut resolver = Resolver::new(zone, YearPolicy::ClosestToNow);
        resolver.set_now(1_698_249_070);
        resolver
    };
    let mut parser = CachedParser::new(syntax.clone(), resolver());
    for value in values.split(|byte| *byte == b'\n') {
        let found = parser.parse(value);
        let expected = syntax.read(value).map(|(fields, _)| resolver().resolve(fields));
        assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(value));
        if let Ok(found) = found {
            assert!(found.time.nanoseconds < 1_000_000_000);
        }
    }
}
