#!/bin/sh
# Makes processor.wasm. Gets esbuild and componentize-qjs from npm, unless they are there.
set -eu
cd "$(dirname "$0")"
sdk=sdk
PATH="$PWD/node_modules/.bin:$PATH"
if ! command -v node >/dev/null; then
    echo "node is missing: install Node.js 20 or later from https://nodejs.org, or apt-get install nodejs npm" >&2
    exit 1
fi
if ! command -v esbuild >/dev/null || ! command -v componentize-qjs >/dev/null; then
    if ! command -v npm >/dev/null; then
        echo "npm is missing: it comes with Node.js from https://nodejs.org, or apt-get install npm" >&2
        exit 1
    fi
    npm install --no-audit --no-fund
fi
node "$sdk/bin/loglift-build.js" src/index.js --output processor.wasm --pure
