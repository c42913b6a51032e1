//! The lines that are written: `STREAM NUMBER PADDING`. Each can be told from its numbers alone, so that one which arrives in
//! another shape is noticed.

use super::random::Random;

/// The line with this number, without its end.
pub fn text(seed: u64, stream: usize, number: u32) -> String {
    let mut random = Random::new(seed ^ (stream as u64) << 56 ^ u64::from(number) << 8);
    let padding = match random.between(0, 99) {
        0 => random.between(2_000, 20_000),
        1..10 => random.between(300, 1_000),
        _ => random.between(1, 200),
    };
    let letter = char::from(b'a' + (number % 26) as u8);
    let mut line = format!("{stream} {number} ");
    line.extend(std::iter::repeat_n(letter, padding as usize));
    line
}

/// Which line this is, or `None` if it is none of ours.
pub fn parse(seed: u64, line: &str) -> Option<(usize, u32)> {
    let (stream, rest) = line.split_once(' ')?;
    let (number, _) = rest.split_once(' ')?;
    let (stream, number) = (stream.parse().ok()?, number.parse().ok()?);
    (text(seed, stream, number) == line).then_some((stream, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_known_by_its_numbers_and_no_part_of_one_is() {
        for number in 0..200 {
            let line = text(7, 3, number);
            assert_eq!(parse(7, &line), Some((3, number)));
            assert_eq!(parse(7, &line[..line.len() - 1]), None);
            assert_eq!(parse(7, &format!("{line}x")), None);
        }
        assert_eq!(parse(7, ""), None);
    }
}
