#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs what a document shows. usage: console_test.sh DOCUMENT PROGRAM_DIR... [--update]
#
# A block "```hir NAME" (or any other word before a NAME) is written to the file NAME. In a block "```console" a line "$ COMMAND" is run in the same
# folder, and the lines behind it must be what the command prints, errors included. --update writes what was printed into the document.
set -euo pipefail
document=$(realpath "$1")
shift
update=false
for word in "$@"; do
    if [ "$word" = --update ]; then update=true; else PATH=$(realpath "$word"):$PATH; fi
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
commands=0
block=none
skip=false
export CI=1

while IFS= read -r line; do
    case $block:$line in
    none:'```console') block=console ;;
    none:'```'*' '*) block=file name=${line##* } ; : >"$place/$name" ;;
    none:'```'?*) block=other ;;
    *:'```') block=none skip=false ;;
    file:*) printf '%s\n' "$line" >>"$place/$name" ;;
    console:'$ '*)
        printf '%s\n' "$line" >>"$place/.document"
        commands=$((commands + 1))
        bash -c "${line#??}" >>"$place/.document" 2>&1 || true
        skip=true
        continue
        ;;
    console:*) $skip && continue ;;
    esac
    printf '%s\n' "$line" >>"$place/.document"
done <"$document"

[ $commands -gt 0 ] || { echo "$document shows no command"; exit 1; }
if $update; then
    cp "$place/.document" "$document"
else
    diff "$document" "$place/.document" || { echo "$document: what the commands print (right) is not what it says (left)"; exit 1; }
    echo "$commands commands print what the document says"
fi
