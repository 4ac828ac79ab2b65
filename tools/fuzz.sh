#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes each target with libFuzzer under the address and undefined sanitizers, two at a time, from the corpus in tests/fuzz.
# usage: tools/fuzz.sh [SECONDS] [TARGET...]      600 seconds each; targets: artifact bundle hdf5 image json onnx saved_model
# tensor_npy tensor_npz tensor_pb text tflite zip
# A finding is left in build/fuzz/findings, with the command that repeats it; any makes the script fail.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh
seconds=${1:-600}
shift || true
targets=("$@")
[ $# -gt 0 ] || targets=(onnx text artifact image saved_model bundle tensor_npy tensor_npz tensor_pb)

install_packages "${build_packages[@]}" "${test_packages[@]}"
cmake -S . -B build/fuzz -G Ninja -DCMAKE_C_COMPILER=clang-19 -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHMLC_TESTS=ON -DHMLC_FUZZ=ON \
    -DHMLC_SANITIZE=address,undefined -DHMLC_WERROR=ON >/dev/null
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}" | tail -1
mkdir -p build/fuzz/findings

# New inputs go into a folder of the build; the corpus is only read. Sanitizers cost about a factor of four: 20 s here are 5 s without.
fuzz() {
    local target=$1 grown=build/fuzz/grown/$1 log=build/fuzz/$1.log
    mkdir -p "$grown"
    if build/fuzz/tests/fuzz/fuzz_"$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -verbosity=1 -print_final_stats=1 \
        -artifact_prefix=build/fuzz/findings/"$target"- "$grown" tests/fuzz/corpus/"$target" >"$log" 2>&1; then
        echo "$target: $(sed -n 's/stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, no finding"
    else
        echo "$target: FAILED, see $log and build/fuzz/findings"
        tail -5 "$log"
        return 1
    fi
}
export -f fuzz
export seconds
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'
