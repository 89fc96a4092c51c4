#!/bin/sh
# Installs what is missing, builds, and runs the tests.
#
#   sh tests/run.sh          everything that must hold
#   sh tests/run.sh quick    Release build, unit and integration tests: for daily work
set -eu
cd "$(dirname "$0")/.."

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
