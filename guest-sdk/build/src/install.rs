//! Gets a toolchain for guests onto a machine that has none.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Missing, TARGET, Toolchain};

/// Returns a toolchain for guests, installing one if need be: rustup's target first, then Debian's packages.
///
/// Prints each command that it runs.
///
/// # Errors
/// [`Missing`] when neither way worked: a person has to install it.
pub fn install() -> Result<Toolchain, Missing> {
    let means = Means::of_this_machine();
    let mut tried = Vec::new();
    loop {
        let step = match Toolchain::find() {
            Ok(toolchain) => return Ok(toolchain),
            Err(missing) => next_step(missing, means, &tried).ok_or(missing)?,
        };
        step.take(means);
        tried.push(step);
    }
}

/// Installs packages of Debian.
///
/// # Errors
/// One line that says why they could not be installed.
pub(crate) fn install_packages(packages: &[&str]) -> Result<(), String> {
    match Means::of_this_machine().apt {
        Some(privilege) => apt(Some(privilege), packages).map_err(|error| format!("apt-get failed: {error}")),
        None => Err("there is no apt-get that may install them".to_owned()),
    }
}

/// One attempt to get what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    RustupTarget,
    DebianRust,
    DebianLinker,
}

/// How software can be installed on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Means {
    rustup: bool,
    apt: Option<Privilege>,
}

/// What makes `apt-get` run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privilege {
    Root,
    Sudo,
}

/// Returns the next attempt, each at most once, or `None` when there is nothing left to try.
fn next_step(missing: Missing, means: Means, tried: &[Step]) -> Option<Step> {
    let debian = match missing {
        Missing::StandardLibrary => Step::DebianRust,
        Missing::Linker => Step::DebianLinker,
    };
    let possible = [(Step::RustupTarget, means.rustup), (debian, means.apt.is_some())];
    possible.into_iter().find(|(step, can)| *can && !tried.contains(step)).map(|(step, _)| step)
}

impl Step {
    /// Tries, and says what it does; whether it helped shows when the machine is looked at again.
    fn take(self, means: Means) {
        let result = match self {
            Self::RustupTarget => run("rustup", &["target", "add", TARGET], RUSTUP_LIMIT),
            Self::DebianRust => apt(means.apt, &["rustc-web", "cargo-web", "rust-web-src"]),
            Self::DebianLinker => apt(means.apt, &["lld"]),
        };
        if let Err(error) = result {
            println!("that did not work: {error}");
        }
    }
}

impl Means {
    fn of_this_machine() -> Self {
        let runs = |program: &str, args: &[&str]| {
            let quiet = Command::new(program)
                .args(args)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            quiet.is_ok_and(|status| status.success())
        };
        let privilege = || {
            let id = Command::new("id").arg("-u").output().ok()?;
            match id.stdout.trim_ascii() {
                b"0" => Some(Privilege::Root),
                _ => runs("sudo", &["-n", "true"]).then_some(Privilege::Sudo),
            }
        };
        Self {
            rustup: runs("rustup", &["--version"]),
            apt: Path::new("/usr/bin/apt-get").is_file().then(privilege).flatten(),
        }
    }
}

fn apt(privilege: Option<Privilege>, packages: &[&str]) -> io::Result<()> {
    let prefix: &[&str] = match privilege {
        Some(Privilege::Sudo) => &["sudo", "-n", "env"],
        _ => &["env"],
    };
    let apt_get = |args: &[&str]| {
        let words = [prefix, &["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"], args].concat();
        run(words[0], &words[1..], APT_LIMIT)
    };
    apt_get(&["update"])?;
    // A Rust that the user has from elsewhere in Debian is not to be replaced behind his back.
    apt_get(&[&["install", "--yes", "--no-install-recommends", "--no-remove"], packages].concat())
}

/// Installs a package from PyPI, without those that it names, into a directory of its own.
pub(crate) fn pip(package: &str, directory: &Path) -> io::Result<()> {
    let directory = directory.to_string_lossy();
    let quietly = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    let what = ["--no-deps", "--upgrade", "--target", &directory, package];
    run("python3", &[&["-m", "pip", "install"], &quietly[..], &what].concat(), PIP_LIMIT)
}

/// Runs a command, printed first, and ends it when it takes longer than `limit`.
pub(crate) fn run(program: &str, args: &[&str], limit: Duration) -> io::Result<()> {
    println!("$ {program} {}", args.join(" "));
    let mut child = Command::new(program).args(args).env_remove("RUST_BACKTRACE").stdin(Stdio::null()).spawn()?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end after {} s", limit.as_secs())));
        }
        thread::sleep(POLL);
    };
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// The target's archive has 20 MB; rustup retries on its own for a while before it gives up.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);
/// Debian's three packages have some 150 MB.
const APT_LIMIT: Duration = Duration::from_secs(900);
/// Go has 75 MB, the other packages less.
const PIP_LIMIT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustup_comes_first_then_debian_and_each_is_tried_once() {
        let all = Means { rustup: true, apt: Some(Privilege::Root) };
        let no_rustup = Means { rustup: false, apt: Some(Privilege::Sudo) };
        let no_apt = Means { rustup: true, apt: None };
        let nothing = Means { rustup: false, apt: None };
        let check = |missing, means, tried: &[Step], expected| {
            assert_eq!(next_step(missing, means, tried), expected, "{missing:?} {means:?} {tried:?}");
        };
        let std = Missing::StandardLibrary;
        check(std, all, &[], Some(Step::RustupTarget));
        check(std, all, &[Step::RustupTarget], Some(Step::DebianRust));
        check(std, all, &[Step::RustupTarget, Step::DebianRust], None);
        check(std, no_rustup, &[], Some(Step::DebianRust));
        check(std, no_apt, &[], Some(Step::RustupTarget));
        check(std, no_apt, &[Step::RustupTarget], None);
        check(std, nothing, &[], None);
        check(Missing::Linker, all, &[Step::RustupTarget, Step::DebianRust], Some(Step::DebianLinker));
        check(Missing::Linker, all, &[Step::RustupTarget, Step::DebianLinker], None);
        check(Missing::Linker, nothing, &[], None);
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = run("tail", &["-f", "/dev/null"], Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
