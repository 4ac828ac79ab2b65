#!/usr/bin/env bash
# Every recorded test case of the zoo's ONNX models, compiled for one target. Status 77: the zoo is not there.
# usage: zoo_test.sh HMLC ZOO TARGET
set -u
hmlc=$1 zoo=$2 target=$3
here=$(dirname "$0")
if [ ! -d "$zoo/onnx" ]; then
    echo "skipped: no models at $zoo"
    exit 77
fi

# What is known not to pass, and is no defect: NAME STATUS.
declare -A expected=([bert_tf2onnx_joint_intent_tag]='invalid model' [sklearn_treeensemble]='refused')
passed=0 failed=0
for folder in "$zoo"/onnx/*/; do
    name=$(basename "$folder")
    tolerance=()
    while read -r row rtol atol _; do
        [ "$row" = "$name" ] && tolerance=(--rtol "$rtol" --atol "$atol")
    done < <(grep -v '^#' "$here/tolerances.txt")
    if [ "$name" = bert_tf2onnx_joint_intent_tag ]; then
        "$hmlc" check "$folder"/*.onnx >/dev/null 2>&1
        [ $? -eq 4 ] && result="${expected[$name]}" || result=wrong
    else
        result=$("$hmlc" test "$folder" --target "$target" --limit 120 "${tolerance[@]}" 2>"$name.log" | head -1 | sed 's/.* s  //')
    fi
    if [ "$result" = "${expected[$name]:-passed}" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name: $result"
        [ -f "$name.log" ] && head -12 "$name.log"
    fi
    rm -f "$name.log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
