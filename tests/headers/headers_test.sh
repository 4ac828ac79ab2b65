#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone, with the flags of the sources in its folder, or below the nearest folder above that has any.
# usage: headers_test.sh BUILD_FOLDER SOURCE_FOLDER
set -u
build=$1 source=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

find "$source" -name '*.h' -not -path "$source/build*" | sort >"$place/headers"
# A line a header: its compiler call, to be followed by the header's name.
awk -v database="$build/compile_commands.json" -v root="$source" '
    # The call of the first source, with the include folders of all.
    function add(folder, command,   words, count, k) {
        if (!(folder in commands)) { commands[folder] = command; return }
        count = split(command, words, " ")
        for (k = 2; k <= count; k++)
            if (words[k] ~ /^-I/ && !index(commands[folder] " ", " " words[k] " ")) commands[folder] = commands[folder] " " words[k]
    }
    BEGIN {
        while ((getline line < database) > 0) {
            if (line ~ /"command":/) {
                sub(/^[^:]*: "/, "", line); sub(/ -o [^ ]* -c .*$/, "", line); gsub(/\\"/, "\"", line)
                command = line
            } else if (line ~ /"file":/) {
                split(line, words, "\""); folder = words[4]
                while (sub("/[^/]*$", "", folder) && index(folder, root) == 1) add(folder, command)
            }
        }
    }
    { folder = $0; while (sub("/[^/]*$", "", folder) && !(folder in commands)) { } print commands[folder] "\t" $0 }
' "$place/headers" >"$place/calls"

compile_alone() {
    local call=${1%$'\t'*} header=${1##*$'\t'}
    echo "#include \"$header\"" | eval "$call" -fsyntax-only -x c - && return
    echo "FAILED: $header does not compile alone"
}
export -f compile_alone
tr '\n' '\0' <"$place/calls" | xargs -0 -P "$(nproc)" -I{} bash -c 'compile_alone "$1"' _ {} >"$place/failures" 2>&1
cat "$place/failures"
count=$(wc -l <"$place/calls") failed=$(grep -c '^FAILED' "$place/failures")
echo "$((count - failed)) passed, $failed failed"
[ "$count" -gt 0 ] && [ ! -s "$place/failures" ]
