//! Looks at spools without touching them, also while an agent writes to them.

use std::collections::BTreeSet;
use std::io;

use cap_std::fs::Dir;

use super::disk::{Disk, if_exists, segment_name};
use super::frame::{self, Header};
use super::segment::not_done;
use super::{DEAD_LETTERS, DIRECTORY};
use crate::flusher::sls::package::{Destination, Head};

/// A package that is not done.
#[derive(Debug)]
pub struct Found<'a> {
    /// Where it is to go.
    pub destination: &'a Destination,
    /// What has to be known of it.
    pub head: &'a Head,
    /// Its body.
    pub body: &'a [u8],
    /// Why it is a dead letter.
    pub reason: Option<&'a str>,
    /// How many bytes it has on disk.
    pub disk_bytes: u64,
}

/// Shows the packages of all destinations in the data directory, or their dead letters, and returns a line for each thing
/// that is wrong.
///
/// # Errors
/// Those of reading, and of `see`.
pub fn look(
    data_dir: &Dir,
    dead_letters: bool,
    see: &mut dyn FnMut(&Found<'_>) -> io::Result<()>,
) -> io::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, directory) in directories(data_dir, dead_letters)? {
        let disk = Disk::existing(directory);
        // A header that cannot be read says nothing, but the others of the directory say the same.
        let destination = destination(&disk)?;
        for number in disk.list()?.segments {
            let mut note = |text: &str| wrong.push(format!("{name}/{}: {text}", segment_name(number)));
            // It may have been sent in the meantime.
            let Some(bytes) = if_exists(disk.read(number))? else { continue };
            let marks = disk.read_marks(number)?;
            let scan = frame::scan(number, &bytes);
            if !scan.damaged.is_empty() {
                note(&format!("{} places are damaged", scan.damaged.len()));
            }
            let destination = match &scan.header {
                Header::Whole(destination) => Some(&**destination),
                Header::Damaged => destination.as_ref(),
                Header::Newer(version) => {
                    note(&format!("it has format {version}, which a newer agent wrote"));
                    continue;
                }
            };
            let Some(destination) = destination else {
                if !bytes.is_empty() {
                    note("whom it is for cannot be read");
                }
                continue;
            };
            for record in not_done(&scan.records, &marks) {
                let (head, body, reason) = (&record.head, record.body, record.reason.as_deref());
                see(&Found { destination, head, body, reason, disk_bytes: record.len })?;
            }
        }
    }
    Ok(wrong)
}

/// The destinations that have packages, or dead letters, in the data directory.
///
/// # Errors
/// Those of reading.
pub fn destinations(data_dir: &Dir, dead_letters: bool) -> io::Result<BTreeSet<Destination>> {
    let directories = directories(data_dir, dead_letters)?.into_iter();
    let found = directories.map(|(_, directory)| destination(&Disk::existing(directory)));
    found.filter_map(Result::transpose).collect()
}

/// Whom the segments of a directory are for.
fn destination(disk: &Disk) -> io::Result<Option<Destination>> {
    for number in disk.list()?.segments {
        let begin = if_exists(disk.read_begin(number, frame::MAX_HEADER_BYTES))?.unwrap_or_default();
        if let (Header::Whole(destination), _) = frame::read_header(&begin) {
            return Ok(Some(*destination));
        }
    }
    Ok(None)
}

/// The directories with segments, by name.
fn directories(data_dir: &Dir, dead_letters: bool) -> io::Result<Vec<(String, Dir)>> {
    let Some(spools) = if_exists(data_dir.open_dir(DIRECTORY))? else { return Ok(Vec::new()) };
    let mut directories = Vec::new();
    for entry in spools.entries()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let directory = entry.open_dir()?;
        let directory = if dead_letters { if_exists(directory.open_dir(DEAD_LETTERS))? } else { Some(directory) };
        directories.extend(directory.map(|directory| (name, directory)));
    }
    directories.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(directories)
}
