#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an object cannot be made of, or not with these words: each with its code and status, and nothing written.
# usage: refusal_test.sh HMLC OBJECT_MODELS SOURCE
set -u
hmlc=$1 models=$2 source=$3
source "$source/tests/cli/expect.sh"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
expect 0 '' "$models" "$place"
digits=$source/models/digits/digits.onnx
out=$place/out
object() { "$hmlc" compile "$1" -o "$out" --emit object "${@:2}"; }
# refused STATUS PATTERN ARGUMENT...: of `object`
refused() {
    local said found
    said=$(object "${@:3}" 2>&1)
    found=$?
    holds "status $found of 'object ${*:3}': $said" [ $found -eq "$1" ]
    holds "'$2' in: $said" grep -Eq -- "$2" <<<"$said"
    holds "'object ${*:3}' leaves nothing" bash -c "! ls '$out'* 2>/dev/null"
}

# Targets.
refused 2 'HML1100.*needs --target' "$digits"
refused 2 'HML1100.*one target; --target names 2' "$digits" --target x86-64-v2,x86-64-v3
refused 2 "HML1100.*unknown target 'x86_65-linux'" "$digits" --target x86_65-linux
refused 2 "HML1100.*unknown target 'mips-unknown-elf'" "$digits" --target mips-unknown-elf
refused 2 'HML1100.*unknown target' "$digits" --target thumbv7em-none-eabi,thumbv6m-none-eabi
refused 2 'HML1100.*empty' "$digits" --target ''
refused 2 'HML1100.*--cpu and --features go with a triple' "$digits" --target cortex-m4 --cpu cortex-m7
refused 2 "HML0522.*'\+warp' is not a recognized feature" "$digits" --target x86_64-unknown-linux-gnu --features +warp --dim batch=1
refused 2 "HML0522.*'z80' is not a recognized processor" "$digits" --target x86_64-unknown-linux-gnu --cpu z80 --dim batch=1
for triple in arm64-apple-ios16 x86_64-apple-macosx13 aarch64-unknown-none-macho; do
    refused 3 "HML[0-9]*.*target '$triple': its object files are Mach-O" "$digits" --target $triple --dim batch=1
done
for triple in x86_64-pc-windows-msvc aarch64-w64-mingw32 x86_64-unknown-none-coff; do
    refused 3 "HML[0-9]*.*target '$triple': its object files are COFF" "$digits" --target $triple --dim batch=1
done
holds 'some targets have objects alone' bash -c "'$hmlc' targets | grep -q 'objects only'"
for target in $("$hmlc" targets | awk '/objects only/ { print $1 }'); do
    expect 2 "HML1100.*$target has no artifacts" "$hmlc" compile "$digits" -o "$out" --target $target
    expect 2 "HML1100.*$target has no artifacts" "$hmlc" compile "$digits" -o "$out" --target x86-64-v3,$target
done

# Words.
refused 2 'HML1100.*--weights file: expected one of f32.* of object and bin' "$digits" --target cortex-m4 --weights file
for list in code= place=.text .text code code=.a,code=.b weights=.a,weights=.a; do
    refused 2 'HML1100.*--section .*expected code=NAME' "$digits" --target cortex-m4 --section "$list"
done
refused 2 'HML1100.*--section: objects for wasm32-simd' "$digits" --target wasm32-simd --section code=.fast
refused 2 'HML1100.*--section weights=.flash: with --weights bin' "$digits" --target cortex-m4 --section weights=.flash --weights bin
for word in --cpu= --features= --features=+dsp,,+fp64 --features=,+dsp --features=+dsp,; do
    refused 2 "HML1100.*${word%%=*} '.*' has an empty name" "$digits" --target thumbv7em-none-eabihf "$word"
done
refused 2 "HML0522.*'\+warp' is not a recognized feature" "$digits" --target thumbv7em-none-eabihf --features +dsp,+warp --dim batch=1
refused 2 "HML1100.*'cortex-m4' twice" "$digits" --target cortex-m4,cortex-m4
refused 2 'HML1100.*one target; --target names [0-9]' "$digits" --target any
refused 3 "HML0511.*target 'npu'" "$digits" --target npu
refused 3 'HML0304.*cortex-m4 does not multiply f16' "$digits" --target cortex-m4 --precision f16
refused 2 'HML1100.*--tune small: no target' "$digits" --target cortex-m4 --tune small
for prefix in '' 1net net-1 net.x int class uint8_t _net 'a b' "$(printf 'a%.0s' {1..65})"; do
    refused 2 "HML1100.*--prefix '" "$digits" --target cortex-m4 --prefix "$prefix"
done
refused 2 'HML1100.*--float-abi soft: expected hard or softfp' "$digits" --target cortex-m4 --float-abi soft
refused 2 'HML1100.*x86-64-v3 has no choice' "$digits" --target x86-64-v3 --float-abi hard
for word in --selftest '--prefix net' '--weights bin' '--section code=x' '--float-abi hard' '--cpu x' '--features +x'; do
    # shellcheck disable=SC2086 # two words
    expect 2 "HML1100.*${word%% *}.* goes with --emit object alone" "$hmlc" compile "$digits" -o "$out" $word
done

for words in '--weights f16' '--weights bin,bf16' '--quantize weights-int8' '--target aarch64-dot --precision f16'; do
    # shellcheck disable=SC2086 # several words
    refused 2 'HML1100.*--selftest records the model as it is' "$digits" $([[ $words = *target* ]] || echo --target x86-64-v3) $words --selftest --dim batch=1
done

# Models.
refused 3 "HML0520.*dim 'batch' has no bound" "$digits" --target cortex-m4
refused 3 "HML0520.*size of its result is known only while it runs" "$place/found.onnx" --target cortex-m4
refused 3 "HML0521.*'a.b' and 'A_B' would have one name" "$place/clash.onnx" --target cortex-m4
refused 3 'HML0502.*cortex-m4 does not compute in f64' "$place/doubles.onnx" --target cortex-m4
for row in arcs:Asinh grid:GridSample; do
    for target in cortex-m4 cortex-m33 cortex-m55; do
        refused 3 "HML0520.*$target has no instruction for '__[a-z0-9]*df[a-z0-9]*'" "$place/${row%:*}.onnx" --target $target
        refused 3 "node.*\(${row#*:}\)" "$place/${row%:*}.onnx" --target $target
        refused 3 'help: the kernel computes in f64' "$place/${row%:*}.onnx" --target $target
    done
done
refused 3 'HML0512.*cortex-m4 reaches less than 2\^31' "$place/large.onnx" --target cortex-m4 --dim n=600000
refused 3 'HML0512' "$place/large.onnx" --target cortex-m4 --dim n=1..600000
refused 3 'HML0520.*no bound' "$place/large.onnx" --target x86-64-v2 --dim n=1..100000000000000

# `check` says the same, and makes nothing.
expect 3 "HML0520.*dim 'batch' has no bound" "$hmlc" check "$digits" --emit object --target cortex-m4
expect 3 'HML0520.*known only while it runs' "$hmlc" check "$place/found.onnx" --emit object --target x86-64-v2
expect 0 'supported' "$hmlc" check "$digits" --emit object --target cortex-m4 --dim batch=1
expect 2 'HML1100.*has no artifacts' "$hmlc" check "$digits" --target cortex-m4

# Names that are no identifiers get one.
expect 0 '' "$hmlc" compile -o "$out" --emit object "$place/odd.onnx" --target x86-64-v2 --quiet
expect 0 'out_run\(void \*arena, const float \*x1_float, const float \*int_, const float \*arena_, const float \*__, float \*a_b,' cat "$out.h"
expect 0 '' cc -std=c99 -Wall -Werror -x c -fsyntax-only "$out.h"
rm -f "$out".*

# Files that the model came from stay.
cp "$digits" "$place/own.o"
expect 2 'HML' "$hmlc" compile "$place/own.o" -o "$place/own" --emit object --target x86-64-v2 --dim batch=1
holds 'the model is as it was' cmp "$digits" "$place/own.o"
holds 'nothing lies beside it' [ ! -e "$place/own.h" ]
expect 2 'HML1107' "$hmlc" compile "$digits" -o "$place/none/own" --emit object --target x86-64-v2 --dim batch=1
mkdir "$place/folder.h"
expect 2 'HML' "$hmlc" compile "$digits" -o "$place/folder" --emit object --target x86-64-v2 --dim batch=1
holds 'no file of it is left' [ ! -e "$place/folder.o" ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
