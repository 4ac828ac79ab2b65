#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Artifacts of every format version run in this runtime, each variant, on one thread and on two: artifacts_test.sh HML
set -u
hml=$1
here=$(cd "$(dirname "$0")" && pwd) || exit 1
digits=$here/../../models/digits/test_data_set_0
unset HML_VARIANT
runs=0 failures=0

# Names of the artifact's variants that this CPU runs.
variants() {
    "$hml" inspect "$1" --json | grep -o '"name":"[^"]*","architecture":"[^"]*","runs_here":true' | sed 's/"name":"\([^"]*\)".*/\1/'
}

for artifact in "$here"/[0-9]*/*.hml; do
    name=$(basename "$artifact" .hml)
    data=$here/models/$name
    [ "$name" = digits ] && data=$digits
    found=$(variants "$artifact")
    if [ -z "$found" ]; then
        echo "FAILED: $artifact has no variant for this CPU, or does not open"
        failures=$((failures + 1))
    fi
    for variant in $found; do
        for threads in 1 2; do
            runs=$((runs + 1))
            if ! output=$("$hml" run "$artifact" --test-data "$data" --variant "$variant" --threads $threads 2>&1); then
                echo "FAILED: $artifact, $variant, $threads threads"
                echo "$output"
                failures=$((failures + 1))
            fi
        done
    done
done
echo "$runs runs, $failures failures"
[ "$runs" -ge 12 ] && [ "$failures" -eq 0 ]
