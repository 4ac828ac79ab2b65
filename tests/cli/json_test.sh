#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every command and every failure gives one JSON object with --json: valid, with the exit status, the code of the first error and
# the path inside. usage: json_test.sh HMLC HML JSON_CHECK DIGITS_FOLDER
set -u
hmlc=$1 hml=$2 check=$3 digits=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
model=$digits/digits.onnx artifact=$place/digits.hml data=$digits/test_data_set_0

# object STATUS CODE "KEY..." COMMAND...: the exit status, the same in the object, its code ("-": none) and further keys
object() {
    local status=$1 code=$2 keys=$3 output found words
    shift 3
    output=$(timeout 60 "$@" --json 2>"$place/stderr"; echo "exit $?")
    found=${output##*exit }
    # shellcheck disable=SC2086
    words=$("$check" "$status" "$code" $keys <<<"${output%$'\n'exit *}")
    if [ $? -ne 0 ] || [ "$found" -ne "$status" ]; then
        echo "FAILED (status $found, expected $status; ${words//$'\n'/; }): $*"
        head -3 "$place/stderr"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

# What goes well
object 0 - 'model nodes output steps file_bytes seconds' "$hmlc" compile "$model" -o "$artifact"
object 0 - 'model nodes' "$hmlc" check "$model"
object 0 - 'targets aliases' "$hmlc" targets
object 0 - 'output kept dropped file_bytes' "$hmlc" strip "$artifact" --keep x86-64-v2 -o "$place/stripped.hml"
object 0 - 'operators' "$hmlc" ops
object 0 - 'error' "$hmlc" explain HML0301
object 0 - 'commands' "$hmlc" help
object 0 - '' "$hmlc" --version
object 0 - 'outputs equal' "$hmlc" compare "$model" "$artifact"
object 0 - 'same_bytes differences' "$hmlc" diff "$artifact" "$artifact"
object 1 - 'failure failure_code operator message' "$hmlc" reduce "$model" -o "$place/small.onnx"
object 0 - 'output nodes nodes_left tries failure command' "$hmlc" reduce "$model" -o "$place/small.onnx" --rtol 0 --atol 0
object 0 - 'cases passed failed refused' "$hmlc" test "$digits"
for program in "$hmlc" "$hml"; do
    object 0 - 'outputs compared differing' "$program" run "$artifact" --test-data "$data"
    object 0 - 'p50_ms dims profile' "$program" bench "$artifact" --seconds 0 --profile
    object 0 - 'model inputs outputs dims variants steps' "$program" inspect "$artifact"
done
for command in check compile run calibrate quantize test bench compare inspect diff strip reduce ops targets explain; do
    object 0 - 'name words purpose options examples exit_statuses' "$hmlc" $command --help
    object 0 - 'options' "$hmlc" help $command
done

# Mistakes of the command line
object 2 HML1100 '' "$hmlc"
object 2 HML1100 '' "$hmlc" compil
object 2 HML1100 '' "$hmlc" compile "$model"
object 2 HML1100 '' "$hmlc" compile "$model" -o "$place/x.hml" --targt native
object 2 HML1100 '' "$hmlc" compile "$model" -o "$place/x.hml" --target none
object 3 HML0511 '' "$hmlc" compile "$model" -o "$place/x.hml" --target coreml
object 2 HML1100 '' "$hmlc" strip "$artifact" -o "$place/x.hml"
object 2 HML1027 '' "$hmlc" strip "$artifact" --keep aarch64 -o "$place/x.hml"
object 2 HML1100 '' "$hmlc" check "$model" --dim batch
object 2 HML1052 '' "$hmlc" check "$model" --dim bach=2
object 2 HML1100 '' "$hmlc" explain HML0999
object 2 HML1100 '' "$hmlc" test
object 2 HML1100 '' "$hmlc" test "$digits" --rtol x
object 2 HML0704 '' "$hmlc" compile "$model" -o "$place/x.hml" --quantize int8
object 2 HML0704 '' "$hmlc" calibrate "$model" -o "$place/x.hms"
object 2 HML1107 '' "$hmlc" quantize "$model" -o "$place/x.onnx" --stats "$place/none.hms"
object 3 HML0304 '' "$hmlc" tune "$model"
for program in "$hmlc" "$hml"; do
    object 2 HML1100 '' "$program" run
    object 2 HML1100 '' "$program" run "$artifact" --thread 2
    object 2 HML1100 '' "$program" run "$artifact" --threads x
    object 2 HML1052 '' "$program" run "$artifact" --dim bach=2
    object 2 HML1056 '' "$program" run "$artifact" --input "nonsense=$data/input_0.pb"
    object 2 HML1100 '' "$program" bench "$artifact" --seconds x
    # Paths
    for command in run bench inspect; do
        object 2 HML1107 '' "$program" $command "$place/none.hml"
        object 2 HML1107 '' "$program" $command "$place"
        object 2 HML1107 '' "$program" $command "$model"
        grep -q "$model.*compile it first" "$place/stderr" || { echo "FAILED: $command does not say to compile first"; failed=$((failed + 1)); }
    done
    object 2 HML1107 '' "$program" run "$artifact" --input "image=$place/none.npy"
    object 2 HML1107 '' "$program" run "$artifact" --test-data "$place/none"
    object 2 HML1107 '' "$program" run "$artifact" --output "$place/no/where"
done
object 2 HML1107 '' "$hmlc" check "$place/none.onnx"
object 2 HML1107 '' "$hmlc" reduce "$place/none.onnx" -o "$place/small.onnx"
object 2 HML1108 '' "$hmlc" reduce "$model" -o "$model"
object 2 HML1107 '' "$hmlc" compile "$place" -o "$place/x.hml"
object 2 HML1107 '' "$hmlc" compile "$artifact" -o "$place/x.hml"
object 2 HML1107 '' "$hmlc" compile "$model" -o "$place/no/x.hml"
object 2 HML1107 '' "$hmlc" compare "$place/none.onnx" "$artifact"
object 2 HML1107 '' "$hmlc" compare "$model" "$place/none.hml"
object 2 HML1107 '' "$hmlc" compare "$artifact" "$model"
object 2 HML1107 '' "$hmlc" test "$place/none"

# Damage, resources, and the answer no
head -c 20000 "$model" >"$place/short.onnx"
head -c 1000 "$artifact" >"$place/short.hml"
echo text >"$place/text.npy"
object 4 HML0201 '' "$hmlc" check "$place/short.onnx"
object 4 HML1006 '' "$hml" run "$place/short.hml"
object 4 HML1102 '' "$hml" run "$artifact" --input "image=$place/text.npy"
object 5 HML1104 '' "$hmlc" compile "$model" -o /dev/full --target native
object 5 HML1104 '' "$hml" bench "$artifact" --seconds 0 --trace /dev/full
object 1 HML1107 'cases' "$hmlc" test "$place"
mkdir "$place/wrong" && cp -r "$model" "$data" "$place/wrong" && cp "$data/input_0.pb" "$place/wrong/test_data_set_0/output_0.pb"
object 1 HML1106 'cases' "$hmlc" test "$place/wrong"
output=$("$hmlc" test "$place/wrong" --json 2>/dev/null)
holds 'test tells code, data set and output' \
    grep -q '"status":1,.*"code":"HML1106",.*"data_set":"test_data_set_0","output":"[a-z]' <<<"$output"
object 1 HML1106 'outputs' "$hml" run "$artifact" --test-data "$place/wrong/test_data_set_0"

# Standard output is the object alone, whatever the names in it.
holds 'one line' [ "$("$hml" inspect "$artifact" --json | wc -l)" -eq 1 ]
holds 'quiet failures speak' bash -c "'$hml' run '$place/none.hml' -q 2>&1 | grep -q HML1107"
expect 0 'imported: [0-9]+ nodes' "$hmlc" check "$model" -v
expect 0 'variant x86-64-.*thread' "$hml" run "$artifact" -v
holds 'quiet is quieter than verbose' [ -z "$("$hml" run "$artifact" -qv 2>&1 >/dev/null)" ]
expect 2 'no such file|No such file' "$hml" run "$place/none.hml" -qv

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
