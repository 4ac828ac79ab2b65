/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Portable kernels: irregular operators written once in freestanding C (backends/portable/),
 * compiled to bitcode when hmlc is built, linked into the model's module, inlined and specialised
 * to the known shapes.
 */
#ifndef HMLC_PORTABLE_H
#define HMLC_PORTABLE_H

#include "llvm.h"

#include "kernel.h"

extern const hmlc_kernel_class hmlc_portable_class;

/* How the work of a portable kernel is split into units: portable.def. */
typedef enum hmlc_portable_units {
    HMLC_PORTABLE_ONE,
    HMLC_PORTABLE_MOVE,
    HMLC_PORTABLE_ROWS,
    HMLC_PORTABLE_RESIZED,
} hmlc_portable_units;

/* A unit is one index of so many leading dims of the op's first result. */
int32_t hmlc_portable_unit_dims(hmlc_dims *dims, const hmlc_op *op, hmlc_portable_units units);

/* Bytes of scratch memory that a thread needs. */
typedef hmlc_dim hmlc_portable_scratch(hmlc_dims *dims, const hmlc_op *op);
hmlc_portable_scratch hmlc_portable_resize_scratch;
hmlc_portable_scratch hmlc_portable_suppression_scratch;

/*
 * Links the bitcode into `module`: the kernels, or (kernels false) the support functions that LLVM
 * may call, memcpy, memmove and memset.
 */
hmlc_status hmlc_portable_link(LLVMModuleRef module, const hmlc_target *target, bool kernels,
                               hmlc_diagnostics *diagnostics) HMLC_MUST_USE;
/* Makes everything but the exported kernels private, so that unused code goes; gives all functions
 * the target. */
void hmlc_portable_internalise(LLVMModuleRef module, const hmlc_target *target, bool support);

#endif
