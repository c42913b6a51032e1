//! What `loglift status --json` says.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Expects that every byte of every file is in one place: what was written is the sum of everything that became of it.
///
/// # Errors
/// The file or pipeline of which that is not true.
pub fn expect_balanced(status: &Value) -> Result<()> {
    for pipeline in list(&status["pipelines"]) {
        let files = list(&pipeline["files"]).iter().map(|file| (&file["path"], &file["ledger"]));
        for (name, ledger) in files.chain([(&pipeline["name"], &pipeline["ledger"])]) {
            let written = ledger["written"].as_u64().with_context(|| format!("{name} has no ledger: {status:#}"))?;
            let parts = PARTS
                .iter()
                .map(|part| &ledger[part])
                .chain(ledger["lost"].as_object().into_iter().flat_map(|lost| lost.values()));
            let sum: u64 = parts.filter_map(Value::as_u64).sum();
            ensure!(
                written == sum && ledger["balance"] == 0,
                "{name}: {written} bytes written, {sum} found: {ledger:#}"
            );
        }
    }
    Ok(())
}

/// What it says of the file with this path, the newest if there are several.
pub fn file<'a>(status: &'a Value, path: &str) -> Option<&'a Value> {
    let files = list(&status["pipelines"]).iter().flat_map(|pipeline| list(&pipeline["files"]));
    files.filter(|file| file["path"] == path).max_by_key(|file| file["generation"].as_u64())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What `written` is the sum of, besides what is lost.
const PARTS: &[&str] =
    &["acknowledged", "dropped", "rejected", "quarantined", "copied", "in_flight", "unread", "untouched"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_byte_is_noticed() {
        let check = |unread, balance, expected| {
            let ledger = json!({"written": 10, "acknowledged": 6, "unread": unread, "lost": {"oversize": 1}, "balance": balance});
            let file = json!({"path": "/a", "ledger": ledger});
            let status = json!({"pipelines": [{"name": "p", "files": [file], "ledger": ledger}]});
            assert_eq!(expect_balanced(&status).is_ok(), expected, "{unread} unread, {balance}");
        };
        check(3, 0, true);
        check(2, 0, false);
        check(3, 1, false);
    }
}
