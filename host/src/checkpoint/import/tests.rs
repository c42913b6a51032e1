use super::*;

/// Files by path: their inodes and contents. All are on device 2049.
#[derive(Debug, Clone, Default)]
struct Tree(BTreeMap<PathBuf, (u64, &'static str)>);

impl Files for Tree {
    fn seen(&self, path: &Path) -> Option<Seen> {
        let (inode, content) = self.0.get(path)?;
        let head = content.as_bytes()[..content.len().min(SIGNATURE_BYTES)].to_vec();
        Some(Seen {
            id: FileId { device: 2049, inode: *inode },
            birth_ns: None,
            len: Offset(content.len() as u64),
            head,
        })
    }

    fn in_directory(&self, directory: &Path) -> Vec<(PathBuf, FileId)> {
        let files = self.0.iter().filter(|(path, _)| path.parent() == Some(directory));
        files.map(|(path, (inode, _))| (path.clone(), FileId { device: 2049, inode: *inode })).collect()
    }

    fn before(&self, path: &Path, offset: Offset) -> Option<Vec<u8>> {
        Some(self.0.get(path)?.1.as_bytes().get(..offset.0 as usize)?.to_vec())
    }
}

const OLD: &str = "first line\nsecond line\n";
const NEW: &str = "another file\n";

fn tree(files: &[(&str, u64, &'static str)]) -> Tree {
    Tree(files.iter().map(|(path, inode, content)| (PathBuf::from(path), (*inode, *content))).collect())
}

/// A row for a file with the content [`OLD`], of which the first line was there when its signature was taken.
fn row(path: &str, inode: u64, offset: u64, device: u64) -> (String, Value) {
    let value = serde_json::json!({
        "file_name": path, "real_file_name": path, "resolved_file_name": path, "offset": offset.to_string(),
        "sig_size": 11, "sig_hash": murmur3_x64_128_low(b"first line\n", SEED), "sig": "", "update_time": 1_749_712_089,
        "inode": inode, "dev": device, "config_name": "web", "file_open": 0, "idx_in_reader_array": 0,
    });
    (format!("{path}*{device}*{inode}*web"), value)
}

fn text(rows: impl IntoIterator<Item = (String, Value)>) -> String {
    let rows: serde_json::Map<String, Value> = rows.into_iter().collect();
    serde_json::json!({"version": 200, "check_point": rows, "dir_check_point": {}}).to_string()
}

/// What becomes of one row, in short.
fn verdict(row: (String, Value), files: &Tree) -> String {
    let plan = plan(&text([row]), files, Some(&BTreeSet::from(["web".to_owned()])), &[]).unwrap();
    short(&plan.rows[0])
}

fn short(row: &Row) -> String {
    match &row.verdict {
        Verdict::Resumes(entry) => {
            format!("{:?} at {} in {}", entry.state, entry.position.offset.0, entry.real_path.display())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_file_is_found_under_its_name_or_another_one() {
    let check = |files: &[(&str, u64, &'static str)], expected: &str| {
        assert_eq!(verdict(row("/log/a.log", 7, 11, 2049), &tree(files)), expected);
    };
    check(&[("/log/a.log", 7, OLD)], "Followed at 11 in /log/a.log");
    check(&[("/log/a.log", 8, NEW), ("/log/a.log.1", 7, OLD)], "Followed at 11 in /log/a.log.1");
    check(&[("/log/a.log", 8, OLD), ("/log/b", 7, NEW)], "Gone(\"its name has another file now\")");
    check(&[("/log/a.log", 7, NEW)], "Gone(\"its name has another file now\")");
    check(&[("/other/a.log", 7, OLD)], "Gone(\"no such file\")");
    check(&[("/log/a.log", 7, "first")], "Gone(\"its name has another file now\")");
}

#[test]
fn a_renamed_file_that_was_read_up_is_finished() {
    let files = tree(&[("/log/a.log", 8, NEW), ("/log/a.log.1", 7, OLD)]);
    assert_eq!(verdict(row("/log/a.log", 7, 23, 2049), &files), "Finished at 23 in /log/a.log.1");
}

#[test]
fn a_device_may_have_another_number_under_the_same_name_only() {
    assert_eq!(verdict(row("/log/a.log", 7, 11, 1), &tree(&[("/log/a.log", 7, OLD)])), "Followed at 11 in /log/a.log");
    assert_eq!(verdict(row("/log/a.log", 7, 11, 1), &tree(&[("/log/b.log", 7, OLD)])), "Gone(\"no such file\")");
}

#[test]
fn what_is_not_certain_is_not_guessed() {
    let files = tree(&[("/log/a.log", 7, OLD)]);
    let check = |key: &str, value: Value, expected: &str| {
        let mut row = row("/log/a.log", 7, 11, 2049);
        row.1[key] = value;
        let found = verdict(row, &files);
        assert!(found.contains(expected), "{key}: {found}");
    };
    check("offset", "24".into(), "truncated since");
    check("offset", "x".into(), "it has no offset");
    check("sig_size", 0.into(), "does not say how the file begins");
    check("config_name", "db".into(), "NoPipeline");
    check("file_name", Value::Null, "it has no file_name");
    let mut fresh = row("/log/a.log", 7, 0, 2049);
    fresh.1["sig_size"] = 0.into();
    assert_eq!(verdict(fresh, &files), "Followed at 0 in /log/a.log");
}

#[test]
fn of_several_rows_of_one_file_the_one_that_loses_nothing_is_taken() {
    let files = tree(&[("/log/a.log.1", 7, OLD)]);
    let rows = [row("/log/a.log", 7, 23, 2049), row("/log/a.log.1", 7, 11, 2049)];
    let plan = plan(&text(rows), &files, None, &[]).unwrap();
    let found: Vec<_> = plan.rows.iter().map(short).collect();
    let expected = ["Ambiguous(\"another row of the same file resumes at 11\")", "Followed at 11 in /log/a.log.1"];
    assert_eq!(found, expected);
}

#[test]
fn entries_know_their_files_again_and_older_files_come_first() {
    let files = tree(&[("/log/a.log", 8, OLD), ("/log/a.log.1", 7, OLD)]);
    let newer = row("/log/a.log", 8, 11, 2049);
    let mut older = row("/log/a.log", 7, 23, 2049);
    older.1["idx_in_reader_array"] = (-2).into();
    let imported = plan(&text([newer.clone(), older]), &files, None, &[]).unwrap().entries(40);
    let inodes: Vec<_> = imported.iter().map(|entry| (entry.generation, entry.id.inode)).collect();
    assert_eq!(inodes, [(40, 7), (41, 8)]);
    let entry = &imported[1];
    assert_eq!((entry.head, entry.position.tail), (Signature::of(OLD.as_bytes()), Signature::of(b"first line\n")));
    assert_eq!((entry.len, entry.ledger.acknowledged, entry.updated), (Offset(23), 11, 1_749_712_089));

    let again = plan(&text([newer]), &files, None, &imported).unwrap();
    assert_eq!(again.rows[0].verdict, Verdict::Known(41));
}

#[test]
fn something_else_is_refused() {
    let refused = |text: &str| plan(text, &Tree::default(), None, &[]).unwrap_err().to_string();
    assert_eq!(refused("loglift-checkpoints 1"), "it is not JSON");
    assert_eq!(refused("{}"), "it has no object `check_point`");
}
