use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;
use crate::input::paths::PathRules;

/// A tree with a walker whose clock the test moves. Every directory is made old before each poll, unless the test says how
/// old it is, so that what is found does not hang on how fast the test runs.
struct Tree {
    directory: TempDir,
    walker: Walker,
    start: Instant,
    rounds: u32,
}

impl Tree {
    fn new(pattern: &str) -> Self {
        Self::with(|root| PathRules {
            file_paths: vec![format!("{root}/{pattern}")],
            max_dir_search_depth: -1,
            ..PathRules::default()
        })
    }

    fn with(rules: impl Fn(&str) -> PathRules) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let rules = rules(directory.path().to_str().expect("a name in UTF-8"));
        let walker = Walker::new(vec![Arc::new(PathSet::new(&rules, Path::new("/")))], Duration::from_secs(1));
        Self { directory, walker, start: Instant::now(), rounds: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str) {
        fs::create_dir_all(self.path(name).parent().expect("a name")).expect("the directory");
        fs::write(self.path(name), name).expect("the write");
    }

    fn link(&self, target: &str, name: &str) {
        // Links are replaced as careful programs do it: by a rename.
        symlink(target, self.path("new link")).expect("the link");
        fs::rename(self.path("new link"), self.path(name)).expect("the rename");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("the rename");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("the removal");
    }

    /// Polls a whole round, a second after the last.
    fn poll(&mut self) -> Polled {
        self.rounds += 1;
        let now = self.start + self.rounds * Duration::from_secs(1);
        let polled = self.walker.poll(now, unix_ns(SystemTime::now()), Duration::MAX);
        assert!(polled.is_done);
        polled
    }

    /// Polls, and returns what changed, sorted: `+a` appeared, `~a` was replaced, `-a` vanished, `!a` is trouble.
    fn changes(&mut self) -> Vec<String> {
        let polled = self.poll();
        self.describe(&polled)
    }

    fn describe(&self, polled: &Polled) -> Vec<String> {
        let changes = polled.changes.iter().map(|change| match change {
            Change::Appeared(found) => ("+", &found.path),
            Change::Replaced(found) => ("~", &found.path),
            Change::Vanished(path) => ("-", path),
        });
        let troubles = polled.troubles.iter().map(|trouble| ("!", &trouble.path));
        let name =
            |path: &Path| path.strip_prefix(self.directory.path()).expect("a path of the tree").display().to_string();
        let mut all: Vec<_> = changes.chain(troubles).map(|(mark, path)| format!("{mark}{}", name(path))).collect();
        all.sort();
        all
    }

    /// Says that a directory changed so long ago.
    fn set_age(&self, name: &str, seconds: u64) -> SystemTime {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        set_modified(&self.path(name), time);
        time
    }
}

fn set_modified(path: &Path, time: SystemTime) {
    File::open(path).and_then(|file| file.set_modified(time)).expect("the time can be set");
}

fn unix_ns(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("later than 1970");
    i64::try_from(since.as_nanos()).expect("earlier than 2262")
}

#[test]
fn files_come_and_go() {
    let mut tree = Tree::new("*.log");
    assert_eq!(tree.changes(), [""; 0]);
    tree.write("a.log");
    tree.write("b.txt");
    assert_eq!(tree.changes(), ["+a.log"]);
    assert_eq!(tree.changes(), [""; 0]);
    tree.write("a.log");
    assert_eq!(tree.changes(), [""; 0]);
    tree.rename("b.txt", "b.log");
    assert_eq!(tree.changes(), ["+b.log"]);
    tree.remove("a.log");
    assert_eq!(tree.changes(), ["-a.log"]);
}

#[test]
fn rotations_are_seen() {
    let mut tree = Tree::new("a.log*");
    tree.write("a.log");
    let first = tree.poll();
    let Change::Appeared(old) = &first.changes[0] else { panic!("{first:?}") };
    assert!(!old.is_new);
    tree.rename("a.log", "a.log.1");
    tree.write("a.log");
    let polled = tree.poll();
    assert_eq!(tree.describe(&polled), ["+a.log.1", "~a.log"]);
    for change in &polled.changes {
        match change {
            Change::Appeared(moved) => assert_eq!(moved.stat.id, old.stat.id),
            Change::Replaced(next) => assert!(next.stat.id != old.stat.id && next.is_new),
            Change::Vanished(path) => panic!("{} is still there", path.display()),
        }
    }
    tree.rename("a.log.1", "a.log.2");
    tree.rename("a.log", "a.log.1");
    assert_eq!(tree.changes(), ["+a.log.2", "-a.log", "~a.log.1"]);
}

#[test]
fn directories_are_listed_again_when_they_could_have_changed() {
    let mut tree = Tree::new("*.log");
    tree.write("a.log");
    let fresh = tree.set_age("", 0);
    assert_eq!(tree.changes(), ["+a.log"]);
    // Within the granularity of the clock: the time is the same, and the directory is listed nevertheless.
    tree.write("b.log");
    set_modified(&tree.path(""), fresh);
    assert_eq!(tree.changes(), ["+b.log"]);
    let old = tree.set_age("", 60);
    assert_eq!(tree.changes(), [""; 0]);
    // What cannot happen on a file system with a sane clock is found out half a minute later.
    tree.write("c.log");
    set_modified(&tree.path(""), old);
    assert_eq!(tree.changes(), [""; 0]);
    tree.rounds += 30;
    assert_eq!(tree.changes(), ["+c.log"]);
}

#[test]
fn trees_grow_and_shrink() {
    let mut tree = Tree::new("logs/**/*.log");
    assert_eq!(tree.changes(), [""; 0]);
    tree.write("logs/a.log");
    tree.write("logs/x/b.log");
    tree.write("logs/x/y/c.log");
    tree.write("other/d.log");
    assert_eq!(tree.changes(), ["+logs/a.log", "+logs/x/b.log", "+logs/x/y/c.log"]);
    tree.rename("logs/x", "logs/z");
    assert_eq!(tree.changes(), ["+logs/z/b.log", "+logs/z/y/c.log", "-logs/x/b.log", "-logs/x/y/c.log"]);
    fs::remove_dir_all(tree.path("logs")).expect("the removal");
    assert_eq!(tree.changes(), ["-logs/a.log", "-logs/z/b.log", "-logs/z/y/c.log"]);
    assert_eq!(tree.walker.directories().count(), 0);
    tree.write("logs/a.log");
    assert_eq!(tree.changes(), ["+logs/a.log"]);
}

#[test]
fn wildcard_directories_are_found_when_they_come() {
    let mut tree = Tree::new("home/*/logs/*.log");
    tree.write("home/u/logs/a.log");
    tree.write("home/u/other/logs/b.log");
    tree.write("home/logs/c.log");
    assert_eq!(tree.changes(), ["+home/u/logs/a.log"]);
    tree.write("home/v/logs/d.log");
    assert_eq!(tree.changes(), ["+home/v/logs/d.log"]);
}

#[test]
fn links_are_followed_wherever_they_lead() {
    let mut tree = Tree::new("containers/*.log");
    tree.write("docker/1.log");
    tree.write("docker/2.log");
    fs::create_dir_all(tree.path("pods")).expect("the directory");
    fs::create_dir_all(tree.path("containers")).expect("the directory");
    tree.link("../docker/1.log", "pods/0.log");
    tree.link("../pods/0.log", "containers/app.log");
    tree.link("../nowhere", "containers/dangling.log");
    assert_eq!(tree.changes(), ["+containers/app.log"]);
    tree.set_age("containers", 60);
    tree.link("../docker/2.log", "pods/0.log");
    assert_eq!(tree.changes(), ["~containers/app.log"]);
    // The same link once more.
    tree.link("../pods/0.log", "containers/app.log");
    assert_eq!(tree.changes(), [""; 0]);
    tree.remove("docker/2.log");
    assert_eq!(tree.changes(), ["-containers/app.log"]);
    tree.write("nowhere");
    assert_eq!(tree.changes(), ["+containers/dangling.log"]);
}

#[test]
fn linked_directories_are_swapped() {
    let mut tree = Tree::new("config/*/*.log");
    tree.write("config/.1/a.log");
    tree.write("config/.1/b.log");
    tree.write("config/.2/a.log");
    tree.link(".1", "config/data");
    tree.changes();
    tree.link(".2", "config/data");
    assert_eq!(tree.changes(), ["-config/data/b.log", "~config/data/a.log"]);
    tree.remove("config/data");
    assert_eq!(tree.changes(), ["-config/data/a.log"]);
}

#[test]
fn loops_of_links_end() {
    let mut tree = Tree::new("a/**/*.log");
    tree.write("a/b/1.log");
    tree.link("..", "a/b/up");
    tree.link(".", "a/b/self");
    tree.link("../b", "a/b/same");
    assert_eq!(tree.changes(), ["+a/b/1.log"]);
    assert_eq!(tree.changes(), [""; 0]);
    tree.link("c", "a/c");
    assert_eq!(tree.changes(), [""; 0]);
}

#[test]
fn what_is_no_file_is_reported_once() {
    let mut tree = Tree::new("*.log");
    let made = std::process::Command::new("mkfifo").arg(tree.path("fifo.log")).status().expect("mkfifo runs");
    assert!(made.success());
    tree.link("fifo.log", "link.log");
    tree.link("/dev/null", "null.log");
    tree.link("/dev/null", "null.txt");
    fs::create_dir(tree.path("directory.log")).expect("the directory");
    assert_eq!(tree.changes(), ["!fifo.log", "!link.log", "!null.log"]);
    tree.write("a.log");
    assert_eq!(tree.changes(), ["+a.log"]);
    tree.remove("fifo.log");
    tree.write("fifo.log");
    assert_eq!(tree.changes(), ["+fifo.log", "+link.log"]);
}

#[test]
fn a_directory_is_reported_if_a_config_spells_it_out() {
    let mut tree = Tree::with(|root| PathRules {
        file_paths: vec![format!("{root}/app.log"), format!("{root}/link.log"), format!("{root}/*.d")],
        ..PathRules::default()
    });
    fs::create_dir(tree.path("app.log")).expect("the directory");
    fs::create_dir(tree.path("conf.d")).expect("the directory");
    tree.link("conf.d", "link.log");
    assert_eq!(tree.changes(), ["!app.log", "!link.log"]);
    assert_eq!(tree.changes(), [""; 0]);
    fs::remove_dir(tree.path("app.log")).expect("the removal");
    tree.write("app.log");
    tree.link("app.log", "link.log");
    assert_eq!(tree.changes(), ["+app.log", "+link.log"]);
}

#[test]
fn a_link_that_leads_nowhere_is_reported_once_until_it_leads_somewhere() {
    let mut tree = Tree::new("*.log");
    tree.link("loop.log", "loop.log");
    tree.link("later", "a.log");
    let polled = tree.poll();
    assert_eq!((tree.describe(&polled), polled.troubles[0].kind), (vec!["!loop.log".to_owned()], LINK_UNREADABLE));
    assert_eq!(tree.changes(), [""; 0]);
    tree.write("later");
    tree.link("later", "loop.log");
    assert_eq!(tree.changes(), ["+a.log", "+loop.log"]);
}

#[test]
fn directories_that_cannot_be_read_are_reported_once_until_they_can() {
    let mut tree = Tree::new("logs/*.log");
    tree.link("logs", "logs");
    let polled = tree.poll();
    assert_eq!((tree.describe(&polled), polled.troubles[0].kind), (vec!["!logs".to_owned()], DIRECTORY_UNREADABLE));
    assert_eq!(tree.changes(), [""; 0]);
    tree.remove("logs");
    tree.write("logs/a.log");
    assert_eq!(tree.changes(), ["+logs/a.log"]);
    fs::remove_dir_all(tree.path("logs")).expect("the removal");
    tree.link("logs", "logs");
    assert_eq!(tree.changes(), ["!logs"]);
    tree.remove("logs");
    tree.write("logs");
    let polled = tree.poll();
    assert_eq!(tree.describe(&polled), ["-logs/a.log"]);
    tree.remove("logs");
    assert_eq!(tree.changes(), [""; 0]);
    tree.write("logs");
    let polled = tree.poll();
    assert_eq!((tree.describe(&polled), polled.troubles[0].kind), (vec!["!logs".to_owned()], UNEXPECTED_FILE_TYPE));
}

#[test]
fn names_can_be_anything() {
    let mut tree = Tree::new("*.log");
    for name in [&b"\xff\xfe.log"[..], b"a\nb.log", b".log", b"[x].log"] {
        fs::write(tree.directory.path().join(OsStr::from_bytes(name)), "").expect("the write");
    }
    assert_eq!(tree.poll().changes.len(), 4);
}

#[test]
fn what_is_passed_over_is_counted_by_reason() {
    let mut tree = Tree::with(|root| PathRules {
        file_paths: vec![format!("{root}/**/a*")],
        max_dir_search_depth: 1,
        exclude_files: vec!["*.bak".to_owned()],
        ..PathRules::default()
    });
    ["a.gz", "a.1.gz", "a.bak", "b", "x/a", "x/y/a"].into_iter().for_each(|name| tree.write(name));
    let polled = tree.poll();
    assert_eq!(tree.describe(&polled), ["+x/a"]);
    let mut reasons: Vec<_> =
        polled.passed_over.iter().map(|(verdict, passed)| (verdict.describe(), passed.count)).collect();
    reasons.sort();
    let pattern = tree.path("**/a*").display().to_string();
    let expected = [
        (format!("2 levels deep where {pattern} has `**`, and MaxDirSearchDepth is 1"), 1),
        (format!("its name does not match {pattern}"), 1),
        ("left out by ExcludeFiles *.bak".to_owned(), 1),
        ("names that end in .gz are never read".to_owned(), 2),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(tree.poll().passed_over.len(), 0);
}

#[test]
fn a_hint_is_looked_at_before_its_turn() {
    let mut tree = Tree::new("**/*.log");
    tree.write("x/a.log");
    tree.changes();
    tree.write("x/b.log");
    tree.write("c.log");
    tree.walker.hint(&tree.path("x"));
    tree.walker.hint(&tree.path("unknown"));
    let now = tree.start + tree.rounds * Duration::from_secs(1);
    assert_eq!(tree.walker.idle_time(now), Duration::ZERO);
    let polled = tree.walker.poll(now, unix_ns(SystemTime::now()), Duration::MAX);
    assert_eq!(tree.describe(&polled), ["+x/b.log"]);
    assert_eq!(tree.walker.idle_time(now), Duration::from_secs(1));
    assert_eq!(tree.changes(), ["+c.log"]);
}

#[test]
fn a_round_can_be_done_in_slices() {
    let mut tree = Tree::new("**/*.log");
    for directory in 0..5 {
        tree.write(&format!("{directory}/a.log"));
    }
    let mut found = 0;
    let mut slices = 0;
    loop {
        let polled = tree.walker.poll(tree.start, unix_ns(SystemTime::now()), Duration::ZERO);
        assert!(polled.changes.iter().all(|change| matches!(change, Change::Appeared(Found { is_new: false, .. }))));
        found += polled.changes.len();
        slices += 1;
        if polled.is_done {
            break;
        }
    }
    assert_eq!((found, slices), (5, 6));
}
