/* SPDX-License-Identifier: Apache-2.0 */
/* A recurrent cell while its code is made: what all kinds share, and what each computes of the
 * products with h. */
#ifndef HMLC_RECURRENT_CELL_H
#define HMLC_RECURRENT_CELL_H

#include "recurrent.h"

enum { HMLC_CELL_MOST_GATES = 4, HMLC_CELL_MOST_PHASES = 2, HMLC_CELL_MOST_SLOTS = 4 };

typedef struct hmlc_cell {
    hmlc_frame *frame;
    const hmlc_op *op;
    int64_t gates, slots;           /* slots: vectors of scratch memory */
    int64_t hidden, panels, padded; /* padded: whole panels */
    uint32_t lanes;                 /* of a chunk: four gates of it fit the registers */
    LLVMValueRef steps, batch, directions;
    LLVMValueRef direction, element; /* of this unit; its first element, of rows alone their own */
    int64_t rows;               /* elements of a unit, at most; in scratch one behind another */
    LLVMValueRef count;         /* rows of this unit, where it may have several */
    LLVMValueRef sums;          /* likewise: scratch for its gates, [row][gate][lane] */
    LLVMValueRef h[2];          /* scratch: h of the step before and after */
    LLVMValueRef c;             /* lstm: scratch for c */
    LLVMValueRef update, reset; /* gru: scratch for z and for r * h */
    LLVMValueRef weights;       /* packed, of this direction */
    LLVMValueRef y, y_h, y_c;   /* results, NULL where not wanted */
} hmlc_cell;

typedef struct hmlc_cell_step {
    LLVMValueRef x;             /* this step's gates: gates * hidden floats */
    LLVMValueRef y;             /* this step's row of y, or NULL */
    LLVMValueRef before, after; /* h */
} hmlc_cell_step;

/* Some hidden units, as many as a chunk has lanes; the last may not exist. */
typedef struct hmlc_cell_chunk {
    LLVMValueRef column;
    uint32_t valid;
} hmlc_cell_chunk;

/* Takes the finished sums of a phase's gates for one chunk. */
typedef void hmlc_cell_finish(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                              const hmlc_cell_chunk *at);

/* One walk over all hidden units: gates [first, first + count) of R times a vector. */
typedef struct hmlc_cell_phase {
    uint32_t first, count;
    LLVMValueRef vector;
    hmlc_cell_finish *finish;
} hmlc_cell_phase;

/* Sums that a gate has in a phase of `gates`: few sums would wait for each other's latency. */
uint32_t hmlc_cell_chains(const hmlc_cell *c, uint32_t gates);
/* Where the weights of a chunk of a panel begin, and those of one gate at step k of the product. */
LLVMValueRef hmlc_cell_weights(const hmlc_cell *c, LLVMValueRef panel, uint32_t chunk);
LLVMValueRef hmlc_cell_weight_address(const hmlc_cell *c, LLVMValueRef weights, uint32_t gate,
                                      LLVMValueRef k);
/* The phases of a step; returns how many. */
uint32_t hmlc_cell_phases(const hmlc_cell *c, const hmlc_cell_step *s, hmlc_cell_phase *phases);
/* What the sum of a gate starts with: the input's share, mostly. */
LLVMValueRef hmlc_cell_start(const hmlc_cell *c, const hmlc_cell_step *s, uint32_t gate,
                             const hmlc_cell_chunk *at);

static inline LLVMValueRef cell_number(const hmlc_cell *c, int64_t value)
{
    return hmlc_frame_int(c->frame, value);
}

static inline LLVMValueRef cell_multiply(const hmlc_cell *c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildMul(c->frame->builder, a, b, "");
}

static inline LLVMValueRef cell_add(const hmlc_cell *c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(c->frame->builder, a, b, "");
}

static inline LLVMValueRef cell_at(const hmlc_cell *c, LLVMValueRef base, LLVMValueRef index)
{
    return hmlc_frame_element(c->frame, c->frame->f32, base, index);
}

/* Of a chunk. */
static inline uint32_t hmlc_cell_registers(const hmlc_cell *c)
{
    return c->lanes * 4 / (uint32_t)c->frame->target->vector_bytes;
}

static inline LLVMTypeRef cell_chunk_type(const hmlc_cell *c)
{
    return hmlc_frame_vector(c->frame, HMLC_DTYPE_f32, c->lanes);
}

#endif
