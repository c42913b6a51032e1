//! `layout \n value \n value ...`

use loglift_event_time::{Layout, Printer, Resolver, Syntax, YearPolicy, Zone};

use super::{settings, strptime};

/// Reads the values, and prints what was read.
pub fn run(data: &[u8]) {
    let Some((layout, values)) = settings(data) else { return };
    let Ok(layout) = Layout::compile(layout) else { return };
    strptime::read(&layout, values);

    let mut resolver = Resolver::new(Zone::fixed(-12_600), YearPolicy::ClosestToNow);
    let mut used = Printer::new(layout.clone(), Zone::fixed(-12_600));
    for value in values.split(|byte| *byte == b'\n') {
        let time = match layout.read(value) {
            Ok((fields, _)) => resolver.resolve(fields).time,
            Err(mismatch) => {
                assert!(mismatch.at() <= value.len() && !mismatch.to_string().is_empty());
                continue;
            }
        };
        if !YEARS.contains(&time.seconds) {
            continue;
        }
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        used.print(time, &mut found);
        Printer::new(layout.clone(), Zone::fixed(-12_600)).print(time, &mut expected);
        assert_eq!(found, expected);
    }
}

/// The years 0000 to 9999: no event has another time.
const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
