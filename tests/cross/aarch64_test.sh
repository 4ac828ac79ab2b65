#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# AArch64 without a board: hml is built by clang for it, artifacts are compiled here and run under qemu's Cortex-A53, the oldest CPU
# that the target is for.
# usage: aarch64_test.sh HMLC HML CROSS_MODELS SOURCE ZOO BUILD   HML: this machine's; BUILD: folder for AArch64's; status 77: a tool is missing
set -u
hmlc=$1 hml=$2 models=$3 source=$4 zoo=$5 build=$6
source "$source/tests/cli/expect.sh"
source "$source/tests/zoo/tolerance_of.sh"
cpu=cortex-a53

for tool in qemu-aarch64:qemu-user clang-19:clang-19 ld.lld-19:lld-19 python3:python3; do
    command -v "${tool%:*}" >/dev/null || {
        echo "skipped: no ${tool%:*} (Debian package ${tool#*:})"
        exit 77
    }
done
if ! echo 'int main(void) { return 0; }' | clang-19 --target=aarch64-linux-gnu -fuse-ld=lld -static -x c - -o /dev/null 2>/dev/null; then
    echo "skipped: clang-19 links nothing for aarch64 (Debian packages libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross)"
    exit 77
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset HML_VARIANT

# What `cmake --workflow --preset aarch64` does, in a folder of the test's.
(cd "$source" && cmake --preset aarch64 -B "$build" && cmake --build "$build" --target hml_program hml_shared) >"$place/build.log" 2>&1 || {
    echo "FAILED: hml is not built for AArch64"
    tail -20 "$place/build.log"
    exit 1
}
far() { qemu-aarch64 -cpu $cpu "$build/tools/hml/hml" "$@"; }
export -f far
export cpu build

# model FOLDER: compiles, runs each recorded case
model() {
    local name artifact=$place/model.hml set tolerance
    name=$(basename "$1")
    read -ra tolerance < <(tolerance_of "$name")
    expect 0 '' "$hmlc" compile "$1"/*.onnx -o "$artifact" --target aarch64 --quiet
    for set in "$1"/test_data_set_*; do
        expect 0 'equal' bash -c 'far "$@"' far run "$artifact" --test-data "$set" "${tolerance[@]}"
    done
}

digits=$source/models/digits
model "$digits"
for batch in 1 3; do
    expect 0 'probabilities' bash -c 'far "$@"' far run "$place/model.hml" --dim batch=$batch --threads 2
done

# One file for both: each machine takes its own variant, and the weights are there once.
both=$place/both.hml plain=$place/plain.hml
expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$plain" --target x86-64-v2,x86-64-v3,x86-64-v4 --quiet
expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$both" --target x86-64-v2,x86-64-v3,x86-64-v4,aarch64 --quiet
expect 0 '  aarch64 .*; chosen$' bash -c 'far "$@"' far inspect "$both"
expect 0 '  x86-64-v[234] .*; chosen$' "$hml" inspect "$both"
expect 0 'equal' bash -c 'far "$@"' far run "$both" --test-data "$digits/test_data_set_0"
expect 0 'equal' "$hml" run "$both" --test-data "$digits/test_data_set_0"
weights=$(python3 "$source/tests/cross/weights_of.py" "$plain")
holds 'an artifact has one section of weights' [ "${weights%% *}" = 1 ]
holds 'the weights of both are those of one' [ "$(python3 "$source/tests/cross/weights_of.py" "$both")" = "$weights" ]

# What a machine cannot run it refuses, by name.
expect 3 'HML1026.*x86-64' bash -c 'far "$@"' far run "$plain"
expect 3 'HML1026.*aarch64' "$hml" run "$place/model.hml"
expect 3 'HML1028.*x86-64-v3' bash -c 'HML_VARIANT=x86-64-v3 far "$@"' far run "$both"

# Sizes that the run alone knows: all columns that may be left over, with the bits of x86-64-v3, which computes in the same order.
expect 0 '' "$models" "$place/products.onnx"
expect 0 '' "$hmlc" compile "$place/products.onnx" -o "$place/products.hml" --target x86-64-v3,aarch64 --quiet
expect 0 '' "$hmlc" compile "$place/products.onnx" -o "$place/products.ll" --emit llvm-ir --target aarch64 --quiet
holds 'no masked access, which would be a branch a lane' bash -c "! grep -q 'llvm.masked' '$place/products.ll'"
if "$hml" inspect "$place/products.hml" | grep -q '  x86-64-v3 .*; chosen$'; then
    for size in 1,1,1 1,7,2 2,64,3 3,5,17 5,3,6 6,258,7 7,301,31 13,9,45 9,4,100; do
        IFS=, read -r m k n <<<"$size"
        dims=(--dim m="$m" --dim k="$k" --dim n="$n")
        expect 0 'output_3' "$hml" run "$place/products.hml" "${dims[@]}" --output "$place/x86"
        expect 0 'output_3' bash -c 'far "$@"' far run "$place/products.hml" "${dims[@]}" --output "$place/arm"
        holds "products of $size have the same bits" diff -r "$place/x86" "$place/arm"
    done
else
    echo "skipped: products of sizes that the run knows: no AVX2 here to compare with"
fi

# The zoo's smallest models.
if [ -d "$zoo/onnx" ]; then
    for name in tract_deconv_group tract_lgbm_classifier_tensor mnist_cntk_v1 cnn_mnist_pytorch gpt2_past_tiny bert_toy_optimized; do
        model "$zoo/onnx/$name"
    done
else
    echo "skipped: no models at $zoo; digits alone"
fi

# ONNX's own cases of the operators whose code is AArch64's own.
cases=$zoo/onnx-backend-tests.tar.zst
if tar --zstd -xf "$cases" -C "$place" --wildcards '*/test_matmul_*' '*/test_gemm_*' '*/test_*conv*' '*/test_maxpool*' '*/test_averagepool*' \
    '*/test_lstm_*' '*/test_gru_*' '*/test_softmax_*' '*/test_reduce_m*' '*/test_attention_4d*' 2>/dev/null; then
    refused=0
    while read -r folder; do
        compiled=$("$hmlc" compile "$folder/model.onnx" -o "$place/case.hml" --target aarch64 --quiet 2>&1)
        case $? in
        0) expect 0 'equal' bash -c 'far "$@"' far run "$place/case.hml" --test-data "$folder/test_data_set_0" ;;
        3) refused=$((refused + 1)) ;;
        *) holds "$(basename "$folder"): $compiled" false ;;
        esac
    done < <(find "$place" -name model.onnx -path '*/node/*' -printf '%h\n' | sort)
    echo "$refused cases refused"
    holds 'ONNX has such cases' [ "$passed" -gt 50 ]
else
    echo "skipped: no cases of ONNX at $cases, or no zstd"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
