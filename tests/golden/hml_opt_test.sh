#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hml_opt_test.sh HML_OPT EVERY_OP.hir: exit statuses, files and listings of hml-opt.
hml_opt=$1
sample=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

expect() { # expect STATUS WORDS...
    wanted=$1
    shift
    "$hml_opt" "$@" >"$folder/out" 2>"$folder/err"
    status=$?
    [ "$status" -eq "$wanted" ] || { echo "hml-opt $*: exit status $status, expected $wanted"; cat "$folder/err"; exit 1; }
}

expect 0 --help
expect 0 --list
grep -q '^dce ' "$folder/out" || { echo "--list does not name dce"; exit 1; }
expect 2
expect 2 --frobnicate "$sample"
expect 2 "$sample" "$sample"
expect 2 -o
expect 2 --passes=frobnicate "$sample"
expect 4 "$folder/missing.hir"
echo 'hir 1 main(' >"$folder/damaged.hir"
expect 4 "$folder/damaged.hir"
grep -q '2:1: expected' "$folder/err" || { echo "no place in:"; cat "$folder/err"; exit 1; }

# Written, read and written again, with the large constants beside it: the same files.
expect 0 --locations -o "$folder/one.hir" "$sample"
expect 0 --locations -o "$folder/two.hir" "$folder/one.hir"
cmp "$folder/one.hir" "$folder/two.hir" && cmp "$folder/one.hir.bin" "$folder/two.hir.bin" || exit 1
rm "$folder/one.hir.bin"
expect 4 "$folder/one.hir"
expect 0 --passes=dce --print-after=dce "$sample"
grep -q '^# after dce' "$folder/err" || { echo "--print-after prints nothing"; exit 1; }
"$hml_opt" - <"$sample" >"$folder/out" || exit 1
