#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# compare's measures and layers, and diff. usage: compare_test.sh HMLC DIGITS_FOLDER
set -u
hmlc=$1 digits=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
model=$digits/digits.onnx
"$hmlc" compile "$model" -o "$place/plain.hml" -q
"$hmlc" compile "$model" -o "$place/kept.hml" --keep all -q
"$hmlc" compile "$model" -o "$place/one.hml" --keep relu2 -q
"$hmlc" compile "$model" -o "$place/fixed.hml" --dim batch=1 -q

# Measures
expect 0 'rms .* of .*, cosine 1\.0000000, top-1 the same in 3 of 3 rows; tolerance .* \+ 0\.001 x' \
    "$hmlc" compare "$model" "$place/plain.hml" --dim batch=3
expect 1 'probabilities: [0-9]+ of 10 differ' "$hmlc" compare "$model" "$place/plain.hml" --rtol 0 --atol 0

# Layers: in the model's order, the first divergence named; the model's own outputs behind them.
layers=$("$hmlc" compare "$model" "$place/kept.hml" --layers | grep -o '^[a-z0-9 ]*:' | tr -d '\n')
holds "layers in order: $layers" [ "$layers" = 'relu1:relu2:step 10:logits:probabilities:' ]
expect 0 'relu2: equal' "$hmlc" compare "$model" "$place/one.hml" --layers
expect 1 'first value out of tolerance:' "$hmlc" compare "$model" "$place/kept.hml" --layers --rtol 0 --atol 0
expect 1 '"first_differing":"relu1"' "$hmlc" compare "$model" "$place/kept.hml" --layers --rtol 0 --atol 0 --json
expect 0 '"layers":\[\{"name":"relu1","equal":true' "$hmlc" compare "$model" "$place/kept.hml" --layers --json
expect 0 '^probabilities: equal' "$hmlc" compare "$model" "$place/kept.hml"
expect 2 'compile the model once more with `--keep all`' "$hmlc" compare "$model" "$place/plain.hml" --layers
expect 2 "no value 'conv1' survives" "$hmlc" compile "$model" -o "$place/x.hml" --keep conv1
holds 'a refused --keep writes nothing' [ ! -e "$place/x.hml" ]

# A value whose memory an output of another shape has: y = Flatten(s), s = Softmax(x), x: f32[n, 2, 2].
printf '\010\010\022\000:U\012\017\012\001x\022\001s\042\007Softmax\012\017\012\001s\022\001y\042\007Flatten\022\001gZ\030\012\001x\022\023\012\021\010\001\022\015\012\003\022\001n\012\002\010\002\012\002\010\002b\024\012\001y\022\017\012\015\010\001\022\011\012\003\022\001n\012\002\010\004B\004\012\000\020\015' >"$place/view.onnx"
"$hmlc" compile "$place/view.onnx" -o "$place/view.hml" --keep all -q
expect 0 '^y: f32.3, 4. in' "$hmlc" run "$place/view.hml" --dim n=3
expect 2 'a graph of one kernel has none' "$hmlc" compare "$place/view.onnx" "$place/view.hml" --layers
expect 2 "no value 's' survives.*an output in another shape" \
    "$hmlc" compile "$place/view.onnx" -o "$place/x.hml" --keep s

# A run with a dim of 0: y = Reshape(x, [0, -1, 2]), x: f32[n, 4]. With n fixed at 0 nothing would tell what the -1 is.
printf '\010\010:^\012\022\012\001x\012\001s\022\001y"\007Reshape\022\001g*\025\010\003\020\007:\014\000\377\377\377\377\377\377\377\377\377\001\002B\001sZ\024\012\001x\022\017\012\015\010\001\022\011\012\003\022\001n\012\002\010\004b\030\012\001y\022\023\012\021\010\001\022\015\012\003\022\001n\012\002\010\002\012\002\010\002B\004\012\000\020\015' >"$place/empty.onnx"
"$hmlc" compile "$place/empty.onnx" -o "$place/empty.hml" -q
expect 0 '^y: equal' "$hmlc" compare "$place/empty.onnx" "$place/empty.hml" --dim n=0
expect 0 '^y: equal' "$hmlc" compare "$place/empty.onnx" "$place/empty.hml" --dim n=2

# diff
expect 0 '^the same bytes$' "$hmlc" diff "$place/plain.hml" "$place/plain.hml"
expect 1 "^output 'relu2': not there -> f32\[batch, 7, 7, 16\]$" "$hmlc" diff "$place/plain.hml" "$place/one.hml"
expect 1 "^dim 'batch': from 0 -> not there$" "$hmlc" diff "$place/plain.hml" "$place/fixed.hml"
expect 1 '"same_bytes":false,"differences":\[\{"what":' "$hmlc" diff "$place/plain.hml" "$place/fixed.hml" --json
cp "$model" "$place/renamed.onnx"
"$hmlc" compile "$place/renamed.onnx" -o "$place/renamed.hml" -q
expect 1 '^the same interface, sizes and steps; the bytes of code or weights differ$' \
    "$hmlc" diff "$place/plain.hml" "$place/renamed.hml"
expect 2 'compile it first' "$hmlc" diff "$place/plain.hml" "$model"
cp "$place/plain.hml" "$place/damaged.hml"
printf 'x' | dd of="$place/damaged.hml" bs=1 seek=100000 conv=notrunc status=none
expect 4 'HML10' "$hmlc" diff "$place/plain.hml" "$place/damaged.hml"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
