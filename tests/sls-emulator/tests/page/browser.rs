//! A browser without a window, and what is in its pages.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// A browser that is installed here.
#[derive(Debug)]
pub(crate) struct Browser {
    program: PathBuf,
}

impl Browser {
    /// The first one that runs.
    pub(crate) fn find() -> Option<Self> {
        let chosen = env::var_os("CHROMIUM").map(PathBuf::from);
        let mut programs = chosen.into_iter().chain(NAMES.iter().map(PathBuf::from));
        let runs = |program: &PathBuf| {
            let mut version = Command::new(program);
            version.arg("--version").stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
        };
        programs.find(runs).map(|program| Self { program })
    }

    /// The document at `url` as it is when its scripts have nothing more to wait for.
    pub(crate) fn dom(&self, url: &str) -> Result<String> {
        let scratch = tempfile::tempdir()?;
        let [profile, stdout, stderr] = ["profile", "stdout", "stderr"].map(|name| scratch.path().join(name));
        let mut command = Command::new(&self.program);
        // It opens nothing but our own page, and its sandbox does not work for root, nor in many containers.
        command.args(["--headless", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--no-proxy-server", "--virtual-time-budget=20000", "--dump-dom", url]);
        command.arg(format!("--user-data-dir={}", profile.display())).env("TZ", "UTC").stdin(Stdio::null());
        let mut child = command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?).spawn()?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
                None => {
                    child.kill().and_then(|()| child.wait().map(drop)).context("cannot end the browser")?;
                    bail!("the browser does not finish {url}");
                }
            }
        };
        ensure!(status.success(), "the browser ended with {status}: {}", fs::read_to_string(&stderr)?);
        fs::read_to_string(&stdout).context("the document is not UTF-8")
    }
}

/// The texts in elements that begin with `opening`, such as `td` or `p id="status"`, without the markup inside.
pub(crate) fn texts(dom: &str, opening: &str) -> Vec<String> {
    let name = opening.split(' ').next().unwrap_or(opening);
    let (start, end) = (format!("<{opening}"), format!("</{name}>"));
    let elements = dom.split(start.as_str()).skip(1).filter(|rest| rest.starts_with([' ', '>', '=']));
    elements.map(|rest| without_markup(rest.split(end.as_str()).next().unwrap_or(rest))).collect()
}

/// What is left of a part of a document that begins inside a tag.
fn without_markup(html: &str) -> String {
    let mut text = String::new();
    let mut inside = true;
    for character in html.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(character),
            _ => {}
        }
    }
    text
}

/// How browsers of this kind are called.
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Long against what it takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);
