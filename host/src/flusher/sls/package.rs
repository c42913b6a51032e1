//! What is sent in one request.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A logstore, and where the service is that has it. Packages are packed, kept and sent for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Destination {
    /// The endpoint as the config gives it, such as `cn-hangzhou.log.aliyuncs.com` or `http://127.0.0.1:8080`.
    pub endpoint: String,
    /// The region, which signatures of version 4 are made for. `None`: version 1.
    pub region: Option<String>,
    /// The project.
    pub project: String,
    /// The logstore.
    pub logstore: String,
}

/// The body of one request, ready to be sent, and what has to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What has to be known of it.
    pub head: Head,
    /// The body as it is sent.
    pub body: Bytes,
}

/// What has to be known of a body to send it, to keep it in order, and to account for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The pipeline that it is from.
    pub pipeline: String,
    /// What the body is.
    pub form: Form,
    /// How it is compressed.
    pub compression: Compression,
    /// Its length before compression; for a list of groups, that of the list.
    pub raw_bytes: u64,
    /// The shard that it is for, as 32 hexadecimal digits; `None` leaves that to the service.
    pub hash_key: Option<String>,
    /// How many events are in it.
    pub events: u64,
    /// When the oldest of them was read, in Unix seconds.
    pub read_seconds: i64,
    /// What was read to make it, by source.
    pub origins: Vec<Origin>,
}

impl Head {
    /// About how large its groups are before compression, those of a list too.
    pub fn uncompressed_bytes(&self) -> u64 {
        match self.form {
            Form::LogGroup => self.raw_bytes,
            Form::List => self.raw_bytes.max(self.origins.iter().map(|origin| origin.bytes).sum()),
        }
    }
}

/// What was read of one source to make a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The generation of the source.
    pub generation: u64,
    /// The lane of the source: packages with a lane in common are sent one after the other.
    pub lane: u64,
    /// How many bytes of the source its records have.
    pub bytes: u64,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One `LogGroup`.
    LogGroup,
    /// A `SlsLogPackageList`: several log groups with different tags, each compressed on its own.
    List,
}

/// How log groups are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// An LZ4 block.
    Lz4,
    /// A zstd frame.
    Zstd,
    /// None.
    None,
}
