/* SPDX-License-Identifier: Apache-2.0 */
/* Products of quantized values: whether they may run on integers. */
#ifndef HMLC_INTEGER_H
#define HMLC_INTEGER_H

#include "quantized.h"

/* A conv or matmul of dequantize(x) and dequantize(constant). */
typedef struct hmlc_integer_product {
    const hmlc_op *op;
    hmlc_quantized x, w;
    const hmlc_tensor *tensor; /* of the weights' integers */
    double x_scale;
    int64_t outputs;
    int32_t output_axis, result_axis; /* of the weights; of the result */
    double *factors;                  /* x's scale times that of the weights, of each output */
    double *most;                     /* magnitude that an output's sum may have */
} hmlc_integer_product;

/* NULL: the op may become one of integers, which *of describes. Else why not, in words. */
const char *hmlc_integer_judge(const hmlc_op *op, hmlc_arena *scratch, hmlc_integer_product *of);

#endif
