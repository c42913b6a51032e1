//! What of the events that came out is not as expected, event by event and field by field.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// One thing that is not as expected.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Difference {
    /// A field has another value, is missing, or was not expected.
    Field {
        /// Which of the events that came out, from 1.
        event: usize,
        field: String,
        expected: Option<Value>,
        found: Option<Value>,
    },
    /// The fields are the same, in another order.
    Order { event: usize, expected: Vec<String>, found: Vec<String> },
    /// An event did not come out. `line` is where it is expected.
    Missing { line: usize, expected: String },
    /// An event came out that is not expected.
    Added { event: usize, found: String },
    /// A line of the file that says what is expected is no event.
    Malformed { line: usize, reason: String },
    /// A line of text is another one.
    Line { file: &'static str, line: usize, expected: Option<String>, found: Option<String> },
}

/// The fields of an event in order; a name may be there twice.
#[derive(Debug, Clone, PartialEq)]
struct Event(Vec<(String, Value)>);

/// Compares events, a JSON object a line each. Blank lines count for nothing.
pub(super) fn compare(expected: &str, found: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut wanted = Vec::new();
    let lines = |text| (1..).zip(str::lines(text)).filter(|(_, line): &(usize, &str)| !line.trim().is_empty());
    for (line, text) in lines(expected) {
        match serde_json::from_str::<Event>(text) {
            Ok(event) => wanted.push((line, text, event)),
            Err(error) => differences.push(Difference::Malformed { line, reason: error.to_string() }),
        }
    }
    let came: Vec<(&str, Event)> = lines(found)
        .map(|(_, text)| (text, serde_json::from_str(text).unwrap_or_else(|_| Event(Vec::new()))))
        .collect();
    let pairs = align(wanted.len(), came.len(), |left, right| wanted[left].2 == came[right].1);
    for pair in pairs {
        match pair {
            (Some(left), Some(right)) => compare_fields(right + 1, &wanted[left].2, &came[right].1, &mut differences),
            (Some(left), None) => {
                let (line, text, _) = &wanted[left];
                differences.push(Difference::Missing { line: *line, expected: (*text).to_owned() });
            }
            (None, Some(right)) => {
                differences.push(Difference::Added { event: right + 1, found: came[right].0.to_owned() });
            }
            (None, None) => {}
        }
    }
    differences
}

/// Compares the lines of a file with what was found.
pub(super) fn compare_lines(file: &'static str, expected: &str, found: &str) -> Vec<Difference> {
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let pairs = align(expected.len(), found.len(), |left, right| expected[left] == found[right]);
    let line = |lines: &[&str], place: Option<usize>| place.map(|place| lines[place].to_owned());
    let different = pairs.into_iter().filter(|(left, right)| line(&expected, *left) != line(&found, *right));
    let difference = |(left, right): (Option<usize>, Option<usize>)| Difference::Line {
        file,
        line: left.or(right).map_or(0, |place| place + 1),
        expected: line(&expected, left),
        found: line(&found, right),
    };
    different.map(difference).collect()
}

fn compare_fields(event: usize, expected: &Event, found: &Event, differences: &mut Vec<Difference>) {
    let before = differences.len();
    let value = |event: &Event, name: &str| event.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let of_found = found.0.iter().filter(|(name, _)| value(expected, name).is_none());
    for (field, _) in expected.0.iter().chain(of_found) {
        let (expected, found) = (value(expected, field), value(found, field));
        if expected != found {
            differences.push(Difference::Field { event, field: field.clone(), expected, found });
        }
    }
    if differences.len() == before && expected != found {
        let names = |event: &Event| event.0.iter().map(|(name, _)| name.clone()).collect();
        differences.push(Difference::Order { event, expected: names(expected), found: names(found) });
    }
}

/// Pairs what is the same on both sides, keeping the order, and what lies between with what is there instead.
fn align(left: usize, right: usize, is_same: impl Fn(usize, usize) -> bool) -> Vec<(Option<usize>, Option<usize>)> {
    let same_start = (0..left.min(right)).take_while(|place| is_same(*place, *place)).count();
    let rest = left.min(right) - same_start;
    let same_end = (1..=rest).take_while(|back| is_same(left - back, right - back)).count();
    let (left_end, right_end) = (left - same_end, right - same_end);
    let mut pairs: Vec<_> = (0..same_start).map(|place| (Some(place), Some(place))).collect();
    let (mut at, mut other) = (same_start, same_start);
    let middle = common(same_start..left_end, same_start..right_end, &is_same);
    for (next, next_other) in middle.into_iter().chain([(left_end, right_end)]) {
        while at < next || other < next_other {
            pairs.push(((at < next).then_some(at), (other < next_other).then_some(other)));
            at = next.min(at + 1);
            other = next_other.min(other + 1);
        }
        if next < left_end {
            pairs.push((Some(next), Some(next_other)));
            (at, other) = (next + 1, next_other + 1);
        }
    }
    pairs.extend((0..same_end).map(|place| (Some(left_end + place), Some(right_end + place))));
    pairs
}

/// A longest common subsequence; none of what would take too long to find.
fn common(
    left: std::ops::Range<usize>,
    right: std::ops::Range<usize>,
    is_same: &impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let (rows, columns) = (left.len(), right.len());
    if rows.saturating_mul(columns) > MOST_COMPARED {
        return Vec::new();
    }
    let width = columns + 1;
    // How long the longest is of what begins here.
    let mut lengths = vec![0u32; (rows + 1) * width];
    let mut sames = vec![false; rows * columns];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let same = is_same(left.start + row, right.start + column);
            sames[row * columns + column] = same;
            lengths[row * width + column] = if same {
                lengths[(row + 1) * width + column + 1] + 1
            } else {
                lengths[(row + 1) * width + column].max(lengths[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column, mut found) = (0, 0, Vec::new());
    while row < rows && column < columns {
        if sames[row * columns + column] {
            found.push((left.start + row, right.start + column));
            (row, column) = (row + 1, column + 1);
        } else if lengths[(row + 1) * width + column] >= lengths[row * width + column + 1] {
            row += 1;
        } else {
            column += 1;
        }
    }
    found
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { event, field, expected: Some(expected), found: Some(found) } => {
                write!(f, "event {event}: {field}: expected {expected}\n{:>1$}found    {found}", "", {
                    "event : : ".len() + digits(*event) + field.chars().count()
                })
            }
            Self::Field { event, field, expected: Some(expected), found: None } => {
                write!(f, "event {event}: {field}: missing, expected {expected}")
            }
            Self::Field { event, field, found, .. } => {
                let found = found.as_ref().map_or_else(String::new, Value::to_string);
                write!(f, "event {event}: {field}: not expected, found {found}")
            }
            Self::Order { event, expected, found } => write!(
                f,
                "event {event}: fields in another order: expected {}, found {}",
                expected.join(" "),
                found.join(" ")
            ),
            Self::Missing { line, expected } => {
                write!(f, "missing event (line {line} of {}): {expected}", super::EXPECTED)
            }
            Self::Added { event, found } => write!(f, "event {event}: not expected: {found}"),
            Self::Malformed { line, reason } => write!(f, "{} line {line} is no event: {reason}", super::EXPECTED),
            Self::Line { file, line, expected, found } => {
                let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
                write!(f, "{file} line {line}:\n  expected {}\n  found    {}", shown(expected), shown(found))
            }
        }
    }
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Event;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Event(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Some four million comparisons are done at once.
const MOST_COMPARED: usize = 4_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expected: &str, found: &str) -> Vec<String> {
        compare(expected, found).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_event_and_the_field_are_named() {
        fn check(expected: &str, found: &str, differences: &[&str]) {
            assert_eq!(texts(expected, found), differences, "{expected} {found}");
        }
        check("{\"a\": 1}\n\n{\"b\": \"x\"}\n", "{\"a\":1}\n{\"b\":\"x\"}\n", &[]);
        check("{\"a\":1}", "{\"a\":2}", &["event 1: a: expected 1\n            found    2"]);
        check("{\"a\":1,\"b\":2}", "{\"a\":1}", &["event 1: b: missing, expected 2"]);
        check("{\"a\":1}", "{\"a\":1,\"c\":\"3\"}", &["event 1: c: not expected, found \"3\""]);
        check("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", &["event 1: fields in another order: expected a b, found b a"]);
        check(
            "{\"a\":1}\n[",
            "{\"a\":1}\n",
            &["expected.jsonl line 2 is no event: invalid type: sequence, expected a JSON object at line 1 column 0"],
        );
    }

    #[test]
    fn a_missing_event_does_not_make_all_others_wrong() {
        let lines = |numbers: &[u32]| numbers.iter().map(|number| format!("{{\"n\":{number}}}\n")).collect::<String>();
        fn check(differences: &[String], expected: &[&str]) {
            assert_eq!(differences, expected);
        }
        check(
            &texts(&lines(&[1, 2, 3, 4]), &lines(&[1, 3, 4])),
            &["missing event (line 2 of expected.jsonl): {\"n\":2}"],
        );
        check(&texts(&lines(&[1, 3]), &lines(&[1, 2, 3])), &["event 2: not expected: {\"n\":2}"]);
        check(&texts(&lines(&[]), &lines(&[7])), &["event 1: not expected: {\"n\":7}"]);
        let found = texts(&lines(&[1, 2, 3, 4, 5]), &lines(&[1, 9, 3, 5, 6]));
        assert_eq!(
            found,
            [
                "event 2: n: expected 2\n            found    9",
                "missing event (line 4 of expected.jsonl): {\"n\":4}",
                "event 5: not expected: {\"n\":6}"
            ]
        );
    }

    #[test]
    fn what_is_too_much_to_align_is_compared_in_order() {
        let lines =
            |first: usize| (first..first + 3000).map(|number| format!("{{\"n\":{number}}}\n")).collect::<String>();
        assert_eq!(compare(&lines(0), &lines(1)).len(), 3000);
    }

    #[test]
    fn lines_are_compared_too() {
        let found = compare_lines("messages.txt", "a\nb\n", "a\nc\nd\n");
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "messages.txt line 2:\n  expected b\n  found    c",
            "messages.txt line 3:\n  expected nothing\n  found    d",
        ];
        assert_eq!(shown, expected);
    }
}
