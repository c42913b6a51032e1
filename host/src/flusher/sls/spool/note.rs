//! What is not as it should be in a spool.

use std::fmt;

/// One thing that was found wrong with a spool, and what became of it. Its text is for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A write had not ended when the agent did: what was written of it is cut off. Nobody was told that it is safe.
    Torn {
        /// The name of the segment.
        segment: String,
        /// How many bytes.
        bytes: u64,
    },
    /// Bytes in a segment are not what was written. All records that can be read are there.
    Damaged {
        /// The name of the segment.
        segment: String,
        /// In how many places.
        places: usize,
        /// How many bytes are in records, or between them, that cannot be read.
        bytes: u64,
        /// The file that these bytes are kept in. `Err`: why they are not; the segment stays instead.
        kept: Result<String, String>,
    },
    /// A segment is of another destination. It is left alone.
    Foreign {
        /// The name of the segment.
        segment: String,
    },
    /// Somebody has removed a segment.
    Gone {
        /// The name of the segment.
        segment: String,
        /// How many packages were in it that had not been sent.
        records: u64,
    },
}

impl Note {
    /// Whether packages may be lost by it.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Gone { .. })
    }

    /// How many bytes it is about, if that is known.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Torn { bytes, .. } | Self::Damaged { bytes, .. } => *bytes,
            Self::Foreign { .. } | Self::Gone { .. } => 0,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { segment, bytes } => {
                write!(out, "{segment}: the last {bytes} bytes are not whole: the agent stopped while it wrote them")
            }
            Self::Damaged { segment, places, bytes, kept } => {
                write!(out, "{segment}: {bytes} bytes in {places} places are damaged: ")?;
                match kept {
                    Ok(name) => write!(out, "they are kept in {name}"),
                    Err(error) => write!(out, "they stay there, since they cannot be kept elsewhere: {error}"),
                }
            }
            Self::Foreign { segment } => write!(out, "{segment} is of another destination and is left alone"),
            Self::Gone { segment, records } => {
                write!(out, "{segment} was removed with {records} packages that had not been sent")
            }
        }
    }
}
