#!/usr/bin/env bash
# The command line's contract: words, exit statuses, what goes to which stream, nothing half-written.
# usage: cli_test.sh HMLC HML DIGITS_FOLDER
set -u
hmlc=$1 hml=$2 digits=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
passed=0 failed=0

# expect STATUS PATTERN COMMAND...: the exit status, and an extended regular expression in stdout or stderr
expect() {
    local status=$1 pattern=$2 output found
    shift 2
    output=$("$@" 2>&1)
    found=$?
    if [ "$found" -ne "$status" ]; then
        echo "FAILED (status $found, expected $status): $*"
        echo "$output" | head -5
        failed=$((failed + 1))
    elif ! grep -Eq -- "$pattern" <<<"$output"; then
        echo "FAILED (no match for '$pattern'): $*"
        echo "$output" | head -5
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

# holds WHAT CONDITION...: a command that must succeed
holds() {
    local what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "FAILED: $what"; failed=$((failed + 1)); fi
}

model=$digits/digits.onnx
artifact=$place/digits.hml

expect 0 'hmlc [0-9]+\.[0-9]+' "$hmlc" --version
expect 0 'compile' "$hmlc" help
expect 2 'usage' "$hmlc"
expect 2 "did you mean 'compile'" "$hmlc" compil
expect 2 "did you mean '--target'" "$hmlc" compile "$model" -o "$artifact" --targt native
expect 2 "did you mean 'x86-64-v3'" "$hmlc" compile "$model" -o "$artifact" --target x86-64-v33
expect 2 'expected -o' "$hmlc" compile "$model"
expect 2 'expected NAME=N' "$hmlc" compile "$model" -o "$artifact" --dim batch
expect 0 'x86-64-v3' "$hmlc" targets
expect 0 'HML0301.*contradict' "$hmlc" explain HML0301
expect 0 'HML1012' "$hmlc" explain HML1012
expect 2 'no error' "$hmlc" explain HML0999
expect 3 'HML0304' "$hmlc" compile "$model" -o "$artifact" --quantize int8
expect 3 'HML0304' "$hmlc" compile "$model" -o "$artifact" --provider onednn
expect 3 'HML0304' "$hmlc" compile "$model" -o "$artifact" --emit object
expect 4 'HML0' "$hmlc" compile "$place/missing.onnx" -o "$artifact"
head -c 300 "$hmlc" >"$place/program.onnx"
expect 4 'HML0' "$hmlc" compile "$place/program.onnx" -o "$artifact"
head -c 20000 "$model" >"$place/short.onnx"
expect 4 'HML0' "$hmlc" check "$place/short.onnx"
: >"$place/empty.onnx"
expect 4 'HML0' "$hmlc" check "$place/empty.onnx"
expect 5 'HML0601' "$hmlc" compile "$model" -o "$place/no/such/folder/out.hml"
expect 5 'HML0601' "$hmlc" compile "$model" -o "$place"
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
expect 0 'p50_ms' "$hml" bench "$artifact" --dim batch=2 --seconds 0.1 --json
expect 0 'x86-64-v2' "$hml" inspect "$artifact"
expect 0 'largest difference' "$hmlc" compare "$model" "$artifact" --dim batch=3
expect 0 '^1 passed, 0 failed, 0 refused$' "$hmlc" test "$digits"
expect 1 '^0 passed, 1 failed, 0 refused$' "$hmlc" test "$place"
expect 0 'define' bash -c "'$hmlc' compile '$model' -o '$place/ir.ll' --emit llvm-ir --target native && cat '$place/ir.ll'"
expect 0 'kernel' bash -c "'$hmlc' compile '$model' -o '$place/out.hir' --emit ir && cat '$place/out.hir'"
mkdir "$place/out"
expect 0 'output_0.npy' "$hml" run "$artifact" --dim batch=1 --output "$place/out"
holds 'an output was written' [ -s "$place/out/output_0.npy" ]
expect 2 'HML1' "$hml" run "$artifact" --input nonsense="$place/out/output_0.npy"
expect 4 'HML1' "$hml" run "$artifact" --input image="$place/missing.npy"
expect 5 'cannot be written' bash -c "'$hmlc' help >/dev/full"
head -c 1000 "$artifact" >"$place/cut.hml"
expect 4 'HML1' "$hml" run "$place/cut.hml"

# An output that exists is replaced whole or not at all.
cp "$artifact" "$place/kept.hml"
expect 4 'HML0' "$hmlc" compile "$place/short.onnx" -o "$place/kept.hml"
holds 'a failed compile leaves the old artifact' cmp -s "$artifact" "$place/kept.hml"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
