#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs into a temporary prefix and builds a program against it: through the CMake package, through pkg-config, and by plain calls.
# usage: package_test.sh SOURCE_FOLDER BUILD_FOLDER C_COMPILER
set -eu
source=$1 build=$2 compiler=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$build" --prefix "$place/prefix" >/dev/null
libraries=$(dirname "$(find "$place/prefix" -name libhml.so | head -1)")
cp "$source/tests/package/user.c" "$place"

cat >"$place/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(hml 0.1 REQUIRED)
foreach(form hml hml_static)
    add_executable(with_${form} user.c)
    target_link_libraries(with_${form} PRIVATE hml::${form})
endforeach()
C
cmake -S "$place" -B "$place/build" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$place/prefix" >/dev/null
cmake --build "$place/build" >/dev/null
"$place/build/with_hml"
"$place/build/with_hml_static"

if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH=$libraries/pkgconfig
    # shellcheck disable=SC2046
    "$compiler" "$place/user.c" $(pkg-config --cflags --libs hml) -o "$place/shared"
    LD_LIBRARY_PATH=$libraries "$place/shared"
    [ "$(pkg-config --modversion hml)" = "$("$place/build/with_hml")" ]
else
    echo "skipped: no pkg-config (Debian: pkgconf)"
fi
"$compiler" -I"$place/prefix/include" "$place/user.c" "$libraries/libhml.a" -pthread -o "$place/static"
"$place/static"
[ -x "$place/prefix/bin/hml" ]

# Each component alone is what its package holds.
for component in runtime development device; do
    cmake --install "$build" --prefix "$place/$component" --component $component >/dev/null
    (cd "$place/$component" && find . -type f -o -type l) >"$place/$component.files"
done
grep -q 'libhml\.so\.[0-9.]*$' "$place/runtime.files"
if grep 'include/\|bin/\|libhml\.a$\|libhml\.so$' "$place/runtime.files"; then exit 1; fi
grep -q 'include/hml/hml\.h$' "$place/development.files"
grep -q 'libhml\.so$' "$place/development.files"
grep -q 'bin/hml$' "$place/device.files"
echo "1 passed, 0 failed"
