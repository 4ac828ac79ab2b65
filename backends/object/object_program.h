/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of an object that a host calls. */
#ifndef HMLC_OBJECT_PROGRAM_H
#define HMLC_OBJECT_PROGRAM_H

#include "llvm.h"

#include "object_form.h"

/* Name of a kernel's function, "digits_k3"; NULL: no memory. */
const char *hmlc_object_kernel_name(const hmlc_object_form *form, uint32_t unique);

/*
 * Makes PREFIX_run and PREFIX_run_steps in an empty module, and the weights as a constant where
 * they are part of the object. `fails`: by unique kernel. Kernels are declared: the module is to be
 * linked with theirs.
 */
hmlc_status hmlc_object_program(const hmlc_object_form *form, LLVMModuleRef module,
                                const bool *fails, hmlc_arena *arena) HMLC_MUST_USE;

#endif
