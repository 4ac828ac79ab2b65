#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Links between the documents lead to files, and paths that they quote exist. usage: links_test.sh SOURCE_DIR
set -euo pipefail
cd "$1"
failed=0
files=$(find . -type f -not -path './build/*' -not -path './.*' | sed 's|^./||')
documents=$(find . -name '*.md' -not -path './build/*' -not -path './.*')
for document in $documents; do
    place=$(dirname "$document")
    while read -r target; do
        [ -e "$place/${target%%#*}" ] || { echo "$document: link to $target, which does not exist"; failed=1; }
    done < <(sed '/^```/,/^```/d' "$document" | grep -oE '\]\([^)#: ]+(#[^)]*)?\)' | sed 's/^](//; s/)$//')
    # `folder/file.c` in code marks: a path, or the end of one. NAME stands for what the reader chooses.
    while read -r path; do
        [ -e "$path" ] || grep -qE "(^|/)${path//./\\.}\$" <<<"$files" || { echo "$document: \`$path\` does not exist"; failed=1; }
    done < <(sed '/^```/,/^```/d' "$document" | grep -oE '`[a-z][a-zA-Z0-9_./-]*/[a-zA-Z0-9_.-]+\.(c|h|def|md|sh|py|cmake|hpp|proto)`' | tr -d '`' | grep -v NAME)
done
exit $failed
