/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attention as operators: what kernel formation looks for, the verifier checks and the backends
 * read.
 *
 *     scores  = matmul_packed(queries, keys)      [.., rows, keys]
 *     softmax over the keys, of the scores as elementwise ops leave them (scale, mask ...)
 *     values  = matmul_packed(weights, values)    [.., rows, columns]
 *
 * The weights are the softmax, or select(is_nan(softmax), 0, softmax): zero in rows whose keys are
 * all masked, as torch.nn.functional.scaled_dot_product_attention has it.
 */
#ifndef HMLC_ATTENTION_H
#define HMLC_ATTENTION_H

#include <hmlc/graph.h>

typedef struct hmlc_attention {
    const hmlc_op *scores; /* hmlc_attention_of_kernel alone knows it */
    const hmlc_op *softmax, *values;
    const hmlc_op *is_nan, *select; /* rows of NaN become zero; NULL: they stay */
} hmlc_attention;

/* What follows a softmax of f32: false where that is no attention, or anyone else reads the
 * weights. */
bool hmlc_attention_of_softmax(hmlc_dims *dims, const hmlc_op *softmax, hmlc_attention *attention);
/* The attention in a kernel: the only softmax and the only two products of its region. */
bool hmlc_attention_of_kernel(hmlc_dims *dims, const hmlc_op *kernel, hmlc_attention *attention);

#endif
