#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All models of the zoo that x86 passes, in one file for all CPUs of an architecture, on each CPU of the table below under qemu. It takes an hour and
# more, so no test calls it: arm_test.sh runs the smallest models. One line a model and CPU, then a count for each CPU.
# usage: arm_zoo.sh ARCHITECTURE HMLC HML_OF_IT QDQ_CHECK FOLDER...   FOLDER: a model and its test_data_set_*;
#        HML_OF_IT: what `cmake --workflow --preset ARCHITECTURE` made; status 1: a model fails; 77: no qemu
set -u
architecture=$1 hmlc=$2 hml=$3 qdq_check=$4
shift 4
source "$(dirname "$0")/../zoo/tolerance_of.sh"
case $architecture in
aarch64) qemu=qemu-aarch64 cpus=(cortex-a53 cortex-a72 cortex-a76 max,sve=off) ;;
armv7) qemu=qemu-arm cpus=(cortex-a7) ;;
*)
    echo "$0: no architecture '$architecture'"
    exit 2
    ;;
esac
command -v "$qemu" >/dev/null || {
    echo "skipped: no $qemu (Debian package qemu-user)"
    exit 77
}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset HML_VARIANT
declare -A passed failed
status=0

# Quantized graphs differ by whole steps where a value lies between two: the same bounds as on x86 (zoo_test.sh).
declare -A steps=([mobilenet_v2_qdq_int8]='top-class 0.12' [mobilenet_edgetpu_qdq_excerpt]='steps 0.33645421,0.37177736 steps 0.37177736')

# same FOLDER CPU SET: whether the run gives the recorded outputs
same() {
    local name tolerance words index
    name=$(basename "$1")
    read -ra tolerance < <(tolerance_of "$name")
    read -ra words <<<"${steps[$name]:-}"
    if [ ${#words[@]} -eq 0 ]; then
        "$qemu" -cpu "$2" "$hml" run "$place/model.hml" --test-data "$3" "${tolerance[@]}" >"$place/log" 2>&1
        return
    fi
    "$qemu" -cpu "$2" "$hml" run "$place/model.hml" --test-data "$3" --no-compare --output "$place/out" --format pb >"$place/log" 2>&1 || return 1
    for ((index = 0; 2 * index < ${#words[@]}; index++)); do
        "$qdq_check" "$place/out/output_$index.pb" "$3/output_$index.pb" "${words[@]:2*index:2}" || return 1
    done
}

for folder in "$@"; do
    name=$(basename "$folder")
    if ! "$hmlc" compile "$folder"/*.onnx -o "$place/model.hml" --target "$architecture" --quiet >"$place/log" 2>&1; then
        echo "$name: not compiled: $(head -1 "$place/log")" # what x86 does not serve either
        continue
    fi
    for cpu in "${cpus[@]}"; do
        result=passed SECONDS=0
        for set in "$folder"/test_data_set_*; do
            same "$folder" "$cpu" "$set" || result="failed: $(basename "$set"): $(head -1 "$place/log")"
        done
        case $result in
        passed) passed[$cpu]=$((${passed[$cpu]:-0} + 1)) ;;
        *) failed[$cpu]=$((${failed[$cpu]:-0} + 1)) status=1 ;;
        esac
        echo "$name on $cpu: $result ($SECONDS s)"
    done
done
for cpu in "${cpus[@]}"; do
    echo "$cpu: ${passed[$cpu]:-0} passed, ${failed[$cpu]:-0} failed"
done
exit $status
