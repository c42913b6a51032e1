//! Compares the agent's output with that of the native chain.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// Fails with the first line in which the two files differ.
pub(super) fn ensure_equal(reference: &Path, output: &Path) -> Result<()> {
    let open = |path: &Path| File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let (mut expected, mut got) = (BufReader::new(open(reference)?), BufReader::new(open(output)?));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for number in 1_u64.. {
        left.clear();
        right.clear();
        expected.read_until(b'\n', &mut left).context("cannot read the native chain's output")?;
        got.read_until(b'\n', &mut right).context("cannot read the agent's output")?;
        let [left, right] = [&left, &right].map(|line| String::from_utf8_lossy(line));
        ensure!(left == right, "line {number} differs\nnative: {left}agent:  {right}");
        if left.is_empty() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_difference_is_shown_by_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let [left, right] = ["left", "right"].map(|name| directory.path().join(name));
        let check = |ours: &str, theirs: &str, line: Option<&str>| {
            fs::write(&left, ours).unwrap();
            fs::write(&right, theirs).unwrap();
            let found = ensure_equal(&left, &right).err().map(|error| error.to_string());
            assert_eq!(found.as_deref().map(|text| text.split(" differs").next().unwrap()), line);
        };
        check("a\nb\n", "a\nb\n", None);
        check("a\nb\n", "a\nc\n", Some("line 2"));
        check("a\n", "a\nb\n", Some("line 2"));
        check("a", "a\n", Some("line 1"));
    }
}
