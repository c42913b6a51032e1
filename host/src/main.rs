//! The agent. Everything is in the library; see `loglift --help`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    loglift::cli::main()
}
