#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Inputs that are not given, or only in part: dims that run, values in a range. usage: inputs_test.sh HMLC HML BAD_INPUTS
set -u
hmlc=$1 hml=$2 bad_inputs=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
cd "$place" || exit 1
"$bad_inputs" models . || exit 1
compile() { "$hmlc" compile "$1.onnx" -o "${2:-$1}.hml" --target x86-64-v2 -q "${@:3}" || failed=$((failed + 1)); }

# The smallest dims do not run: others are found, and told.
compile related && compile past && compile equal && compile gather && compile good
expect 0 'n = 2 .*found' "$hml" run related.hml
expect 0 'y: f32.3, 4.' "$hml" run related.hml
expect 0 '"dims":{"n":2}' "$hml" run related.hml --json
expect 0 '"dims":{"n":2}' "$hml" bench related.hml --seconds 0 --json
expect 0 'y: equal' "$hmlc" compare related.onnx related.hml
expect 2 HML1047 "$hml" run related.hml --dim n=3
expect 0 'f32.6, 4.' "$hml" run related.hml --dim n=4
holds 'quiet tells no dims' [ -z "$("$hml" run related.hml -q 2>&1 >/dev/null)" ]
holds 'the same seed, the same numbers' [ "$("$hml" run related.hml -q)" = "$("$hmlc" run related.hml -q --threads 2)" ]

# Given in part: the rest is random, with the dims of the given.
expect 0 'k = 4, m = 4' "$hml" run equal.hml --input x=f32_2x4.npy
expect 0 'k = 4, m = 4' "$hml" run equal.hml --input z=f32_4x3.npy
expect 2 HML1044 "$hml" run equal.hml --input x=f32_2x4.npy --dim k=3

# Values
expect 0 'in 7\.\.7' "$hml" run good.hml --fill x=7
expect 0 'in 0\.25\.\.0\.25' "$hml" run good.hml --fill=x=0.25
expect 0 'in (2\.[0-9]*|2)\.\.2\.[0-9]*$' "$hml" run good.hml --range x=2..3
expect 2 HML1060 "$hml" run gather.hml --fill rows=4
expect 0 'y: f32' "$hml" run gather.hml --range rows=-4..3 --dim n=64
expect 2 "HML1100.*does not hold" "$hml" run gather.hml --fill rows=0.5
expect 2 "HML1100.*expected NAME=NUMBER" "$hml" run good.hml --fill x=seven
expect 2 "HML1100.*expected NAME=LOW..HIGH" "$hml" run good.hml --range x=3..2
expect 2 "HML1100.*expected NAME=" "$hml" run good.hml --fill 7
expect 2 "HML1056.*did you mean 'x'" "$hml" run good.hml --fill xx=7
expect 2 "HML1100.*comes from a file" "$hml" run good.hml --fill x=7 --input x=f32_2x4.npy
expect 2 "HML1100.*both" "$hml" run good.hml --fill x=7 --range x=1..2

# Pictures: two pixels of two rows, (0 0.2 0.4) (0.6 0.8 1) and (0.2 0.4 0.6) (0.6 0.8 1); the PNG's second row is filtered
for name in picture picture_last picture_sized picture_free; do compile $name; done
base64 -d >p.png <<<'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR42mNgME6beeY/k7GxMQMDAwAe/QOZrGtfggAAAABJRU5ErkJggg=='
printf 'P6\n# a comment\n2 2\n255\n\000\063\146\231\314\377\063\146\231\231\314\377' >p.ppm
printf 'P5 5 2 255\n\000\063\146\231\314\377\063\146\063\146' >p.pgm
elements() { od -An -v -t f4 -w4 "$1" | tr -d ' ' | paste -sd' '; } # of an .npy file without its 128 bytes of header
for file in p.png p.ppm; do
    expect 0 'y: f32.1, 3, 2, 2. in -1\.\.' "$hml" run picture.hml --input x=$file
    expect 0 'y: f32.1, 2, 2, 3. in -1\.\.' "$hml" run picture_last.hml --input $file
    "$hml" run picture.hml --input x=$file -o - 2>/dev/null | tail -c 48 >first.bin
    "$hml" run picture_last.hml --input x=$file -o - 2>/dev/null | tail -c 48 >last.bin
    holds "$file, channels first" [ "$(elements first.bin)" = '-0 -0.6 -0.2 -0.6 -0.2 -0.8 -0.4 -0.8 -0.4 -1 -0.6 -1' ]
    holds "$file, channels last" [ "$(elements last.bin)" = '-0 -0.2 -0.4 -0.6 -0.8 -1 -0.2 -0.4 -0.6 -0.6 -0.8 -1' ]
    expect 2 "HML1100.*say --layout" "$hml" run picture_free.hml --input x=$file
    expect 0 'f32.1, 2, 2, 3.' "$hml" run picture_free.hml --input x=$file --layout nhwc
    expect 2 "HML1044.*2 wide and 2 high.*width 5 and height 2" "$hml" run picture_sized.hml --input x=$file
    head -c 60 $file | head -c -40 >cut.png
    expect 4 HML1102 "$hml" run picture.hml --input x=cut.png
done
expect 0 'f32.1, 3, 2, 5. in -1\.\.' "$hml" run picture_sized.hml --input x=p.pgm # grey in each channel
expect 2 'HML1100.*nchw or nhwc' "$hml" run picture.hml --input x=p.png --layout chw
# Bare elements, and streams
head -c 32 /dev/zero >x.raw
expect 0 'f32.2, 4. in 0\.\.0' "$hml" run good.hml --input x=x.raw
expect 2 'HML1045.*holds 48 bytes, the input needs 32' bash -c "head -c 48 /dev/zero >y.raw; '$hml' run good.hml --input x=y.raw"
holds 'from stdin to stdout' bash -c "'$hml' run good.hml --input x=- -o - <f32_2x4.npy | cmp -s - <('$hml' run good.hml --input x=f32_2x4.npy -o -)"
expect 4 HML1102 bash -c "echo text | '$hml' run good.hml --input x=-"
expect 2 'HML1100.*exclude each other' "$hml" run good.hml -o - --json
expect 5 'standard output' bash -c "'$hml' run good.hml -o - >/dev/full"

# A relation between dims
expect 0 'supported' "$hmlc" check past.onnx --dim past=seq+1 --dim total=seq+1
compile past fixed --dim past=seq+1 --dim total=2*seq-3
expect 0 'x: f32.seq . 1, 3.' "$hml" inspect fixed.hml
expect 0 'seq = 2 .*found' "$hml" run fixed.hml # of seq = 1, total would be negative
compile past chain --dim past=seq+1 --dim seq=4
expect 0 'x: f32.5, 3.' "$hml" inspect chain.hml
expect 2 "HML1100.*depends on itself" "$hmlc" check past.onnx --dim past=seq+1 --dim seq=past-1
expect 2 "HML1100.*depends on itself" "$hmlc" check past.onnx --dim past=past+1
expect 2 "HML1052.*no input has the dim 'seq\+none'" "$hmlc" check past.onnx --dim past=seq+none
expect 2 "HML1100.*no expression" "$hmlc" check past.onnx --dim 'past=seq+'
expect 2 "HML1100.*expected NAME=N" "$hmlc" check past.onnx --dim past=-1

# Operators
expect 0 '^Conv +[0-9]+\.\.[0-9]+ .*f32' "$hmlc" ops
expect 0 '"name":"Gemm","supported":true,"definitions":..' "$hmlc" ops Gemm --json
expect 2 "did you mean 'Gemm'" "$hmlc" ops gemm

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
