//! Where every byte is, as a table.

use crate::cli::table::table;
use crate::runtime::status::{LedgerStatus, PipelineStatus, Status};
use crate::telemetry::one_line;

/// A row for each file and one for each pipeline, then whether the sums are right. Columns in which nothing is are left out,
/// but for a few.
pub(super) fn ledger(status: &Status) -> String {
    let sums: Vec<&LedgerStatus> = status.pipelines.iter().map(|pipeline| &pipeline.ledger).collect();
    let is_shown = |name: &str| {
        let bytes =
            sums.iter().flat_map(|sum| columns(sum)).filter(|(column, _)| column == name).map(|(_, bytes)| bytes);
        ALWAYS.contains(&name) || bytes.sum::<u64>() > 0
    };
    let names = columns(sums.first().unwrap_or(&&LedgerStatus::default())).into_iter().map(|(name, _)| name);
    let shown: Vec<String> = names.filter(|name| is_shown(name)).collect();
    let numbers = shown.iter().map(|name| format!(" {name}"));
    let header: Vec<String> =
        ["pipeline".to_owned()].into_iter().chain(numbers).chain([" balance".to_owned(), "path".to_owned()]).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = status.pipelines.iter().flat_map(|pipeline| rows(pipeline, &shown)).collect();
    table(&header, &rows) + &verdict(&sums)
}

fn rows(pipeline: &PipelineStatus, shown: &[String]) -> Vec<Vec<String>> {
    let row = |ledger: &LedgerStatus, path: String| {
        let numbers = columns(ledger).into_iter().filter(|(name, _)| shown.contains(name));
        let numbers = numbers.map(|(_, bytes)| bytes.to_string()).chain([ledger.balance.to_string()]);
        [one_line(&pipeline.name)].into_iter().chain(numbers).chain([path]).collect()
    };
    let files = pipeline.files.iter().map(|file| row(&file.ledger, one_line(&file.path)));
    files.chain([row(&pipeline.ledger, format!("total of {} files", pipeline.files.len()))]).collect()
}

fn columns(ledger: &LedgerStatus) -> Vec<(String, u64)> {
    let parts = ledger.parts().into_iter().map(|(name, bytes)| (name.replace('_', " "), bytes));
    [("written".to_owned(), ledger.written)]
        .into_iter()
        .chain(parts)
        .chain([("of it estimated".to_owned(), ledger.estimated)])
        .collect()
}

fn verdict(sums: &[&LedgerStatus]) -> String {
    if sums.iter().all(|sum| sum.balance == 0) {
        return "\nevery byte that was written is in one column\n".to_owned();
    }
    "\nthe balance should be 0: bytes are missing or count twice, which is a bug of loglift\n".to_owned()
}

/// Columns that are shown even if nothing is in them.
const ALWAYS: &[&str] = &["written", "acknowledged", "in flight", "unread"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Entry;
    use crate::checkpoint::testing::entry;
    use crate::event::{Ledger, Loss, Offset};

    #[test]
    fn the_columns_are_those_with_something_in_them() {
        let mut lost = Ledger { acknowledged: 60, estimated: 40, ..Ledger::default() };
        lost.lose(Loss::SkippedTail, 40);
        let large = Entry { len: Offset(100), ledger: lost, ..entry(2, 100) };
        let expected = "\
pipeline  written  acknowledged  in flight  unread  skipped tail  of it estimated  balance  path
web            60            10          0      50             0                0        0  /var/log/1.log
web           100            60          0       0            40               40        0  /var/log/2.log
web           160            70          0      50            40               40        0  total of 2 files

every byte that was written is in one column
";
        assert_eq!(ledger(&Status::of_checkpoints(&[entry(1, 10), large.clone()])), expected);

        let wrong = Entry { ledger: Ledger::default(), ..large };
        assert!(ledger(&Status::of_checkpoints(&[wrong])).contains("which is a bug"));
    }

    #[test]
    fn without_a_file_there_is_nothing_to_say() {
        assert!(ledger(&Status::default()).starts_with("pipeline  written  acknowledged  in flight  unread"));
    }
}
