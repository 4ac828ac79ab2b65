#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reproducibility, model by model. The artifact's bytes depend neither on folder, HOME, umask, locale, time zone and TMPDIR nor on the
# number of jobs. The output bits of each variant that this machine runs are those of one thread on two and on four.
# usage: equal_bits.sh HMLC [--target T,...] FOLDER...     folders in the ONNX layout; status 77: the first is not there
# The long form: equal_bits.sh build/release/tools/hmlc/hmlc ZOO/onnx/*/ BENCH/*/
set -u
hmlc=$(realpath "$1") || exit 2 # used from other folders
shift
target=()
if [ "$1" = --target ]; then
    target=(--target "$2")
    shift 2
fi
if [ ! -d "$1" ]; then
    echo "skipped: no models at $1"
    exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset HML_VARIANT
passed=0 failed=0 refused=0 runs=0

fail() {
    failed=$((failed + 1))
    echo "FAILED: $1"
}

# compile_twice FOLDER: first.hml and second.hml under different circumstances; status 3 or 4: the model is refused
compile_twice() {
    local model status
    model=$(echo "$1"/*.onnx)
    "$hmlc" compile "$model" -o "$place/first.hml" "${target[@]}" --jobs 1 --quiet >"$place/log" 2>&1
    status=$?
    [ "$status" -eq 0 ] || return "$status"
    rm -rf "$place/copy"
    mkdir "$place/copy" "$place/copy/temporary" || return 5
    cp "$1"/*.onnx "$place/copy" || return 5
    [ ! -f "$1/model.weights" ] || cp "$1/model.weights" "$place/copy" || return 5
    (cd "$place/copy" && umask 077 && HOME=/nonexistent TZ=Asia/Tokyo LC_ALL=C.UTF-8 TMPDIR=$place/copy/temporary \
        "$hmlc" compile "$(basename "$model")" -o ../second.hml "${target[@]}" --jobs 3 --quiet >"$place/log" 2>&1)
    status=$?
    rm -rf "$place/copy"
    [ "$status" -eq 0 ] || return 70
}

# The variants of first.hml that run here, a name a line.
variants() {
    "$hmlc" inspect "$place/first.hml" | sed -n 's/^variants//; / of code/{/does not run it/d; s/^ *\([^ ]*\) .*/\1/p}'
}

# run_threads NAME VARIANT INPUT...: 1, 2 and 4 threads write equal files
run_threads() {
    local what="$1, $2" variant=$2 threads
    shift 2
    for threads in 1 2 4; do
        rm -rf "$place/$threads"
        if ! HML_VARIANT=$variant "$hmlc" run "$place/first.hml" "$@" --no-compare --threads "$threads" \
            --output "$place/$threads" >/dev/null; then
            fail "$what does not run on $threads thread(s)"
            return
        fi
        if ! diff -r "$place/1" "$place/$threads" >/dev/null || [ -z "$(ls "$place/1")" ]; then
            fail "$what: $threads threads give other outputs than one"
            return
        fi
        runs=$((runs + 1))
    done
}

check() {
    local name variant set before=$failed ran=$runs
    name=$(basename "$1")
    compile_twice "$1"
    case $? in
    0) ;;
    3 | 4)
        echo "$name is refused by the compiler"
        refused=$((refused + 1))
        return
        ;;
    *)
        fail "$name does not compile twice"
        head -5 "$place/log"
        return
        ;;
    esac
    cmp "$place/first.hml" "$place/second.hml" || fail "$name: the artifacts differ"
    for variant in $(variants); do
        for set in "$1"/test_data_set_*; do
            run_threads "$name" "$variant" --test-data "$set"
        done
    done
    [ "$runs" -gt "$ran" ] || fail "$name: no variant runs here"
    [ "$failed" -ne "$before" ] || passed=$((passed + 1))
}

for folder in "$@"; do
    check "${folder%/}"
done
echo "$passed passed, $failed failed, $refused refused; $runs runs"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
