#!/bin/sh
# Installs what is missing, builds, and runs the tests.
#
#   sh tests/run.sh          everything that must hold
#   sh tests/run.sh quick    Release build, unit and integration tests: for daily work
set -eu
cd "$(dirname "$0")/.."

# As root the tests run their servers as nobody, as nobody should run them as root.
if [ "$(id -u)" = 0 ] && ! setpriv --reuid=65534 --regid=65534 --clear-groups test -r "$PWD/tests/run.sh"; then
    echo "tests/run.sh: user 65534 (nobody), as whom root's tests run their servers, cannot read $PWD;" \
        "use a checkout elsewhere (such as /srv/fcgi-smtp), or run this as an ordinary user with sudo" >&2
    exit 1
fi

jobs=$(nproc)
step() {
    printf '\n== %s\n' "$*"
}

# Configures and builds a preset.
build() {
    step "build: $1"
    cmake --preset "$1" > "build/$1.log" 2>&1 || { cat "build/$1.log"; exit 1; }
    cmake --build --preset "$1" -j "$jobs" > "build/$1.log" 2>&1 || { cat "build/$1.log"; exit 1; }
}

# Runs the tests of a preset whose labels match. A test that was skipped is a failure.
run() {
    preset=$1
    labels=$2
    step "test: $preset ($labels)"
    (cd "build/$preset" && ctest -j "$jobs" --output-on-failure --no-tests=error -L "$labels" --output-junit junit.xml)
    if grep -q '<skipped' "build/$preset/junit.xml"; then
        echo "a test was skipped:"
        grep -B1 '<skipped' "build/$preset/junit.xml"
        exit 1
    fi
}

step "packages"
sh etc/packages.sh build demo test
mkdir -p build

build release
if [ "${1-}" = quick ]; then
    run release '^(unit|integration|style)$'
    exit 0
fi
build asan
run asan '^(unit|integration)$'
build tsan
run tsan '^threads$'
build fuzz
run fuzz '^fuzz$'
run release '^(unit|integration|style|tidy|image|package|browser|soak)$'
