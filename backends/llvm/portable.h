/*
 * Portable kernels: irregular operators written once in freestanding C (backends/portable/),
 * compiled to bitcode when hmlc is built, linked into the model's module, inlined and specialised
 * to the known shapes.
 */
#ifndef HMLC_PORTABLE_H
#define HMLC_PORTABLE_H

#include <llvm-c/Core.h>

#include "kernel.h"

/*
 * Links the bitcode into `module`: the kernels, or (kernels false) the support functions that LLVM
 * may call, memcpy, memmove and memset.
 */
hmlc_status hmlc_portable_link(LLVMModuleRef module, bool kernels) HMLC_MUST_USE;
/* Makes everything but the exported kernels private, so that unused code goes; gives all functions
 * the target. */
void hmlc_portable_internalise(LLVMModuleRef module, const hmlc_target *target, bool support);

#endif
