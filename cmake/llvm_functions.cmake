# SPDX-License-Identifier: Apache-2.0
# cmake -DFOLDER=backends -DOUTPUT=folder -P llvm_functions.cmake: which functions of LLVM's C API the sources call, as llvm_functions.def
# ("HMLC_LLVM(LLVMAddFunction)") and llvm_calls.h ("#define LLVMAddFunction hmlc_llvm.LLVMAddFunction"). See backends/llvm.h.
file(GLOB_RECURSE sources ${FOLDER}/*.c ${FOLDER}/*.h)
set(functions)
foreach(source ${sources})
    file(READ ${source} text)
    string(REGEX MATCHALL "LLVM[A-Z][A-Za-z0-9]+\\(" found "${text}")
    list(APPEND functions ${found})
endforeach()
list(SORT functions)
list(REMOVE_DUPLICATES functions)
set(rows)
set(calls)
foreach(function ${functions})
    string(REPLACE "(" "" function ${function})
    string(APPEND rows "HMLC_LLVM(${function})\n")
    string(APPEND calls "#define ${function} hmlc_llvm.${function}\n")
endforeach()
# Written only when they differ, so that nothing is compiled anew for an edit that calls nothing new.
file(CONFIGURE OUTPUT ${OUTPUT}/llvm_functions.def CONTENT "@rows@" @ONLY)
file(CONFIGURE OUTPUT ${OUTPUT}/llvm_calls.h CONTENT "@calls@" @ONLY)
