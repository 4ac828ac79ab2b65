#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A C++17 program runs through hml.hpp: cpp_test.sh SOURCE BUILD HMLC LIBHML [FLAGS]
set -u
source=$1 build=$2 hmlc=$3 library=$4
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
compiler=${CXX:-c++}
command -v "$compiler" >/dev/null || { echo "skipped: there is no C++ compiler"; exit 77; }
call="$compiler -std=c++17 -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror -I$source/runtime/include -I$build/runtime/include"
$call "$source/tests/package/cpp_test.cpp" -o "$place/cpp_test" "$library" -Wl,-rpath,"${library%/*}" -pthread || exit 1
"$hmlc" compile "$source/models/digits/digits.onnx" -o "$place/digits.hml" --target native --quiet || exit 1
"$place/cpp_test" "$place/digits.hml"
