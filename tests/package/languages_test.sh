#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The public headers in every language that they promise, with both compilers, warnings being errors. usage: languages_test.sh SOURCE_FOLDER BUILD_FOLDER
set -u
source=$1 build=$2
passed=0 failed=0

# try COMPILER STANDARD LANGUAGE HEADER
try() {
    local call=("$1" "-std=$2" -x "$3" -pedantic-errors -Wall -Wextra -Wshadow -Wconversion -Werror "-I$source/runtime/include" "-I$build/runtime/include" -fsyntax-only -)
    # A call, so that declarations are used as well as read.
    if printf '#include <hml/%s>\nint use(void);\nint use(void)\n{\n    return hml_version()[0];\n}\n' "$4" | "${call[@]}"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $4 as $2 with $1"
    fi
}

for pair in gcc:g++ clang-19:clang++-19; do
    c=${pair%:*} cxx=${pair#*:}
    if command -v "$c" >/dev/null; then
        for standard in c99 c11 c17; do try "$c" "$standard" c hml.h; done
    else
        echo "skipped: no $c for the headers in C"
    fi
    if command -v "$cxx" >/dev/null; then
        for standard in c++17 c++20; do
            for header in hml.h hml.hpp; do try "$cxx" "$standard" c++ "$header"; done
        done
    else
        echo "skipped: no $cxx for the headers in C++"
    fi
done
echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
