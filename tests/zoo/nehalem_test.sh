#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An older CPU: artifacts of the default targets, compiled here, run under qemu's Nehalem (SSE4.2, no AVX). The loader must take
# x86-64-v2 by the CPU's bits, the outputs must be the recorded ones, and code for newer CPUs must be refused.
# usage: nehalem_test.sh HMLC HML DIGITS_FOLDER ZOO         status 77: no qemu-x86_64
set -u
hmlc=$1 hml=$2 digits=$3 zoo=$4
if ! command -v qemu-x86_64 >/dev/null; then
    echo "skipped: no qemu-x86_64 (Debian package qemu-user)"
    exit 77
fi
# The zoo's models whose emulation takes seconds, not minutes, at the default tolerance.
smaller=(bert_toy_optimized cnn_mnist_pytorch dtln_model_1 dtln_model_2 gpt2_past_tiny mlperf_tiny_ic_resnet8
    mlperf_tiny_vww_mobilenet mnist_cntk_v1 silero_vad_v6 silero_vad_v6_half tract_byte_sb_bidi_lstm tract_deconv_group
    tract_lgbm_classifier_tensor ultraface_rfb320)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
passed=0 failed=0
unset HML_VARIANT

on_nehalem() { qemu-x86_64 -cpu Nehalem "$hml" "$@"; }

# expect WHAT STATUS PATTERN COMMAND...: the exit status, and an extended regular expression in stdout or stderr
expect() {
    local what=$1 status=$2 pattern=$3 output found
    shift 3
    output=$("$@" 2>&1)
    found=$?
    if [ "$found" -eq "$status" ] && grep -Eq -- "$pattern" <<<"$output"; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    echo "FAILED: $what: status $found, expected $status and '$pattern'"
    head -5 <<<"$output"
    return 1
}

# model FOLDER: compiles, looks which variant is chosen, runs each recorded test case
model() {
    local name artifact=$place/model.hml set
    name=$(basename "$1")
    expect "$name compiles" 0 '' "$hmlc" compile "$1"/*.onnx -o "$artifact" --quiet || return
    expect "$name: x86-64-v2 is chosen" 0 '  x86-64-v2 .*; chosen$' on_nehalem inspect "$artifact"
    for set in "$1"/test_data_set_*; do
        expect "$name: $(basename "$set")" 0 'equal' on_nehalem run "$artifact" --test-data "$set"
    done
}

model "$digits"
newer='help: No variant in the artifact runs on this CPU'
expect 'x86-64-v3, asked for, is refused' 3 'HML1028.*x86-64-v3' env HML_VARIANT=x86-64-v3 \
    qemu-x86_64 -cpu Nehalem "$hml" run "$place/model.hml"
expect 'digits compile for x86-64-v3' 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/v3.hml" --quiet --target x86-64-v3
expect 'an artifact of x86-64-v3 alone is refused' 3 'HML1026.*x86-64-v3' on_nehalem run "$place/v3.hml"
expect 'and the hint says why' 3 "$newer" on_nehalem run "$place/v3.hml"
expect 'it can be inspected' 0 'this CPU does not run it' on_nehalem inspect "$place/v3.hml"

if [ -d "$zoo/onnx" ]; then
    for name in "${smaller[@]}"; do
        model "$zoo/onnx/$name"
    done
else
    echo "skipped: no models at $zoo; digits alone"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
