# Every target of the project: the same language, warnings, sanitizers and link rules. Set on targets, not on folders, so that
# a project around this one keeps its own.
find_package(Threads REQUIRED)

set(HMLC_WARNINGS -Wall -Wextra -Wshadow -Wconversion $<$<BOOL:${HMLC_WERROR}>:-Werror>)

function(hmlc_configure target)
    set_target_properties(${target} PROPERTIES C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
        POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_compile_options(${target} PRIVATE ${HMLC_WARNINGS} -fno-strict-aliasing)
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
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
