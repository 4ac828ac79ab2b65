#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Objects on systems with files: linked into C and C++ programs without libhml, held bit by bit against the artifact's run.
# usage: hosted_test.sh HMLC HML CROSS_MODELS OBJECT_MODELS SOURCE     status 77: a tool is missing
set -u
hmlc=$1 hml=$2 models=$3 object_models=$4 source=$5
source "$source/tests/cli/expect.sh"
source "$source/tests/object/object_lib.sh"
$python -c 'import numpy' 2>/dev/null || {
    echo "skipped: no numpy (Debian package python3-numpy)"
    exit 77
}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
expect 0 '' "$object_models" "$place"
digits=$source/models/digits/digits.onnx
strict=(-O2 -Wall -Wextra -Wno-uninitialized -Wno-unused-parameter -Werror -I"$place" -I"$source/tests/object")
compile_c() { cc -std=gnu11 "${strict[@]}" "$place/driver.c" "$source/tests/object/host_hosted.c" "$@" -o "$place/driver"; }

# against NAME MODEL TARGET [OPTION...] [-- SIZE=N...]: the object and the artifact of one model give the same bits
against() {
    local name=$1 model=$2 target=$3 options=() said
    shift 3
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    [ $# -gt 0 ] && shift
    expect 0 '' "$hmlc" compile "$model" -o "$place/$name" --emit object --target "$target" "${options[@]}" --quiet
    make_driver "$name" "$@"
    holds "$name for $target links without libhml" compile_c "$place/$name.o"
    said=$(cd "$place" && ./driver) || holds "$name for $target: $? after $said" false
    holds "$name for $target needs nothing and writes no global" no_needs "$place/$name.o"
    expect 0 '' "$hmlc" compile "$model" -o "$place/$name.hml" --target "$target" "${options[@]}" --quiet
    rm -rf "$place/ref"
    expect 0 'output_0' env HML_VARIANT="$target" "$hml" run "$place/$name.hml" "${inputs[@]}" --output "$place/ref"
    holds "$name for $target: bits of the artifact" same_outputs "$place/ref"
    echo "$name for $target: $(tr '\n' ' ' <<<"$said")"
}

for target in x86-64-v2 x86-64-v3 x86-64-v4; do
    expect 0 '' "$hmlc" compile "$digits" -o "$place/probe.hml" --target $target --quiet
    "$hml" inspect "$place/probe.hml" | grep -q chosen || {
        echo "skipped: $target does not run here"
        continue
    }
    against digits "$digits" $target --dim batch=1
    against digits "$digits" $target --dim batch=1..8 -- batch=5
done

# Products of sizes that the run alone knows.
expect 0 '' "$models" "$place/products.onnx"
against products "$place/products.onnx" x86-64-v2 --dim m=1..40 --dim k=1..310 --dim n=1..110 -- m=7 k=301 n=31
holds 'the sizes are parameters' grep -q 'products_run(void \*arena, int64_t' "$place/products.h"

# Branches and loops are one step each.
against branches "$place/branches.onnx" x86-64-v2
against repeat "$place/repeat.onnx" x86-64-v2

# Sizes out of their ranges are refused by the run, with their place and value.
cat >"$place/range.c" <<'C'
#include "digits.h"
#include <stdlib.h>
int main(void)
{
    static float image[DIGITS_IMAGE_ELEMENTS], scores[DIGITS_PROBABILITIES_ELEMENTS];
    int64_t detail[2] = {7, 7};
    void *arena = aligned_alloc(DIGITS_ARENA_ALIGN, (DIGITS_ARENA_BYTES + 63) / 64 * 64);
    int good = digits_run(arena, 9, image, scores, detail) == DIGITS_ERROR_SIZE && detail[0] == 0 && detail[1] == 9;
    good = good && digits_run(arena, 0, image, scores, NULL) == DIGITS_ERROR_SIZE;
    good = good && digits_run(arena, -1, image, scores, NULL) == DIGITS_ERROR_SIZE;
    return good && digits_run(arena, DIGITS_BATCH_MOST, image, scores, NULL) == 0 ? 0 : 1;
}
C
expect 0 '' "$hmlc" compile "$digits" -o "$place/digits" --emit object --target x86-64-v2 --dim batch=1..8 --quiet
expect 0 '' cc -std=c11 "${strict[@]}" "$place/range.c" "$place/digits.o" -o "$place/range"
expect 0 '' "$place/range"

# The self-test: it passes, and fails when a weight is another.
expect 0 '' "$hmlc" compile "$digits" -o "$place/digits" --emit object --target x86-64-v2 --dim batch=1 --selftest --quiet
for standard in c99 c17; do
    expect 0 '' cc -std=$standard -pedantic "${strict[@]}" "$place/digits_test.c" "$place/digits.o" -o "$place/selftest"
    expect 0 '' "$place/selftest"
done
expect 0 '' c++ -std=c++11 -pedantic -x c++ "${strict[@]}" -c "$place/digits_test.c" -o "$place/selftest.o"
expect 0 '' c++ "$place/selftest.o" "$place/digits.o" -o "$place/selftest"
expect 0 '' "$place/selftest"
sed 's/^    \(-\{0,1\}[0-9]\)\.[0-9]*e/    \1.5e/' "$place/digits_test.c" >"$place/wrong_test.c"
expect 0 '' cc "${strict[@]}" "$place/wrong_test.c" "$place/digits.o" -o "$place/selftest"
expect 1 '' "$place/selftest"

# A triple has scalar code.
for name in mlp depthwise branches repeat; do
    expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target x86_64-unknown-linux-gnu --selftest --quiet
    holds "$name in scalar code needs nothing" no_needs "$place/$name.o"
    expect 0 '' cc "${strict[@]}" "$place/${name}_test.c" "$place/$name.o" -o "$place/selftest"
    expect 0 '' "$place/selftest"
done

holds 'the header names the model' grep -q "$(sha256sum "$digits" | cut -d' ' -f1)" "$place/digits.h"
holds 'the description is JSON' $python -m json.tool "$place/digits.json" /dev/null

# The same bytes each time, whatever the place and the number of jobs.
mkdir "$place/again"
expect 0 '' "$hmlc" compile "$digits" -o "$place/again/digits.o" --emit object --target x86-64-v2 --dim batch=1 --selftest --jobs 3 --quiet
for ending in .o .h .json _test.c; do
    holds "digits$ending has the same bytes" cmp "$place/digits$ending" "$place/again/digits$ending"
done

# Weights beside the object, sections, another prefix.
expect 0 '' "$hmlc" compile "$digits" -o "$place/apart" --emit object --target x86-64-v2 --dim batch=1 --weights bin --prefix net \
    --section code=.fast --quiet
make_driver apart
holds 'it links with weights apart' compile_c "$place/apart.o"
expect 0 'arena_top 9408' bash -c "cd '$place' && ./driver"
holds 'the weights are the file' [ "$(stat -c %s "$place/apart.bin")" = "$(sed -n 's/#define NET_WEIGHT_BYTES \([0-9]*\).*/\1/p' "$place/apart.h")" ]
expect 0 ' \.fast ' llvm-readelf-19 -SW "$place/apart.o"
expect 0 '' "$hmlc" compile "$digits" -o "$place/placed" --emit object --target x86-64-v2 --dim batch=1 --section code=.fast,weights=.slow --quiet
expect 0 ' \.slow ' llvm-readelf-19 -SW "$place/placed.o"
holds 'no code elsewhere' bash -c "! llvm-readelf-19 -SW '$place/placed.o' | grep -E ' \.text\.|\.rodata\.placed_weights'"

# AArch64, where an emulator is there.
if command -v qemu-aarch64 >/dev/null && echo 'int main(void) { return 0; }' |
    clang-19 --target=aarch64-linux-gnu -fuse-ld=lld -static -x c - -o /dev/null 2>/dev/null; then
    expect 0 '' "$hmlc" compile "$digits" -o "$place/digits" --emit object --target aarch64 --dim batch=1 --selftest --quiet
    make_driver digits
    cross=(clang-19 --target=aarch64-linux-gnu -fuse-ld=lld -static "${strict[@]}")
    expect 0 '' "${cross[@]}" "$place/digits_test.c" "$place/digits.o" -o "$place/selftest"
    expect 0 '' qemu-aarch64 -cpu cortex-a53 "$place/selftest"
    expect 0 '' "${cross[@]}" "$place/driver.c" "$source/tests/object/host_hosted.c" "$place/digits.o" -o "$place/driver"
    expect 0 'arena_top' bash -c "cd '$place' && qemu-aarch64 -cpu cortex-a53 ./driver"
    holds 'AArch64 needs nothing' no_needs "$place/digits.o"
else
    echo "skipped: AArch64: no qemu-user, or nothing to link with"
fi

# 32-bit ARM, likewise.
if command -v qemu-arm >/dev/null && echo 'int main(void) { return 0; }' |
    clang-19 --target=arm-linux-gnueabihf -fuse-ld=lld -static -x c - -o /dev/null 2>/dev/null; then
    for name in mlp depthwise branches repeat; do
        expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target armv7 --selftest --quiet
        holds "$name for armv7 needs nothing" no_needs "$place/$name.o"
        expect 0 '' clang-19 --target=arm-linux-gnueabihf -march=armv7-a -mfpu=neon-vfpv4 -fuse-ld=lld -static "${strict[@]}" \
            "$place/${name}_test.c" "$place/$name.o" -o "$place/selftest"
        expect 0 '' qemu-arm -cpu cortex-a7 "$place/selftest"
    done
else
    echo "skipped: 32-bit ARM: no qemu-user, or nothing to link with"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
