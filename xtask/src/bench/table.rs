//! Prints what was measured, as a table in Markdown.

use super::measure::Measured;

/// A line of the table.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) log_bytes: u64,
    pub(super) measured: Measured,
    /// CPU seconds per GB that are asked for.
    pub(super) goal: Option<f64>,
    /// `cat` and `wc -l` on the same file.
    pub(super) references: [Measured; 2],
}

const TITLES: [&str; 9] =
    ["", "MB/s", "CPU s/GB", "goal", "peak MB", "MB/s : cat", "MB/s : wc -l", "CPU : cat", "CPU : wc -l"];

/// The table, with its columns aligned.
pub(super) fn table(lines: &[Line]) -> String {
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; TITLES.len()] = std::array::from_fn(width);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            // Names to the left, numbers to the right.
            let cell = if cell == &row[0] { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
            text.push_str(&format!("| {cell} "));
        }
        text.push_str("|\n");
        if number == 0 {
            text.push_str(&format!("|---{}|\n", "|---:".repeat(TITLES.len() - 1)));
        }
    }
    text
}

impl Line {
    fn cells(&self) -> [String; TITLES.len()] {
        let (wall, cpu) = (self.measured.wall.as_secs_f64(), self.measured.cpu.as_secs_f64());
        let [cat, wc] = self.references;
        [
            self.name.clone(),
            format!("{:.0}", self.log_bytes as f64 / 1e6 / wall),
            format!("{:.2}", cpu / (self.log_bytes as f64 / 1e9)),
            self.goal.map_or_else(String::new, |goal| format!("{goal:.2}")),
            format!("{:.1}", self.measured.peak_rss_bytes as f64 / 1e6),
            format!("{:.2}", cat.wall.as_secs_f64() / wall),
            format!("{:.2}", wc.wall.as_secs_f64() / wall),
            format!("{:.1}", cpu / cat.cpu.as_secs_f64()),
            format!("{:.1}", cpu / wc.cpu.as_secs_f64()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ratios_are_to_the_references_of_the_same_file() {
        let measured = |wall, cpu| Measured {
            wall: Duration::from_millis(wall),
            cpu: Duration::from_millis(cpu),
            peak_rss_bytes: 2_500_000,
        };
        let line = Line {
            name: "lines".to_owned(),
            log_bytes: 500_000_000,
            measured: measured(1000, 800),
            goal: Some(1.8),
            references: [measured(100, 50), measured(200, 160)],
        };
        let expected = "\
|       | MB/s | CPU s/GB | goal | peak MB | MB/s : cat | MB/s : wc -l | CPU : cat | CPU : wc -l |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
| lines |  500 |     1.60 | 1.80 |     2.5 |       0.10 |         0.20 |      16.0 |         5.0 |
";
        assert_eq!(table(&[line]), expected);
    }
}
