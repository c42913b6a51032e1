//! The tags that every event of a file carries. Pure: no clock and no I/O.

use std::path::Path;

/// Which tags there are, and their names; `None` removes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSpec {
    /// The path of the file.
    pub path: Option<String>,
    /// The inode of the file.
    pub inode: Option<String>,
    /// The name of the machine.
    pub hostname: Option<String>,
    /// The address of the machine.
    pub host_ip: Option<String>,
    /// Names for the tags from the environment, of which an empty one removes; what is not named here is removed too.
    /// `None` keeps all under their own names.
    pub env: Option<Vec<(String, String)>>,
}

/// What is known of the machine, once for the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub hostname: Option<String>,
    /// Its address.
    pub host_ip: Option<String>,
    /// The tags from the environment of the agent: names and values of variables.
    pub env_tags: Vec<(String, String)>,
}

impl Default for TagSpec {
    /// What LoongCollector adds where nothing is configured.
    fn default() -> Self {
        Self {
            path: Some("__path__".to_owned()),
            inode: None,
            hostname: Some("__hostname__".to_owned()),
            host_ip: Some("__host_ip__".to_owned()),
            env: None,
        }
    }
}

/// The tags of a file: evaluated once for each file, when it is opened.
///
/// No name is there twice, and no value is empty.
pub fn tags(path: &Path, inode: Option<u64>, spec: &TagSpec, machine: &Machine) -> Vec<(String, String)> {
    let path = path.to_string_lossy();
    let own = [
        (&spec.path, Some(cut(&path, MAX_PATH_BYTES).to_owned())),
        (&spec.inode, inode.map(|inode| inode.to_string())),
        (&spec.hostname, machine.hostname.clone()),
        (&spec.host_ip, machine.host_ip.clone()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.clone()?, value?)));
    let env = machine.env_tags.iter().filter_map(|(variable, value)| {
        let name = match &spec.env {
            None => variable,
            Some(names) => &names.iter().find(|(known, _)| known == variable)?.1,
        };
        Some((name.clone(), value.clone()))
    });
    let mut tags = Vec::new();
    add(&mut tags, own.chain(env));
    tags
}

/// Adds tags, except those without a name or value, and those whose name is there already.
pub fn add(tags: &mut Vec<(String, String)>, more: impl IntoIterator<Item = (String, String)>) {
    for tag in more {
        if is_new(tags, &tag) {
            tags.push(tag);
        }
    }
}

/// Whether a tag has a name and a value, and `tags` has none of that name.
pub fn is_new(tags: &[(String, String)], (name, value): &(String, String)) -> bool {
    !name.is_empty() && !value.is_empty() && tags.iter().all(|(known, _)| known != name)
}

/// The start of a text, to the last whole character within a limit.
fn cut(text: &str, limit_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(limit_bytes)]
}

/// LoongCollector's limit for the tag of a path.
const MAX_PATH_BYTES: usize = 511;

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    fn check(spec: &TagSpec, machine: &Machine, expected: &[(&str, &str)]) {
        let found = tags(Path::new("/var/log/a.log"), Some(7), spec, machine);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{spec:?}");
    }

    #[test]
    fn names_are_kept_changed_and_removed() {
        let usual = TagSpec::default();
        let machine = Machine { hostname: named("h"), host_ip: named("10.0.0.1"), env_tags: Vec::new() };
        let path = ("__path__", "/var/log/a.log");
        check(&usual, &machine, &[path, ("__hostname__", "h"), ("__host_ip__", "10.0.0.1")]);
        check(&usual, &Machine::default(), &[path]);
        let none = TagSpec { path: None, inode: None, hostname: None, host_ip: None, env: None };
        check(&none, &machine, &[]);
        let renamed = TagSpec { path: named("p"), inode: named("i"), ..none.clone() };
        check(&renamed, &machine, &[("p", "/var/log/a.log"), ("i", "7")]);
        // The first of two with one name.
        check(&TagSpec { path: named("x"), hostname: named("x"), ..none }, &machine, &[("x", "/var/log/a.log")]);
    }

    #[test]
    fn tags_of_the_environment() {
        let env_tags =
            vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new()), ("C".into(), "3".into())];
        let machine = Machine { env_tags, ..Machine::default() };
        let only = |env| TagSpec { path: None, inode: None, hostname: None, host_ip: None, env };
        check(&only(None), &machine, &[("A", "1"), ("C", "3")]);
        check(&only(Some(vec![])), &machine, &[]);
        let names = vec![("C".to_owned(), "c".to_owned()), ("A".to_owned(), String::new())];
        check(&only(Some(names)), &machine, &[("c", "3")]);
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let of = |path: &str| tags(Path::new(path), None, &TagSpec::default(), &Machine::default())[0].1.len();
        assert_eq!(of(&"/x".repeat(300)), 511);
        assert_eq!(of(&"é".repeat(300)), 510);
    }
}
