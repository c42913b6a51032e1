//! What an earlier agent has left of a file, and how that file is found.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::{FileId, Ledger, Position};
use crate::input::follow::find::{self, Found, Whereabouts};
use crate::input::follow::identity::{Match, Remembered, compare};
use crate::input::follow::track::{Phase, Seen};

/// What an earlier agent has left of a file.
#[derive(Debug, Clone)]
pub struct Left {
    /// The generation of its track.
    pub generation: u64,
    /// The path that it was collected under.
    pub path: PathBuf,
    /// Which file it was.
    pub id: FileId,
    /// When the file was made, in Unix nanoseconds.
    pub birth_ns: Option<i64>,
    /// Up to where it is done with.
    pub position: Position,
    /// What became of its bytes.
    pub ledger: Ledger,
    /// What was last seen of it.
    pub seen: Seen,
}

impl Left {
    /// Whether something of it is to be read, as far as is known.
    pub(super) fn is_wanted(&self) -> bool {
        self.seen.phase == Phase::Followed
    }

    /// Finds the file under another name, in the directory that it was in or up to `depth` levels below.
    pub(super) fn find(&self, depth: u64) -> Whereabouts {
        // A link that keeps its name leads to where its files are renamed.
        let behind_link = std::fs::canonicalize(&self.seen.real_path).ok();
        let paths = [Some(&self.seen.real_path), Some(&self.path), behind_link.as_ref()].into_iter().flatten();
        let directories: Vec<&Path> = paths.filter_map(|path| path.parent()).collect();
        // One that is renamed while its directory is read may not be seen.
        let looks = (0..FIND_TIMES).flat_map(|_| &directories);
        looks.fold(Whereabouts::Nowhere, |known, directory| known.or_else(|| self.find_in(directory, depth)))
    }

    fn find_in(&self, directory: &Path, depth: u64) -> Whereabouts {
        let found = match find::by_id(directory, self.id, self.birth_ns, depth) {
            Whereabouts::Open(found) => found,
            whereabouts => return whereabouts,
        };
        match self.matches(&found) {
            Ok(Match::Other) => Whereabouts::Nowhere,
            Ok(Match::Same | Match::Rewritten) => Whereabouts::Open(found),
            Err(error) => Whereabouts::Closed(found.path, error),
        }
    }

    pub(super) fn matches(&self, found: &Found) -> io::Result<Match> {
        if found.stat.id.inode != self.id.inode {
            return Ok(Match::Other);
        }
        let remembered =
            Remembered { id: self.id, birth_ns: self.birth_ns, head: self.seen.head, position: self.position };
        Ok(compare(&remembered, &found.stat, &found.head()?, &found.before(&self.position)?))
    }
}

/// How often a file that is missing is looked for.
const FIND_TIMES: usize = 2;
