/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention (hmlc/attention.h) as one kernel. A work unit is a strip of some rows of one batch
 * element: its scores against all keys stay in scratch memory, which is as small as the cache,
 * while they are made, turned into exponentials and multiplied by the values. Both products are
 * contractions (llvm/contraction), whose tiles have the same rows; what the softmax divides by, the
 * second one's sums are divided by.
 */
#ifndef HMLC_ATTENTION_CLASS_H
#define HMLC_ATTENTION_CLASS_H

#include "llvm/contraction/contraction.h"

extern const hmlc_kernel_class hmlc_attention_class;

typedef struct hmlc_attention_plan {
    hmlc_contraction scores, values;
    hmlc_dim keys;
    hmlc_dim row_stride;  /* of a strip in scratch memory, elements */
    uint32_t tile_rows;   /* most of a row tile */
    hmlc_dim row_tiles;   /* of one batch element */
    hmlc_dim strip_tiles; /* row tiles of a strip */
    hmlc_dim strips;      /* of one batch element */
    hmlc_dim factors;     /* where the strip's factors begin, elements */
    bool hides_nan;       /* rows of NaN become zero */
} hmlc_attention_plan;

/* -- attention_emit.c */

hmlc_status hmlc_attention_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan) HMLC_MUST_USE;

/* -- attention_softmax.c */

typedef struct hmlc_strip {
    LLVMValueRef scores, factors; /* pointers */
    LLVMValueRef rows;            /* an index */
} hmlc_strip;

/* Each row of the strip to exp(x - the row's largest), zeros behind the last key, and its factor to
 * 1 / the sum of them. */
void hmlc_attention_softmax(hmlc_frame *frame, const hmlc_attention_plan *attention,
                            const hmlc_strip *strip);

#endif
