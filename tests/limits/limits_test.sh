#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Small files that could be expensive (costly_models.c): `check` and `compile` end within bounds of processor time and memory, or
# are refused with a code that names the limit. usage: limits_test.sh HMLC COSTLY_MODELS MEASURE
#
# Bounds: 5 s of processor time for all targets and all child processes; 64 MiB + 4x the file for the largest process.
# A row whose compile may have more, LLVM's pages included, says so in its last columns: seconds, MiB.
set -u
hmlc=$1 costly=$2 measure=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
passed=0 failed=0

# bounded NAME STATUS CODE SECONDS MIB COMMAND...
bounded() {
    local name=$1 status=$2 code=$3 seconds=$4 most=$5 result wrong=
    shift 5
    result=$("$measure" "$seconds" "$@" 2>"$place/said" | tee -a "$place/said" | tail -1)
    read -r found time memory <<<"$result"
    [ "$found" = "$status" ] || wrong=" status $status"
    [ -z "$code" ] || grep -q "$code" "$place/said" || wrong="$wrong code $code"
    awk "BEGIN { exit !($time > $seconds) }" && wrong="$wrong at most $seconds s"
    [ "$memory" -le $((most * 1024 + 4 * bytes / 1024)) ] || wrong="$wrong at most $most MiB + 4x"
    if [ -n "$wrong" ]; then
        echo "FAILED $name ${*:2:1} (expected$wrong): status $found, $time s, $memory KiB, file $bytes bytes"
        grep -m1 error "$place/said"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

while IFS='|' read -r name size status code seconds most; do
    "$costly" "$name" "$size" "$place/$name.onnx" || exit 1
    bytes=$(stat -c %s "$place/$name.onnx")
    bounded "$name" "$status" "$code" 5 64 "$hmlc" check "$place/$name.onnx"
    bounded "$name" "$status" "$code" "${seconds:-5}" "${most:-64}" "$hmlc" compile "$place/$name.onnx" -o "$place/x.hml" --quiet
    rm -f "$place/$name.onnx"
done <"$(dirname "$0")/costly_models.txt"

# What no bound holds for is refused where a number of kernels is asked for, before LLVM begins.
for model in 'distinct_loops 300' 'tile_chain 40' 'dynamic_convs 30'; do
    "$costly" $model "$place/many.onnx" && bytes=$(stat -c %s "$place/many.onnx")
    bounded "$model" 0 "" 5 64 "$hmlc" check "$place/many.onnx"
    bounded "$model" 3 HML0510 5 64 "$hmlc" compile "$place/many.onnx" -o "$place/x.hml" --quiet --most-kernels 20
done

# The number of descriptors does not grow with the kernels.
"$costly" distinct_loops 40 "$place/many.onnx" && bytes=0
bounded descriptors 0 "" 60 1000 bash -c "ulimit -n 32; exec '$hmlc' compile '$place/many.onnx' -o '$place/x.hml' --quiet --jobs 2"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
