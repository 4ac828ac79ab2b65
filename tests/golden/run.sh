#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh HML_OPT FILECHECK FILE [LINE]
#
# Runs every module of FILE, or only the one that holds line LINE. A line "# ----" stands between two modules; README.md
# says what the comment lines of a module mean. A failure names the file and the module's first line; what hml-opt and
# FileCheck say names lines of FILE too, as each module is run with blank lines in place of the others.
hml_opt=$1
filecheck=$2
file=$3
only=$4
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
module=$folder/$(basename "$file")
printed=$folder/printed

# The opcodes of a printed module in order: constants and yields left out, kernels by their form, regions in braces.
left='
/^ +\}/ {
    words = words (/\{$/ ? "}{" : "}")
    glue = /\{$/
    next
}
/^ +(%[^=]*= )?[a-z_0-9]+\(/ {
    line = $0
    sub(/^ +(%[^=]*= )?/, "", line)
    word = line
    sub(/\(.*/, "", word)
    if (word == "constant" || word == "yield" || word == "require") next
    if (word == "kernel") { sub(/.*\{form = /, "", line); word = line; sub(/[,}].*/, "", word) }
    words = words (words == "" || glue ? "" : " ") word
    glue = /\{$/
    if (glue) words = words "{"
}
END { print words }'

# The first line that looks like one of these but that no run reads: "# CHEK:", or "# SAME:" without "# RUN(SAME):".
unread='
/^# [A-Z][A-Z0-9_-]*(\([A-Z0-9_-]+\))?:/ {
    word = $2
    sub(/:.*/, "", word)
    prefix = word ~ /\(/ ? word : "CHECK"
    gsub(/.*\(|\)/, "", prefix)
    if (word ~ /^RUN/) { runs[prefix] = 1; next }
    if (word == "STATUS") next
    if (word !~ /^LEFT/) { prefix = word; sub(/-(NEXT|NOT|DAG|SAME|LABEL|EMPTY|COUNT-[0-9]+)$/, "", prefix) }
    lines[++count] = $0
    wanted[count] = prefix
}
END { for (i = 1; i <= count; i++) if (!(wanted[i] in runs)) { print lines[i]; exit } }'

fail() { # fail MESSAGE: what the module is, what failed, what was printed
    echo "$file:$line: $1"
    cat "$printed"
    exit 1
}

# The lines "# WORD: ..." or "# WORD(PREFIX): ..." of the module, joined by blanks.
said() { # said WORD [PREFIX]
    start="# $1${2:+($2)}:"
    awk -v start="$start" 'index($0, start) == 1 { sub(/^[^:]*: */, ""); printf "%s%s", blank, $0; blank = " " }' "$module"
}

check_run() { # check_run RUN_LINE
    prefix=$(echo "$1" | sed -n 's/^# RUN(\([A-Z0-9_-]*\)):.*/\1/p')
    options=$(echo "$1" | sed 's/^# RUN[^:]*: *//')
    "$hml_opt" $options "$module" >"$printed" 2>&1
    status=$?
    expected=$(said STATUS)
    [ "$status" -eq "${expected:-0}" ] ||
        fail "hml-opt $options: exit status $status, expected ${expected:-0}; it printed:"
    checked=
    if grep -q "^# LEFT${prefix:+($prefix)}:" "$module"; then
        found=$(awk "$left" "$printed")
        wanted=$(said LEFT "$prefix")
        [ "$found" = "$wanted" ] || fail "hml-opt $options leaves '$found', expected '$wanted'; it printed:"
        checked=yes
    fi
    if grep -q "^# ${prefix:-CHECK}[A-Z-]*:" "$module"; then
        "$filecheck" --check-prefix="${prefix:-CHECK}" "$module" <"$printed" || fail "hml-opt $options printed:"
        checked=yes
    fi
    [ -n "$checked" ] || fail "hml-opt $options: nothing is expected of what it printed:"
}

run_module() { # run_module FIRST LAST
    line=$1
    awk -v first="$1" -v last="$2" '{ print (NR >= first && NR <= last ? $0 : "") }' "$file" >"$module"
    : >"$printed"
    runs=$(grep -c '^# RUN' "$module")
    [ "$runs" -gt 0 ] || fail "no RUN line"
    lost=$(awk "$unread" "$module")
    [ -z "$lost" ] || fail "no run reads '$lost'"
    n=0
    while [ "$n" -lt "$runs" ]; do
        n=$((n + 1))
        check_run "$(grep '^# RUN' "$module" | sed -n "${n}p")"
    done
}

end=$(awk 'END { print NR }' "$file")
first=1
count=0
for last in $(awk '/^# ----$/ { print NR - 1 }' "$file") "$end"; do
    if [ -z "$only" ] || { [ "$only" -ge "$first" ] && [ "$only" -le "$last" ]; }; then
        run_module "$first" "$last"
        count=$((count + 1))
    fi
    first=$((last + 2))
done
[ "$count" -gt 0 ] || { echo "$file: no module at line $only"; exit 1; }
