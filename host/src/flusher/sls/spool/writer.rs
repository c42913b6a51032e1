//! The segment that is being written.

use std::io;

use cap_std::fs::{File, FileExt};

use super::disk::Disk;
use super::frame::{self, Place};
use super::segment::Entry;

#[derive(Debug)]
pub(super) struct Writer {
    number: u64,
    file: File,
    len: u64,
}

impl Writer {
    /// Makes a segment.
    pub(super) fn create(disk: &Disk, number: u64, header: &[u8]) -> io::Result<Self> {
        let file = disk.create(number)?;
        if let Err(error) = file.write_all_at(header, 0) {
            // If it stays, it is what recovery takes for a write that did not end.
            let _ = disk.remove(number);
            return Err(error);
        }
        Ok(Self { number, file, len: header.len() as u64 })
    }

    /// Writes a record at the end. After an error, half of it may be there.
    pub(super) fn append(&mut self, head: &[u8], body: &[u8], read_seconds: i64) -> io::Result<Entry> {
        let place = Place { segment: self.number, offset: self.len };
        let Some((before, crc)) = frame::before_body(place, head, body) else {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a package has more than 4 GiB"));
        };
        self.file.write_all_at(&before, self.len)?;
        self.file.write_all_at(body, self.len + before.len() as u64)?;
        let len = (before.len() + body.len()) as u64;
        self.len += len;
        Ok(Entry { offset: place.offset, len, crc, read_seconds })
    }

    /// Takes half a record off. Returns whether that worked.
    pub(super) fn take_back(&mut self) -> bool {
        self.file.set_len(self.len).is_ok()
    }

    /// Returns once everything that was appended would survive a loss of power.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        #[cfg(test)]
        super::tests::fault::on_sync()?;
        self.file.sync_data()
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes the segment has.
    pub(super) fn len(&self) -> u64 {
        self.len
    }
}
