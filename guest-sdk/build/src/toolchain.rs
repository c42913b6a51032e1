//! Which Rust compiles guests: the one in use if it has the wasm target, else Debian's with the standard library built
//! from source.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::TARGET;

/// A Rust that can compile for [`TARGET`] on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) std: Std,
}

/// Where the standard library for [`TARGET`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Std {
    /// Compiled already, in the toolchain's sysroot.
    Prebuilt,
    /// Sources in the toolchain's sysroot, which then has no linker for wasm either.
    FromSource { linker: PathBuf },
}

/// What has to be installed before guests can be compiled. Renders as one line that says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No toolchain has the standard library for the target.
    StandardLibrary,
    /// Debian's toolchain is there, but nothing that links wasm.
    Linker,
}

impl std::error::Error for Missing {}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StandardLibrary => {
                "compiling processors needs Rust's standard library for wasm32-unknown-unknown: run `rustup target add \
                 wasm32-unknown-unknown`, or on Debian, as root, `apt-get update && apt-get install rustc-web cargo-web \
                 rust-web-src`"
            }
            Self::Linker => "compiling processors with Debian's Rust needs a wasm linker: as root, `apt-get install lld`",
        })
    }
}

impl Toolchain {
    /// Returns the toolchain in use if it has the wasm target, else Debian's.
    ///
    /// # Errors
    /// [`Missing`] says what to install.
    pub fn find() -> Result<Self, Missing> {
        choose(Seen::now())
    }
}

/// All that the choice depends on.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The cargo that runs this program, or else the one in `PATH`.
    in_use: Option<Rust>,
    /// Debian's.
    system: Option<Rust>,
    /// A linker that knows wasm.
    linker: Option<PathBuf>,
}

/// One installed toolchain.
#[derive(Clone, Debug)]
struct Rust {
    cargo: PathBuf,
    rustc: PathBuf,
    release: Release,
    has_wasm_std: bool,
    has_std_sources: bool,
    bundled_linker: Option<PathBuf>,
}

/// Major and minor version of a Rust release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Release(u32, u32);

fn choose(seen: Seen) -> Result<Toolchain, Missing> {
    if let Some(Rust { cargo, rustc, has_wasm_std: true, .. }) = seen.in_use {
        return Ok(Toolchain { cargo, rustc, std: Std::Prebuilt });
    }
    let oldest = Release::parse(env!("CARGO_PKG_RUST_VERSION")).expect("the workspace's rust-version is a version");
    match seen.system {
        Some(rust) if rust.has_std_sources && rust.release >= oldest => {
            let linker = seen.linker.ok_or(Missing::Linker)?;
            Ok(Toolchain { cargo: rust.cargo, rustc: rust.rustc, std: Std::FromSource { linker } })
        }
        _ => Err(Missing::StandardLibrary),
    }
}

impl Seen {
    fn now() -> Self {
        // Cargo tells the programs that it runs where it is itself: behind rustup's proxies, and not always in `PATH`.
        let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let beside = cargo.with_file_name("rustc");
        let rustc = if beside.is_file() { beside } else { PathBuf::from("rustc") };
        let in_use = Rust::at(cargo, rustc);
        let system = Rust::at(Path::new(SYSTEM_BIN).join("cargo"), Path::new(SYSTEM_BIN).join("rustc"));
        let bundled = [&in_use, &system].into_iter().flatten().find_map(|rust| rust.bundled_linker.clone());
        Self { linker: bundled.or_else(installed_linker), in_use, system }
    }
}

impl Rust {
    /// Returns `None` if one of the two does not run.
    fn at(cargo: PathBuf, rustc: PathBuf) -> Option<Self> {
        let sysroot = PathBuf::from(output_of(&rustc, &["--print", "sysroot"])?.trim_end());
        let version = output_of(&rustc, &["--version", "--verbose"])?;
        output_of(&cargo, &["--version"])?;
        let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name));
        let rustlib = sysroot.join("lib/rustlib");
        let linker = rustlib.join(field("host: ")?).join("bin/rust-lld");
        Some(Self {
            cargo,
            rustc,
            release: Release::parse(field("release: ")?)?,
            has_wasm_std: has_std(&rustlib.join(TARGET).join("lib")),
            has_std_sources: rustlib.join("src/rust/library/std").is_dir(),
            bundled_linker: linker.is_file().then_some(linker),
        })
    }
}

impl Release {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Returns whether `lib`, a target's directory in a sysroot, holds the standard library itself; an interrupted removal
/// leaves an empty directory.
fn has_std(lib: &Path) -> bool {
    let Ok(entries) = lib.read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// Debian's `lld` package, or one of its versioned siblings.
fn installed_linker() -> Option<PathBuf> {
    let entries = Path::new(SYSTEM_BIN).read_dir().ok()?;
    let is_wasm_ld = |name: &str| {
        name.strip_prefix("wasm-ld")
            .is_some_and(|rest| rest.trim_start_matches('-').parse::<u32>().is_ok() || rest.is_empty())
    };
    entries.flatten().find(|entry| entry.file_name().to_str().is_some_and(is_wasm_ld)).map(|entry| entry.path())
}

pub(crate) fn output_of(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}

/// Where Debian's packages put cargo, rustc and linkers.
const SYSTEM_BIN: &str = "/usr/bin";

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Has {
        Nothing,
        WasmStd,
        Sources,
    }
    use Has::{Nothing, Sources, WasmStd};

    fn rust(bin: &str, release: Release, has: Has) -> Rust {
        Rust {
            cargo: Path::new(bin).join("cargo"),
            rustc: Path::new(bin).join("rustc"),
            release,
            has_wasm_std: has == WasmStd,
            has_std_sources: has == Sources,
            bundled_linker: None,
        }
    }

    #[test]
    fn the_toolchain_in_use_is_preferred_and_debian_needs_sources_and_a_linker() {
        const NEW: Release = Release(1, 96);
        const OLD: Release = Release(1, 63);
        let chosen = |bin: &str, std| {
            Ok(Toolchain { cargo: Path::new(bin).join("cargo"), rustc: Path::new(bin).join("rustc"), std })
        };
        let from_source = Std::FromSource { linker: PathBuf::from("/lld") };
        let check = |in_use: Option<Has>, system: Option<(Release, Has)>, linker: bool, expected| {
            let seen = Seen {
                in_use: in_use.map(|has| rust("/rustup", NEW, has)),
                system: system.map(|(release, has)| rust("/usr/bin", release, has)),
                linker: linker.then(|| PathBuf::from("/lld")),
            };
            assert_eq!(choose(seen), expected, "{in_use:?} {system:?} {linker}");
        };
        check(Some(WasmStd), None, false, chosen("/rustup", Std::Prebuilt));
        check(Some(WasmStd), Some((NEW, Sources)), true, chosen("/rustup", Std::Prebuilt));
        check(Some(Nothing), Some((NEW, Sources)), true, chosen("/usr/bin", from_source.clone()));
        check(None, Some((NEW, Sources)), true, chosen("/usr/bin", from_source));
        check(Some(Nothing), Some((NEW, Sources)), false, Err(Missing::Linker));
        check(Some(Nothing), Some((OLD, Sources)), true, Err(Missing::StandardLibrary));
        check(Some(Nothing), Some((NEW, Nothing)), true, Err(Missing::StandardLibrary));
        check(Some(Sources), None, true, Err(Missing::StandardLibrary));
        check(None, None, false, Err(Missing::StandardLibrary));
    }

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        for missing in [Missing::StandardLibrary, Missing::Linker] {
            assert!(!missing.to_string().contains('\n'));
        }
    }

    #[test]
    fn releases_compare_by_number() {
        assert!(Release::parse("1.100.0-nightly").unwrap() > Release::parse("1.95").unwrap());
        assert_eq!(Release::parse("unknown"), None);
    }
}
