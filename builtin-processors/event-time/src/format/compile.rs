//! From the text of a format to the steps that read a value.

use super::FormatError;
use crate::shape::{Others, Shape, Slot};

/// One thing to read from a value. Letters are those of directives, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Byte(u8),
    /// A character outside of ASCII.
    Char(char),
    /// Any amount of whitespace, including none.
    Whitespace,
    Number(Number),
    Month {
        letter: u8,
    },
    Weekday {
        letter: u8,
    },
    Meridiem,
    Fraction,
    /// Seconds since the epoch, up to ten digits.
    Epoch,
    /// The whole format is `%s`: digits after the tenth are a fraction.
    BareEpoch,
    Offset,
    ZoneName,
}

/// A number of limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) letter: u8,
    pub(crate) slot: Slot,
    pub(crate) min: u16,
    pub(crate) max: u16,
    /// The most that are read.
    pub(crate) digits: u8,
    /// Whether blanks may come before it.
    pub(crate) padded: bool,
}

impl Step {
    /// Returns the number that the step reads, if it reads one.
    fn slot(&self) -> Option<Slot> {
        match self {
            Self::Number(Number { slot, .. }) => Some(*slot),
            Self::Month { .. } => Some(Slot::Month),
            Self::Weekday { .. } => Some(Slot::Weekday),
            Self::Meridiem => Some(Slot::Meridiem),
            _ => None,
        }
    }
}

/// Returns the steps of `format` and what they define.
pub(crate) fn compile(format: &str) -> Result<(Vec<Step>, Shape), FormatError> {
    let mut steps = Vec::new();
    push_steps(format, &mut steps)?;
    if steps == [Step::Epoch] {
        steps = vec![Step::BareEpoch];
    }
    let slots: Vec<Slot> = steps.iter().filter_map(Step::slot).collect();
    let others = Others {
        epoch: steps.contains(&Step::Epoch) || steps.contains(&Step::BareEpoch),
        offset: steps.contains(&Step::Offset),
        fraction: steps.contains(&Step::Fraction),
    };
    let shape = Shape::of(&slots, others);
    match shape.has_date() || shape.has_time() {
        true => Ok((steps, shape)),
        false => Err(FormatError { at: format.len(), message: "no directive for a date or a time".to_owned() }),
    }
}

fn push_steps(format: &str, steps: &mut Vec<Step>) -> Result<(), FormatError> {
    let mut rest = format;
    while let Some(char) = rest.chars().next() {
        let len = match char {
            '%' => {
                let directive = &rest[..directive_len(rest)];
                push_directive(directive, steps)
                    .map_err(|message| FormatError { at: format.len() - rest.len(), message })?;
                directive.len()
            }
            ' ' | '\t'..='\r' => {
                steps.push(Step::Whitespace);
                1
            }
            '\0'..='\x7f' => {
                steps.push(Step::Byte(char as u8));
                1
            }
            other => {
                steps.push(Step::Char(other));
                other.len_utf8()
            }
        };
        rest = &rest[len..];
    }
    Ok(())
}

/// Returns the length of the directive that `text` begins with: `%`, perhaps `E` or `O`, and a character.
fn directive_len(text: &str) -> usize {
    let after_modifier = match text.as_bytes() {
        [_, b'E' | b'O', ..] => 2,
        _ => 1,
    };
    after_modifier + text[after_modifier..].chars().next().map_or(0, char::len_utf8)
}

/// Appends the steps of a directive such as `%d` or `%Od`, or returns what is wrong with it.
fn push_directive(directive: &str, steps: &mut Vec<Step>) -> Result<(), String> {
    let unknown = || format!("unknown directive {directive}");
    let letter = match directive.as_bytes() {
        [_, letter] => *letter,
        [_, b'E', letter] if b"cCxXyY".contains(letter) => *letter,
        [_, b'O', letter] if b"bBdehHImMSuUVwWy".contains(letter) => *letter,
        [_] => return Err("% without a directive".to_owned()),
        _ => return Err(unknown()),
    };
    if matches!(directive.as_bytes(), [_, b'E' | b'O']) {
        return Err(format!("{directive} without a directive"));
    }
    if let Some(written_out) = composite(letter) {
        return push_steps(written_out, steps).map_err(|error| error.message);
    }
    steps.push(single(letter).ok_or_else(unknown)?);
    Ok(())
}

fn composite(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b'c' => "%a %b %e %H:%M:%S %Y",
        b'D' | b'x' => "%m/%d/%y",
        b'F' => "%Y-%m-%d",
        b'r' => "%I:%M:%S %p",
        b'R' => "%H:%M",
        b'T' | b'X' => "%H:%M:%S",
        b'+' => "%a %b %e %H:%M:%S %Z %Y",
        _ => return None,
    })
}

fn single(letter: u8) -> Option<Step> {
    let number = |slot, min, max: u16| {
        let digits = max.ilog10() as u8 + 1;
        Step::Number(Number { letter, slot, min, max, digits, padded: matches!(letter, b'e' | b'k' | b'l') })
    };
    Some(match letter {
        b'%' => Step::Byte(b'%'),
        b'a' | b'A' => Step::Weekday { letter },
        b'b' | b'B' | b'h' => Step::Month { letter },
        b'C' => number(Slot::Century, 0, 99),
        b'd' | b'e' => number(Slot::Day, 0, 31),
        b'f' => Step::Fraction,
        b'g' => number(Slot::IsoYearOfCentury, 0, 99),
        b'G' => number(Slot::IsoYear, 0, 9999),
        b'H' | b'k' => number(Slot::Hour, 0, 23),
        b'I' | b'l' => number(Slot::Hour12, 0, 12),
        b'j' => number(Slot::DayOfYear, 1, 366),
        b'm' => number(Slot::Month, 1, 12),
        b'M' => number(Slot::Minute, 0, 59),
        b'n' | b't' => Step::Whitespace,
        b'p' => Step::Meridiem,
        b's' => Step::Epoch,
        b'S' => number(Slot::Second, 0, 61),
        b'u' => number(Slot::Weekday, 1, 7),
        b'U' => number(Slot::WeekFromSunday, 0, 53),
        b'V' => number(Slot::IsoWeek, 0, 53),
        b'w' => number(Slot::Weekday, 0, 6),
        b'W' => number(Slot::WeekFromMonday, 0, 53),
        b'y' => number(Slot::YearOfCentury, 0, 99),
        b'Y' => number(Slot::Year, 0, 9999),
        b'z' => Step::Offset,
        b'Z' => Step::ZoneName,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_directive_and_its_byte() {
        let check = |format: &str, expected: &str| {
            let error = compile(format).expect_err(format);
            assert_eq!(error.to_string(), expected, "{format}");
        };
        check("%Y-%m-%d %Q", "unknown directive %Q at byte 9");
        check("年%Y%P", "unknown directive %P at byte 5");
        check("%H:%M:%", "% without a directive at byte 6");
        check("%H%E", "%E without a directive at byte 2");
        check("%H %Ed", "unknown directive %Ed at byte 3");
        check("%H %OY", "unknown directive %OY at byte 3");
        check("%H%é", "unknown directive %é at byte 2");
        check("%H%Eé", "unknown directive %Eé at byte 2");
        for letter in "iJKLNqQvP3-_0 ".chars() {
            check(&format!("%{letter}"), &format!("unknown directive %{letter} at byte 0"));
        }
        check("", "no directive for a date or a time at byte 0");
        check("%a %z %Z", "no directive for a date or a time at byte 8");
    }

    #[test]
    fn composites_are_written_out() {
        for letter in "cDxFrRTX+".chars() {
            let written_out = composite(letter as u8).expect("a composite");
            assert_eq!(compile(&format!("%{letter}")), compile(written_out), "%{letter}");
        }
    }

    #[test]
    fn modifiers_change_nothing() {
        for (modifier, letters) in [('E', "cCxXyY"), ('O', "dehHImMSUVwWy")] {
            for letter in letters.chars() {
                let check = |format: String| compile(&format).expect("a format").0;
                assert_eq!(check(format!("%Y%{modifier}{letter}")), check(format!("%Y%{letter}")));
            }
        }
    }
}
