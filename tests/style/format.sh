#!/bin/sh
# All C files are as .clang-format lays them out.
set -eu
cd "$1"
git ls-files '*.c' '*.h' > /dev/null 2>&1 && files=$(git ls-files --cached --others --exclude-standard '*.c' '*.h') ||
    files=$(find src include tests -name '*.[ch]')
# shellcheck disable=SC2086 # a list of words
clang-format-14 --dry-run -Werror $files
