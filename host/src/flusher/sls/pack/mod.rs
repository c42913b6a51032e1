//! Turns batches into packages.
//!
//! ```text
//! Delivery -> packer -> open group (one a lane) -> compressed -> Package, alone or with others in a list
//!               |            ^
//!               +- log_group-+   events, straight from the columns to the bytes that are sent
//! ```
//!
//! What is sent is protobuf, written and read by hand in `wire`:
//!
//! ```text
//! LogGroup: Logs 1*, Topic 3, Source 4, MachineUUID 5, LogTags 6*     LogTag, Content: Key 1, Value 2
//! Log: Time 1 (varint), Contents 2*, Time_ns 4 (fixed32)
//! SlsLogPackageList: packages 1*      SlsLogPackage: data 1, uncompress_size 2, compress_type 3
//! ```

pub mod compress;
mod group;
mod hash_key;
mod list;
pub mod log_group;
pub mod packer;
mod share;
pub mod split;
mod tags;
mod wire;

#[cfg(test)]
mod testing;

/// The most that the service takes in one request, before compression.
pub const MAX_RAW_BYTES: usize = 10 << 20;
