//! Tells from its name whether a file may be an earlier part of another one. Pure.

/// Whether `name` is what tools that rotate make of `base`.
pub fn is_rotated_name(base: &[u8], name: &[u8]) -> bool {
    bases(name).iter().any(|found| found == base)
}

/// The names of which `name` may have been made by a tool that rotates: it puts a number, a date or a time behind a name, or
/// before one of its extensions.
///
/// `app.log` becomes `app.log.1`, `app.log-20251120`, `app.log.2025-11-20T13:00`, `app-20251120.log`, `app.1.log`; once
/// more with an extension for compressed files.
pub fn bases(name: &[u8]) -> Vec<Vec<u8>> {
    let name = COMPRESSED.iter().find_map(|extension| name.strip_suffix(*extension)).unwrap_or(name);
    let starts = (1..name.len()).filter(|at| b".-_~".contains(&name[*at]));
    let ends = || (1..=name.len()).filter(|at| name.get(*at).is_none_or(|byte| *byte == b'.'));
    let inserted = starts.flat_map(|start| ends().filter(move |end| *end > start).map(move |end| (start, end)));
    let inserted = inserted.filter(|(start, end)| is_number_or_date(&name[*start..*end]));
    inserted.map(|(start, end)| [&name[..start], &name[end..]].concat()).collect()
}

/// The part of a name that stays when a number, a date or a time is put behind it: `app.log` of `app.log.1`. Unlike [`bases`],
/// it is one name, whatever files there are; a number before an extension, or behind a name without one, belongs to the name.
pub fn stem(name: &[u8]) -> &[u8] {
    let stems = bases(name).into_iter().filter(|base| name.starts_with(base) && base.contains(&b'.'));
    stems.map(|base| base.len()).min().map_or(name, |len| &name[..len])
}

/// Sorts the names that rotation made of `base`, the oldest file first: that with the highest number, or the earliest date.
pub fn age_rank(base: &[u8], name: &[u8]) -> i128 {
    let common = base.iter().zip(name).take_while(|(base, name)| base == name).count();
    let digits = name[common..].iter().filter(|byte| byte.is_ascii_digit()).take(MAX_DATE_DIGITS);
    let (count, value) =
        digits.fold((0, 0), |(count, value), digit| (count + 1, value * 10 + i128::from(digit - b'0')));
    if count < MIN_DATE_DIGITS { -value } else { value }
}

/// Whether the name says that the file is compressed: its bytes are no lines.
pub fn is_compressed_name(name: &[u8]) -> bool {
    COMPRESSED.iter().any(|extension| name.ends_with(extension))
}

fn is_number_or_date(text: &[u8]) -> bool {
    if WORDS.contains(&text) {
        return true;
    }
    text.iter().any(u8::is_ascii_digit)
        && text.iter().all(|byte| byte.is_ascii_digit() || b".-_:T+Z".contains(byte))
        && text.first().is_some_and(|first| b".-_".contains(first))
}

/// `251120` is a date, `12345` is a number.
const MIN_DATE_DIGITS: usize = 6;

/// A date, a time to the nanosecond and a zone.
const MAX_DATE_DIGITS: usize = 30;

/// What some tools use for the first copy.
const WORDS: &[&[u8]] = &[b".old", b".bak", b".prev", b"~", b".copy", b".tmp"];

const COMPRESSED: &[&[u8]] = &[b".gz", b".bz2", b".xz", b".zst", b".lz4", b".Z", b".zip"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_behind_a_name_is_no_part_of_its_stem() {
        let check = |name: &str, expected: &str| assert_eq!(stem(name.as_bytes()), expected.as_bytes(), "{name}");
        check("app.log", "app.log");
        check("app.log.1", "app.log");
        check("app.log.12.gz", "app.log");
        check("app.log-20251120", "app.log");
        check("app.log.2025-11-20T13:00", "app.log");
        check("app-1.log", "app-1.log");
        check("worker-7", "worker-7");
    }

    #[test]
    fn a_higher_number_and_an_earlier_date_are_older() {
        let check = |older: &str, newer: &str| {
            assert!(age_rank(b"app.log", older.as_bytes()) < age_rank(b"app.log", newer.as_bytes()), "{older} {newer}");
        };
        check("app.log.2", "app.log.1");
        check("app.log.10", "app.log.9");
        check("app.2.log", "app.1.log");
        check("app.log-20251120", "app.log-20251121");
        check("app.log.2025-11-20T13:00", "app.log.2025-11-20T14:00");
        check("app.log-20251120-1", "app.log-20251120-2");
    }

    #[test]
    fn names_that_rotation_makes() {
        let check = |base: &str, name: &str, expected: bool| {
            assert_eq!(is_rotated_name(base.as_bytes(), name.as_bytes()), expected, "{base} {name}");
        };
        for name in [
            "app.log.1",
            "app.log.10",
            "app.log-20251120",
            "app.log.2025-11-20T13:00",
            "app-20251120.log",
            "app.1.log",
            "app.log.1.gz",
            "app.log.old",
        ] {
            check("app.log", name, true);
        }
        for name in ["app.log", "app.logs", "app.log.error", "application.log", "app2.log", "b.log.1", "app-web.log"] {
            check("app.log", name, false);
        }
        check("app", "app.1", true);
        check("app", "app-web", false);
        assert!(is_compressed_name(b"app.log.1.gz") && !is_compressed_name(b"app.log.1"));
    }
}
