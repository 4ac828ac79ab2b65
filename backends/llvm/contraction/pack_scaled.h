/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels whose steps share scales in blocks: weights as bytes, or eight steps of four bits in an
 * i32, and beside them panels [panel][block][16] of scales and of zero points.
 */
#ifndef HMLC_PACK_SCALED_H
#define HMLC_PACK_SCALED_H

#include "pack.h"

typedef struct hmlc_scaled_plan {
    bool nibbles, is_signed, has_zeros;
    bool digits; /* a single row can be multiplied in integers (microkernel_digits.h) */
    uint32_t scale_argument, zero_argument;
    hmlc_dtype scale_dtype, zero_dtype;
    int64_t block;    /* steps that share a row of scales in memory */
    int64_t blocks;   /* rows of scales in a panel */
    int64_t repeated; /* rows in memory that one of the model's becomes */
    /* How the model's scale of (block, column) lies in its constant, in elements. */
    int64_t block_stride, column_stride;
} hmlc_scaled_plan;

/* As hmlc_pack_weights_plan, for weights that `dequantize` makes from those of `panels`. */
hmlc_status hmlc_pack_scaled_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                  const hmlc_op *dequantize,
                                  const hmlc_pack_weights *panels) HMLC_MUST_USE;

#endif
