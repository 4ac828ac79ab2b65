# SPDX-License-Identifier: Apache-2.0
# LLVM 19: targets hmlc_llvm_headers (its C API; hmlc loads the library when it makes code) and hmlc_llvm (linked, for tests), and its
# programs.
# Debian's packages lie where CMake does not look by itself; -DLLVM_DIR names another installation.
find_package(LLVM 19.1 CONFIG REQUIRED PATHS /usr/lib/llvm-19)
if(NOT TARGET LLVM)
    message(FATAL_ERROR "LLVM in ${LLVM_DIR} has no shared library")
endif()
add_library(hmlc_llvm_headers INTERFACE)
target_include_directories(hmlc_llvm_headers SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
add_library(hmlc_llvm INTERFACE)
target_link_libraries(hmlc_llvm INTERFACE hmlc_llvm_headers LLVM)

find_program(HMLC_CLANG NAMES clang-19 clang HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
find_program(HMLC_LLVM_LINK NAMES llvm-link-19 llvm-link HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
find_program(HMLC_LLD NAMES ld.lld-19 ld.lld HINTS ${LLVM_TOOLS_BINARY_DIR} REQUIRED)
enable_language(ASM) # portable kernels are embedded as bytes
