//! Text in columns.

/// Rows under a header as lines, in columns as wide as they need to be. Columns whose header begins with a space are
/// aligned to the right. The last column is as long as it likes.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let is_right = |column: usize| header[column].starts_with(' ');
    let header_row: Vec<String> = header.iter().map(|name| name.trim_start().to_owned()).collect();
    let all = || std::iter::once(&header_row).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if is_right(column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Seconds in the largest unit that is not zero.
pub(super) fn age(seconds: i64) -> String {
    let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60)];
    let unit = units.iter().find(|(_, length)| seconds >= *length);
    unit.map_or_else(|| format!("{}s", seconds.max(0)), |(name, length)| format!("{}{name}", seconds / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_one_unit() {
        let ages = [-5, 0, 59, 60, 3599, 3600, 86_399, 86_400 * 40].map(age);
        assert_eq!(ages, ["0s", "0s", "59s", "1m", "59m", "1h", "23h", "40d"]);
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = [["a.log", "7", "x"], ["日志", "1234", "long path"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        let expected = "name   bytes  path\na.log      7  x\n日志      1234  long path\n";
        assert_eq!(table(&["name", " bytes", "path"], &rows), expected);
        assert_eq!(table(&["name", "path"], &[]), "name  path\n");
    }
}
