#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Words for targets: rows, words for several, devices, those that are refused; and `strip`, which drops variants.
# usage: targets_test.sh HMLC HML MODEL_FOLDER
set -u
hmlc=$1 hml=$2 folder=$3
model=$folder/$(basename "$folder").onnx
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
unset HML_VARIANT

# compile NAME WORDS...
compile() {
    local name=$1
    shift
    expect 0 '' "$hmlc" compile "$model" -o "$place/$name.hml" "$@"
}
# variants FILE: their names in order
variants() { "$hml" inspect "$1" --json | grep -o '"variants":\[.*' | grep -o '"name":"[^"]*","architecture"' | cut -d '"' -f 4 | tr '\n' ' '; }
has() { holds "$1 holds $2" [ "$(variants "$place/$1.hml")" = "$2 " ]; }

# Words for several rows, in the table's order whatever the order of the words; a row whose code an earlier one has is left out.
compile any --target any
has any 'x86-64-v2 x86-64-v3 x86-64-v4 aarch64 armv7'
compile pi --target rasp4b --quiet
has pi aarch64
compile mixed --target deeplens,rasp3b --target ml_c5 --quiet
has mixed 'x86-64-v2 x86-64-v3 x86-64-v4 aarch64'
compile dot --target aarch64-dot --quiet
has dot aarch64-dot
compile mm --target aarch64-mm,aarch64-dot --quiet
has mm aarch64-dot
expect 0 'left out  *aarch64-dot, aarch64-mm: nothing in this model uses' "$hmlc" compile "$model" -o "$place/all.hml" --target aarch64
expect 0 '"left_out":\["aarch64-dot","aarch64-mm"\]' "$hmlc" compile "$model" -o "$place/all.hml" --target jetson_xavier --json
expect 0 'target aarch64-mm: aarch64-unknown-linux-gnu' "$hmlc" check "$model" --target ml_c7g --verbose

# The list has every word.
"$hmlc" targets >"$place/list"
for word in any aarch64 rasp3b rasp4b imx8mplus imx8qm amba_cv2 amba_cv22 amba_cv25 rk3288 sitara_am57x jetson_nano jetson_tx1 jetson_tx2 rk3399 aisage jacinto_tda4vm \
    jetson_xavier qcs603 qcs605 ml_m6g ml_c7g ml_c4 ml_m4 lambda ml_c5 ml_m5 deeplens sbe_c; do
    holds "targets lists $word" grep -Eq "^$word +(= |aarch64-unknown)" "$place/list"
    expect 0 supported "$hmlc" check "$model" --target "$word"
done
for word in coreml ml_inf1 x86_win32 npu cvflow dla; do
    holds "targets says that $word is not served" grep -Eq "^$word +not served: ." "$place/list"
    expect 3 "HML0511.*target '$word': ." "$hmlc" check "$model" --target "$word"
done

# Mistakes
bad=(--quiet -o "$place/bad.hml")
expect 2 "HML1100.*unknown target 'rasp5b'; did you mean 'rasp[34]b'" "$hmlc" compile "$model" "${bad[@]}" --target rasp5b
expect 2 "HML1100.*unknown target 'aarch64-dott'; did you mean 'aarch64-dot'" "$hmlc" compile "$model" "${bad[@]}" --target aarch64-dott
expect 2 'HML1100.*empty' "$hmlc" compile "$model" "${bad[@]}" --target ''
expect 2 'HML1100.*empty' "$hmlc" compile "$model" "${bad[@]}" --target x86-64-v2,
expect 2 'HML1100.*empty' "$hmlc" compile "$model" "${bad[@]}" --target x86-64-v2,,aarch64
expect 2 "HML1100.*'aarch64' twice" "$hmlc" compile "$model" "${bad[@]}" --target aarch64,x86-64-v2,aarch64
expect 2 "HML1100.*'any' twice" "$hmlc" compile "$model" "${bad[@]}" --target any --target any
expect 2 "HML1100.*--tune fast: expected none or small" "$hmlc" compile "$model" "${bad[@]}" --tune fast
expect 2 'HML1100.*--tune small' "$hmlc" compile "$model" "${bad[@]}" --target x86-64-v2 --tune small
holds 'mistakes write no file' [ ! -e "$place/bad.hml" ]

# The same words give the same bytes.
compile again --target any --quiet --jobs 1
holds 'any compiles to the same bytes' cmp "$place/any.hml" "$place/again.hml"

# strip: the sections of what stays have the bytes that they had.
sections() { python3 "$(dirname "$0")/sections_of.py" "$1"; }
expect 0 '2 of 5 variants' "$hmlc" strip "$place/any.hml" --keep x86-64-v3,aarch64 -o "$place/two.hml"
has two 'x86-64-v3 aarch64'
expect 0 '' "$hmlc" strip "$place/any.hml" --keep aarch64 --keep x86-64-v3 -o "$place/two_again.hml" --quiet
holds 'strip gives the same bytes again' cmp "$place/two.hml" "$place/two_again.hml"
if command -v python3 >/dev/null; then
    sections "$place/any.hml" | grep -Ev ' (x86-64-v[24]|armv7)$' >"$place/wanted"
    sections "$place/two.hml" >"$place/found"
    holds 'what stays is unchanged' diff "$place/wanted" "$place/found"
else
    echo "skipped: sections before and after strip: no python3"
fi
expect 0 '' "$hmlc" strip "$place/any.hml" --keep x86-64-v2 -o "$place/one.hml" --quiet
expect 0 'equal' "$hml" run "$place/one.hml" --test-data "$folder/test_data_set_0"
expect 0 '' "$hmlc" strip "$place/two.hml" --keep any -o "$place/same.hml" --quiet
holds 'keeping all keeps the bytes' cmp "$place/two.hml" "$place/same.hml"
expect 0 '' "$hmlc" strip "$place/any.hml" --keep rasp4b -o "$place/pi2.hml" --quiet
has pi2 aarch64
expect 3 'HML1026.*aarch64' "$hml" run "$place/pi2.hml"
expect 2 "HML1027.*'x86-64-v3'; the artifact has aarch64" "$hmlc" strip "$place/pi2.hml" --keep x86-64-v3 -o "$place/bad.hml"
expect 2 "HML1027.*'coreml'" "$hmlc" strip "$place/pi2.hml" --keep coreml -o "$place/bad.hml"
expect 2 'HML1100.*--keep' "$hmlc" strip "$place/any.hml" -o "$place/bad.hml"
expect 2 'HML1100.*--keep' "$hmlc" strip "$place/any.hml" --keep '' -o "$place/bad.hml"
expect 2 'HML1100.*OUT.hml' "$hmlc" strip "$place/any.hml" --keep any
expect 2 'HML1108' "$hmlc" strip "$place/any.hml" --keep any -o "$place/any.hml"
expect 2 'HML1107' "$hmlc" strip "$place/none.hml" --keep any -o "$place/bad.hml"
expect 2 'HML1107' "$hmlc" strip "$model" --keep any -o "$place/bad.hml"
expect 5 'HML1104' "$hmlc" strip "$place/any.hml" --keep any -o /dev/full
head -c 5000 "$place/any.hml" >"$place/cut.hml"
expect 4 'HML1006' "$hmlc" strip "$place/cut.hml" --keep any -o "$place/bad.hml"
: >"$place/empty.hml"
expect 4 'HML1002' "$hmlc" strip "$place/empty.hml" --keep any -o "$place/bad.hml"
holds 'mistakes write no file' [ ! -e "$place/bad.hml" ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
