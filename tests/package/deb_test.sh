#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Debian packages and the tarball. Installs the packages into a root that holds nothing else but what they depend on,
# compiles and runs a model there; builds a program against them. usage: deb_test.sh SOURCE_FOLDER BUILD_FOLDER C_COMPILER
set -euo pipefail
source=$1 build=$2 compiler=$3
for program in dpkg-deb dpkg-shlibdeps; do
    command -v $program >/dev/null || { echo "skipped: no $program, so no Debian packages (Debian: dpkg-dev)"; exit 77; }
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
cpack --config "$build/CPackConfig.cmake" -B "$place/packages" >cpack.log 2>&1 || { tail -20 cpack.log; exit 1; }

expected="hml hmlc libhml-dev libhml0 python3-hml"
names=$(for deb in packages/*.deb; do dpkg-deb -f "$deb" Package; done | sort | xargs)
[ "$names" = "$expected" ] || { echo "FAILED: packages $names, expected $expected"; exit 1; }
for deb in packages/*.deb; do
    dpkg-deb -c "$deb" >list
    grep -q './usr/share/doc/.*/copyright' list || { echo "FAILED: $deb has no copyright file"; exit 1; }
done
[[ $(dpkg-deb -f packages/libhml-dev_*.deb Depends) = *"libhml0 (= "* ]] || { echo "FAILED: libhml-dev goes with any libhml0"; exit 1; }
tar -tzf packages/*.tar.gz >tarball
for file in bin/hmlc bin/hml include/hml/hml.h libhml.so libhml.a share/doc/hmlc/copyright share/man/man1/hmlc.1 share/bash-completion/completions/hml; do
    grep -q "/$file" tarball || { echo "FAILED: the tarball has no $file"; exit 1; }
done

# A program against the packages, by pkg-config and by CMake.
mkdir dev
for deb in packages/libhml*.deb; do dpkg-deb -x "$deb" dev; done
cp "$source/tests/package/user.c" .
PKG_CONFIG_PATH=$place/dev/usr/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
"$compiler" user.c $(pkg-config --cflags --libs hml) -o user
LD_LIBRARY_PATH=$place/dev/usr/lib ./user
cat >CMakeLists.txt <<'C'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C)
find_package(hml REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE hml::hml)
C
cmake -S . -B cmake -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$place/dev/usr" >/dev/null
cmake --build cmake >/dev/null
cmake/user

# dependencies PACKAGE...: what they need, and what that needs, by the names of installed packages.
dependencies() {
    local queue=("$@") name
    declare -A seen=()
    while [ ${#queue[@]} -gt 0 ]; do
        name=${queue[0]} queue=("${queue[@]:1}")
        [ -z "${seen[$name]:-}" ] || continue
        seen[$name]=yes
        mapfile -t -O "${#queue[@]}" queue < <(dpkg-query -W -f '${Depends}, ${Pre-Depends}\n' "$name" | tr ',|' '\n\n' |
            sed 's/(.*//; s/:any//; s/ //g; /^$/d')
    done
    printf '%s\n' "${!seen[@]}"
}

# root NAME DEB...: a folder with the packages, what they depend on, and nothing else.
root() {
    local folder=$place/$1 deb package needed=()
    shift
    mkdir -p "$folder"/{tmp,dev,proc,usr/lib,usr/bin,usr/lib64,usr/sbin}
    for name in lib lib64 bin sbin; do ln -s usr/$name "$folder/$name"; done
    for deb in "$@"; do
        mapfile -t -O "${#needed[@]}" needed < <(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/(.*//; s/ //g; /^$/d; /hml/d')
    done
    mapfile -t packages < <(dependencies "${needed[@]}")
    for package in "${packages[@]}"; do
        dpkg-query -L "$package" 2>/dev/null || true
    done | sort -u | grep -v '^/usr/share\|^/\.$' | while read -r file; do
        [ ! -f "$file" ] || echo "${file#/}"
    done >files
    tar -C / -cf - --ignore-failed-read -T files 2>/dev/null | tar -C "$folder" -xf - --keep-directory-symlink
    for deb in "$@"; do dpkg-deb -x "$deb" "$folder"; done
}

# enter ROOT PROGRAM WORD...: runs a program in a root, with /proc and /dev; without rights of root where user namespaces are allowed.
user=()
[ "$(id -u)" -eq 0 ] || user=(-r)
enter() {
    unshare "${user[@]}" -m sh -ec 'mount --rbind /proc "$1/proc"; mount --rbind /dev "$1/dev"; exec chroot "$@"' sh "$@"
}
mkdir -p probe/proc probe/dev
unshare "${user[@]}" -m sh -ec 'mount --rbind /proc "$1"; mount --rbind /dev "$2"; exec chroot / true' sh probe/proc probe/dev 2>/dev/null ||
    { echo "skipped: no clean root, for neither mounts nor user namespaces are allowed"; exit 0; }

root device packages/hml_*.deb packages/libhml0_*.deb
cp user "$source/models/digits/digits.onnx" device/tmp
enter device /tmp/user
enter device /usr/bin/hml --version
root compiler packages/hmlc_*.deb
cp "$source/models/digits/digits.onnx" compiler/tmp
enter compiler /usr/bin/hmlc compile /tmp/digits.onnx -o /tmp/digits.hml --quiet
enter compiler /usr/bin/hmlc run /tmp/digits.hml >/dev/null
cp compiler/tmp/digits.hml device/tmp
enter device /usr/bin/hml run /tmp/digits.hml
echo "1 passed, 0 failed"
