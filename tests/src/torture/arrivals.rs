//! Reads what the agent writes, while it does.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use serde::Deserialize;

use super::line;

/// The output of the agent, and what of it was read.
#[derive(Debug)]
pub struct Arrivals {
    path: PathBuf,
    seed: u64,
    offset: u64,
    /// The part of a line that was read, and not its end.
    part: Vec<u8>,
    /// That part was left by an agent which was killed while it wrote. The next one ends the line and begins another.
    is_torn: bool,
    /// Of each stream, what arrived in this life.
    arrived: Vec<Vec<u32>>,
    /// What arrived that is no line of ours.
    pub garbled: Vec<String>,
    /// How many lines were left torn.
    pub torn: u64,
}

/// An event, as `flusher_file` writes it: one field, or what a processor made of it.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    padding: Option<Cow<'a, str>>,
}

impl Arrivals {
    /// What arrives in the file at `path`, of so many streams.
    pub fn new(path: PathBuf, seed: u64, streams: usize) -> Self {
        Self {
            path,
            seed,
            offset: 0,
            part: Vec::new(),
            is_torn: false,
            arrived: vec![Vec::new(); streams],
            garbled: Vec::new(),
            torn: 0,
        }
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// Those of reading.
    pub fn poll(&mut self) -> io::Result<()> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let came = file.read_at(&mut buffer, self.offset)?;
            if came == 0 {
                return Ok(());
            }
            self.offset += came as u64;
            self.take(&buffer[..came]);
        }
    }

    /// Of each stream, the last line that arrived in this life.
    pub fn last(&self, stream: usize) -> Option<u32> {
        self.arrived[stream].last().copied()
    }

    /// What arrived since this was called last. The agent has ended, and everything that it wrote was read.
    pub fn end_life(&mut self) -> Vec<Vec<u32>> {
        if !self.part.is_empty() && !self.is_torn {
            self.is_torn = true;
            self.torn += 1;
            // It may be whole but for its end.
            let part = String::from_utf8_lossy(&self.part).into_owned();
            if let Some((stream, number)) = self.parse(&part) {
                self.arrived[stream].push(number);
            }
        }
        let streams = self.arrived.len();
        std::mem::replace(&mut self.arrived, vec![Vec::new(); streams])
    }

    /// Begins with an empty file again, if this one has more than so many bytes. The agent does not run.
    ///
    /// # Errors
    /// Those of removing it.
    pub fn shorten(&mut self, limit_bytes: u64) -> io::Result<()> {
        if self.offset > limit_bytes {
            std::fs::remove_file(&self.path)?;
            self.offset = 0;
            self.part.clear();
            self.is_torn = false;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_torn && piece != b"\n" {
                self.garbled.push("a line behind a torn one, without a line end between them".to_owned());
            }
            if !std::mem::take(&mut self.is_torn) {
                self.part.extend_from_slice(piece);
                if piece.last() != Some(&b'\n') {
                    return;
                }
                let line = String::from_utf8_lossy(&self.part[..self.part.len() - 1]).into_owned();
                match self.parse(&line) {
                    Some((stream, number)) => self.arrived[stream].push(number),
                    None => self.garbled.push(line),
                }
            }
            self.part.clear();
        }
    }

    fn parse(&self, line: &str) -> Option<(usize, u32)> {
        let event: Event<'_> = serde_json::from_str(line).ok()?;
        let text = match event {
            Event { content: Some(content), .. } => content,
            Event { stream: Some(stream), number: Some(number), padding: Some(padding), .. } => {
                format!("{stream} {number} {padding}").into()
            }
            _ => return None,
        };
        line::parse(self.seed, &text).filter(|(stream, _)| *stream < self.arrived.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u32) -> String {
        format!("{{\"__time__\": 1, \"content\": \"{}\"}}\n", line::text(7, 0, number))
    }

    fn arrivals() -> Arrivals {
        Arrivals::new(PathBuf::new(), 7, 1)
    }

    #[test]
    fn a_torn_line_is_no_line() {
        let mut arrivals = arrivals();
        let [first, second] = [event(0), event(1)];
        arrivals.take(first.as_bytes());
        arrivals.take(&second.as_bytes()[..30]);
        assert_eq!(arrivals.end_life(), [[0]]);
        // The next agent was killed before it wrote anything.
        assert_eq!(arrivals.end_life(), [[0; 0]]);
        arrivals.take(format!("\n{second}").as_bytes());
        assert_eq!(arrivals.end_life(), [[1]]);
        assert_eq!((arrivals.torn, arrivals.garbled.len()), (1, 0));
    }

    #[test]
    fn a_line_without_its_end_has_arrived() {
        let mut arrivals = arrivals();
        arrivals.take(event(0).trim_end().as_bytes());
        assert_eq!(arrivals.end_life(), [[0]]);
        arrivals.take(format!("\n{}", event(1)).as_bytes());
        assert_eq!((arrivals.end_life(), arrivals.garbled.len()), (vec![vec![1]], 0));
    }

    #[test]
    fn what_is_no_line_of_ours_is_noticed() {
        for wrong in ["half\n", "{\"content\": \"0 0\"}\n", "{\"content\": \"0 0 zzz\"}\n"] {
            let mut arrivals = arrivals();
            arrivals.take(wrong.as_bytes());
            assert_eq!((arrivals.garbled.len(), arrivals.last(0)), (1, None), "{wrong}");
        }
        let mut arrivals = arrivals();
        arrivals.take(b"{\"__ti");
        arrivals.end_life();
        arrivals.take(event(0).as_bytes());
        assert_eq!(arrivals.garbled.len(), 1, "behind a torn line, a line end is missing");
    }
}
