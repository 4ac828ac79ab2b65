#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sourced: install_packages makes sure that the Debian packages hmlc is built with are there.
# Installing needs root or sudo; where all are there already, neither is asked for.

build_packages=(cmake ninja-build gcc libc6-dev clang-19 llvm-19 llvm-19-dev lld-19 libprotobuf-c-dev protobuf-c-compiler
    libxxhash-dev zlib1g-dev)
test_packages=(g++ libcmocka-dev llvm-19-tools libclang-rt-19-dev clang-format-19 clang-tidy-19 pkgconf dpkg-dev musl-tools valgrind groff-base zsh fish python3-numpy qemu-user qemu-system-arm
    libc6-dev-arm64-cross libgcc-12-dev-arm64-cross libc6-dev-armhf-cross libgcc-12-dev-armhf-cross zstd)

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "installing: ${missing[*]}"
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get -qq update
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}
