#!/usr/bin/env bash
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

# diff
expect 0 '^the same bytes$' "$hmlc" diff "$place/plain.hml" "$place/plain.hml"
expect 1 "^output 'relu2': not there -> f32\[batch, 7, 7, 16\]$" "$hmlc" diff "$place/plain.hml" "$place/one.hml"
expect 1 "^dim 'batch': from 0 -> not there$" "$hmlc" diff "$place/plain.hml" "$place/fixed.hml"
expect 1 '"same_bytes":false,"differences":\[\{"what":' "$hmlc" diff "$place/plain.hml" "$place/fixed.hml" --json
expect 2 'compile it first' "$hmlc" diff "$place/plain.hml" "$model"
cp "$place/plain.hml" "$place/damaged.hml"
printf 'x' | dd of="$place/damaged.hml" bs=1 seek=100000 conv=notrunc status=none
expect 4 'HML10' "$hmlc" diff "$place/plain.hml" "$place/damaged.hml"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
