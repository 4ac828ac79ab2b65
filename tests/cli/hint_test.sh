#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each hint is followed: the model that gave it passes without it. usage: hint_test.sh HMLC HINT_MODELS
set -u
hmlc=$1 hint_models=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
"$hint_models" "$place" >"$place/cases" || exit 1

# says WORDS COMMAND...: the words stand in a hint, or in the message that lists the choices
says() {
    local words=$1
    shift
    "$@" 2>&1 | grep -Fq -- "$words"
}

while IFS='|' read -r name before words after; do
    # shellcheck disable=SC2086 # options are words
    holds "$name says '$words'" says "$words" "$hmlc" check "$place/$name.before.onnx" $before
    # shellcheck disable=SC2086
    expect 0 . "$hmlc" check "$place/$name.after.onnx" $after
    # shellcheck disable=SC2086
    if says "$words" "$hmlc" check "$place/$name.after.onnx" $after; then
        echo "FAILED: $name repeats '$words' after it was followed"
        failed=$((failed + 1))
    fi
done <"$place/cases"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 50 ]
