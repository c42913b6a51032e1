#!/bin/sh
# Runs the unit tests of the library itself on this machine, with any C compiler.
set -eu
cd "$(dirname "$0")"

mkdir -p build
"${CC:-cc}" -std=c11 -Wall -Wextra -g -fsanitize=address,undefined -Iinclude -Itesting -o build/test \
    tests/*.c src/*.c testing/*.c
# What a configuration keeps stays until the program ends.
ASAN_OPTIONS=detect_leaks=0 exec build/test
