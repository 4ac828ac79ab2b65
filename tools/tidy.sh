#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy-19 with the repository's .clang-tidy over what build/release compiles (or FILE...). Any finding fails.
set -euo pipefail
cd "$(dirname "$0")/.."
database=build/release
[ -f "$database/compile_commands.json" ] || cmake --preset release -DHMLC_TESTS=ON >/dev/null
[ $# -gt 0 ] || mapfile -t files < <(grep -o '"file": "[^"]*"' "$database/compile_commands.json" | cut -d'"' -f4 | sort -u |
    grep "\.c$" | grep -v "^$PWD/build/")
[ $# -eq 0 ] || files=("$@")
printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-19 -p "$database" --quiet 2> >(grep -v 'warnings\? generated\|^Suppressed\|^Use -header' >&2)
echo "clang-tidy: ${#files[@]} files"
