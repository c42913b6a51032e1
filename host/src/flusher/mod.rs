//! Takes events out of the agent.

pub mod file;
pub mod json_lines;
pub mod sls;
pub mod stdout;

use std::io;

use crate::event::EventBatch;

/// Where events go.
///
/// A flusher is told to take a batch and then, as long as that fails, to retry: it knows how far it got, so that nothing
/// is written twice.
pub trait Flusher: Send {
    /// Takes a batch.
    ///
    /// # Errors
    /// What kept it from doing so. [`Self::retry`] goes on where it stopped.
    fn take(&mut self, batch: &EventBatch) -> io::Result<()>;

    /// Goes on with the batch that could not be taken.
    ///
    /// # Errors
    /// As [`Self::take`].
    fn retry(&mut self) -> io::Result<()>;

    /// Whether an error will never go away.
    fn is_final(&self, _: &io::Error) -> bool {
        false
    }
}

/// Discards events. The pipeline counts them as acknowledged.
#[derive(Debug, Default)]
pub struct Blackhole;

impl Flusher for Blackhole {
    fn take(&mut self, _: &EventBatch) -> io::Result<()> {
        Ok(())
    }

    fn retry(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes on their way to a writer that may fail halfway.
#[derive(Debug, Default)]
struct Unwritten {
    bytes: Vec<u8>,
    written: usize,
}

impl Unwritten {
    /// Writes what is left.
    fn write_to(&mut self, writer: &mut impl io::Write) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match writer.write(&self.bytes[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.written = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and fails before each third write.
    struct Flaky {
        taken: Vec<u8>,
        calls: usize,
    }

    impl io::Write for Flaky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let count = bytes.len().min(4);
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_failed_halfway_goes_on_where_it_stopped() {
        let mut writer = Flaky { taken: Vec::new(), calls: 0 };
        let mut unwritten = Unwritten { bytes: b"a line that is written in many pieces\n".to_vec(), written: 0 };
        let mut failures = 0;
        while unwritten.write_to(&mut writer).is_err() {
            failures += 1;
        }
        assert_eq!(writer.taken, b"a line that is written in many pieces\n");
        assert!(failures > 2, "{failures} failures");
    }
}
