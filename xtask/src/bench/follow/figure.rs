//! Prints what was measured beside what was asked, as a table in Markdown.

use std::time::Duration;

use super::arrivals::Spread;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figure {
    what: String,
    measured: String,
    /// Empty if nobody asked.
    asked: &'static str,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, measured: impl Into<String>, asked: &'static str) -> Self {
        Self { what: what.into(), measured: measured.into(), asked }
    }

    /// How long lines took.
    pub(super) fn of_spread(what: impl Into<String>, spread: &Spread, asked: &'static str) -> Self {
        let [p50, p99, max] = [500, 990, 1000].map(|part| spread.per_mille(part).as_secs_f64() * 1000.0);
        Self::new(what, format!("p50 {p50:.0} ms, p99 {p99:.0} ms, max {max:.0} ms"), asked)
    }

    /// Which part of a core was busy.
    pub(super) fn of_cpu(what: impl Into<String>, cpu: Duration, wall: Duration, asked: &'static str) -> Self {
        Self::new(what, format!("{:.2} %", 100.0 * cpu.as_secs_f64() / wall.as_secs_f64()), asked)
    }
}

/// The table, with its columns aligned.
pub(super) fn table(figures: &[Figure]) -> String {
    let width = |column: fn(&Figure) -> &str| figures.iter().map(|figure| column(figure).chars().count()).max();
    let what = width(|figure| &figure.what).unwrap_or(0);
    let measured = width(|figure| &figure.measured).unwrap_or(0).max("measured".len());
    let asked = width(|figure| figure.asked).unwrap_or(0).max("asked".len());
    let row = |cells: [&str; 3]| format!("| {:<what$} | {:<measured$} | {:<asked$} |\n", cells[0], cells[1], cells[2]);
    let rows = figures.iter().map(|figure| row([&figure.what, &figure.measured, figure.asked]));
    [row(["", "measured", "asked"]), "|---|---|---|\n".to_owned()].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_what_was_asked() {
        let spread = Spread::new([4, 250, 7].map(Duration::from_millis));
        let figures = [
            Figure::of_cpu("idle", Duration::from_millis(150), Duration::from_secs(15), "1 %"),
            Figure::of_spread("lag", &spread, ""),
        ];
        let expected = "\
|      | measured                         | asked |
|---|---|---|
| idle | 1.00 %                           | 1 %   |
| lag  | p50 7 ms, p99 250 ms, max 250 ms |       |
";
        assert_eq!(table(&figures), expected);
    }
}
