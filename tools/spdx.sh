#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gives each source file that has none the line that says its licence. usage: tools/spdx.sh [--check]
# --check: changes nothing, names the files without one and fails. Data (models, text modules, corpora) needs none: LICENSE covers it.
set -euo pipefail
cd "$(dirname "$0")/.."
identifier="SPDX-License-Identifier: Apache-2.0"

missing() {
    git ls-files '*.[chS]' '*.hpp' '*.cpp' '*.def' '*.inc' '*.proto' '*.sh' '*.py' '*.in' '*.toml' '*.cmake' '*CMakeLists.txt' .ci/run |
        while read -r file; do
            [ ! -f "$file" ] || head -3 "$file" | grep -qF "$identifier" || echo "$file"
        done
}

# add FILE: as the first line, or behind the one that names an interpreter.
add() {
    local line
    case $1 in
    *.[chS] | *.[chS].in | *.hpp | *.cpp | *.def | *.inc) line="/* $identifier */" ;;
    *.proto) line="// $identifier" ;;
    *) line="# $identifier" ;;
    esac
    if [[ $(head -c 2 "$1") == '#!' ]]; then
        sed -i "1a $line" "$1"
    else
        sed -i "1i $line" "$1"
    fi
}

git rev-parse --git-dir >/dev/null 2>&1 || { echo "skipped: no git checkout, so no list of the sources"; exit 77; }
mapfile -t files < <(missing)
if [ "${1:-}" = --check ]; then
    [ ${#files[@]} -eq 0 ] || printf 'no licence line in %s; tools/spdx.sh adds it\n' "${files[@]}" >&2
    [ ${#files[@]} -eq 0 ]
    exit
fi
for file in "${files[@]}"; do
    add "$file"
done
echo "${#files[@]} files"
