#!/bin/sh
# Runs the unit tests on this machine, with any C compiler.
set -eu
cd "$(dirname "$0")"
sdk=sdk

mkdir -p build
"${CC:-cc}" -std=c11 -Wall -Wextra -g -fsanitize=address,undefined -I"$sdk/include" -I"$sdk/testing" -o build/test \
    *.c "$sdk"/src/*.c "$sdk"/testing/*.c
# What a configuration keeps stays until the program ends.
ASAN_OPTIONS=detect_leaks=0 exec build/test
