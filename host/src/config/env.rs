//! Environment references in the strings of a config.
//!
//! `${NAME}` is the value of an environment variable, or nothing if it is not set; `${NAME:text}` has a text for that
//! case, which ends at the next `}` that no `$` precedes. A name is of letters, digits and `_`, and not of digits
//! alone, so that `${1}` stays. A `$` preceded by a `$` begins no reference. In all other text `$$` becomes `$` and
//! `$}` becomes `}`. What a variable holds is taken as it is.

use super::node::{Node, Value};
use super::problem::{Problem, Report};

/// Looks up an environment variable; `None` if it is not set.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// Replaces the references in every string below `node`, not in keys. What becomes of a string is a string.
pub(super) fn expand(node: &mut Node, lookup: &Lookup<'_>, report: &Report) {
    match &mut node.value {
        Value::String(text) => {
            let expanded = expand_text(text, lookup);
            if !expanded.has_reference && expanded.text != *text {
                let message = "`$$` became `$` and `$}` became `}`, as in every string of a config";
                report.warn(Problem::new(node.at, "", message).hint("write `$$$$` to get `$$`"));
            }
            *text = expanded.text;
        }
        Value::List(items) => items.iter_mut().for_each(|item| expand(item, lookup, report)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| expand(&mut entry.value, lookup, report)),
        _ => {}
    }
}

/// Returns the `${...}` in `text` that reads like a name to be filled in by hand, such as `${your-project}`.
pub(super) fn placeholder(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(start, _)| {
        let name = text[start + 2..].split_once('}')?.0;
        let is_word = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
        let is_placeholder = name.chars().all(is_word) && name.contains(char::is_alphabetic);
        is_placeholder.then(|| &text[start..start + name.len() + 3])
    })
}

struct Expanded {
    text: String,
    has_reference: bool,
}

fn expand_text(text: &str, lookup: &Lookup<'_>) -> Expanded {
    let mut expanded = String::new();
    let (mut literal_start, mut at) = (0, 0);
    let mut has_reference = false;
    while let Some(found) = text[at..].find("${") {
        at += found;
        match Reference::parse(&text[at..]) {
            Some(reference) if !text[..at].ends_with('$') => {
                push_unescaped(&text[literal_start..at], &mut expanded);
                match (lookup(reference.name), reference.default) {
                    (Some(value), _) => expanded.push_str(&value),
                    (None, default) => push_unescaped(default, &mut expanded),
                }
                at += reference.len;
                literal_start = at;
                has_reference = true;
            }
            _ => at += "${".len(),
        }
    }
    push_unescaped(&text[literal_start..], &mut expanded);
    Expanded { text: expanded, has_reference }
}

struct Reference<'t> {
    name: &'t str,
    default: &'t str,
    /// Length from `$` to `}`, in bytes.
    len: usize,
}

impl<'t> Reference<'t> {
    /// Reads the reference that `text`, which begins with `${`, begins with.
    fn parse(text: &'t str) -> Option<Self> {
        let inner = &text[2..];
        let name_len = inner.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, rest) = inner.split_at(name_len);
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if rest.starts_with('}') {
            return Some(Self { name, default: "", len: 2 + name_len + 1 });
        }
        let default = rest.strip_prefix(':')?;
        let is_unescaped = |&(end, _): &(usize, &str)| !default[..end].ends_with('$');
        let (end, _) = default.match_indices('}').find(is_unescaped)?;
        Some(Self { name, default: &default[..end], len: 2 + name_len + 1 + end + 1 })
    }
}

fn push_unescaped(text: &str, expanded: &mut String) {
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let after = &rest[dollar + 1..];
        let escaped = after.chars().next().filter(|c| matches!(c, '$' | '}'));
        expanded.push_str(&rest[..dollar]);
        expanded.push(escaped.unwrap_or('$'));
        rest = &after[escaped.map_or(0, char::len_utf8)..];
    }
    expanded.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::super::testing::yaml;
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "A" => "va",
            "_9" => "v9",
            "EMPTY" => "",
            "TRICKY" => "${A}$$",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn references_are_replaced_and_literals_unescaped() {
        fn check(text: &str, expected: &str) {
            assert_eq!(expand_text(text, &lookup).text, expected, "{text}");
        }
        check("", "");
        check("a ${A} b${A}${_9}", "a va bvav9");
        check("${NONE}", "");
        check("${NONE:x y}", "x y");
        check("${NONE:}", "");
        check("${EMPTY:x}", "");
        check("${A:x}", "va");
        check("${NONE:x$}y}z", "x}yz");
        check("${NONE:a$$b}", "a$b");
        check("${NONE:a:b}", "a:b");
        check("${1}", "${1}");
        check("${10} ${1:x}", "${10} ${1:x}");
        check("$${A}", "${A}");
        check("$$${A}", "$${A}");
        check("a$$", "a$");
        check("a$} b$", "a} b$");
        check("${TRICKY}", "${A}$$");
        check("${your-name} ${A", "${your-name} ${A");
        check("${A$}}", "${A}}");
        check("${a-${A}", "${a-va");
        check("üö${A}ß$$", "üövaß$");
    }

    #[test]
    fn values_are_replaced_everywhere_and_keys_nowhere() {
        let mut node = yaml("'${A}': ['${A}', {b: '${_9}'}]\nn: '${EMPTY}'\nc: '^a$$'\n");
        let report = Report::new("a.yaml");
        expand(&mut node, &lookup, &report);
        assert_eq!(node.to_json(), r#"{"${A}":["va",{"b":"v9"}],"n":"","c":"^a$"}"#);
        let (_, warnings) = report.conclude(Some(())).expect("no problems");
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].to_string().starts_with("a.yaml:3:4: `$$` became `$`"), "{}", warnings[0]);
    }

    #[test]
    fn placeholders_are_recognised() {
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(placeholder(text), expected, "{text}");
        }
        check("${your-config-name}", Some("${your-config-name}"));
        check("a ${1} ${your project}!", Some("${your project}"));
        check("${1} $1 ${} ${", None);
        check("a{2}", None);
    }
}
