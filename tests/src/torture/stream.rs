//! One log file that is written and rotated, as programs and the tools that rotate their logs do it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::line;

/// How a file makes room for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Renamed to `.1`, after `.1` to `.2` and so on.
    Numbered,
    /// Renamed to its name with a date.
    Dated,
    /// Copied to `.1`, after that was moved on, and truncated.
    Copied,
    /// Deleted, and made again. Only for a file that was delivered.
    Deleted,
}

impl Scheme {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numbered => "numbered",
            Self::Dated => "dated",
            Self::Copied => "copied",
            Self::Deleted => "deleted",
        }
    }
}

/// One log file, and what was made of it by rotation.
#[derive(Debug)]
pub struct Stream {
    seed: u64,
    number: usize,
    path: PathBuf,
    file: File,
    /// The file was renamed, and its writer does not know yet.
    is_moved: bool,
    /// The part of a line that was not written yet.
    part: Vec<u8>,
    next_line: u32,
    written_bytes: u64,
    /// Rotated files, the oldest first, with the bytes that were written to the stream until then.
    rotated: Vec<(Old, u64)>,
    dates: u64,
}

#[derive(Debug)]
enum Old {
    /// Its number is its place among the others from the end.
    Numbered,
    Dated(PathBuf),
}

impl Stream {
    /// The stream of this number, with an empty file at `path`.
    ///
    /// # Errors
    /// Those of making the file.
    pub fn new(seed: u64, number: usize, path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        Ok(Self {
            seed,
            number,
            path,
            file,
            is_moved: false,
            part: Vec::new(),
            next_line: 0,
            written_bytes: 0,
            rotated: Vec::new(),
            dates: 0,
        })
    }

    /// How many bytes were written, in all files.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Whether a line is written in part.
    pub fn has_part(&self) -> bool {
        !self.part.is_empty()
    }

    /// Whether the file was renamed, and its writer has not opened a new one.
    pub fn is_moved(&self) -> bool {
        self.is_moved
    }

    /// Ends the line that is written in part, and opens a new file if this one was renamed. Returns where the line ends.
    ///
    /// # Errors
    /// Those of writing.
    pub fn settle(&mut self) -> io::Result<Option<u64>> {
        let part = std::mem::take(&mut self.part);
        self.put(&part)?;
        if std::mem::take(&mut self.is_moved) {
            self.file = open(&self.path)?;
        }
        Ok((!part.is_empty()).then_some(self.written_bytes))
    }

    /// Writes so many lines at once, the last one in part if `in_part`. Returns where each that is whole ends, counted from
    /// the start of the stream.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&mut self, lines: u64, in_part: bool) -> io::Result<Vec<u64>> {
        let mut ends: Vec<u64> = self.settle()?.into_iter().collect();
        let mut bytes = Vec::new();
        let mut last = 0;
        for _ in 0..lines {
            last = bytes.len();
            bytes.extend_from_slice(line::text(self.seed, self.number, self.next_line).as_bytes());
            bytes.push(b'\n');
            self.next_line += 1;
            ends.push(self.written_bytes + bytes.len() as u64);
        }
        if in_part {
            self.part = bytes.split_off(last + (bytes.len() - last) / 2);
            ends.pop();
        }
        self.put(&bytes)?;
        Ok(ends)
    }

    /// Makes room for the next file. What is written in part stays so, if the scheme keeps the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn rotate(&mut self, scheme: Scheme) -> io::Result<()> {
        match scheme {
            Scheme::Numbered => {
                self.shift()?;
                fs::rename(&self.path, self.numbered(1))?;
                self.is_moved = true;
            }
            Scheme::Dated => {
                self.dates += 1;
                let dated = with_end(&self.path, &format!("-20260101-{:06}", self.dates));
                fs::rename(&self.path, &dated)?;
                self.rotated.push((Old::Dated(dated), self.until()));
                self.is_moved = true;
                return Ok(());
            }
            Scheme::Copied => {
                self.shift()?;
                fs::copy(&self.path, self.numbered(1))?;
                self.file.set_len(0)?;
            }
            Scheme::Deleted => {
                fs::remove_file(&self.path)?;
                self.file = open(&self.path)?;
                return Ok(());
            }
        }
        self.rotated.push((Old::Numbered, self.until()));
        Ok(())
    }

    /// Removes the oldest of the rotated files beyond `kept`, as far as they were delivered: `saved_bytes` of the stream are.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn prune(&mut self, kept: usize, saved_bytes: u64) -> io::Result<()> {
        while self.rotated.len() > kept && self.rotated[0].1 <= saved_bytes {
            let path = match &self.rotated[0].0 {
                Old::Numbered => self.numbered(self.count()),
                Old::Dated(path) => path.clone(),
            };
            fs::remove_file(path)?;
            self.rotated.remove(0);
        }
        Ok(())
    }

    /// How many rotated files there are.
    pub fn rotated(&self) -> usize {
        self.rotated.len()
    }

    /// Where the stream is when the line that is written in part has its end.
    fn until(&self) -> u64 {
        self.written_bytes + self.part.len() as u64
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.written_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Moves the numbered files on by one.
    fn shift(&self) -> io::Result<()> {
        for number in (1..=self.count()).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1))?;
        }
        Ok(())
    }

    /// How many numbered files there are.
    fn count(&self) -> usize {
        self.rotated.iter().filter(|(old, _)| matches!(old, Old::Numbered)).count()
    }

    fn numbered(&self, number: usize) -> PathBuf {
        with_end(&self.path, &format!(".{number}"))
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(directory: &Path, name: &str) -> Vec<u32> {
        let text = fs::read_to_string(directory.join(name)).expect("the file");
        text.lines().map(|line| line::parse(7, line).expect("a whole line").1).collect()
    }

    #[test]
    fn every_scheme_keeps_what_was_written() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("s0.log");
        let mut stream = Stream::new(7, 0, path.clone())?;
        assert_eq!(stream.write(2, true)?.len(), 1);
        stream.rotate(Scheme::Numbered)?;
        assert!(stream.has_part() && stream.is_moved() && !path.exists());
        assert_eq!(stream.write(1, false)?.len(), 2, "the line in part, in the renamed file, and one in a new one");
        stream.rotate(Scheme::Copied)?;
        stream.write(1, false)?;
        stream.rotate(Scheme::Dated)?;
        stream.write(1, false)?;
        let names = ["s0.log.2", "s0.log.1", "s0.log-20260101-000001", "s0.log"];
        assert_eq!(names.map(|name| lines(directory.path(), name)), [vec![0, 1], vec![2], vec![3], vec![4]]);
        assert_eq!(stream.rotated(), 3);
        stream.prune(0, 0)?;
        assert_eq!(stream.rotated(), 3);
        stream.prune(1, stream.written_bytes())?;
        assert_eq!(names.map(|name| directory.path().join(name).exists()), [false, false, true, true]);
        stream.rotate(Scheme::Deleted)?;
        assert_eq!(fs::metadata(&path)?.len(), 0);
        Ok(())
    }
}
