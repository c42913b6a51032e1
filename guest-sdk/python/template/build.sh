#!/bin/sh
# Makes processor.wasm. Gets componentize-py from PyPI into .venv, unless it is there.
set -eu
cd "$(dirname "$0")"
sdk=sdk
PATH="$PWD/.venv/bin:$PATH"
if ! command -v python3 >/dev/null; then
    echo "python3 is missing: install Python 3.10 or later from https://python.org, or apt-get install python3-venv" >&2
    exit 1
fi
if ! command -v componentize-py >/dev/null; then
    if ! python3 -m venv .venv; then
        echo "venv is missing: on Debian, apt-get install python3-venv" >&2
        exit 1
    fi
    .venv/bin/python -m pip install --quiet componentize-py==0.25.1
fi
PYTHONPATH="$sdk" python3 -m loglift_sdk.build processor:__PASCAL__ --output processor.wasm --pure
