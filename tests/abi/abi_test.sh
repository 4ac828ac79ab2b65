#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What programs that are linked with libhml rely on is as the file says: symbols, structures, numbers.
# usage: abi_test.sh SOURCE_FOLDER LIBHML PRINT_ABI NM [--accept]
set -u
source=$1 library=$2 print=$3 nm=$4
expected=$source/tests/abi/libhml-x86_64-linux.txt
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
failures=0

{
    "$nm" -D --defined-only "$library" | awk '{ print $2, $3 }' | LC_ALL=C sort
    "$print"
} >"$place/found" || exit 1
functions=$(grep -c '^T ' "$place/found")
if [ "$functions" -gt 30 ]; then
    echo "FAILED: $functions public functions; 30 is the limit"
    failures=1
fi
[ "${5:-}" = --accept ] && cp "$place/found" "$expected"
if ! diff "$expected" "$place/found" >"$place/difference"; then
    cat "$place/difference"
    echo "FAILED: libhml differs from $expected. What is there may neither change nor go before the next major version;"
    echo "additions are accepted with: $0 $* --accept"
    failures=1
fi

# Each structure of the header, and each field, is in the list that is printed.
sed '/^ *\/\*/d' "$source/runtime/include/hml/hml.h" | grep -o '^typedef struct hml_[a-z_]* {' | awk '{ print $3 }' >"$place/header"
sed -n 's/^PUBLIC_STRUCT(\(.*\))$/\1/p' "$source/tests/abi/public_structs.def" >"$place/listed"
diff "$place/header" "$place/listed" || { echo "FAILED: tests/abi/public_structs.def lists other structures than hml.h"; failures=1; }
[ "$(wc -l <"$place/listed")" -ge 15 ] || { echo "FAILED: too few structures are listed"; failures=1; }
exit $failures
