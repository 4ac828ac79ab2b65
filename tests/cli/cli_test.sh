#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line's contract: words, exit statuses, what goes to which stream, nothing half-written.
# usage: cli_test.sh HMLC HML DIGITS_FOLDER
set -u
hmlc=$1 hml=$2 digits=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"

model=$digits/digits.onnx
artifact=$place/digits.hml

expect 0 'hmlc [0-9]+\.[0-9]+' "$hmlc" --version
expect 0 'compile' "$hmlc" help
expect 2 'usage' "$hmlc"
expect 2 "did you mean 'compile'" "$hmlc" compil
expect 2 "did you mean '--target'" "$hmlc" compile "$model" -o "$artifact" --targt native
expect 2 "did you mean 'x86-64-v3'" "$hmlc" compile "$model" -o "$artifact" --target x86-64-v33
expect 2 'expected -o' "$hmlc" compile "$model"
expect 2 'expected .speed. or .size.' "$hmlc" compile "$model" -o "$artifact" --prefer small
expect 2 'expected NAME=N' "$hmlc" compile "$model" -o "$artifact" --dim batch
expect 0 'x86-64-v3' "$hmlc" targets
expect 0 'vector_bits' "$hmlc" targets --json
expect 0 'usage: hmlc targets' "$hmlc" targets --help
expect 0 'usage: hmlc explain' "$hmlc" explain --help
expect 0 'usage: hmlc compile' "$hmlc" help compile
expect 2 "did you mean 'compile'" "$hmlc" help compil
expect 2 "did you mean '--version'" "$hmlc" --versoin
expect 0 '"code":"HML0301".*"exit_status":4' "$hmlc" explain hml0301 --json
expect 2 "hmlc check: --dim batch: expected" "$hmlc" check "$model" --dim batch
expect 2 "'batch' is given twice" "$hmlc" check "$model" --dim batch=1 --dim batch=2
expect 2 "no file is called '-'" "$hmlc" compile "$model" -o -
expect 2 "HML1052.*'foo'; the inputs' dims are: batch" "$hmlc" check "$model" --dim batch=foo
expect 2 "did you mean 'batch'" "$hmlc" check "$model" --dim bach=2
expect 0 'supported' "$hmlc" check "$model" --dim batch=1..8
expect 2 "did you mean 'cse'" "$hmlc" check "$model" --print-after csee
expect 2 "did you mean 'asm'" "$hmlc" compile "$model" -o "$artifact" --emit asmm
expect 2 'rtol: expected a number' "$hmlc" test "$digits" --rtol x
expect 0 'HML0301.*contradict' "$hmlc" explain HML0301
expect 0 'HML1012' "$hmlc" explain HML1012
expect 2 'no error' "$hmlc" explain HML0999
expect 2 'HML0704' "$hmlc" compile "$model" -o "$artifact" --quantize int8
expect 3 'HML0304' "$hmlc" compile "$model" -o "$artifact" --provider onednn
expect 2 'HML1100.*needs --target' "$hmlc" compile "$model" -o "$artifact" --emit object
expect 2 'HML1107' "$hmlc" compile "$place/missing.onnx" -o "$artifact"
head -c 300 "$hmlc" >"$place/program.onnx"
expect 4 'HML0' "$hmlc" compile "$place/program.onnx" -o "$artifact"
head -c 20000 "$model" >"$place/short.onnx"
expect 4 'HML0' "$hmlc" check "$place/short.onnx"
: >"$place/empty.onnx"
expect 4 'HML0' "$hmlc" check "$place/empty.onnx"
expect 2 'HML1107' "$hmlc" compile "$model" -o "$place/no/such/folder/out.hml"
expect 2 'HML1107' "$hmlc" compile "$model" -o "$place"
holds 'nothing was written so far' [ ! -e "$artifact" ]
holds 'no temporary file stays' [ -z "$(find "$place" -name '*.hml*')" ]

expect 0 'supported' "$hmlc" check "$model"
expect 0 'steps' "$hmlc" compile "$model" -o "$artifact"
expect 0 '"diagnostics":\[\]' "$hmlc" compile "$model" -o "$artifact" --json
expect 0 'probabilities' "$hmlc" run "$artifact" --test-data "$digits/test_data_set_0"
expect 0 'probabilities' "$hml" run "$artifact" --test-data "$digits/test_data_set_0" --threads 2
for variant in x86-64-v2 x86-64-v3; do
    expect 0 'probabilities' env HML_VARIANT=$variant "$hml" run "$artifact" --test-data "$digits/test_data_set_0"
done
expect 0 '"dims":\{"batch":2\}' "$hml" bench "$artifact" --dim batch=2 --seconds 0.1 --json
bench=$("$hmlc" bench "$artifact" --seconds 0 --json)
for key in p50_ms p90_ms p99_ms iterations load_ms first_run_ms peak_rss_bytes threads dims cpu fma_peak_gflops; do
    holds "bench --json has $key" grep -q "\"$key\":" <<<"$bench"
done
expect 0 'GFLOP/s.*peak' "$hmlc" bench "$artifact" --seconds 0 --profile
expect 0 'digits.onnx: nodes? .*\(Conv\)' "$hmlc" bench "$artifact" --seconds 0 --profile --wide
expect 0 'x86-64-v2' "$hml" inspect "$artifact"
expect 0 'largest difference' "$hmlc" compare "$model" "$artifact" --dim batch=3
expect 0 '^1 passed, 0 failed, 0 refused$' "$hmlc" test "$digits"
expect 1 '^0 passed, 3 failed, 0 refused$' "$hmlc" test "$place"
expect 0 'define' bash -c "'$hmlc' compile '$model' -o '$place/ir.ll' --emit llvm-ir --target native && cat '$place/ir.ll'"
expect 0 'kernel' bash -c "'$hmlc' compile '$model' -o '$place/out.hir' --emit ir && cat '$place/out.hir'"
expect 0 '\.text' bash -c "'$hmlc' compile '$model' -o '$place/out.s' --emit asm --target native && cat '$place/out.s'"
expect 0 '"passed":1,"failed":0,"refused":0' "$hmlc" test "$digits" --json

# stdout is data, stderr is progress; neither has colours off a terminal.
holds 'compile prints nothing to stdout' [ -z "$("$hmlc" compile "$model" -o "$artifact" 2>/dev/null)" ]
holds 'with --json, stdout is JSON alone' [ "$("$hmlc" compile "$place/short.onnx" -o "$artifact" --json 2>/dev/null | cut -c1-30)" = '{"schema":"hml.compile.1","ver' ]
holds 'no escape sequences' bash -c "! '$hmlc' check '$place/short.onnx' 2>&1 | grep -q \$'\\x1b'"
holds 'run lists the files it writes' [ "$("$hmlc" run "$artifact" --output "$place/listed" --format pb)" = "$place/listed/output_0.pb" ]
# A link is followed, and stays.
: >"$place/behind.hml" && ln -s behind.hml "$place/link.hml"
expect 0 '' "$hmlc" compile "$model" -o "$place/link.hml" --target x86-64-v2 --quiet
holds 'a link stays a link' [ -L "$place/link.hml" -a -s "$place/behind.hml" ]
mkdir "$place/far" && ln -s far/one.hml "$place/dangling.hml" && ln -s two.hml "$place/far/one.hml"
expect 0 '' "$hmlc" compile "$model" -o "$place/dangling.hml" --target x86-64-v2 --quiet
holds 'a link to nothing yet stays, too' [ -L "$place/dangling.hml" -a -L "$place/far/one.hml" -a -s "$place/far/two.hml" ]
ln -s turn.ir "$place/turn.ir"
expect 2 'HML' "$hmlc" compile "$model" -o "$place/turn.ir" --emit ir --quiet
expect 2 'HML' "$hmlc" compile "$model" -o "$place/turn.ir" --target x86-64-v2 --quiet
holds 'a circle of links stays' [ -L "$place/turn.ir" ]
# Data sets that prove nothing, or hold too much, do not pass.
mkdir "$place/silent" && cp "$model" "$place/silent" && cp -r "$digits/test_data_set_0" "$place/silent"
rm "$place"/silent/test_data_set_0/output_*.pb
expect 1 'failed: no output_\*.pb in test_data_set_0' "$hmlc" test "$place/silent"
expect 0 'nothing was compared' "$hmlc" run "$artifact" --test-data "$place/silent/test_data_set_0"
cp "$digits"/test_data_set_0/input_0.pb "$place/silent/test_data_set_0/input_1.pb"
expect 2 'HML1056|given twice' "$hmlc" run "$artifact" --test-data "$place/silent/test_data_set_0"
mkdir "$place/out"
expect 0 'output_0.npy' "$hml" run "$artifact" --dim batch=1 --output "$place/out"
holds 'an output was written' [ -s "$place/out/output_0.npy" ]
expect 2 'HML1' "$hml" run "$artifact" --input nonsense="$place/out/output_0.npy"
expect 2 'HML1107' "$hml" run "$artifact" --input image="$place/missing.npy"
expect 5 'cannot be written' bash -c "'$hmlc' help >/dev/full"
head -c 1000 "$artifact" >"$place/cut.hml"
expect 4 'HML1' "$hml" run "$place/cut.hml"

# An output that exists is replaced whole or not at all.
cp "$artifact" "$place/kept.hml"
expect 4 'HML0' "$hmlc" compile "$place/short.onnx" -o "$place/kept.hml"
holds 'a failed compile leaves the old artifact' cmp -s "$artifact" "$place/kept.hml"

# A machine without a linker: refused, as nothing is wrong with the model.
if unshare -rm true 2>/dev/null; then
    mkdir "$place/empty"
    hide='for name in $(ls /usr/bin/ld.lld* /usr/lib/llvm-*/bin/ld.lld 2>/dev/null); do mount --bind /dev/null "$name"; done'
    expect 3 'HML0507.*ld.lld' env PATH="$PATH" unshare -rm sh -c "$hide; exec '$hmlc' compile '$model' -o '$place/out.hml'"
else
    echo 'skipped: no linker (unshare is not allowed here)'
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
