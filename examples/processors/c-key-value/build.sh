#!/bin/sh
# Makes processor.wasm.
set -eu
cd "$(dirname "$0")"
sdk=../../../guest-sdk/c

need() {
    command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }
}
# Debian's clang is in PATH under its full name only.
PATH="$PATH:/usr/lib/llvm-19/bin"
packages="on Debian, apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32"
need clang "$packages"
need wasm-ld "$packages"
need "${LOGLIFT:-loglift}" "put the agent in PATH, or name it in LOGLIFT"

mkdir -p build
clang --target=wasm32-wasi -mexec-model=reactor -O3 -msimd128 -mbulk-memory -flto -std=c11 -Wall -Wextra \
    -Wl,--strip-debug -I"$sdk/include" -o build/core.wasm key_value.c "$sdk"/src/*.c
"${LOGLIFT:-loglift}" component build/core.wasm -o processor.wasm
