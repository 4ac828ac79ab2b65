#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The words, outputs and exit statuses of hml: hml_cli_test.sh HML WRITE_FIXTURES
set -u
hml=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$2" "$folder" || exit 1
cd "$folder" || exit 1
unset HML_VARIANT
failures=0

# expect STATUS TEXT COMMAND...: the exit status, and a text that stdout or stderr must hold.
expect() {
    wanted=$1 text=$2
    shift 2
    "$@" >out 2>err
    status=$?
    if [ "$status" -ne "$wanted" ]; then
        echo "FAILED: $* gave $status, not $wanted"
        cat out err
        failures=$((failures + 1))
    elif ! grep -qF -- "$text" out err; then
        echo "FAILED: $* does not say: $text"
        cat out err
        failures=$((failures + 1))
    fi
}

expect 0 'hml 0.' "$hml" --version
expect 0 'inspect' "$hml" help
expect 2 'usage' "$hml"
expect 2 "did you mean 'bench'?" "$hml" bnech
expect 2 "did you mean '--threads'?" "$hml" run sum.hml --thread 2
expect 0 '--test-data' "$hml" run --help
expect 2 'expected one artifact' "$hml" run

# Files of later versions of the format.
expect 3 'HML1004' "$hml" run newer_major.hml
expect 3 'this runtime reads 1.x' "$hml" inspect newer_major.hml
expect 0 'z: f32' "$hml" run newer_variant.hml
expect 0 'one for x86-64 that needs a newer runtime' "$hml" inspect newer_variant.hml
expect 0 '"newer":true' "$hml" inspect newer_variant.hml --json
expect 2 'one that needs a newer runtime' "$hml" run newer_variant.hml --variant middle

# Names of variants and kernels move no cursor.
expect 0 'v\x1b[31m' "$hml" inspect escape.hml --steps
expect 0 'k\x1b[2J' "$hml" inspect escape.hml --steps
"$hml" inspect escape.hml --steps | grep -q "$(printf '\033')" && { echo 'FAILED: an escape character'; failures=$((failures + 1)); }

# run
expect 0 'z: f32[1, 4]' "$hml" run sum.hml
expect 0 'z: f32[9, 4]' "$hml" run sum.hml --dim n=9 --seed 3 --threads 2
expect 2 'HML1048' "$hml" run sum.hml --dim n=65
expect 2 'HML1052' "$hml" run sum.hml --dim m=1
expect 2 'expected NAME=N' "$hml" run sum.hml --dim n
expect 0 'equal' "$hml" run sum.hml --test-data good
expect 1 '1 of 8 differ; most at element 5: found 40, expected 41' "$hml" run sum.hml --test-data wrong
expect 0 'z: f32[2, 4] in 20..48' "$hml" run sum.hml --test-data wrong --no-compare
expect 0 '"equal":true' "$hml" run sum.hml --test-data good --json
expect 0 'in 20..48' "$hml" run sum.hml --input x=x.npy --input y=y.npy
expect 0 'z: f32[2, 4]' "$hml" run sum.hml --input x=x.npy
expect 2 "no such input or output: 'xx'; did you mean 'x'?" "$hml" run sum.hml --input xx=x.npy
expect 2 'exclude each other' "$hml" run sum.hml --input x=x.npy --test-data good
expect 2 'HML1107' "$hml" run sum.hml --input x=absent.npy
expect 4 'HML1102' "$hml" run sum.hml --input x=sum.hml
expect 0 'made/output_0.npy' "$hml" run sum.hml --test-data good --output made
expect 0 'made/output_0.pb' "$hml" run sum.hml --test-data good --output made --format pb
cmp -s made/output_0.pb good/output_0.pb || { echo 'FAILED: the written .pb differs'; failures=$((failures + 1)); }
expect 2 'expected npy or pb' "$hml" run sum.hml --format txt
expect 2 'HML1107' "$hml" run sum.hml --output /nonexistent/made
expect 2 "index 1, limit 1 in g.onnx: node 'g' (Gather)" "$hml" run gather.hml --seed 1 --dim n=1
expect 0 'p: i64[' "$hml" run positions.hml --dim n=12

# What is no artifact, is damaged, or is for another machine.
expect 2 'HML1107' "$hml" run absent.hml
expect 4 'HML1002' "$hml" run x.npy
head -c 9000 sum.hml >short.hml
expect 4 'HML1006' "$hml" run short.hml
expect 3 'HML1026' "$hml" run arm.hml
expect 2 'HML1027' env HML_VARIANT=none "$hml" run sum.hml
if [ -e /dev/full ]; then
    expect 5 'standard output' sh -c "'$hml' inspect sum.hml >/dev/full"
fi

# inspect
expect 0 'sum.onnx: node '"'second'"' (Add)' "$hml" inspect sum.hml --steps
expect 0 'this CPU does not run it' "$hml" inspect arm.hml
expect 0 '"arena_bytes":128,' "$hml" inspect sum.hml --dim n=8 --json
expect 0 'k: 0..16, known only while running' "$hml" inspect positions.hml
expect 0 'n: 1..64 in steps of 8' "$hml" inspect steps.hml
expect 0 'outputs 128 bytes at n = 8' "$hml" inspect steps.hml
expect 0 'arena + 128 bytes for each further n, in steps of 8' "$hml" inspect steps.hml

# bench
expect 0 'p50' "$hml" bench sum.hml --seconds 0.05
expect 0 'GFLOP/s' "$hml" bench sum.hml --seconds 0.05 --dim n=64 --profile --threads 1
expect 0 '"dims":{"n":2}' "$hml" bench sum.hml --seconds 0.05 --test-data good --json --profile --trace trace.json
for key in p50_ms p90_ms p99_ms iterations load_ms first_run_ms peak_rss_bytes threads dims cpu fma_peak_gflops; do
    grep -q "\"$key\":" out || { echo "FAILED: no key $key"; failures=$((failures + 1)); }
done
grep -q '"traceEvents"' trace.json || { echo 'FAILED: no trace'; failures=$((failures + 1)); }
expect 2 'expected a number' "$hml" bench sum.hml --seconds x

[ "$failures" -eq 0 ] && echo 'all as expected'
exit "$((failures > 0))"
