//! Runs cargo for guests, and turns what it makes into components.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::toolchain::Std;
use crate::{TARGET, Toolchain};

/// A cargo workspace whose packages are compiled for [`TARGET`], with its profile `guest` and its `Cargo.lock`.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target_dir: PathBuf,
}

/// A processor that was compiled.
#[cfg(feature = "componentize")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The cargo package.
    pub package: String,
    /// The component, a file that stays where it is and is replaced when the package is compiled again.
    pub path: PathBuf,
}

/// Why a guest could not be built.
#[derive(Debug)]
pub enum BuildError {
    /// Look at what cargo says: a mistake in the guest, most of the time.
    Compile {
        /// The cargo package.
        package: String,
        /// All that cargo and rustc printed.
        output: String,
    },
    /// Mend the guest: it compiled, but does not keep to the contract.
    Component {
        /// The cargo package.
        package: String,
        /// What was wrong, in full.
        reason: String,
    },
    /// Install what is missing, or give the machine a network to get it from.
    Tools {
        /// The language whose tools they are.
        language: &'static str,
        /// One line: what is missing, how to get it, and why it could not be got.
        reason: String,
    },
    /// Name the language: no file of the project tells.
    Language {
        /// The directory.
        project: PathBuf,
    },
    /// Look at what the command says: a mistake in the project, most of the time.
    Script {
        /// The directory.
        project: PathBuf,
        /// What was run in it.
        command: String,
        /// All that it printed.
        output: String,
    },
    /// Look at the disk or the installation.
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// On which file or program.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

// By hand: xtask depends on this crate, and a derive macro would be most of what it compiles.
impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile { package, output } => write!(f, "{package} does not compile for {TARGET}\n{output}"),
            Self::Component { package, reason } => write!(f, "{package} does not make a component: {reason}"),
            Self::Tools { language, reason } => write!(f, "the tools for {language} are not there: {reason}"),
            Self::Language { project } => write!(f, "no file of {} tells its language", project.display()),
            Self::Script { project, command, output } => {
                write!(f, "`{command}` fails in {}\n{output}", project.display())
            }
            Self::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Compile { .. }
            | Self::Component { .. }
            | Self::Tools { .. }
            | Self::Language { .. }
            | Self::Script { .. } => None,
            Self::Io { cause, .. } => Some(cause),
        }
    }
}

impl Workspace {
    /// The workspace that the running program is part of; its guests are compiled below [`outer_target_dir`].
    pub fn here() -> Self {
        Self::new(here(), outer_target_dir().join("guests"))
    }

    /// The workspace at `root`, compiled in `target_dir`, which must not be one that an outer cargo has locked.
    pub fn new(root: impl Into<PathBuf>, target_dir: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), target_dir: target_dir.into() }
    }

    /// The directory of the workspace's manifest.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Compiles `packages` to components, in their order. What has not changed since the last call is not compiled
    /// again. Each package has a library that exports a world of the contract.
    ///
    /// # Errors
    /// The first package that fails ends it.
    #[cfg(feature = "componentize")]
    pub fn components(&self, toolchain: &Toolchain, packages: &[&str]) -> Result<Vec<Component>, BuildError> {
        packages
            .iter()
            .map(|package| {
                let path = self.componentize(package, &self.module(toolchain, package)?)?;
                Ok(Component { package: (*package).to_owned(), path })
            })
            .collect()
    }

    /// Compiles the library of `package` to a core module and returns its path.
    ///
    /// # Errors
    /// [`BuildError::Compile`] with cargo's output.
    pub fn module(&self, toolchain: &Toolchain, package: &str) -> Result<PathBuf, BuildError> {
        // One call a package: only `cargo rustc` makes a pure cdylib of a library that is an rlib in the manifest, and
        // only a pure cdylib gets link-time optimisation.
        let mut cargo = toolchain.cargo(&self.target_dir);
        cargo.args(["rustc", "--quiet", "--locked", "--lib", "--crate-type", "cdylib", "--package", package]);
        cargo.args(["--profile", PROFILE, "--target", TARGET]).arg("--target-dir").arg(&self.target_dir);
        if matches!(toolchain.std, Std::FromSource { .. }) {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        let output = cargo.current_dir(&self.root).stdin(Stdio::null()).output();
        let output = output.map_err(|cause| BuildError::Io { action: "run", path: toolchain.cargo.clone(), cause })?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            return Err(BuildError::Compile { package: package.to_owned(), output });
        }
        let file = format!("{}.wasm", package.replace('-', "_"));
        Ok(self.target_dir.join(TARGET).join(PROFILE).join(file))
    }

    #[cfg(feature = "componentize")]
    fn componentize(&self, package: &str, module: &Path) -> Result<PathBuf, BuildError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |cause| BuildError::Io { action, path, cause }
        };
        let invalid = |reason| BuildError::Component { package: package.to_owned(), reason };
        let core = std::fs::read(module).map_err(io("read", module))?;
        let (world, _) = wit_component::metadata::decode(&core).map_err(|error| invalid(format!("{error:#}")))?;
        if world.is_none() {
            return Err(invalid("it exports no world; is `export!` missing?".to_owned()));
        }
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&core)
            .and_then(wit_component::ComponentEncoder::encode)
            .map_err(|error| invalid(format!("{error:#}")))?;
        let directory = self.target_dir.join("components");
        let path = directory.join(package).with_extension("wasm");
        std::fs::create_dir_all(&directory).map_err(io("create", &directory))?;
        replace(&path, &component).map_err(io("write", &path))?;
        Ok(path)
    }
}

impl Toolchain {
    /// A cargo call that compiles for guests and takes nothing from the cargo, or the user's settings, around it.
    fn cargo(&self, target_dir: &Path) -> Command {
        let mut cargo = Command::new(&self.cargo);
        for (name, _) in env::vars_os().filter(|(name, _)| !name.to_str().is_some_and(stays)) {
            cargo.env_remove(name);
        }
        cargo.env("RUSTC", &self.rustc);
        // Set rather than removed, so that a config file's values lose too: the flags and wrappers would change the
        // compiler, and a build directory in common with the outer cargo would make this one wait for its lock.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
        cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        cargo.env("CARGO_BUILD_BUILD_DIR", target_dir);
        if let Std::FromSource { linker } = &self.std {
            cargo.env("RUSTC_BOOTSTRAP", "1");
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            cargo.env("PATH", path_led_by(self.cargo.parent()));
            // Rustup's proxies set both for the programs below them: the other toolchain's name and libraries.
            cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("LD_LIBRARY_PATH");
        }
        cargo
    }
}

/// The target directory of the cargo that compiled this program, a build script or a test: the nearest directory above
/// it that cargo marked as its own. `target` in the workspace if there is none.
pub fn outer_target_dir() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let configured = || env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    marked.map(Path::to_owned).or_else(configured).unwrap_or_else(|| here().join("target"))
}

/// The root of the workspace of the package that runs us: cargo names it to build scripts, tests and `cargo run`. The name
/// that was compiled in comes second, since checkouts that share a target directory share compiled programs too.
fn here() -> PathBuf {
    let compiled_in = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(compiled_in, PathBuf::from);
    let root = package.ancestors().find(|directory| directory.join("Cargo.lock").is_file());
    root.unwrap_or(&package).to_owned()
}

/// Returns whether a variable of our environment is passed on to the inner cargo. What cargo and rustc read is not,
/// except where it says how to reach the network, where crates are kept and how many processors to use.
pub(crate) fn stays(name: &str) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_BUILD_JOBS",
        "CARGO_MAKEFLAGS",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRY_",
        "CARGO_REGISTRIES_",
        "RUSTUP_",
    ];
    const READ: [&str; 4] = ["CARGO", "RUST", "CLIPPY_", "__CARGO"];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    begins(&KEPT) || !begins(&READ)
}

fn path_led_by(first: Option<&Path>) -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = first.map(Path::to_owned).into_iter().chain(env::split_paths(&path));
    env::join_paths(directories).unwrap_or(path.clone())
}

/// Gives `path` the content `bytes` in one step, so that a reader beside us never sees half; leaves an equal file as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static WRITERS: AtomicU32 = AtomicU32::new(0);

    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("{}-{writer}.new", std::process::id()));
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, path)
}

/// Optimised, with a lean wasm: see the root manifest.
const PROFILE: &str = "guest";
/// Both are part of WebAssembly 2.0, which every engine has: 16 bytes a step, and copies that are one instruction.
const RUSTFLAGS: [&str; 1] = ["-Ctarget-feature=+simd128,+bulk-memory"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_build_does_not_reach_the_inner_one() {
        let check = |name, expected| assert_eq!(stays(name), expected, "{name}");
        for gone in [
            "CARGO",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PROFILE_GUEST_LTO",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_INCREMENTAL",
            "CLIPPY_ARGS",
            "RUSTC",
            "RUSTC_BOOTSTRAP",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTDOCFLAGS",
            "RUSTFLAGS",
        ] {
            check(gone, false);
        }
        for kept in ["PATH", "HOME", "HTTPS_PROXY", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_MAKEFLAGS", "RUSTUP_HOME"]
        {
            check(kept, true);
        }
    }

    #[test]
    fn this_test_runs_below_the_target_directory() {
        assert!(env::current_exe().unwrap().starts_with(outer_target_dir()));
        assert!(here().join("Cargo.lock").is_file());
    }
}
