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
    uint32_t count;         /* steps of a group that the left side has; 0: groups of one step */
    uint32_t held;          /* so many groups at once, see emit_held; 0: one by one */
    uint32_t splits, split; /* sums that steps go to in turn, at least 1, and the one at hand */
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS]; /* [split][row][vector] */
    /* Of scaled panels: where the block's scales are, in elements; its zero points; the vectors of
     * this element of the panels, and which of its steps is at hand. */
    LLVMValueRef block;
    LLVMValueRef zeros[HMLC_TILE_VECTORS], words[HMLC_TILE_VECTORS];
    uint32_t place;
} depth_loop;

/* What a lane of a row holds: a step, or a group of them. */
static inline hmlc_dtype hmlc_depth_lane(const hmlc_microkernel *kernel)
{
    return kernel->layout.group > 1 ? HMLC_DTYPE_i32 : kernel->left_dtype;
}

/* sum + left * right, of a step or of a whole group. */
LLVMValueRef hmlc_depth_multiply(const depth_loop *loop, LLVMValueRef left, LLVMValueRef right,
                                 LLVMValueRef sum);
/* Groups, or single steps, of a row that the loop holds in a vector, as the multiplier takes a
 * lane: the fewest and the *most, a power of two times as many; 0: none. */
uint32_t hmlc_depth_held(const hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t *most);
/* One step, or the group of loop->count. */
void hmlc_depth_step(depth_loop *loop);
/* `steps` steps up to `end`, which loop->left and loop->right then hold: those that fill held
 * vectors, then the others one by one. */
void hmlc_depth_steps(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end);
/* Of the step: in a row; in the panels, of a vector. */
LLVMValueRef hmlc_depth_left_address(const depth_loop *loop, uint32_t row);
LLVMValueRef hmlc_depth_right_address(const depth_loop *loop, uint32_t vector);
LLVMValueRef hmlc_depth_splat_lane(const depth_loop *loop, LLVMValueRef vector, uint32_t lane);
void hmlc_depth_prefetch(const depth_loop *loop);
/* Of a panel that is read once, and alone: the line that is due a little later. */
void hmlc_depth_fetch_panel(const depth_loop *loop);

/* microkernel_unpack.c: scaled panels. Steps that share an element of the panels; all of them; one
 * as columns; before the steps of a block; a sum and the block's. */
uint32_t hmlc_unpack_steps(const hmlc_microkernel *kernel);
void hmlc_unpack_all(depth_loop *loop);
LLVMValueRef hmlc_unpack_columns(const depth_loop *loop, uint32_t vector);
void hmlc_unpack_begin_block(depth_loop *loop);
LLVMValueRef hmlc_unpack_add_block(const depth_loop *loop, uint32_t index, LLVMValueRef sum);

/* microkernel_in_order.c: whether the tile's k loop can be made for cores that issue in order, and
 * the loop: `bodies`, at least 1, of four steps each, which loop->left and loop->right then are
 * behind. */
bool hmlc_in_order_takes(const hmlc_frame *frame, const hmlc_microkernel *kernel);
void hmlc_in_order_emit(depth_loop *loop, int64_t bodies);
/* microkernel_spread.c: the products of loop->held groups of each row with those of the panels,
 * `together` of which meet, for such cores. */
void hmlc_spread_in_order(depth_loop *loop, LLVMValueRef const *held, uint32_t together);

#endif
