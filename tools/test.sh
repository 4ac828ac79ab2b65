#!/usr/bin/env bash
# Builds hmlc in every form that matters and runs all tests. Closing lines: ctest's, of each build.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh
jobs=$(nproc)
started=$SECONDS

step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }

step "packages"
install_packages "${build_packages[@]}" "${test_packages[@]}"

step "formatting"
git ls-files '*.c' '*.h' | xargs clang-format-19 --dry-run --Werror

step "release build"
cmake --preset release -DHMLC_TESTS=ON >/dev/null
cmake --build --preset release -j "$jobs"

step "release tests"
ctest --test-dir build/release --output-on-failure -j "$jobs" --timeout 900

step "runtime alone, without LLVM and protobuf"
cmake -S . -B build/runtime -G Ninja -DHMLC_COMPILER=OFF -DHMLC_TESTS=OFF >/dev/null
cmake --build build/runtime -j "$jobs"

step "address and undefined sanitizers: build"
cmake --preset asan >/dev/null
cmake --build --preset asan -j "$jobs"
step "address and undefined sanitizers: tests"
ctest --test-dir build/asan --output-on-failure -j "$jobs" -LE slow --timeout 900

step "thread sanitizer: build"
cmake --preset tsan >/dev/null
cmake --build --preset tsan -j "$jobs"
step "thread sanitizer: tests"
ctest --test-dir build/tsan --output-on-failure -j "$jobs" -L threads --no-tests=error --timeout 900
step "done"
