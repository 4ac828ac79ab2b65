# SPDX-License-Identifier: Apache-2.0
# Every target of the project: the same language, warnings, sanitizers and link rules. Set on targets, not on folders, so that
# a project around this one keeps its own.
find_package(Threads REQUIRED)

set(HMLC_WARNINGS -Wall -Wextra -Wshadow -Wconversion $<$<BOOL:${HMLC_WERROR}>:-Werror>)

function(hmlc_configure target)
    set_target_properties(${target} PROPERTIES C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
        POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_compile_options(${target} PRIVATE ${HMLC_WARNINGS} -fno-strict-aliasing)
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    if(CMAKE_SIZEOF_VOID_P EQUAL 4) # files and times have 64 bits there, too
        target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
    endif()
    if(HMLC_FUZZ) # libFuzzer sees what the libraries do, not the targets' own files alone
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    if(HMLC_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${HMLC_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${HMLC_SANITIZE})
    endif()
endfunction()

# A static library of one folder. Its public headers are <folder>/include alone, so that what no link edge names cannot be included.
function(hmlc_library target)
    add_library(${target} STATIC ${ARGN})
    target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    hmlc_configure(${target})
endfunction()

# hmlc_rooms(TARGET LEVELS level... [TOP file...] [RECURSIVE room...]): building TARGET fails where includes of this folder break the order of
# its rooms; see check_rooms.cmake for the words. Rooms of one level are joined by "+".
function(hmlc_rooms target)
    cmake_parse_arguments(ROOMS "" "" "LEVELS;TOP;RECURSIVE" ${ARGN})
    foreach(list LEVELS TOP RECURSIVE)
        string(REPLACE ";" "," ${list} "${ROOMS_${list}}")
    endforeach()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS *.c *.h *.def *.inc)
    set(stamp ${CMAKE_CURRENT_BINARY_DIR}/${target}_rooms.stamp)
    set(script ${PROJECT_SOURCE_DIR}/cmake/check_rooms.cmake)
    add_custom_command(OUTPUT ${stamp}
        COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_CURRENT_SOURCE_DIR} -DLEVELS=${LEVELS} -DTOP=${TOP} -DRECURSIVE=${RECURSIVE} -DSTAMP=${stamp} -P ${script}
        DEPENDS ${files} ${script} COMMENT "" VERBATIM)
    add_custom_target(${target}_rooms DEPENDS ${stamp})
    add_dependencies(${target} ${target}_rooms)
endfunction()
