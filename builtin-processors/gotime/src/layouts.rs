//! Layouts in the configuration.

use loglift_event_time::Layout;
use loglift_sdk::Issue;

/// Compiles a layout; `path` is the parameter.
///
/// # Errors
/// Fails when it has no element, and when it is the name of a layout: such a name is none, and yet may have elements in
/// it, such as the hour in RFC3339.
pub(crate) fn compile(path: &str, layout: &str) -> Result<Layout, Issue> {
    if layout.is_empty() {
        return Err(Issue::new(path, "is missing: a Go layout such as 2006-01-02 15:04:05"));
    }
    if let Some((_, named)) = NAMED.iter().find(|(name, _)| *name == layout) {
        return Err(Issue::new(path, format!("{layout} is only the name of a layout: write {named:?}")));
    }
    Layout::compile(layout).map_err(|error| Issue::new(path, error.to_string()))
}

/// What the package `time` of Go calls layouts.
const NAMED: [(&str, &str); 19] = [
    ("Layout", "01/02 03:04:05PM '06 -0700"),
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", "2006-01-02T15:04:05Z07:00"),
    ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
    ("Kitchen", "3:04PM"),
    ("Stamp", "Jan _2 15:04:05"),
    ("StampMilli", "Jan _2 15:04:05.000"),
    ("StampMicro", "Jan _2 15:04:05.000000"),
    ("StampNano", "Jan _2 15:04:05.000000000"),
    ("DateTime", "2006-01-02 15:04:05"),
    ("DateOnly", "2006-01-02"),
    ("TimeOnly", "15:04:05"),
];
