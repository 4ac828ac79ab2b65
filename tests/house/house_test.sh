#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that no compiler checks. usage: house_test.sh SOURCE_DIR BUILD_DIR
# Sizes of files and functions, names that exist twice, names without a prefix, and facts of one machine outside their folder.
set -uo pipefail
cd "$1" || exit 2
build=$2
product=(ir frontend passes backends runtime support tools)
failed=0

# rule TITLE FUNCTION [ARGUMENT...]: fails when the function prints lines, which it shows.
rule() {
    local title=$1 found
    shift
    found=$("$@")
    [ -z "$found" ] && return
    printf '%s:\n%s\n' "$title" "$found" | sed '2,$s/^/  /'
    failed=1
}

sources() { find "$@" \( -name '*.c' -o -name '*.h' -o -name '*.hpp' -o -name '*.inc' \) | sort; }

long_files() { sources "${product[@]}" tests models | xargs wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }'; }

# A function begins with a line that is "{" alone and ends with one that is "}" alone; its name stands in the line above.
long_functions() {
    sources "${product[@]}" tests models | xargs awk '
        FNR == 1 { open = 0 }
        /^{$/ { open = FNR; name = last }
        /^}$/ && open { if (FNR - open - 1 > 80) print FILENAME ":" open ": " name " (" FNR - open - 1 " lines)"; open = 0 }
        /^[a-zA-Z].*\(/ { last = $0 }'
}

file_names_twice() {
    find "${product[@]}" tests models cmake -type f -regex '.*\.\(c\|h\|hpp\|inc\|def\|hir\|sh\|py\|S\|proto\|cmake\)' -not -name '__init__.py' -printf '%f\n' |
        sort | uniq -d
}

tags_twice() {
    sources "${product[@]}" | xargs grep -HoE '\b(struct|union|enum) \w+ \{' | awk -F: '
        { split($2, word, " "); seen[word[2]] = seen[word[2]] " " $1; count[word[2]]++ }
        END { for (tag in count) if (count[tag] > 1) print tag ":" seen[tag] }' | sort
}

# Global symbols of a folder's libraries that do not begin as PATTERN says; what compilers and generators add is theirs.
foreign_symbols() {
    find "$build/$1" -name 'lib*.a' -exec nm --defined-only {} + 2>/dev/null | awk '$2 ~ /^[TDBR]$/ { print $3 }' | sort -u |
        grep -vE "^($2|__(asan|odr_asan|ubsan|tsan))"
}
has_libraries() { [ -n "$(find "$build/$1" -name 'lib*.a')" ] || echo "no library below $build/$1"; }

# The file format names CPUs and their page sizes, since a file says for which it is.
machine_facts() {
    grep -rniE 'x86|avx|4096|vector_bytes == 64|HMLC_PANEL' backends ir passes runtime | grep -vE '^(backends/targets|runtime/platform|runtime/format)/'
}

# A defect is a row of errors.def with a message (hmlc_error_add returns its status); hmlc_dim_fail alone keeps a bare one.
silent_defects() { sources "${product[@]}" | xargs grep -nE '(return|[?:]|[^=!]=|exit\() *HMLC_INTERNAL'; }

rule "files over 600 lines" long_files
rule "functions over 80 lines" long_functions
rule "file names twice" file_names_twice
rule "struct, union or enum tags twice" tags_twice
# protobuf-c names after the packages of the formats' .proto.
packages=$(sed -n 's/^package \(.*\);/|\1__/p' frontend/*/*.proto | tr -d '\n')
for folder in ir frontend passes backends; do
    rule "libraries" has_libraries $folder
    rule "symbols of $folder without hmlc_" foreign_symbols $folder "hmlc_${packages//./__}"
done
for folder in runtime support tools/common; do
    rule "libraries" has_libraries $folder
    rule "symbols of $folder without hml_" foreign_symbols $folder 'hml_'
done
rule "defects without a diagnostic" silent_defects
rule "facts of one machine outside backends/targets, runtime/platform and the file format" machine_facts
exit $failed
