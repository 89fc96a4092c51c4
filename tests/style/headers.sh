#!/bin/sh
# Each header compiles alone.
set -u
cd "$1" || exit 1
status=0
for header in $(find include src -name '*.h'); do
    printf '#include "%s"\n' "${header#*/}" |
        "$2" -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -Wall -Wextra -Werror -fsyntax-only -x c - || {
        echo "$header does not compile alone"
        status=1
    }
done
exit $status
