#!/bin/sh
# The tests that the tables in tests/spec name exist.
#
# A row: | beginning of a sentence | suite: test; suite: test (rows of its table) |
#   suite: test             a CUnit suite and one of its tests (of its rows, in brackets, no semicolon)
#   test_send: test_charset a method in tests/integration/test_send.py ("integration send: ..." is the same)
#   fuzz: name, bench: file a target in tests/fuzz, a file in tests/bench
#   prose: ...              no test: why there is none
set -u
cd "$1/tests" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -r "$work"' EXIT

# The items of all tables: place, suite and test, apart by tabs. What is no item has an empty suite.
items() {
    awk -F ' *[|] *' '
        /^[|]/ && $2 != "sentence" && $2 !~ /^-+$/ {
            place = FILENAME ":" FNR
            if (NF != 4 || $3 == "") { printf "%s\t\t%s\n", place, $0; next }
            if (seen[FILENAME, $2]++) { printf "%s\t\ttwice: %s\n", place, $2; next }
            count = split($3, parts, /; */)
            for (i = 1; i <= count; i++) {
                if (parts[i] ~ /^prose: ./) break # to the end of the row
                sub(/ +[(].*[)]$/, "", parts[i])
                at = index(parts[i], ": ")
                printf "%s\t%s\t%s\n", place, substr(parts[i], 1, at - 1), substr(parts[i], at > 0 ? at + 2 : 1)
            }
        }' spec/*.md
}

unit_test() {
    grep -qx "  $1" unit/CMakeLists.txt && awk -v start="{\"$2\", " '
        { at = index($0, start); if (at && substr($0, at + length(start)) ~ /^[a-z0-9_]+}/) found = 1 }
        END { exit !found }' "unit/$1_test.c"
}

exists() {
    case $1 in
    '') false ;;
    fuzz) test -f "fuzz/$2_fuzz.c" ;;
    bench) test -f "bench/$2" ;;
    integration\ *) grep -q "^    def $2(self" "integration/test_${1#integration }.py" ;;
    test_*) grep -q "^    def $2(self" "integration/$1.py" ;;
    *) unit_test "$1" "$2" ;;
    esac
}

items >"$work/items" && test -s "$work/items" || exit 1
tab=$(printf '\t')
# A space, for IFS would take two tabs as one.
sed "s/$tab$tab/$tab $tab/" "$work/items" | while IFS=$tab read -r place suite test; do
    exists "${suite# }" "$test" 2>/dev/null || echo "$place: there is no test \"$suite: $test\""
done >"$work/problems"
cat "$work/problems"
test ! -s "$work/problems"
