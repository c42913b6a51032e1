//! Takes everything that a file has as one record, in pieces if it is long. Pure: no clock and no I/O.

use std::path::Path;

use memchr::memrchr;

use crate::input::records::frame::{Record, cut};

/// The fields by which the pieces of one record are known: which record it is, the number of the piece, counted from 0, and
/// how many there are.
pub(super) const PIECE_FIELDS: [&str; 3] = ["__whole_file_id__", "__whole_file_seq__", "__whole_file_total__"];

/// Appends the pieces of one record to `records`, each up to `limit_bytes` long. A piece ends behind a line end if it has one,
/// and else between two characters, so that the pieces make the record when they are put together. The last line end of all
/// is left out.
pub(super) fn pieces(bytes: &[u8], limit_bytes: usize, records: &mut Vec<Record>) {
    if bytes.is_empty() {
        return;
    }
    let end = bytes.strip_suffix(b"\n").unwrap_or(bytes).len();
    let mut start = 0;
    while end - start > limit_bytes {
        let line_end = memrchr(b'\n', &bytes[start..start + limit_bytes]);
        let length = line_end.map_or_else(|| cut(&bytes[start..], limit_bytes), |line_end| line_end + 1);
        records.push(Record { start, end: start + length });
        start += length;
    }
    records.push(Record { start, end });
}

/// What tells the pieces of one record from those of another one.
pub(super) fn id(path: &Path, modified_ns: i64, inode: Option<u64>) -> String {
    let inode = inode.map_or_else(String::new, |inode| inode.to_string());
    format!("{}_{modified_ns}_{inode}", path.display())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::sync::Arc;

    use super::*;
    use crate::event::{EventBatch, FileId, Loss, Offset, Source};
    use crate::input::records::chunk::{Chunker, Encoding, EventSpec, MAX_RECORD_BYTES, Notice};
    use crate::input::records::frame::Framing;

    fn chunker(max_bytes: u64, encoding: Encoding) -> Chunker {
        let source = Source::new("/var/log/a.xml".into(), Some(FileId { device: 1, inode: 7 }));
        let framing = Framing::WholeFile { max_bytes };
        Chunker::of(Arc::new(source), &EventSpec { framing, encoding, ..EventSpec::default() })
    }

    /// Reads all of `bytes` as what was written at 5 ns.
    fn read(chunker: &mut Chunker, bytes: &[u8]) -> Option<EventBatch> {
        let mut reader = bytes;
        let (came, batch) = chunker.read_whole(&mut reader, bytes.len() as u64, 5).expect("a slice can be read");
        assert_eq!(came, bytes.len());
        batch
    }

    /// The fields of each event, with their names.
    fn events(batch: &EventBatch) -> Vec<Vec<(String, String)>> {
        let text = |span: &[u32]| String::from_utf8_lossy(batch.slice(span[0], span[1])).into_owned();
        let names: Vec<String> = batch.names.chunks_exact(2).map(text).collect();
        let fields = batch.keys.iter().zip(batch.values.chunks_exact(2));
        let mut fields = fields.map(|(key, value)| (names[*key as usize].clone(), text(value)));
        batch.field_counts.iter().map(|count| fields.by_ref().take(*count as usize).collect()).collect()
    }

    #[test]
    fn what_comes_together_is_one_event() {
        let mut chunker = chunker(100, Encoding::Utf8);
        for text in ["<a>\n</a>\n", "<b>\n\n</b>"] {
            let batch = read(&mut chunker, text.as_bytes()).expect("a record");
            assert_eq!(events(&batch), [[("content".to_owned(), text.trim_end().to_owned())]]);
            batch.settle();
        }
        let progress = &chunker.source().progress;
        assert_eq!((progress.committed().offset, progress.ledger().acknowledged), (Offset(18), 18));
        assert!(read(&mut chunker, b"").is_none());
        let batch = read(&mut self::chunker(100, Encoding::Gbk), b"\xd6\xd0\n\xd6\xd0\n").expect("a record");
        assert_eq!(events(&batch), [[("content".to_owned(), "\u{4e2d}\n\u{4e2d}".to_owned())]]);
    }

    #[test]
    fn the_pieces_of_a_long_record_say_what_they_are_pieces_of() {
        let line = format!("{}\n", "x".repeat(1023));
        let text = line.repeat(MAX_RECORD_BYTES / 1024 + 3);
        let batch = read(&mut chunker(1 << 30, Encoding::Utf8), text.as_bytes()).expect("a record");
        let expected = [&text[..MAX_RECORD_BYTES], &text[MAX_RECORD_BYTES..text.len() - 1]].into_iter().enumerate();
        let expected: Vec<Vec<(String, String)>> = expected
            .map(|(piece, content)| {
                let number = piece.to_string();
                let fields = [
                    ("content", content),
                    ("__whole_file_id__", "/var/log/a.xml_5_7"),
                    ("__whole_file_seq__", &number),
                    ("__whole_file_total__", "2"),
                ];
                fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
            })
            .collect();
        assert!(events(&batch) == expected, "{} events", batch.len());
        assert_eq!(batch.offset(1), Offset(MAX_RECORD_BYTES as u64));
        assert_eq!((batch.provenance.start, batch.provenance.end), (Offset(0), Offset(text.len() as u64)));
    }

    #[test]
    fn a_file_that_is_too_large_is_skipped_and_counted() {
        let mut chunker = chunker(10, Encoding::Utf8);
        read(&mut chunker, b"123456789\n").expect("a record").settle();
        assert!(read(&mut chunker, b"more\n").is_none());
        assert_eq!(chunker.chunk_bytes(1), 0);
        let progress = &chunker.source().progress;
        assert_eq!((progress.committed().offset, progress.read_to()), (Offset(15), chunker.read_to()));
        let ledger = progress.ledger();
        assert_eq!((ledger.acknowledged, ledger.lost[Loss::Oversize as usize]), (10, 5));
        let mut notices = Vec::new();
        chunker.take_notices(&mut notices);
        let expected = Notice::Oversize { len: Offset(15), skipped_bytes: 5 };
        assert_eq!(notices, [("/var/log/a.xml".into(), expected)]);
    }

    #[test]
    fn what_cannot_be_read_is_read_again() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::Other.into())
            }
        }
        let mut chunker = chunker(100, Encoding::Utf8);
        let mut half = b"hal".chain(Broken);
        chunker.read_whole(&mut half, 5, 5).expect_err("it is broken");
        assert_eq!((chunker.read_to(), chunker.waiting()), (Offset(0), &b""[..]));
        let batch = read(&mut chunker, b"half\n").expect("a record");
        assert_eq!(events(&batch), [[("content".to_owned(), "half".to_owned())]]);
    }

    #[test]
    fn pieces_end_behind_lines_and_make_the_record_when_put_together() {
        fn check(text: &str, expected: &[&str]) {
            let mut records = Vec::new();
            pieces(text.as_bytes(), 5, &mut records);
            let found: Vec<&str> = records.iter().map(|record| &text[record.start..record.end]).collect();
            assert_eq!(found, expected, "{text:?}");
            let whole = text.strip_suffix('\n').unwrap_or(text);
            assert_eq!(found.concat(), whole);
        }
        check("", &[]);
        check("\n", &[""]);
        check("a\nb", &["a\nb"]);
        check("ab\ncd\n", &["ab\ncd"]);
        check("ab\ncde\n", &["ab\n", "cde"]);
        check("ab\n\ncdef\n\n", &["ab\n\n", "cdef\n"]);
        check("abcdefg\nh\n", &["abcde", "fg\nh"]);
        check("abcd\u{e9}f", &["abcd", "\u{e9}f"]);
        check("\n\n\n\n\n\n\n", &["\n\n\n\n\n", "\n"]);
    }
}
