//! What a line says of itself.

use std::io::Write;
use std::time::Duration;

/// Which line of which file it is, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) file: u32,
    pub(super) number: u32,
    /// Since the clock of the scenario began.
    pub(super) at: Duration,
}

impl Stamp {
    /// Appends the line, of `line_bytes` bytes with its end, or as short as can be.
    pub(super) fn append(self, line_bytes: usize, to: &mut Vec<u8>) {
        let Self { file, number, at } = self;
        let start = to.len();
        write!(to, "{file} {number} {} ", at.as_nanos()).expect("a vector takes everything");
        to.resize(to.len().max(start + line_bytes.saturating_sub(1)), b'x');
        to.push(b'\n');
    }

    /// The stamp of the line that an event has as its content.
    pub(super) fn of_event(event: &[u8]) -> Option<Self> {
        let content = event.windows(CONTENT.len()).position(|bytes| bytes == CONTENT)? + CONTENT.len();
        let mut numbers = event[content..].splitn(4, |byte| *byte == b' ');
        let mut next = || std::str::from_utf8(numbers.next()?).ok()?.parse::<u64>().ok();
        let [file, number, at_ns] = [next()?, next()?, next()?];
        Some(Self { file: file.try_into().ok()?, number: number.try_into().ok()?, at: Duration::from_nanos(at_ns) })
    }
}

const CONTENT: &[u8] = br#""content": ""#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_from_the_event_of_its_line() {
        let stamp = Stamp { file: 7, number: 0, at: Duration::from_nanos(1_234_567_890_123) };
        for line_bytes in [0, 64] {
            let mut line = Vec::new();
            stamp.append(line_bytes, &mut line);
            assert!(line_bytes == 0 || line.len() == line_bytes);
            let event = [br#"{"__time__": 1, "content": ""#, &line[..line.len() - 1], b"\"}"].concat();
            assert_eq!(Stamp::of_event(&event), Some(stamp));
        }
        assert_eq!(Stamp::of_event(br#"{"__time__": 1, "content": "7 x 1 "}"#), None);
        assert_eq!(Stamp::of_event(b"{}"), None);
    }
}
