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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = [["a.log", "7", "x"], ["日志", "1234", "long path"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        let expected = "name   bytes  path\na.log      7  x\n日志      1234  long path\n";
        assert_eq!(table(&["name", " bytes", "path"], &rows), expected);
        assert_eq!(table(&["name", "path"], &[]), "name  path\n");
    }
}
