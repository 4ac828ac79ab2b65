#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No output of any command takes the place of a file that the command reads, whatever name or link leads to it: status 2,
# HML1108, and the file is as it was. usage: overwrite_test.sh HMLC HML BAD_INPUTS
set -u
hmlc=$1 hml=$2 bad_inputs=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
cd "$place" || exit 1
mkdir sub && "$bad_inputs" models . || exit 1
head -c 16 /dev/urandom >weights.bin
head -c 16 /dev/urandom >unused.bin
model=external_good.onnx
"$hmlc" compile $model -o good.hml --target x86-64-v2 -q || exit 1
mkdir set && cp f32_2x4.npy x.npy && "$hml" run good.hml --input x=x.npy --output set --format pb >/dev/null || exit 1
"$hml" run good.hml --output made --format pb >/dev/null && cp made/output_0.pb set/input_0.pb || exit 1
state() { find . -type f -exec sha256sum {} + | sort; }

# spares COMMAND...: refused, and no file was changed or made
spares() {
    local before=$(state)
    expect 2 'error\[HML1108\]' "$@"
    [ "$(state)" = "$before" ] || { echo "FAILED: changed by: $*"; failed=$((failed + 1)); }
}

# names FILE: the names that lead to it
names() {
    ln -sfn "$1" link && ln -sfn ../"$1" sub/link && ln -sfn link chain
    echo "$1" "./sub/../$1" "$place/$1" link sub/link chain
}
for file in $model unused.bin weights.bin; do
    for name in $(names $file); do
        spares "$hmlc" compile $model -o "$name"
    done
    spares "$hmlc" compile $model -o link --emit ir
done
ln $model hard.onnx && ln good.hml hard.hml && ln x.npy hard.npy # of weights the importer refuses a second name
spares "$hmlc" compile $model -o hard.onnx
for name in $(names good.hml) hard.hml; do
    spares "$hml" bench good.hml --seconds 0 --trace "$name"
done
for name in $(names x.npy) hard.npy; do
    spares "$hmlc" bench good.hml --seconds 0 --input x=x.npy --trace "$name"
done
for name in $(names good.hml) hard.hml; do
    spares "$hmlc" strip good.hml --keep x86-64-v2 -o "$name"
done
# Folders: the test data itself, and one whose output_0 is an input
for name in $(names set); do
    spares "$hml" run good.hml --test-data set --output "$name" --format pb
    spares "$hml" run good.hml --test-data set --output "$name" --no-compare
done
spares "$hml" bench good.hml --seconds 0 --test-data set --trace set/output_0.pb
mkdir other && ln -s ../x.npy other/output_0.npy
spares "$hml" run good.hml --input x=x.npy --output other
spares "$hml" run good.hml --input x=other/output_0.npy --output other
rm other/output_0.npy && ln x.npy other/output_0.npy
spares "$hml" run good.hml --input x=x.npy --output other
# Another file may be replaced.
cp good.hml old.hml
expect 0 '' "$hmlc" compile $model -o old.hml
expect 0 '' "$hml" run good.hml --input x=x.npy --output made
expect 0 '' "$hml" bench good.hml --seconds 0 --trace old.hml

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
