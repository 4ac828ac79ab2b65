#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench: header, counts, percentiles, sweeps, the forms of a profile; inspect: steps on request, sizes. usage: bench_test.sh HMLC HML DIGITS_FOLDER
set -u
hmlc=$1 hml=$2 digits=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
artifact=$place/digits.hml
compiled=$("$hmlc" compile "$digits/digits.onnx" -o "$artifact" 2>&1)
holds 'the arena is told at the smallest dims' grep -Eq 'arena +[0-9.]+ KiB at the smallest dims; .*batch.* bytes$' <<<"$compiled"
bench() { "$hml" bench "$artifact" --iterations 5 "$@" 2>/dev/null; }

# One combination
text=$(bench --variant x86-64-v2 --threads 1 --dim batch=3 --percentile 50,99.9)
holds 'header' grep -Eq "^artifact +$artifact \(digits.onnx\), variant x86-64-v2$" <<<"$text"
holds 'dims' grep -Eq '^dims +batch = 3$' <<<"$text"
holds 'inputs' grep -Eq '^inputs +0 from files, 1 random$' <<<"$text"
holds 'latency' grep -Eq '^latency +p50 [0-9.]+ (us|ms|s), p99.9 .*; mean .*, min .*, max .* over 5 runs$' <<<"$text"
holds 'memory' grep -Eq '^memory +[0-9.]+ (KiB|MiB) for the model' <<<"$text"
memory=$(bench --json | sed 's/.*"model_bytes":\([0-9]*\).*/\1/')
compiler=$("$hmlc" bench "$artifact" --iterations 5 --json 2>/dev/null | sed 's/.*"model_bytes":\([0-9]*\).*/\1/')
holds "the compiler's own memory is not the model's: $memory, $compiler bytes" [ "$compiler" -lt $((memory + 4000000)) ]
expect 0 '"iterations":7' "$hml" bench "$artifact" --iterations 7 --warmup 0 --json
expect 0 '"p50_ms":.*"p90_ms":.*"p99_ms":.*"p75_ms":.*"mean_ms":.*"min_ms":.*"max_ms":' "$hml" bench "$artifact" --iterations 5 --percentile 75 --json
expect 2 "HML1027.*'none'" "$hml" bench "$artifact" --variant none
expect 2 'percentile 0' "$hml" bench "$artifact" --percentile 0
expect 2 'percentile 50,' "$hml" bench "$artifact" --percentile 50,
expect 2 'iterations x' "$hml" bench "$artifact" --iterations x
expect 2 'iterations 0.: expected a number from 1' "$hml" bench "$artifact" --iterations 0
expect 2 'sort size' "$hml" bench "$artifact" --sort size

# Sweeps
rows=$(bench --threads 1,2 --dim batch=1,3 | grep -Ec '^ +[12] .*batch = [13]$')
holds "a row per combination: $rows" [ "$rows" -eq 4 ]
sweep=$(bench --dim batch=2,5 --json)
holds 'sweep as JSON' grep -Eq '"sweep":\[\{.*"dims":\{"batch":2\}\},\{.*"dims":\{"batch":5\}\}\]' <<<"$sweep"
# A wrong word is told before anything is measured.
for words in '--threads 1,x' '--threads 1 --dim batch=1,-2' '--dim batch=1,2 --variant none' '--dim batch=1,2 --dim bacht=1'; do
    text=$("$hml" bench "$artifact" $words 2>"$place/stderr")
    holds "status 2 for $words" [ $? -eq 2 ]
    holds "no rows with $words: $text" [ -z "$text" ]
done

# The profile
profile=$(COLUMNS=90 bench --profile)
longest=$(sed -n '/^ step/,$p' <<<"$profile" | awk '{ if (length($0) > most) most = length($0) } END { print most }')
holds "the profile fits 90 columns: $longest" [ "$longest" -le 90 ]
holds 'short names' grep -Eq 'contraction +Conv\+Relu conv1 \+1$' <<<"$profile"
holds 'totals by operator' grep -Eq '^ +2 +[0-9.]+ +[0-9.]+%  Conv\+Relu$' <<<"$profile"
top=$(bench --top 2 | grep -Ec '^ +[0-9]+ +[0-9.]+ +[0-9.]+% +([0-9.]+|-) ')
holds "the two slowest: $top" [ "$top" -eq 2 ]
holds 'others are counted' grep -Eq '3 more$' <<<"$(bench --top 2)"
expect 0 "digits.onnx: nodes 'conv1' \(Conv\) \+ 'relu1' \(Relu\)" "$hml" bench "$artifact" --iterations 5 --profile --wide
csv=$(bench --csv)
holds 'CSV alone' [ "$(head -1 <<<"$csv")" = 'step,us,share,gflops,fraction_of_peak,threads,way,kernel,operators,nodes' ]
holds 'a line per step' [ "$(wc -l <<<"$csv")" -eq 6 ]
expect 0 '"operators":\[\{"operators":"' "$hml" bench "$artifact" --iterations 5 --profile --json

# inspect
holds 'no steps unasked' [ "$("$hml" inspect "$artifact" | grep -c contraction)" -eq 0 ]
holds 'steps when asked' [ "$("$hml" inspect "$artifact" --steps | grep -c contraction)" -eq 3 ]
expect 0 '^memory +arena [0-9.]+ KiB, .* at batch = 1$' "$hml" inspect "$artifact"
expect 0 'arena \+ [0-9.]+ KiB for each further batch$' "$hml" inspect "$artifact"
expect 0 ' at batch = 4$' "$hml" inspect "$artifact" --dim batch=4

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
