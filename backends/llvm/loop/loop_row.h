/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reductions and rowwise ops of a loop kernel. For each row (one index of the kept variables, or a
 * vector of them) the kernel runs in phases over the reduced variables: a phase folds elements into
 * accumulators, what they give is known in later phases.
 *
 *   loop_row.c        planning: accumulators, phases, what is kept between phases
 *   loop_row_emit.c   the phases
 *   loop_row_fold.c   accumulators: start, step, joining lanes
 *   loop_row_value.c  values of reductions and rowwise ops
 */
#ifndef HMLC_LOOP_ROW_H
#define HMLC_LOOP_ROW_H

#include "loop.h"

enum { HMLC_LOOP_MAX_ACCUMULATORS = 16, HMLC_LOOP_MAX_KEPT = 16, HMLC_LOOP_MAX_WIDTHS = 8 };

typedef enum hmlc_loop_fold {
    HMLC_LOOP_FOLD_SUM,
    HMLC_LOOP_FOLD_PRODUCT,
    HMLC_LOOP_FOLD_MAXIMUM,
    HMLC_LOOP_FOLD_MINIMUM,
    HMLC_LOOP_FOLD_LARGEST, /* maximum for a softmax: NaN may be lost, the sum brings it back */
    HMLC_LOOP_FOLD_ARGUMENT,
} hmlc_loop_fold;

typedef struct hmlc_loop_accumulator {
    const hmlc_op *op;
    uint32_t part; /* of ops with two: softmax's maximum and sum, layer_norm's sum and squares */
    uint32_t phase;
    hmlc_loop_fold fold;
    hmlc_dtype dtype; /* of the accumulator */
    bool narrow;      /* HMLC_LOOP_FOLD_ARGUMENT: indices fit 32 bits */
    /* emission */
    uint32_t slot;           /* first of its carried values; one (arguments: two) per width */
    hmlc_loop_value result;  /* sum, maximum, index ... of the current row */
    hmlc_loop_value derived; /* what elements are scaled or shifted by, where that differs */
} hmlc_loop_accumulator;

/* An F-shaped value kept from its phase for later ones. */
typedef struct hmlc_loop_kept {
    const hmlc_value *value;
    bool exponential; /* softmax: exp(x - maximum) instead of the value itself */
    uint32_t phase;
    int32_t result; /* in this result's memory; -1: in the scratch at `offset` */
    hmlc_dtype dtype;
    hmlc_dim offset; /* bytes */
} hmlc_loop_kept;

typedef struct hmlc_loop_rows {
    uint32_t count;
    hmlc_loop_accumulator accumulators[HMLC_LOOP_MAX_ACCUMULATORS];
    uint32_t kept_count;
    hmlc_loop_kept kept[HMLC_LOOP_MAX_KEPT];
    uint32_t phases; /* the last one stores what depends on all */
    hmlc_dim row;    /* elements folded into one */
    uint32_t *level; /* by id - ids.first: the phase from which on the value is known */
    bool inside;     /* lanes lie along the row */
    uint32_t widths[HMLC_LOOP_MAX_WIDTHS],
        width_count; /* lane counts of the pieces, widest first */
    uint32_t phase;  /* emission: the current one */
} hmlc_loop_rows;

/* loop_row.c */
bool hmlc_loop_row_full(const hmlc_loop_context *context,
                        const hmlc_value *value); /* has shape F */

/* loop_row_fold.c: accumulators of the current phase in context->carry */
void hmlc_loop_fold_start(hmlc_loop_context *context, uint32_t phase);
void hmlc_loop_fold_step(hmlc_loop_context *context, hmlc_loop_accumulator *accumulator,
                         hmlc_loop_value value);
void hmlc_loop_fold_finish(hmlc_loop_context *context, uint32_t phase);

/* loop_row_value.c */
/* The index vector of F. */
void hmlc_loop_row_index(const hmlc_loop_context *context, hmlc_loop_index *index);
/* The element that an accumulator folds in, at the current lanes. */
hmlc_loop_value hmlc_loop_row_element(hmlc_loop_context *context,
                                      const hmlc_loop_accumulator *accumulator);
/* Computes `derived` once `result` is known. */
void hmlc_loop_row_derive(hmlc_loop_context *context, hmlc_loop_accumulator *accumulator);
void hmlc_loop_row_keep(hmlc_loop_context *context, const hmlc_loop_kept *kept);

/* The phase from which on a value of the region is known. */
uint32_t *hmlc_loop_level(const hmlc_loop_context *context, const hmlc_value *value);

#endif
