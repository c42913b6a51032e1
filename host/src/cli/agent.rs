//! What commands ask of the agent that runs.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;

use super::Common;
use crate::runtime::control::ask_patiently;
use crate::runtime::data_dir;
use crate::telemetry::one_line;

/// Asks the agent that uses the data directory. `None` if there is none.
///
/// # Errors
/// It does not answer within `patience`, says that something is wrong, or answers something else.
pub(super) fn ask<T: DeserializeOwned>(
    common: &Common,
    request: &str,
    patience: Duration,
) -> anyhow::Result<Option<T>> {
    let data_dir = data_dir::path(common.data_dir.as_deref());
    let asked = ask_patiently(&data_dir, request, patience);
    let answer =
        asked.with_context(|| format!("the agent with the data directory {} does not answer", data_dir.display()))?;
    let Some(answer) = answer else { return Ok(None) };
    let answer: serde_json::Value = serde_json::from_str(&answer).context("the agent does not answer in JSON")?;
    if let Some(error) = answer["error"].as_str() {
        bail!("{}", one_line(error));
    }
    let understood = serde_json::from_value(answer);
    understood.map(Some).context("the agent answers something else, maybe it is of another version")
}

/// As [`ask`], of an agent that has to be there.
///
/// # Errors
/// As [`ask`], and that there is none.
pub(super) fn demand<T: DeserializeOwned>(common: &Common, request: &str, patience: Duration) -> anyhow::Result<T> {
    let Some(answer) = ask(common, request, patience)? else {
        let data_dir = data_dir::path(common.data_dir.as_deref());
        bail!("no agent is running with the data directory {}", data_dir.display());
    };
    Ok(answer)
}

/// How long an agent may take that only has to look.
pub(super) const SOON: Duration = Duration::from_secs(4);
