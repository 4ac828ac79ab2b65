#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds hmlc in every form that matters, lints it and runs all tests: gcc's release build, clang's sanitizers, the runtime alone.
# Closing lines: what was skipped and why, then how many tests passed and failed.
# usage: tools/test.sh [--quick]      --quick: the release build and its tests labelled quick, nothing else
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh
jobs=$(nproc)
started=$SECONDS
skipped=() tests=0 failed=0 quick=
export CC=gcc # of the release build and the runtime alone; the presets of the sanitizers name clang
case ${1:-} in
'') ;;
--quick) quick=yes ;;
*)
    echo "tools/test.sh: unknown word '$1'; usage: tools/test.sh [--quick]" >&2
    exit 2
    ;;
esac

step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }

# A line for each check of a ctest report that was skipped, in a whole test or within one, with the reason that it printed.
skipped_checks() {
    awk '
        function skip(what) { if (!(what in seen)) print what; seen[what]; reasons++ }
        /<testcase / { name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name); whole = /status="notrun"/; reasons = 0 }
        { sub(/^.*<system-out>/, "") }
        /^skipped: / { skip(name ": " substr($0, 10)) }
        /^\[  SKIPPED \] [a-z]/ { skip(name ": " $4) }
        /<\/testcase>/ { if (whole && reasons == 0) skip(name ": no reason given") }
    ' "$1"
}

# run_tests BUILD CTEST_OPTION...
run_tests() {
    local build=$1 report=$PWD/build/$1/tests.xml line outcome=0
    shift
    ctest --test-dir "build/$build" --output-on-failure -j "$jobs" --no-tests=error --timeout 900 --output-junit "$report" \
        --test-output-size-passed 1000000 "$@" || outcome=$?
    while read -r line; do
        skipped+=("$build: $line")
    done < <(skipped_checks "$report")
    tests=$((tests + $(suite_count tests "$report") - $(suite_count skipped "$report")))
    failed=$((failed + $(suite_count failures "$report")))
    [ "$outcome" -eq 0 ] || finish "$outcome"
}

# same_artifacts BUILD BUILD: one model, and made ones of every operator, compiled by the programs of both; one test.
same_artifacts() {
    local build place
    place=$(mktemp -d)
    for build in "$@"; do
        mkdir "$place/$build"
        "build/$build/tools/hmlc/hmlc" compile models/digits/digits.onnx -o "$place/$build/digits.hml" --quiet
        "build/$build/tests/differential/artifact_digests" >"$place/$build/digests.txt"
    done
    tests=$((tests + 1))
    diff -r "$place/$1" "$place/$2" || {
        failed=$((failed + 1))
        finish 1
    }
    wc -l <"$place/$1/digests.txt"
    rm -r "$place"
}

# suite_count tests|failures|skipped REPORT
suite_count() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -1; }

# finish STATUS: what was skipped, the counts.
finish() {
    step "done"
    build/release/tools/hmlc/hmlc targets | grep -q 'x86-64-v4.*native' ||
        skipped+=("all: kernels of x86-64-v4 are built, not run: no AVX-512 here")
    printf '%d skipped\n' "${#skipped[@]}"
    [ ${#skipped[@]} -eq 0 ] || printf '  %s\n' "${skipped[@]}"
    printf '%d passed, %d failed\n' $((tests - failed)) "$failed"
    exit "$1"
}

step "packages"
install_packages "${build_packages[@]}" "${test_packages[@]}"

step "formatting"
git ls-files '*.c' '*.h' | xargs clang-format-19 --dry-run --Werror

step "release build"
cmake --preset release -DHMLC_TESTS=ON >/dev/null
cmake --build --preset release -j "$jobs"

if [ -n "$quick" ]; then
    step "quick tests"
    run_tests release -L quick
    finish 0
fi
step "release tests"
run_tests release

step "clang-tidy"
tools/tidy.sh

step "runtime alone, without LLVM and protobuf"
cmake -S . -B build/runtime -G Ninja -DHMLC_COMPILER=OFF -DHMLC_TESTS=OFF -DHMLC_WERROR=ON >/dev/null
cmake --build build/runtime -j "$jobs"

step "address and undefined sanitizers: build"
cmake --preset asan >/dev/null
cmake --build --preset asan -j "$jobs"
step "equal artifacts, whichever compiler built hmlc"
same_artifacts release asan
step "address and undefined sanitizers: tests"
run_tests asan -LE slow

step "thread sanitizer: build"
cmake --preset tsan >/dev/null
mapfile -t threaded < <(ctest --test-dir build/tsan -N -L threads | sed -n 's/^ *Test *#[0-9]*: //p') # a test's name is its target's
cmake --build --preset tsan -j "$jobs" --target "${threaded[@]}"
step "thread sanitizer: tests"
run_tests tsan -L threads

finish 0
