//! Compresses log groups, and undoes it.

use std::io::{self, Read};

use bytes::Bytes;
use lz4_flex::block::{self, CompressTable};

use crate::flusher::sls::package::Compression;

/// Compresses one group after the other, with buffers that it keeps.
pub struct Compressor {
    kind: Compression,
    buffer: Vec<u8>,
    lz4: CompressTable,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    /// A compressor of one kind.
    pub fn new(kind: Compression) -> Self {
        Self { kind, buffer: Vec::new(), lz4: CompressTable::large(), zstd: None }
    }

    /// Compresses a group, and says how: what cannot be compressed, for want of memory, stays as it is.
    pub fn compress(&mut self, raw: &[u8]) -> (Compression, Bytes) {
        let length = match self.kind {
            Compression::Lz4 => self.compress_lz4(raw),
            Compression::Zstd => self.compress_zstd(raw).ok(),
            Compression::None => None,
        };
        let Some(length) = length else { return (Compression::None, Bytes::copy_from_slice(raw)) };
        let compressed = Bytes::copy_from_slice(&self.buffer[..length]);
        if self.buffer.capacity() > KEPT_BUFFER_BYTES {
            self.buffer = Vec::new();
        }
        (self.kind, compressed)
    }

    fn compress_lz4(&mut self, raw: &[u8]) -> Option<usize> {
        let most = block::get_maximum_output_size(raw.len());
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
        block::compress_into_with_table(raw, &mut self.buffer, &mut self.lz4).ok()
    }

    fn compress_zstd(&mut self, raw: &[u8]) -> io::Result<usize> {
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        zstd.compress_to_buffer(raw, &mut self.buffer)
    }
}

/// Undoes a compression. `None` for bytes that are not what they should be, or not as long.
pub(super) fn decompress(compression: Compression, bytes: &Bytes, raw_bytes: usize) -> Option<Bytes> {
    let raw = match compression {
        Compression::None => bytes.clone(),
        Compression::Lz4 => block::decompress(bytes, raw_bytes).ok()?.into(),
        Compression::Zstd => decompress_zstd(bytes, raw_bytes).ok()?.into(),
    };
    (raw.len() == raw_bytes).then_some(raw)
}

/// Reads one byte more than there should be, so that a wrong length shows.
fn decompress_zstd(bytes: &[u8], raw_bytes: usize) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    zstd::stream::read::Decoder::with_buffer(bytes)?.take(raw_bytes as u64 + 1).read_to_end(&mut raw)?;
    Ok(raw)
}

/// What LoongCollector and the SDKs use.
const ZSTD_LEVEL: i32 = 1;

/// A buffer for a group that was much larger than most is given back.
const KEPT_BUFFER_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::super::testing::{G1, G2, LZ4_G2, bytes};
    use super::*;

    #[test]
    fn blocks_are_those_of_the_specification() {
        let (kind, compressed) = Compressor::new(Compression::Lz4).compress(&bytes(G1));
        assert_eq!((kind, &compressed[..]), (Compression::Lz4, &bytes(&format!("f00b{G1}"))[..]));
        let g2 = decompress(Compression::Lz4, &bytes(LZ4_G2).into(), 173);
        assert_eq!(g2.unwrap(), bytes(G2));
    }

    #[test]
    fn every_compression_is_undone_and_wrong_lengths_show() {
        let compressible = b"abcabcabcabcabcabcabc".repeat(1000);
        let noise: Vec<u8> = (0_u64..50_000).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 31) as u8).collect();
        for kind in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let mut compressor = Compressor::new(kind);
            // The small one after the large one sees buffers that are not clean.
            for raw in [&noise[..], &compressible, b"", b"x"] {
                let (given, compressed) = compressor.compress(raw);
                assert_eq!(given, kind);
                assert!(kind == Compression::None || raw.len() < 100 || compressed.len() <= raw.len() + 300);
                assert_eq!(decompress(kind, &compressed, raw.len()).unwrap(), raw, "{kind:?}");
                assert_eq!(decompress(kind, &compressed, raw.len() + 1), None);
                assert!(raw.is_empty() || decompress(kind, &compressed, raw.len() - 1).is_none());
            }
        }
    }
}
