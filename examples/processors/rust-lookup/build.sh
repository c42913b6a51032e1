#!/bin/sh
# Makes processor.wasm.
set -eu
cd "$(dirname "$0")"

target=wasm32-unknown-unknown
built=${CARGO_TARGET_DIR:-target}
if ! command -v cargo >/dev/null; then
    echo "build.sh: cargo is missing: get Rust from https://rustup.rs" >&2
    exit 1
fi
# Unless cargo is told to compile the standard library, too.
if [ -z "${CARGO_UNSTABLE_BUILD_STD:-}" ] && [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    echo "build.sh: Rust's standard library for $target is missing: run rustup target add $target" >&2
    exit 1
fi
if ! command -v "${LOGLIFT:-loglift}" >/dev/null; then
    echo "build.sh: loglift is missing: put it into PATH, or its path into the variable LOGLIFT" >&2
    exit 1
fi

cargo rustc --lib --crate-type cdylib --profile guest --target "$target" --target-dir "$built"
"${LOGLIFT:-loglift}" component "$built/$target/guest/loglift_lookup.wasm" -o processor.wasm
