/* SPDX-License-Identifier: Apache-2.0 */
/* From an LLVM module of kernels to an object file. Used in code-generating children and by tests.
 */
#ifndef HMLC_OBJECT_H
#define HMLC_OBJECT_H

#include "llvm.h"

#include <hmlc/target.h>

/* How much LLVM may do on its own. */
typedef enum hmlc_object_kind {
    HMLC_OBJECT_KERNELS,  /* explicit vectors: clean up only, no vectoriser, no unroller */
    HMLC_OBJECT_PORTABLE, /* plain C loops: the full -O2 pipeline */
    HMLC_OBJECT_CALLS,    /* functions that call kernels: constants and branches */
} hmlc_object_kind;

/* A module with the target's triple and data layout; NULL where LLVM does not know the triple. */
LLVMModuleRef hmlc_object_module(LLVMContextRef context, const hmlc_target *target,
                                 const char *name);
/* Optimises the module: NULL, or what went wrong (LLVMDisposeMessage). */
char *hmlc_object_optimise(LLVMModuleRef module, const hmlc_target *target, hmlc_object_kind kind);
/* Emits it, as an object or as assembly text. NULL with *message on failure. */
LLVMMemoryBufferRef hmlc_object_code(LLVMModuleRef module, const hmlc_target *target, int assembly,
                                     char **message);
/*
 * Optimises the module and emits it, as an object or as assembly text. NULL with *message
 * (LLVMDisposeMessage) on failure. May abort in LLVM: call it where that is survivable.
 */
LLVMMemoryBufferRef hmlc_object_emit(LLVMModuleRef module, const hmlc_target *target,
                                     hmlc_object_kind kind, int assembly, char **message);

#endif
