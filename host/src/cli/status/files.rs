//! How far each file has come, as a table.

use std::cmp::Reverse;

use crate::cli::table::table;
use crate::runtime::status::{FileStatus, PipelineStatus, Status};
use crate::telemetry::one_line;

/// A row for each file, those that are furthest behind first, then one for each pipeline.
pub(super) fn files(status: &Status) -> String {
    let all = status.pipelines.iter().flat_map(|pipeline| pipeline.files.iter().map(move |file| (pipeline, file)));
    let mut all: Vec<(&PipelineStatus, &FileStatus)> = all.collect();
    all.sort_by_key(|(pipeline, file)| (Reverse(file.lag_bytes), Reverse(millis(file)), &pipeline.name, &file.path));
    let mut rows: Vec<Vec<String>> = all.iter().map(|(pipeline, file)| row(&pipeline.name, file)).collect();
    rows.extend(status.pipelines.iter().map(total));
    table(&["pipeline", "state", " offset", " size", " lag", " seconds", "path"], &rows)
}

fn row(pipeline: &str, file: &FileStatus) -> Vec<String> {
    let mut path = one_line(&file.path);
    if file.real_path != file.path {
        path = format!("{path} (now {})", one_line(&file.real_path));
    }
    vec![
        one_line(pipeline),
        file.phase.clone(),
        file.acknowledged_offset.to_string(),
        file.length.to_string(),
        file.lag_bytes.to_string(),
        seconds(file.lag_seconds),
        path,
    ]
}

fn total(pipeline: &PipelineStatus) -> Vec<String> {
    let sum = |of: fn(&FileStatus) -> u64| pipeline.files.iter().map(of).sum::<u64>().to_string();
    let longest = pipeline.files.iter().max_by_key(|file| millis(file)).and_then(|file| file.lag_seconds);
    vec![
        one_line(&pipeline.name),
        "total".to_owned(),
        sum(|file| file.acknowledged_offset),
        sum(|file| file.length),
        sum(|file| file.lag_bytes),
        seconds(longest),
        format!("{} files", pipeline.files.len()),
    ]
}

fn millis(file: &FileStatus) -> u64 {
    (file.lag_seconds.unwrap_or(0.0) * 1000.0) as u64
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Entry;
    use crate::checkpoint::testing::entry;
    use crate::event::Offset;

    #[test]
    fn what_is_furthest_behind_comes_first() {
        let far = Entry { len: Offset(500), real_path: "/var/log/2.log.1".into(), ..entry(2, 100) };
        let expected = "\
pipeline  state     offset  size  lag  seconds  path
web       followed     100   500  400        -  /var/log/2.log (now /var/log/2.log.1)
web       followed      10    60   50        -  /var/log/1.log
web       total        110   560  450        -  2 files
";
        assert_eq!(files(&Status::of_checkpoints(&[entry(1, 10), far])), expected);
    }
}
