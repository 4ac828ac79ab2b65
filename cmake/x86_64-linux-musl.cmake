# SPDX-License-Identifier: Apache-2.0
# Toolchain: programs with musl's C library (Debian's package musl-tools), static ones run on any Linux of this CPU.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER musl-gcc)
# musl's wrapper hides the headers of Linux itself.
set(CMAKE_C_FLAGS_INIT "-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu")
