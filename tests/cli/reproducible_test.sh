#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same model and options give the same bytes, whatever the folder, HOME, umask, locale, time zone and number of jobs.
# usage: reproducible_test.sh HMLC MODEL
set -eu
hmlc=$1 model=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/a" "$place/b"
cp "$model" "$place/b/$(basename "$model")"
(cd "$place/a" && "$hmlc" compile "$model" -o first.hml --jobs 1 --quiet)
(cd "$place/b" && umask 077 && HOME=/nonexistent TZ=Asia/Tokyo LC_ALL=C.UTF-8 TMPDIR=/var/tmp \
    "$hmlc" compile "$(basename "$model")" -o "$place/second.hml" --jobs 3 --quiet)
cmp "$place/a/first.hml" "$place/second.hml"
echo "1 passed, 0 failed"
