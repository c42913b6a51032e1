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

/// Returns the month whose first three letters `text` begins with, in any case.
pub(crate) fn short_month(text: &[u8]) -> Option<Name> {
    find_short(&MONTHS, text)
}

/// Returns the month that `text` begins with written out, in any case.
pub(crate) fn long_month(text: &[u8]) -> Option<Name> {
    find_long(&MONTHS, text)
}

/// Returns the weekday whose first three letters `text` begins with, in any case.
pub(crate) fn short_weekday(text: &[u8]) -> Option<Name> {
    find_short(&WEEKDAYS, text)
}

/// Returns the weekday that `text` begins with written out, in any case.
pub(crate) fn long_weekday(text: &[u8]) -> Option<Name> {
    find_long(&WEEKDAYS, text)
}

/// Returns the name of a month (1..=12).
pub(crate) fn month_name(month: u8) -> &'static str {
    MONTHS[usize::from(month) - 1]
}

/// Returns the name of a weekday; Sunday is 0.
pub(crate) fn weekday_name(weekday: u8) -> &'static str {
    WEEKDAYS[usize::from(weekday)]
}

fn find_short(names: &[&str], text: &[u8]) -> Option<Name> {
    let &[a, b, c] = text.first_chunk()?;
    // Only letters become small letters by this bit. A loop over numbers is faster than one over texts.
    let key = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]) | 0x20_2020;
    let key_of_name = |name: &&str| name.as_bytes().first_chunk().map_or(0, |first| key(*first));
    let wanted = key([a, b, c]);
    let index = names.iter().position(|name| key_of_name(name) == wanted)?;
    Some(Name { index: index as u16, len: 3 })
}

fn find_long(names: &[&str], text: &[u8]) -> Option<Name> {
    let is_here = |name: &&str| text.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()));
    let index = names.iter().position(is_here)?;
    Some(Name { index: index as u16, len: names[index].len() })
}

fn find(names: &[&str], text: &[u8]) -> Option<Name> {
    let short = find_short(names, text)?;
    let name = names[usize::from(short.index)].as_bytes();
    // Most texts are short, and no letter follows.
    let len = match text.get(..name.len()) {
        Some(long) if long[name.len().min(4) - 1].is_ascii_alphabetic() && long.eq_ignore_ascii_case(name) => {
            name.len()
        }
        _ => short.len,
    };
    Some(Name { len, ..short })
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
