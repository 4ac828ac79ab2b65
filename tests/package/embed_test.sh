#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The source as a part of another project, by add_subdirectory and by FetchContent (from a folder, nothing is fetched): the same
# hml::hml as the installed package has, and nothing that the other project did not ask for. usage: embed_test.sh SOURCE_FOLDER C_COMPILER
set -eu
source=$1 compiler=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# project FOLDER HOW TARGET: a C99 project with settings of its own, checked after ours has been added.
project() {
    mkdir -p "$place/$1"
    cp "$source/tests/package/user.c" "$place/$1"
    cat >"$place/$1/CMakeLists.txt" <<C
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
set(CMAKE_C_STANDARD 99)
get_directory_property(before VARIABLES)
$2
get_directory_property(after VARIABLES)
list(REMOVE_ITEM after \${before} before after)
list(FILTER after INCLUDE REGEX "^(CMAKE_C_|CMAKE_BUILD_TYPE|CMAKE_POSITION|BUILD_|CPACK_|CTEST)")
get_property(tests DIRECTORY "$source" PROPERTY TESTS)
get_directory_property(options COMPILE_OPTIONS)
if(CMAKE_BUILD_TYPE OR NOT CMAKE_C_STANDARD EQUAL 99 OR after OR options OR tests OR TARGET hmlc OR TARGET test)
    message(FATAL_ERROR "left behind: '\${CMAKE_BUILD_TYPE}' '\${CMAKE_C_STANDARD}' '\${after}' '\${options}' '\${tests}'")
endif()
add_executable(user user.c)
target_link_libraries(user PRIVATE $3)
target_compile_options(user PRIVATE -Wall -Wextra -pedantic-errors -Werror)
install(TARGETS user)
C
    cmake -S "$place/$1" -B "$place/$1/build" -G Ninja -DCMAKE_C_COMPILER="$compiler" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
    cmake --build "$place/$1/build" >"$place/log" 2>&1 || { tail -40 "$place/log"; exit 1; }
    "$place/$1/build/user"
    ! grep -q -e -Werror <(grep -A3 'hml.*_shared\.dir\|hml\.dir' "$place/$1/build/build.ninja" | grep FLAGS) ||
        { echo "FAILED: warnings are errors for who embeds us"; exit 1; }
    cmake --install "$place/$1/build" --prefix "$place/$1/prefix" >/dev/null
    [ "$(cd "$place/$1/prefix" && find . -type f)" = ./bin/user ] || { echo "FAILED: installed without being asked"; exit 1; }
}

project subdirectory "add_subdirectory($source hml)" hml::hml
project fetched "include(FetchContent)
FetchContent_Declare(hmlc SOURCE_DIR $source)
FetchContent_MakeAvailable(hmlc)" hml::hml_static
echo "2 passed, 0 failed"
