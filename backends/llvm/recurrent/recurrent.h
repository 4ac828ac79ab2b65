/* SPDX-License-Identifier: Apache-2.0 */
/* Between planning and emitting recurrent cells. */
#ifndef HMLC_RECURRENT_H
#define HMLC_RECURRENT_H

#include <hmlc/activation.h>

#include "llvm/frame/frame.h"

extern const hmlc_kernel_class hmlc_recurrent_class;

/* Operands of cells: of all, of lstm_cells, of gru_cells. */
enum {
    HMLC_CELL_INPUT,
    HMLC_CELL_WEIGHTS,
    HMLC_CELL_LENGTHS,
    HMLC_CELL_HIDDEN,
    HMLC_CELL_STATE,
    HMLC_CELL_PEEPHOLES,
    HMLC_CELL_CANDIDATE_BIAS = HMLC_CELL_STATE,
};

/* Batch elements of a unit. */
enum { HMLC_RECURRENT_MOST_ROWS = 6 };

static inline int64_t hmlc_recurrent_panels(int64_t hidden)
{
    return (hidden + HMLC_PACK_WIDTH - 1) / HMLC_PACK_WIDTH;
}

/* Vectors of scratch memory that a batch element has, one float for each hidden unit: h twice,
 * beside it c (lstm) or z and r * h (gru). */
static inline uint32_t hmlc_recurrent_slots(const hmlc_op *op)
{
    static const uint32_t slots[] = {[1] = 2, [3] = 4, [4] = 3};
    return slots[hmlc_cell_kind_of(op->opcode)->gates];
}

/* Batch elements that a unit takes together, at most: the weights are read once for all of them. */
int64_t hmlc_recurrent_rows(const hmlc_op *op);
/* Floats of scratch memory in front of weights that are packed at run time. */
int64_t hmlc_recurrent_state_floats(const hmlc_op *op);

/* plan->state is the kernel's op of cells. */
hmlc_status hmlc_recurrent_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan) HMLC_MUST_USE;

#endif
