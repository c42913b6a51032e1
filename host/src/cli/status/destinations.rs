//! The table of destinations.

use crate::cli::table::{age, table};
use crate::runtime::status::{DestinationStatus, Status};
use crate::telemetry::one_line;

/// How things stand with the logstores that are sent to; nothing if there are none.
pub(super) fn destinations(status: &Status) -> String {
    if status.destinations.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = status.destinations.iter().map(row).collect();
    let table = table(
        &["destination", "state", " requests", " in memory", " on disk", " bytes on disk", " oldest", " events sent"],
        &rows,
    );
    let failing = status.destinations.iter().filter_map(|destination| {
        let refusal = destination.last_refusal.as_ref()?;
        Some(format!("{}/{}: {}\n", one_line(&destination.project), one_line(&destination.logstore), one_line(refusal)))
    });
    format!("\n{table}{}", failing.collect::<String>())
}

fn row(destination: &DestinationStatus) -> Vec<String> {
    let state = match destination.failing_seconds {
        Some(seconds) => format!("failing for {}", age(seconds as i64)),
        None => destination.state.clone(),
    };
    vec![
        one_line(&format!("{}/{}", destination.project, destination.logstore)),
        one_line(&state),
        format!("{} of {}", destination.requests, destination.requests_allowed),
        destination.waiting_packages.to_string(),
        destination.spooled_packages.to_string(),
        destination.spooled_bytes.to_string(),
        destination.oldest_spooled_seconds.map_or("-".to_owned(), age),
        destination.counters.get("events").copied().unwrap_or_default().to_string(),
    ]
}
