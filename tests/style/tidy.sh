#!/bin/sh
# clang-tidy, with the checks of .clang-tidy, over the program's sources.
set -eu
cd "$1"
find src -name '*.c' -print0 | xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p "$2" --warnings-as-errors='*'
