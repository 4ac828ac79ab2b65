#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The self-tests of objects for machines without a C library here: RISC-V under qemu, WebAssembly in node.
# usage: elsewhere_test.sh riscv64|wasm32 HMLC OBJECT_MODELS SOURCE     status 77: a tool is missing
set -u
machine=$1 hmlc=$2 models=$3 source=$4
source "$source/tests/cli/expect.sh"
source "$source/tests/object/object_lib.sh"
tools=(clang-19:clang-19 wasm-ld-19:lld-19 node:nodejs)
[ "$machine" = riscv64 ] && tools=(clang-19:clang-19 ld.lld-19:lld-19 qemu-riscv64:qemu-user)
for tool in "${tools[@]}"; do
    command -v "${tool%:*}" >/dev/null || {
        echo "skipped: no ${tool%:*} (Debian package ${tool#*:})"
        exit 77
    }
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
expect 0 '' "$models" "$place"
cp "$source/models/digits/digits.onnx" "$place/digits.onnx"

riscv64() {
    clang-19 --target=riscv64-linux-gnu -march=rv64gc -O1 -ffreestanding -nostdlib -static -fuse-ld=lld "$place/$1_test.c" \
        "$source/tests/object/start_riscv64.c" "$place/$1.o" -o "$place/run" || return 90
    qemu-riscv64 -cpu "rv64,v=true,vlen=$2,vext_spec=v1.0" "$place/run"
}
wasm32() {
    clang-19 --target=wasm32 -O1 -c "$place/$1_test.c" "-D${1^^}_NO_MAIN" -o "$place/test.o" &&
        wasm-ld-19 --no-entry "--export=$1_selftest" "$place/test.o" "$place/$1.o" -o "$place/run.wasm" || return 90
    node "$source/tests/object/selftest.mjs" "$place/run.wasm" "$1_selftest"
}
for name in digits mlp depthwise branches repeat bytes; do
    dims=()
    [ $name = digits ] && dims=(--dim batch=1..3)
    if [ "$machine" = riscv64 ]; then
        expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target riscv64-v "${dims[@]}" --selftest --quiet
        holds "$name for riscv64-v needs nothing" no_needs "$place/$name.o"
        for bits in 128 256; do
            holds "$name for riscv64-v, vectors of $bits bits" riscv64 $name $bits
        done
    else
        expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target wasm32-simd "${dims[@]}" --selftest --quiet
        holds "$name for wasm32-simd in node" wasm32 $name
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
