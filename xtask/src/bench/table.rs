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
    /// What was done with the same file.
    pub(super) references: References,
}

/// What rows are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct References {
    pub(super) cat: Measured,
    pub(super) wc: Measured,
    /// The program `lz4`, if a row compresses and it is installed.
    pub(super) lz4: Option<Measured>,
}

impl References {
    /// The best of two runs.
    pub(super) fn best(self, other: Self) -> Self {
        let lz4 = self.lz4.zip(other.lz4).map(|(one, two)| one.best(two));
        Self { cat: self.cat.best(other.cat), wc: self.wc.best(other.wc), lz4 }
    }
}

const TITLES: [&str; 11] = [
    "",
    "MB/s",
    "CPU s/GB",
    "goal",
    "peak MB",
    "MB/s : cat",
    "MB/s : wc -l",
    "MB/s : lz4",
    "CPU : cat",
    "CPU : wc -l",
    "CPU : lz4",
];

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
        let References { cat, wc, lz4 } = self.references;
        let by_lz4 = |ratio: &dyn Fn(Measured) -> String| lz4.map_or_else(String::new, ratio);
        [
            self.name.clone(),
            format!("{:.0}", self.log_bytes as f64 / 1e6 / wall),
            format!("{:.2}", cpu / (self.log_bytes as f64 / 1e9)),
            self.goal.map_or_else(String::new, |goal| format!("{goal:.2}")),
            format!("{:.1}", self.measured.peak_rss_bytes as f64 / 1e6),
            format!("{:.2}", cat.wall.as_secs_f64() / wall),
            format!("{:.2}", wc.wall.as_secs_f64() / wall),
            by_lz4(&|lz4| format!("{:.2}", lz4.wall.as_secs_f64() / wall)),
            format!("{:.1}", cpu / cat.cpu.as_secs_f64()),
            format!("{:.1}", cpu / wc.cpu.as_secs_f64()),
            by_lz4(&|lz4| format!("{:.1}", cpu / lz4.cpu.as_secs_f64())),
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
        let line = |name: &str, lz4| Line {
            name: name.to_owned(),
            log_bytes: 500_000_000,
            measured: measured(1000, 800),
            goal: Some(1.8),
            references: References { cat: measured(100, 50), wc: measured(200, 160), lz4 },
        };
        let expected = "\
|       | MB/s | CPU s/GB | goal | peak MB | MB/s : cat | MB/s : wc -l | MB/s : lz4 | CPU : cat | CPU : wc -l | CPU : lz4 |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| lines |  500 |     1.60 | 1.80 |     2.5 |       0.10 |         0.20 |            |      16.0 |         5.0 |           |
| sls   |  500 |     1.60 | 1.80 |     2.5 |       0.10 |         0.20 |       0.50 |      16.0 |         5.0 |       2.0 |
";
        assert_eq!(table(&[line("lines", None), line("sls", Some(measured(500, 400)))]), expected);
    }
}
