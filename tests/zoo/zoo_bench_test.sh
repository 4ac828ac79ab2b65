#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The zoo's benchmark graphs against their recorded outputs. Their weights are generated first (python3-numpy). Three of them, a
# convolutional, an attention and a recurrent network, also show that nothing changes their bits (equal_bits.sh).
# VARIANTs, where given, are forced upon the loader instead, on all graphs: zoo_bench_test.sh HMLC ZOO PLACE x86-64-v2 x86-64-v3
# usage: zoo_bench_test.sh HMLC ZOO PLACE [VARIANT...]         status 77: the zoo or numpy is not there
set -u
hmlc=$1 zoo=$2 place=$3
shift 3
if [ ! -f "$zoo/bench/make.py" ] || ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    echo "skipped: no benchmark graphs at $zoo, or no numpy"
    exit 77
fi
source "$(dirname "$0")/tolerance_of.sh"
trap 'rm -rf "$place"' EXIT

# test_all OPTION...: all graphs, those with a tolerance of their own one by one
test_all() {
    local folder status=0 usual=()
    for folder in "$place"/*/; do
        read -ra tolerance < <(tolerance_of "$(basename "$folder")")
        if [ ${#tolerance[@]} -eq 0 ]; then
            usual+=("$folder")
        else
            "$hmlc" test "$@" "${tolerance[@]}" "$folder" || status=1
        fi
    done
    "$hmlc" test "$@" "${usual[@]}" || status=1
    return "$status"
}

/usr/bin/python3 "$zoo/bench/make.py" "$place" >/dev/null || exit 1
status=0
for variant in "$@"; do
    echo "$variant:"
    HML_VARIANT=$variant test_all --target x86-64-v2,x86-64-v3 || status=1
done
if [ $# -eq 0 ]; then
    test_all || status=1
    "$(dirname "$0")/equal_bits.sh" "$hmlc" --target native "$place"/{mobilenet_v3_large,minilm_l6,speech_lstm} || status=1
fi
exit "$status"
