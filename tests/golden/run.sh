#!/bin/sh
# run.sh HML_OPT FILECHECK FILE
#
# For each line "# RUN: OPTIONS" of FILE: runs hml-opt with them on FILE and checks what it prints (output and
# diagnostics) against FILE's CHECK lines. "# RUN(PREFIX): OPTIONS" checks lines of that prefix instead;
# "# STATUS: N" says that hml-opt ends with N instead of 0.
hml_opt=$1
filecheck=$2
file=$3
expected=$(sed -n 's/^# STATUS: *//p' "$file")
runs=$(grep -c '^# RUN' "$file")
[ "$runs" -gt 0 ] || { echo "$file: no RUN line"; exit 1; }

n=0
while [ "$n" -lt "$runs" ]; do
    n=$((n + 1))
    line=$(grep '^# RUN' "$file" | sed -n "${n}p")
    prefix=$(echo "$line" | sed -n 's/^# RUN(\([A-Z0-9_-]*\)):.*/\1/p')
    options=$(echo "$line" | sed 's/^# RUN[^:]*: *//')
    output=$("$hml_opt" $options "$file" 2>&1)
    status=$?
    if [ "$status" -ne "${expected:-0}" ]; then
        echo "$file: hml-opt $options: exit status $status, expected ${expected:-0}"
        echo "$output"
        exit 1
    fi
    if ! echo "$output" | "$filecheck" --check-prefix="${prefix:-CHECK}" "$file"; then
        echo "$file: hml-opt $options printed:"
        echo "$output"
        exit 1
    fi
done
