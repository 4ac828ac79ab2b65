#!/usr/bin/env bash
# The zoo's benchmark graphs against their recorded outputs. Their weights are generated first (python3-numpy).
# usage: bench_test.sh HMLC ZOO PLACE         status 77: the zoo or numpy is not there
set -u
hmlc=$1 zoo=$2 place=$3
if [ ! -f "$zoo/bench/make.py" ] || ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    echo "skipped: no benchmark graphs at $zoo, or no numpy"
    exit 77
fi
trap 'rm -rf "$place"' EXIT
/usr/bin/python3 "$zoo/bench/make.py" "$place" >/dev/null || exit 1
"$hmlc" test "$place"/*/
