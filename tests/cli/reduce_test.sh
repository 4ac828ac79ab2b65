#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# reduce: which nodes are left of models that fail, and what is refused. usage: reduce_test.sh HMLC REDUCE_MODELS
set -u
hmlc=$1 models=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
cd "$place" || exit 1
"$models" . || exit 1
mkdir out temporary
export TMPDIR=$place/temporary

# Behind the key and length of the field op_type.
has_operator() { LC_ALL=C grep -zaqP "(?s)\x22.$1" "$2"; }
lacks_operator() { ! has_operator "$@"; }

# reduces MODEL LEFT OPERATORS OPTIONS...: the number of nodes left, and their operators in the smaller model
reduces() {
    local model=$1 left=$2 operators=$3 operator
    shift 3
    expect 0 ": $left nodes? left after|: $left of [0-9]+ nodes? left after" "$hmlc" reduce "$model.onnx" -o "out/$model.onnx" "$@"
    for operator in Relu Neg Abs Exp Softmax MatMul Add Gather If Frobnicate; do
        if [[ " $operators " = *" $operator "* ]]; then
            holds "$model keeps $operator" has_operator "$operator" "out/$model.onnx"
        else
            holds "$model drops $operator" lacks_operator "$operator" "out/$model.onnx"
        fi
    done
}

# shows MODEL OPTIONS...: the command that reduce names ends with an error
shows() {
    local command
    command=$("$hmlc" reduce "$1.onnx" -o "out/$1.onnx" "${@:2}" | sed -n 's/.*shown by: //p')
    holds "'$command' shows the failure" bash -c "! (${command//hmlc /$hmlc }) >/dev/null 2>&1"
}

# Refused: one node, with the input that inference gives it; the same code and operator.
reduces refused 1 Frobnicate
expect 3 "HML0205.*Frobnicate" "$hmlc" check out/refused.onnx
expect 0 '"nodes":20,"nodes_left":\[\{"index":10,"operator":"Frobnicate","name":""\}\],.*"failure":"refused","failure_code":"HML0205","operator":"Frobnicate"' \
    "$hmlc" reduce refused.onnx -o out/refused.onnx --json
shows refused
reduces captured 1 "If Frobnicate Relu"

# Wrong: to the last bit; external data is in the result, initializers that nothing reads are not.
reduces wrong 1 Softmax --rtol 0 --atol 0 --dim n=1..3
shows wrong --rtol 0 --atol 0
reduces external 1 MatMul --rtol 0 --atol 0
shows external --rtol 0 --atol 0
holds 'external data is inlined' bash -c '! grep -aqe weights.bin -e unused out/external.onnx && [ "$(wc -c <out/external.onnx)" -gt 16000 ]'

# Two nodes that need each other: the one between them is bypassed.
reduces index 2 "Add Gather" --while HML1060
shows index --while HML1060
reduces circle 2 "Add Neg" --while hml0208

# No end within the limit counts as a crash.
reduces slow 1 MatMul --while crash --limit 1
# A signal: the processor time of a process is limited here. SIGXCPU is 24.
expect 0 'fails \(crash\): signal 24' bash -c "ulimit -St 1; '$hmlc' reduce slow.onnx -o out/slow.onnx"

# The same model and options give the same bytes; nothing is left behind.
"$hmlc" reduce wrong.onnx -o out/again.onnx --rtol 0 --atol 0 --dim n=1..3 >/dev/null
"$hmlc" reduce wrong.onnx -o out/wrong.onnx --rtol 0 --atol 0 --dim n=1..3 >/dev/null
holds 'the same bytes' cmp -s out/wrong.onnx out/again.onnx
holds 'no temporary file stays' [ -z "$(ls -A temporary)" ]

# What does not fail, or not so
expect 1 'sound.onnx does not fail' "$hmlc" reduce sound.onnx -o out/none.onnx
expect 1 '"status":1,"code":null,.*"failure":null' "$hmlc" reduce sound.onnx -o out/none.onnx --json
expect 1 'does not fail so; it fails otherwise \(refused\): HML0205' "$hmlc" reduce refused.onnx -o out/none.onnx --while wrong
expect 1 'fails otherwise' "$hmlc" reduce refused.onnx -o out/none.onnx --while HML0206
expect 1 '"status":1,"code":null,.*"failure":"refused","failure_code":"HML0205"' \
    "$hmlc" reduce refused.onnx -o out/none.onnx --while wrong --json
expect 4 '`--while HML0208` reduces it' "$hmlc" reduce circle.onnx -o out/none.onnx
expect 2 'HML1060' "$hmlc" reduce index.onnx -o out/none.onnx
head -c 100 refused.onnx >damaged.onnx
expect 4 HML0201 "$hmlc" reduce damaged.onnx -o out/none.onnx
expect 2 HML1107 "$hmlc" reduce nowhere.onnx -o out/none.onnx
expect 2 "did you mean 'wrong'" "$hmlc" reduce sound.onnx -o out/none.onnx --while wrog
expect 2 'expected -o' "$hmlc" reduce sound.onnx
expect 2 "no input has the dim 'bad'" "$hmlc" reduce wrong.onnx -o out/none.onnx --dim bad=3
holds 'no hint to reduce a wrong option' bash -c "! '$hmlc' reduce wrong.onnx -o out/none.onnx --dim bad=3 2>&1 | grep -q -e --while"
expect 2 'limit 0: expected seconds' "$hmlc" reduce sound.onnx -o out/none.onnx --limit 0
holds 'no failure, no file' [ ! -e out/none.onnx ]

# Inputs stay: the model, and the file of its weights.
cp weights.bin before.bin
expect 2 HML1108 "$hmlc" reduce refused.onnx -o refused.onnx
expect 2 HML1108 "$hmlc" reduce external.onnx -o weights.bin --rtol 0 --atol 0
holds 'the weights stay' cmp -s weights.bin before.bin
expect 5 HML1104 "$hmlc" reduce refused.onnx -o /dev/full
TMPDIR=$place/none expect 5 HML1104 "$hmlc" reduce refused.onnx -o out/none.onnx
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
