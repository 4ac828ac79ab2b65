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

enum { LOOP_MAX_ACCUMULATORS = 16, LOOP_MAX_KEPT = 16, LOOP_MAX_WIDTHS = 8 };

typedef enum loop_fold {
    LOOP_FOLD_SUM,
    LOOP_FOLD_PRODUCT,
    LOOP_FOLD_MAXIMUM,
    LOOP_FOLD_MINIMUM,
    LOOP_FOLD_LARGEST, /* maximum for a softmax: NaN may be lost, the sum brings it back */
    LOOP_FOLD_ARGUMENT,
} loop_fold;

typedef struct loop_accumulator {
    const hmlc_op *op;
    uint32_t part; /* of ops with two: softmax's maximum and sum, layer_norm's sum and squares */
    uint32_t phase;
    loop_fold fold;
    hmlc_dtype dtype; /* of the accumulator */
    bool narrow;      /* LOOP_FOLD_ARGUMENT: indices fit 32 bits */
    /* emission */
    uint32_t slot;      /* first of its carried values; one (arguments: two) per width */
    loop_value result;  /* sum, maximum, index ... of the current row */
    loop_value derived; /* what elements are scaled or shifted by, where that differs */
} loop_accumulator;

/* An F-shaped value kept from its phase for later ones. */
typedef struct loop_kept {
    const hmlc_value *value;
    bool exponential; /* softmax: exp(x - maximum) instead of the value itself */
    uint32_t phase;
    int32_t result; /* in this result's memory; -1: in the scratch at `offset` */
    hmlc_dtype dtype;
    hmlc_dim offset; /* bytes */
} loop_kept;

typedef struct loop_rows {
    uint32_t count;
    loop_accumulator accumulators[LOOP_MAX_ACCUMULATORS];
    uint32_t kept_count;
    loop_kept kept[LOOP_MAX_KEPT];
    uint32_t phases; /* the last one stores what depends on all */
    hmlc_dim row;    /* elements folded into one */
    uint32_t *level; /* by id - ids.first: the phase from which on the value is known */
    bool inside;     /* lanes lie along the row */
    uint32_t widths[LOOP_MAX_WIDTHS], width_count; /* lane counts of the pieces, widest first */
    uint32_t phase;                                /* emission: the current one */
} loop_rows;

/* loop_row.c */
bool loop_row_full(const loop_context *context, const hmlc_value *value); /* has shape F */

/* loop_row_fold.c: accumulators of the current phase in context->carry */
void loop_fold_start(loop_context *context, uint32_t phase);
void loop_fold_step(loop_context *context, loop_accumulator *accumulator, loop_value value);
void loop_fold_finish(loop_context *context, uint32_t phase);

/* loop_row_value.c */
/* The index vector of F. */
void loop_row_index(const loop_context *context, loop_index *index);
/* The element that an accumulator folds in, at the current lanes. */
loop_value loop_row_element(loop_context *context, const loop_accumulator *accumulator);
/* Computes `derived` once `result` is known. */
void loop_row_derive(loop_context *context, loop_accumulator *accumulator);
void loop_row_keep(loop_context *context, const loop_kept *kept);

/* The phase from which on a value of the region is known. */
uint32_t *loop_level(const loop_context *context, const hmlc_value *value);

#endif
