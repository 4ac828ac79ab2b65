#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --weights: how many bytes they take, how far the outputs are then, what stays in f32, and words that are none.
# usage: halves_test.sh HMLC HALF_MODELS
set -u
hmlc=$1 models=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
cd "$place" && "$models" . || exit 1

# bytes NAME [OPTION...]: of the weights of NAME.onnx; its artifact is NAME.hml
bytes() { "$hmlc" compile "$1.onnx" -o "$1.hml" --json "${@:2}" 2>/dev/null | grep -o '"weight_bytes":[0-9]*' | cut -d: -f2; }
# takes NAME BYTES [OPTION...]: the weights do, but for the padding of sections
takes() {
    local found
    found=$(bytes "$1" "${@:3}")
    holds "weights of $1 ${*:3}: $found bytes, expected $2" [ "$found" -ge "$2" -a "$found" -lt $(($2 + 1024)) ]
}

takes usual 12288
takes usual 12288 --weights f32
for half in f16 bf16; do
    takes usual 6144 --weights $half
    expect 1 'rms .* of .*, cosine (1|0\.9999)' "$hmlc" compare usual.onnx usual.hml --dim n=3 --rtol 0 --atol 1e-7
    takes window 73728 --weights $half # with Winograd's form they would be more
    expect 0 'y: equal' "$hmlc" compare window.onnx window.hml --rtol 0 --atol 2
done
takes usual 6144 --weights f16
expect 0 'y: equal' "$hmlc" compare usual.onnx usual.hml --dim n=1 --rtol 0 --atol 5e-3 # 64 roundings of 2^-12

# What f16 cannot hold stays, and says so; bf16 holds it.
takes large 12288 --weights f16
expect 0 'warning.HML0222.*beyond the range of f16' "$hmlc" compile large.onnx -o large.hml --weights f16
expect 0 'y: equal' "$hmlc" compare large.onnx large.hml --dim n=2
takes large 6144 --weights bf16
takes small 12288 --weights f16
expect 0 'warning.HML0222.*so small that f16' "$hmlc" compile small.onnx -o small.hml --weights f16
takes small 6144 --weights bf16

# Halves of the model stay halves and give what they are in f32, unless the option says otherwise.
for name in cast16 castb16 throughout; do
    takes $name 6144
    cp $name.hml own.hml
    expect 0 'y: equal' "$hmlc" compare $name.onnx $name.hml --dim n=3
    takes $name 12288 --weights f32
    "$hmlc" run own.hml --dim n=7 --output own >/dev/null && "$hmlc" run $name.hml --dim n=7 --output wide >/dev/null
    holds "$name: equal bits in halves and f32" cmp -s own/output_0.npy wide/output_0.npy
done

# quantize writes such a model; compiled, it is what --weights makes of the first one.
for half in f16 bf16; do
    expect 0 '' "$hmlc" quantize usual.onnx --to $half -o written.onnx
    takes written 6144
    "$hmlc" run written.hml --dim n=5 --output written >/dev/null 2>&1
    "$hmlc" compile usual.onnx -o direct.hml --weights $half -q && "$hmlc" run direct.hml --dim n=5 --output direct >/dev/null 2>&1
    holds "quantize --to $half and compile --weights $half: equal bits" cmp -s written/output_0.npy direct/output_0.npy
    expect 0 'y: equal' "$hmlc" compare written.onnx direct.hml --dim n=5
    "$hmlc" quantize window.onnx --to $half -o shrunk.onnx
    takes shrunk 73728 --prefer size
done
expect 0 'warning.HML0222.*beyond the range of f16' "$hmlc" quantize large.onnx --to f16 -o written.onnx
takes written 12288
expect 2 'HML1100.*--to f61: expected int8, int8-dynamic, weights-int8, weights-int4, f16 or bf16' "$hmlc" quantize usual.onnx --to f61 -o x.onnx
expect 2 'HML1100.*--stats has no meaning' "$hmlc" quantize usual.onnx --to f16 --stats s.hms -o x.onnx
takes table 6144 --weights bf16
expect 0 'y: equal' "$hmlc" compare table.onnx table.hml --dim n=4 --rtol 0 --atol 0.004

# Products in f16 are for targets that have them.
expect 3 'HML0304.*target x86-64-v2 does not multiply f16' "$hmlc" compile usual.onnx -o x.hml --precision f16
expect 3 'HML0304.*target aarch64 does not multiply f16' "$hmlc" compile usual.onnx -o x.hml --precision f16 --target aarch64
expect 3 'HML0304.*target aarch64-dot does not multiply bf16' "$hmlc" compile usual.onnx -o x.hml --precision bf16 --target aarch64-dot
expect 2 'HML1100.*--precision f61: expected f32, f16 or bf16' "$hmlc" compile usual.onnx -o x.hml --precision f61
expect 2 'HML1100.*--weights bf16 contradicts --precision f16' "$hmlc" compile usual.onnx -o x.hml --precision f16 --weights bf16 --target aarch64-dot
expect 2 'HML1100.*--weights f16 contradicts --precision bf16' "$hmlc" compile usual.onnx -o x.hml --precision bf16 --weights f16 --target aarch64-mm
expect 0 'products +1 in f16' "$hmlc" compile usual.onnx -o both.hml --precision f16 --weights f16 --target aarch64-dot
expect 0 'warning.HML0222.*computed in f32: .*beyond the range of f16' "$hmlc" compile large.onnx -o large.hml --precision f16 --target aarch64-dot
takes usual 6144 --precision f16 --target aarch64-dot
expect 0 'products +1 in f16, 0 in f32' "$hmlc" compile usual.onnx -o taken.hml --precision f16 --target aarch64-dot
expect 0 'products +1 in bf16, 0 in f32' "$hmlc" compile window.onnx -o taken.hml --precision bf16 --target aarch64-mm
expect 0 ': some weights are beyond the range' "$hmlc" compile large.onnx -o taken.hml --precision f16 --target aarch64-dot
expect 0 '"products":.*"in":"f32","reason":"some weights are beyond the range"' "$hmlc" compile large.onnx -o taken.hml --precision f16 --target aarch64-dot --json
takes usual 6144 --precision bf16 --target aarch64-mm

expect 2 'HML1100.*--weights f8: expected one of f32, f16 and bf16' "$hmlc" compile usual.onnx -o x.hml --weights f8
expect 2 'HML1100.*--weights f16,bf16: expected one' "$hmlc" compile usual.onnx -o x.hml --weights f16,bf16
expect 2 'HML1100.*--weights : expected' "$hmlc" compile usual.onnx -o x.hml --weights ''
expect 2 'HML1100.*--weights bin goes with --emit object' "$hmlc" compile usual.onnx -o x.hml --weights bin
holds 'nothing is written' [ ! -e x.hml ]
expect 0 '' "$hmlc" compile usual.onnx -o apart --emit object --target x86-64-v3 --dim n=1 --weights bf16,bin
holds 'an object has its halves beside it' [ "$(stat -c %s apart.bin)" -lt 7168 ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
