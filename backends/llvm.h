/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LLVM's C API. The library is loaded when the first code is made: it takes 48 MiB of memory and
 * 20 ms, which `check`, `run` and all other commands do without. The build looks up which functions
 * the sources call (cmake/llvm_functions.cmake); llvm_calls.h sends each through the table below.
 */
#ifndef HMLC_LLVM_H
#define HMLC_LLVM_H

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/Core.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Object.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

typedef struct hmlc_llvm_functions {
#define HMLC_LLVM(function) __typeof__(function) *function;
#include "llvm_functions.def"
#undef HMLC_LLVM
} hmlc_llvm_functions;

extern hmlc_llvm_functions hmlc_llvm;

/* Loads LLVM before any call of it; children that are forked then share it. NULL when it is there,
 * else why not, in memory of the C library. Not thread-safe. */
const char *hmlc_llvm_load(void);

#include "llvm_calls.h"

#endif
