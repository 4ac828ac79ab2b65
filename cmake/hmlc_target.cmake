# Every target of the project: the same warnings, sanitizers and link rules.
find_package(Threads REQUIRED)

function(hmlc_configure target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Werror -fno-strict-aliasing)
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
