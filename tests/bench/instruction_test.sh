#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Counts the instructions of one run of each kind of kernel (valgrind's callgrind, within hml_run) and compares them with
# instructions.txt beside this file. More than 1 % above or below fails: a change that makes a kernel shorter records the gain,
# and one that makes it longer says why, in the same line.
# usage: instruction_test.sh HMLC HML KERNEL_MODELS [--record]   --record: writes the counts, keeping the reasons; status 77: no valgrind
set -u
hmlc=$1 hml=$2 models=$3 record=${4:-}
recorded=$(dirname "$0")/instructions.txt
targets=x86-64-v2,x86-64-v3
command -v valgrind >/dev/null || { echo "skipped: no valgrind (Debian package valgrind)"; exit 77; }
grep -q avx2 /proc/cpuinfo || { echo "skipped: this CPU has no AVX2, which the recorded code needs"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$models" "$place" || exit 1
passed=0 failed=0

# count MODEL VARIANT
count() {
    HML_VARIANT=$2 valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=hml_run "$hml" run "$1" --threads 1 --quiet 2>&1 |
        sed -n 's/.*Collected : //p'
}

# check NAME VARIANT COUNT
check() {
    local expected
    expected=$(awk -v name="$1" -v variant="$2" '$1 == name && $2 == variant { print $3 }' "$recorded")
    if awk -v is="$3" -v was="${expected:-0}" 'BEGIN { exit !(is > 0 && is >= was * 0.99 && is <= was * 1.01) }'; then
        passed=$((passed + 1))
    else
        echo "FAILED: $1 on $2 takes ${3:-no} instructions, recorded are ${expected:-none}; see the head of $0"
        failed=$((failed + 1))
    fi
}

while read -r name; do
    "$hmlc" compile "$place/$name.onnx" -o "$place/$name.hml" --target $targets --quiet || { echo "FAILED: $name does not compile"; failed=$((failed + 1)); }
    for variant in ${targets//,/ }; do
        found=$(count "$place/$name.hml" "$variant")
        if [ "$record" = --record ]; then
            reason=$(awk -v name="$name" -v variant="$variant" '$1 == name && $2 == variant { $1 = $2 = $3 = ""; sub(/^ +/, ""); print }' "$recorded")
            printf '%-12s %-10s %10s%s\n' "$name" "$variant" "$found" "${reason:+  $reason}"
        else
            check "$name" "$variant" "$found"
        fi
    done
done < <(basename -a -s .onnx "$place"/*.onnx) >"$place/out"
if [ "$record" = --record ]; then
    { grep '^#' "$recorded"; cat "$place/out"; } >"$place/new" && cp "$place/new" "$recorded"
    exit
fi
cat "$place/out"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
