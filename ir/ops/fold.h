/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of an op on constants, for constant folding and for known elements. */
#ifndef HMLC_FOLD_H
#define HMLC_FOLD_H

#include <hmlc/eval.h>

/* Evaluates an op on constants into results of the given types, data in `arena`; HMLC_NO where it
 * does not fold or its results would exceed max_bytes together. */
hmlc_status hmlc_fold_op(hmlc_module *module, const hmlc_op *op, uint32_t count,
                         const hmlc_type *const *types, hmlc_arena *arena, size_t max_bytes,
                         hmlc_tensor *results) HMLC_MUST_USE;

#endif
