#!/usr/bin/env bash
# Installs into a temporary prefix and builds a program against it, three ways.
# usage: package_test.sh BUILD_FOLDER C_COMPILER
set -eu
build=$1 compiler=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$build" --prefix "$place/prefix" >/dev/null
cat >"$place/main.c" <<'C'
#include <hml/hml.h>
#include <stdio.h>

int main(void)
{
    hml_model *model = NULL;
    printf("%s\n", hml_version());
    return hml_model_open("/nonexistent.hml", NULL, &model) == HML_ERROR_file_unreadable ? 0 : 1;
}
C
cat >"$place/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(hml REQUIRED)
add_executable(user main.c)
target_link_libraries(user PRIVATE hml::hml)
C
cmake -S "$place" -B "$place/build" -DCMAKE_PREFIX_PATH="$place/prefix" >/dev/null
cmake --build "$place/build" >/dev/null
"$place/build/user"

libraries=$(dirname "$(find "$place/prefix" -name libhml.so | head -1)")
export PKG_CONFIG_PATH=$libraries/pkgconfig
if command -v pkg-config >/dev/null; then
    # shellcheck disable=SC2046
    "$compiler" "$place/main.c" $(pkg-config --cflags --libs hml) -o "$place/shared"
    LD_LIBRARY_PATH=$libraries "$place/shared"
fi
"$compiler" -I"$place/prefix/include" "$place/main.c" "$libraries/libhml.a" -pthread -o "$place/static"
"$place/static"
[ -x "$place/prefix/bin/hml" ]
echo "1 passed, 0 failed"
