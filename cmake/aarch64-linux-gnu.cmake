# SPDX-License-Identifier: Apache-2.0
# Toolchain: clang builds for AArch64 on any machine. Debian's packages libc6-dev-arm64-cross and libgcc-12-dev-arm64-cross have the libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT -fuse-ld=lld)
endforeach()
