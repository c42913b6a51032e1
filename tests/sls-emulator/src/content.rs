//! The body of a write: from what was sent to checked log groups.

use std::io::Read as _;

use crate::refusal::Refusal;
use crate::request::Request;
use crate::wire::{LogGroup, Malformed, Package, read_packages};

/// The most that a request may carry before compression; the service names this number when it refuses.
pub(crate) const RAW_LIMIT_BYTES: usize = 10 * 1024 * 1024;

const LAST_NANOSECOND: u32 = 999_999_999;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// As they are.
    None,
    /// zlib.
    Deflate,
    /// One raw block, without a frame.
    Lz4,
    /// A standard frame.
    Zstd,
}

/// The groups of a write, uncompressed and still encoded; one, unless the request is a package list.
///
/// # Errors
/// As the service: a size that is missing or wrong, an unknown compression, bytes that cannot be decompressed.
pub(crate) fn unpack(request: &Request) -> Result<Vec<Vec<u8>>, Refusal> {
    let raw_size = raw_size(request)?;
    let compression = compression(request)?;
    if request.headers.first("x-log-mode") == Some("batch_group") {
        check_size(request.body.len(), raw_size)?;
        let packages = read_packages(&request.body)?;
        let sum =
            packages.iter().fold(0_usize, |sum, package| sum.saturating_add(package.raw_size.unwrap_or_default()));
        if sum > RAW_LIMIT_BYTES {
            return Err(Refusal::too_large(sum, RAW_LIMIT_BYTES));
        }
        return packages.iter().map(unpack_one).collect();
    }
    if compression == Compression::None {
        check_size(request.body.len(), raw_size)?;
    }
    Ok(vec![decompress(compression, &request.body, raw_size)?])
}

/// Reads a group and refuses times that cannot be.
///
/// # Errors
/// As the service: `PostBodyInvalid` or `InvalidTimestamp`.
pub(crate) fn read(bytes: &[u8]) -> Result<LogGroup<'_>, Refusal> {
    let group = LogGroup::read(bytes)?;
    let sound = group.logs.iter().all(|log| log.time_ns.is_none_or(|ns| ns <= LAST_NANOSECOND));
    if sound { Ok(group) } else { Err(Refusal::timestamps()) }
}

/// Compresses an answer.
pub(crate) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Deflate => miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6),
        Compression::Lz4 => lz4_flex::block::compress(bytes),
        Compression::Zstd => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
    }
}

impl Compression {
    /// Its name in headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Deflate => "deflate",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The best of what a client accepts. Deflate is left out: HTTP libraries offer it unasked and would undo it.
    pub(crate) fn accepted(offer: &str) -> Self {
        let offers = |name| offer.split(',').any(|one| one.trim().eq_ignore_ascii_case(name));
        [Self::Zstd, Self::Lz4].into_iter().find(|one| offers(one.name())).unwrap_or(Self::None)
    }
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::not_a_log_group()
    }
}

fn raw_size(request: &Request) -> Result<usize, Refusal> {
    const NAME: &str = "x-log-bodyrawsize";
    let text = request.headers.first(NAME).ok_or_else(|| Refusal::missing_header(NAME))?;
    let size = text.parse().map_err(|_| Refusal::invalid_header(NAME, text))?;
    if size > RAW_LIMIT_BYTES { Err(Refusal::too_large(size, RAW_LIMIT_BYTES)) } else { Ok(size) }
}

fn compression(request: &Request) -> Result<Compression, Refusal> {
    const NAME: &str = "x-log-compresstype";
    match request.headers.first(NAME) {
        None | Some("") => Ok(Compression::None),
        Some("deflate") => Ok(Compression::Deflate),
        Some("lz4") => Ok(Compression::Lz4),
        Some("zstd") => Ok(Compression::Zstd),
        Some(other) => Err(Refusal::invalid_header(NAME, other)),
    }
}

fn check_size(size: usize, claimed: usize) -> Result<(), Refusal> {
    if size == claimed { Ok(()) } else { Err(Refusal::invalid_header("x-log-bodyrawsize", &claimed.to_string())) }
}

fn unpack_one(package: &Package<'_>) -> Result<Vec<u8>, Refusal> {
    let compression = match package.compression {
        0 => Compression::None,
        1 => Compression::Deflate,
        2 => Compression::Lz4,
        3 => Compression::Zstd,
        _ => return Err(Refusal::not_a_log_group()),
    };
    let size = package.raw_size.ok_or_else(Refusal::not_decompressed)?;
    decompress(compression, package.data, size)
}

fn decompress(compression: Compression, bytes: &[u8], raw_size: usize) -> Result<Vec<u8>, Refusal> {
    let raw = match compression {
        Compression::None => Some(bytes.to_vec()),
        Compression::Deflate => miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, raw_size).ok(),
        Compression::Lz4 => lz4_flex::block::decompress(bytes, raw_size).ok(),
        Compression::Zstd => decompress_zstd(bytes, raw_size),
    };
    raw.filter(|raw| raw.len() == raw_size).ok_or_else(Refusal::not_decompressed)
}

/// Reads one byte more than the size that was claimed, so that a wrong claim shows.
fn decompress_zstd(bytes: &[u8], raw_size: usize) -> Option<Vec<u8>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).ok()?;
    let mut raw = Vec::with_capacity(raw_size);
    decoder.take(raw_size as u64 + 1).read_to_end(&mut raw).ok()?;
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::vectors::{G1, G2, LB, LZ4_G2, PACKAGES, bytes, post};

    /// G1 in a zstd frame with one raw block, laid out by hand.
    fn zstd_g1() -> Vec<u8> {
        bytes(&format!("28b52ffd201ad10000{G1}"))
    }

    /// G1 in zlib with one stored block, laid out by hand.
    fn zlib_g1() -> Vec<u8> {
        let g1 = bytes(G1);
        let (a, b) = g1.iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65_521;
            (a, (a + b) % 65_521)
        });
        [&bytes("7801011a00e5ff")[..], &g1, &(b << 16 | a).to_be_bytes()].concat()
    }

    fn check(body: Vec<u8>, headers: &[(&str, &str)], expected: Result<&[&str], &str>) {
        let unpacked = unpack(&post(LB, body, headers)).map_err(|refusal| refusal.code);
        let expected = expected.map(|groups| groups.iter().map(|hex| bytes(hex)).collect::<Vec<_>>());
        assert_eq!(unpacked, expected.map_err(str::to_owned), "{headers:?}");
    }

    #[test]
    fn every_compression_is_undone() {
        let size = |size: &'static str| ("x-log-bodyrawsize", size);
        let kind = |name: &'static str| ("x-log-compresstype", name);
        check(bytes(G1), &[size("26")], Ok(&[G1]));
        check(bytes(G1), &[size("26"), kind("")], Ok(&[G1]));
        check(bytes(LZ4_G2), &[size("173"), kind("lz4")], Ok(&[G2]));
        check(zstd_g1(), &[size("26"), kind("zstd")], Ok(&[G1]));
        check(zlib_g1(), &[size("26"), kind("deflate")], Ok(&[G1]));
        check(bytes(PACKAGES), &[size("214"), kind("lz4"), ("x-log-mode", "batch_group")], Ok(&[G1, G2]));
    }

    #[test]
    fn wrong_sizes_and_compressions_are_refused() {
        let size = |size: &'static str| ("x-log-bodyrawsize", size);
        let kind = |name: &'static str| ("x-log-compresstype", name);
        check(bytes(G1), &[], Err("MissingParameter"));
        check(bytes(G1), &[size("many")], Err("ParameterInvalid"));
        check(bytes(G1), &[size("25")], Err("ParameterInvalid"));
        check(bytes(G1), &[size("26"), kind("brotli")], Err("ParameterInvalid"));
        check(bytes(G1), &[size("10485761")], Err("PostBodyTooLarge"));
        check(bytes(LZ4_G2), &[size("172"), kind("lz4")], Err("PostBodyUncompressError"));
        check(bytes(LZ4_G2), &[size("174"), kind("lz4")], Err("PostBodyUncompressError"));
        check(zstd_g1(), &[size("25"), kind("zstd")], Err("PostBodyUncompressError"));
        check(zstd_g1(), &[size("27"), kind("zstd")], Err("PostBodyUncompressError"));
        check(zlib_g1(), &[size("25"), kind("deflate")], Err("PostBodyUncompressError"));
        check(bytes(G1), &[size("26"), kind("lz4")], Err("PostBodyUncompressError"));
        check(bytes(G1), &[size("26"), kind("zstd")], Err("PostBodyUncompressError"));
        check(bytes(PACKAGES), &[size("213"), ("x-log-mode", "batch_group")], Err("ParameterInvalid"));
        check(bytes(G2), &[size("173"), ("x-log-mode", "batch_group")], Err("PostBodyInvalid"));
        // Two packages of nearly 8 MiB each, as they say.
        let bombs = bytes(&"0a0510ffffff03".repeat(2));
        check(bombs, &[size("14"), ("x-log-mode", "batch_group")], Err("PostBodyTooLarge"));
    }

    #[test]
    fn answers_can_be_read_back() {
        let text = b"abcabcabcabcabcabcabc".repeat(100);
        for kind in [Compression::None, Compression::Deflate, Compression::Lz4, Compression::Zstd] {
            assert_eq!(decompress(kind, &compress(kind, &text), text.len()).unwrap(), text, "{kind:?}");
        }
        for (offer, expected) in [
            ("", Compression::None),
            ("lz4", Compression::Lz4),
            ("gzip, deflate", Compression::None),
            ("zstd, lz4", Compression::Zstd),
        ] {
            assert_eq!(Compression::accepted(offer), expected, "{offer}");
        }
    }

    #[test]
    fn a_second_has_a_thousand_million_parts() {
        let log = |ns: u32| [&bytes("0a07080125")[..], &ns.to_le_bytes()].concat();
        assert!(read(&log(999_999_999)).is_ok());
        assert_eq!(read(&log(1_000_000_000)).unwrap_err().code, "InvalidTimestamp");
    }
}
