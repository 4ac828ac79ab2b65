/* SPDX-License-Identifier: Apache-2.0 */
/* Verifier: structure, dominance, use lists, arity, attributes, and that each result type is what
 * inference gives. */
#ifndef HMLC_VERIFY_H
#define HMLC_VERIFY_H

#include <hmlc/graph.h>

/* HMLC_OK, or HMLC_INTERNAL with a diagnostic per finding. `after` names the pass that ran, or
 * NULL. */
hmlc_status hmlc_verify(hmlc_module *module, const char *after) HMLC_MUST_USE;

/*
 * What the backends rely on in each kernel that passes formed (ir/README.md, the contract), a
 * diagnostic for each one that breaks it. The module is sound by hmlc_verify.
 */
hmlc_status hmlc_verify_kernels(hmlc_module *module, const char *after) HMLC_MUST_USE;

#endif
