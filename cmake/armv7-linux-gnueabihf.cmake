# SPDX-License-Identifier: Apache-2.0
# Toolchain: clang builds for ARMv7 on any machine. Debian's packages libc6-dev-armhf-cross and libgcc-12-dev-armhf-cross have the libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7)
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_C_COMPILER_TARGET arm-linux-gnueabihf)
# Thumb, which calls the A32 code of artifacts as it stands, is a quarter smaller.
set(CMAKE_C_FLAGS_INIT "-march=armv7-a -mfpu=vfpv3-d16 -mthumb")
foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT -fuse-ld=lld)
endforeach()
