//! Files of directories that a pipeline config grants (`Sandbox: {Capabilities: {Dirs: [...]}}`).

use std::io;

/// Reads a whole file by its path as the processor sees it, such as `/geo/networks.csv` below the granted `/geo`.
///
/// Outside a component, as in unit tests, it is a path of the machine.
///
/// # Errors
/// What the system says, or that no granted directory leads there.
pub fn read(path: &str) -> io::Result<Vec<u8>> {
    #[cfg(target_arch = "wasm32")]
    return granted::read(path);
    #[cfg(not(target_arch = "wasm32"))]
    std::fs::read(path)
}

#[cfg(target_arch = "wasm32")]
mod granted {
    use std::io::{Error, ErrorKind, Result};

    use wasip2::filesystem::preopens::get_directories;
    use wasip2::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

    pub(super) fn read(path: &str) -> Result<Vec<u8>> {
        let directories = get_directories();
        let within = |directory: &str| {
            let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
            rest.strip_prefix('/').map(str::to_owned)
        };
        let found = directories.iter().filter_map(|(directory, name)| Some((directory, name, within(name)?)));
        let Some((directory, _, rest)) = found.max_by_key(|(_, name, _)| name.len()) else {
            return Err(Error::new(ErrorKind::PermissionDenied, NOT_GRANTED));
        };
        let file = directory
            .open_at(PathFlags::SYMLINK_FOLLOW, &rest, OpenFlags::empty(), DescriptorFlags::READ)
            .map_err(error)?;
        let mut bytes = Vec::new();
        loop {
            let (chunk, is_end) = file.read(CHUNK_BYTES, bytes.len() as u64).map_err(error)?;
            bytes.extend_from_slice(&chunk);
            if is_end || chunk.is_empty() {
                return Ok(bytes);
            }
        }
    }

    fn error(code: ErrorCode) -> Error {
        let kind = match code {
            ErrorCode::NoEntry => ErrorKind::NotFound,
            ErrorCode::Access | ErrorCode::NotPermitted => ErrorKind::PermissionDenied,
            _ => ErrorKind::Other,
        };
        Error::new(kind, code.message())
    }

    const CHUNK_BYTES: u64 = 256 * 1024;
    const NOT_GRANTED: &str = "no granted directory leads there; the config grants them by Sandbox.Capabilities.Dirs";
}
