//! The tools of JavaScript.

use std::path::Path;

use super::Tools;
use crate::BuildError;

pub(super) fn tools(_: &Path) -> Result<Tools, BuildError> {
    Err(BuildError::Tools { language: "javascript", reason: "nobody has said yet what they are".to_owned() })
}
