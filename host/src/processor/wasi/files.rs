//! Opening files without being held up.
//!
//! To open a FIFO can take for ever, and so can reading a device. A component cannot make either, but may find one in a
//! directory that it was granted.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemView;
use wasmtime_wasi::p2::bindings::filesystem::types as waiting;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, Host, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::runtime::in_tokio;

use super::super::guest::Guest;

/// Puts an `open-at` in the place of the usual one that opens files and directories only.
pub(super) fn guard(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, Guest>, (directory, path_flags, path, open_flags, flags): Arguments| {
            Ok((open_at(store.data_mut(), (directory, path_flags, path, open_flags, flags))?,))
        },
    )
}

type Arguments = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

fn open_at(
    guest: &mut Guest,
    (directory, path_flags, path, open_flags, flags): Arguments,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    let deadline = guest.wasi().deadline;
    let mut files = guest.filesystem();
    let seen = files.stat_at(Resource::new_borrow(directory.rep()), path_flags, path.clone());
    // What cannot be looked at is missing, or says why when it is opened.
    let is_harmless = seen.map_or(true, |seen| {
        matches!(seen.type_, DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink)
    });
    if !is_harmless {
        return Ok(Err(ErrorCode::NotPermitted));
    }
    // It may have been replaced since. Then a thread of the pool is lost, but not the worker.
    let opened = in_tokio(async {
        let opening = waiting::HostDescriptor::open_at(
            &mut files,
            directory,
            path_flags.into(),
            path,
            open_flags.into(),
            flags.into(),
        );
        tokio::time::timeout_at(deadline, opening).await
    });
    match opened {
        Ok(Ok(opened)) => Ok(Ok(opened)),
        Ok(Err(error)) => Ok(Err(files.convert_error_code(error)?)),
        Err(_) => Err(wasmtime::Trap::Interrupt.into()),
    }
}

/// As the library names it, whose patch version is the newest that it knows.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";
