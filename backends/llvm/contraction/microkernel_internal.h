/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of the k loop share; for the files of the micro-kernel alone. */
#ifndef HMLC_MICROKERNEL_INTERNAL_H
#define HMLC_MICROKERNEL_INTERNAL_H

#include "microkernel.h"

/* What one k loop carries besides its accumulators. */
typedef struct depth_loop {
    hmlc_frame *frame;
    const hmlc_microkernel *kernel;
    LLVMBasicBlockRef before, body;
    LLVMValueRef rows[HMLC_TILE_ROWS];
    LLVMValueRef left;  /* offset of the step in a row */
    LLVMValueRef right; /* pointer: the step in the first panel */
    hmlc_byte_products_of bytes;
    uint32_t count; /* steps of a group that the left side has; 0: groups of one step */
    uint32_t held;  /* so many steps at once, see emit_held; 0: one by one */
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS];
} depth_loop;

/* Of the step in the panels: its vector. */
LLVMValueRef hmlc_depth_right_address(const depth_loop *loop, uint32_t vector);
LLVMValueRef hmlc_depth_splat_lane(const depth_loop *loop, LLVMValueRef vector, uint32_t lane);
void hmlc_depth_prefetch(const depth_loop *loop);

/* microkernel_in_order.c: whether the tile's k loop can be made for cores that issue in order, and
 * the loop: `bodies`, at least 1, of four steps each, which loop->left and loop->right then are
 * behind. */
bool hmlc_in_order_takes(const hmlc_frame *frame, const hmlc_microkernel *kernel);
void hmlc_in_order_emit(depth_loop *loop, int64_t bodies);

#endif
