//! The topic of the events of a file. Pure: no clock and no I/O.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use regex::bytes::Regex;

/// Where the topic comes from.
#[derive(Debug, Clone, Default)]
pub enum Topic {
    /// There is none.
    #[default]
    None,
    /// This text.
    Fixed(String),
    /// The groups of a pattern that matches the whole path.
    FilePath(Regex),
}

/// The tag that holds the topic.
pub const TOPIC_TAG: &str = "__topic__";

impl Topic {
    /// The topic of a file as the tag `__topic__`, with the tags that come with it; `None` if the path does not match.
    ///
    /// Several groups are joined by `_`, and each is a tag too: by its name, or `__topic_1__` and so on. One group is a tag if
    /// it has a name. The mark of a rotated file, `.1` to `.8`, is no part of the path.
    pub fn tags(&self, path: &Path) -> Option<Vec<(String, String)>> {
        let pattern = match self {
            Self::None => return Some(Vec::new()),
            Self::Fixed(text) => return Some(topic(text.clone())),
            Self::FilePath(pattern) => pattern,
        };
        let path = without_rotation_mark(path.as_os_str().as_bytes());
        let found = pattern.captures(path).filter(|found| found[0].len() == path.len())?;
        let groups: Vec<(Option<&str>, String)> = (1..found.len())
            .zip(pattern.capture_names().skip(1))
            .map(|(group, name)| {
                let text = found.get(group).map_or(&b""[..], |text| text.as_bytes());
                (name, String::from_utf8_lossy(text).into_owned())
            })
            .collect();
        let joined = groups.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("_");
        let mut tags = topic(joined);
        for (number, (name, text)) in (1..).zip(&groups) {
            match name {
                Some(name) => tags.push(((*name).to_owned(), text.clone())),
                None if groups.len() > 1 => tags.push((format!("__topic_{number}__"), text.clone())),
                None => {}
            }
        }
        tags.retain(|(_, text)| !text.is_empty());
        Some(tags)
    }
}

fn topic(text: String) -> Vec<(String, String)> {
    if text.is_empty() { Vec::new() } else { vec![(TOPIC_TAG.to_owned(), text)] }
}

/// Cuts off `.1` to `.8`: the next digits are kept, as LoongCollector keeps them.
fn without_rotation_mark(path: &[u8]) -> &[u8] {
    match path {
        [before @ .., b'.', b'1'..=b'8'] => before,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_paths() {
        fn check(pattern: &str, path: &str, expected: Option<&[(&str, &str)]>) {
            let topic = Topic::FilePath(Regex::new(&format!(r"\A(?:{pattern})\z")).expect(pattern));
            let expected = expected.map(|tags| tags.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
            assert_eq!(topic.tags(Path::new(path)), expected, "{pattern} on {path}");
        }
        let app = "/var/log/app/web.log";
        check(r"/var/log/(.*)/.*\.log", app, Some(&[("__topic__", "app")]));
        check(r"/var/log/(?P<app>.*)/.*\.log", app, Some(&[("__topic__", "app"), ("app", "app")]));
        let both = [("__topic__", "app_web"), ("__topic_1__", "app"), ("__topic_2__", "web")];
        check(r"/var/log/(.*)/(.*)\.log", app, Some(&both));
        let named = [("__topic__", "app_web"), ("service", "app"), ("__topic_2__", "web")];
        check(r"/var/log/(?P<service>.*)/(.*)\.log", app, Some(&named));
        check(r"/var/log/(?<service>.*)/(.*)\.log", app, Some(&named));
        check(r"/var/log/(.*)\.log", "/var/log/a.log.8", Some(&[("__topic__", "a")]));
        check(r"/var/log/(.*)\.log", "/var/log/a.log.9", None);
        check(r"/var/log/(.*)\.log", "/var/log/a.log.10", None);
        check(r"/var/log/(.*)", "/srv/var/log/a", None);
        check(r"/var/log/([^/]*)", "/var/log/a/b", None);
        check(r"/var/log/.*", "/var/log/a", Some(&[]));
        check(r"/(a)?(b)?", "/b", Some(&[("__topic__", "_b"), ("__topic_2__", "b")]));
    }

    #[test]
    fn topics_that_need_no_path() {
        let path = Path::new("/a");
        assert_eq!(Topic::None.tags(path), Some(vec![]));
        assert_eq!(Topic::Fixed("t".into()).tags(path), Some(vec![("__topic__".into(), "t".into())]));
    }
}
