//! The tools of C: clang and lld with a WebAssembly target, wasi-libc and clang's own library for it.

use std::env;
use std::path::{Path, PathBuf};

use super::Tools;
use crate::BuildError;
use crate::install::install_packages;
use crate::toolchain::output_of;

/// Finds a clang that links WebAssembly with wasi-libc, or installs Debian's.
pub(super) fn tools(_: &Path) -> Result<Tools, BuildError> {
    if let Some(tools) = find() {
        return Ok(tools);
    }
    let installed = install_packages(&PACKAGES);
    find().ok_or_else(|| BuildError::Tools { language: "c", reason: missing(installed.err().as_deref()) })
}

/// The first of the directories with programs whose clang can do all of it.
fn find() -> Option<Tools> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(BIN_DIRECTORIES.iter().map(PathBuf::from));
    directories.filter(|directory| directory.join("clang").is_file()).find_map(|directory| {
        let clang = directory.join("clang");
        let version = output_of(&clang, &["--version"])?;
        let linker = output_of(&clang, &["--target=wasm32-wasi", "-print-prog-name=wasm-ld"])?;
        let has = |file: &str| {
            let option = format!("-print-file-name={file}");
            let found = output_of(&clang, &["--target=wasm32-wasi", &option]);
            found.is_some_and(|path| Path::new(path.trim_end()).is_file())
        };
        let can_link = Path::new(linker.trim_end()).is_file() && has("libc.a") && has("crt1-reactor.o");
        let builtins = output_of(&clang, &["--target=wasm32-wasi", "-print-libgcc-file-name"])?;
        (can_link && Path::new(builtins.trim_end()).is_file()).then(|| Tools {
            path: vec![directory],
            env: Vec::new(),
            version,
        })
    })
}

fn missing(why_not_installed: Option<&str>) -> String {
    let packages = PACKAGES.join(" ");
    let why = why_not_installed.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("C needs a clang that compiles to WebAssembly: as root, `apt-get install {packages}`{why}")
}

/// Debian's.
const PACKAGES: [&str; 4] = ["clang-19", "lld-19", "wasi-libc", "libclang-rt-19-dev-wasm32"];

/// Where Debian and Homebrew keep a clang that is not the one of `PATH`.
const BIN_DIRECTORIES: [&str; 4] =
    ["/usr/lib/llvm-21/bin", "/usr/lib/llvm-20/bin", "/usr/lib/llvm-19/bin", "/opt/homebrew/opt/llvm/bin"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_one_line_with_the_way_to_get_it() {
        for why in [None, Some("there is no apt-get that may install them")] {
            let text = missing(why);
            assert!(text.contains("apt-get install clang-19 lld-19") && !text.contains('\n'), "{text}");
        }
    }
}
