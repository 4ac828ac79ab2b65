# SPDX-License-Identifier: Apache-2.0
# The sources of the CPU that the runtime is built for: cpu_NAME.c, and what else is named after it.
string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" cpu)
if(cpu STREQUAL "amd64")
    set(cpu x86_64)
elseif(cpu STREQUAL "arm64")
    set(cpu aarch64)
elseif(cpu MATCHES "^armv[78]l$") # what uname says of a 32-bit system
    set(cpu armv7)
endif()
if(NOT EXISTS ${CMAKE_CURRENT_LIST_DIR}/cpu_${cpu}.c)
    set(cpu other)
endif()
file(GLOB cpu_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_${cpu}.c)
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/checksum_x86_64.c PROPERTIES COMPILE_OPTIONS -mavx2)
