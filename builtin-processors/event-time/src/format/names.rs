//! English names of months and weekdays, and abbreviations of zones.

/// A month or weekday name that a text begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    /// 0 is January or Sunday.
    pub(crate) index: u16,
    /// Bytes of the text.
    pub(crate) len: usize,
}

/// Returns the month that `text` begins with, in any case, written out or as three letters.
pub(crate) fn month(text: &[u8]) -> Option<Name> {
    find(&MONTHS, text)
}

/// Returns the weekday that `text` begins with, in any case, written out or as three letters.
pub(crate) fn weekday(text: &[u8]) -> Option<Name> {
    find(&WEEKDAYS, text)
}

fn find(names: &[&str], text: &[u8]) -> Option<Name> {
    let short = text.get(..3)?;
    let index = names.iter().position(|name| name.as_bytes()[..3].eq_ignore_ascii_case(short))?;
    let name = names[index].as_bytes();
    let len = match text.get(..name.len()) {
        Some(long) if long.eq_ignore_ascii_case(name) => name.len(),
        _ => 3,
    };
    Some(Name { index: index as u16, len })
}

/// Returns the offset from UTC that an abbreviation or a military letter stands for, in seconds.
///
/// The inner `None` is for `CST`, which is China's as often as Chicago's: its text is read as a local time.
pub(crate) fn abbreviation(word: &[u8]) -> Option<Option<i32>> {
    const HOUR: i32 = 3600;
    if let [letter] = word {
        return military_hours(*letter).map(|hours| Some(hours * HOUR));
    }
    let is = |names: &[&str]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word));
    match () {
        () if is(&["UTC", "GMT", "UT"]) => Some(Some(0)),
        () if is(&["CST"]) => Some(None),
        () if is(&["EDT"]) => Some(Some(-4 * HOUR)),
        () if is(&["EST", "CDT"]) => Some(Some(-5 * HOUR)),
        () if is(&["MDT"]) => Some(Some(-6 * HOUR)),
        () if is(&["MST", "PDT"]) => Some(Some(-7 * HOUR)),
        () if is(&["PST"]) => Some(Some(-8 * HOUR)),
        () => None,
    }
}

/// Returns the hours that a military zone letter is ahead of UTC; `J` is none.
fn military_hours(letter: u8) -> Option<i32> {
    let steps_from = |first: u8| i32::from(letter - first);
    match letter {
        b'Z' | b'z' => Some(0),
        b'A'..=b'I' => Some(1 + steps_from(b'A')),
        b'K'..=b'M' => Some(10 + steps_from(b'K')),
        b'N'..=b'Y' => Some(-1 - steps_from(b'N')),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
