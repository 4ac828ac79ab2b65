#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# C libraries other than glibc. musl: the preset is built, its static hml runs a model as this machine's own does. Android's bionic: no
# compiler for it is here, but what the runtime and hml call is compared with what bionic has.
# usage: ports_test.sh SOURCE HMLC HML BUILD   BUILD: folder for the preset's; status 77: a tool is missing
set -u
source=$1 hmlc=$2 hml=$3 build=$4
source "$source/tests/cli/expect.sh"
command -v musl-gcc >/dev/null || { echo "skipped: no musl-gcc (Debian package musl-tools)"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

(cd "$source" && cmake --preset musl -B "$build" && cmake --build "$build" --target hml_program hml_shared) >"$place/build.log" 2>&1 || {
    echo "FAILED: hml is not built with musl"
    tail -20 "$place/build.log"
    exit 1
}
own=$build/tools/hml/hml
strip -o "$place/hml" "$own"
size=$(stat -c %s "$place/hml")
holds "a static hml of at most 256 KiB: $size bytes" [ "$size" -le 262144 ]
holds 'hml needs no library' bash -c "! readelf -d '$own' | grep -q NEEDED"

digits=$source/models/digits
expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/digits.hml" --quiet
for threads in 1 2; do
    expect 0 'equal' "$own" run "$place/digits.hml" --test-data "$digits/test_data_set_0" --threads $threads
    expect 0 '' "$own" run "$place/digits.hml" --dim batch=64 --threads $threads --output "$place/musl" --quiet
    expect 0 '' "$hml" run "$place/digits.hml" --dim batch=64 --threads $threads --output "$place/own" --quiet
    holds "equal bits with $threads threads" cmp "$place/musl/output_0.npy" "$place/own/output_0.npy"
done
expect 2 'HML1107.*an ONNX model, not an artifact' "$own" run "$digits/digits.onnx"

# Symbols without a definition in the archives, less those of the compiler and of ELF, and of musl's errno (bionic's is __errno).
find "$build" -name '*.a' -exec nm {} + 2>/dev/null >"$place/symbols"
awk 'NF == 3 { print $3 }' "$place/symbols" | sort -u >"$place/defined"
awk 'NF == 2 && $1 == "U" { print $2 }' "$place/symbols" | sort -u | comm -23 - "$place/defined" |
    grep -Evx '_GLOBAL_OFFSET_TABLE_|__errno_location|__cpu_(model|indicator_init)' >"$place/called"
holds 'the runtime calls something' grep -qx mmap "$place/called"
missing=$(grep -v '^#' "$source/tests/package/android_symbols.txt" | LC_ALL=C sort -u | LC_ALL=C comm -13 - <(LC_ALL=C sort "$place/called") | xargs)
holds "Android's C library has all that is called: it lacks '$missing'" [ -z "$missing" ]

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
