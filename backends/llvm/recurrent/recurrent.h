/* SPDX-License-Identifier: Apache-2.0 */
/* Between planning and emitting recurrent cells. */
#ifndef HMLC_RECURRENT_H
#define HMLC_RECURRENT_H

#include "llvm/frame/frame.h"

extern const hmlc_kernel_class hmlc_recurrent_class;

/* Operands of lstm_cells. */
enum {
    HMLC_CELL_INPUT,
    HMLC_CELL_WEIGHTS,
    HMLC_CELL_LENGTHS,
    HMLC_CELL_HIDDEN,
    HMLC_CELL_STATE,
    HMLC_CELL_PEEPHOLES,
};

static inline int64_t hmlc_recurrent_panels(int64_t hidden)
{
    return (hidden + HMLC_PACK_WIDTH - 1) / HMLC_PACK_WIDTH;
}

/* plan->state is the kernel's lstm_cells. */
hmlc_status hmlc_recurrent_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan) HMLC_MUST_USE;

#endif
