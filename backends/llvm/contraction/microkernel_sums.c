/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a tile from its first to its last, and the partial sums that they make. */
#include "microkernel_digits.h"
#include "microkernel_internal.h"
#include "microkernel_rows.h"
#include "microkernel_square.h"
#include "microkernel_word.h"

#include <string.h>

/* The vector type of one accumulator. */
static LLVMTypeRef accumulator_type(hmlc_frame *frame, const hmlc_microkernel *kernel)
{
    return hmlc_frame_vector(frame, kernel->dtype, kernel->lanes);
}

/* In the k loop: that, or f16, of which memory's elements are numbers. */
static LLVMTypeRef partial_type(hmlc_frame *frame, const hmlc_microkernel *kernel)
{
    return kernel->half_products
               ? LLVMVectorType(LLVMHalfTypeInContext(frame->context), kernel->lanes)
               : accumulator_type(frame, kernel);
}

/* -- partial sums */

static LLVMValueRef sum_address(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index)
{
    return hmlc_frame_element(frame, accumulator_type(frame, kernel), kernel->sums,
                              hmlc_frame_int(frame, index));
}

/* Volatile: as values they would be carried through the k loop, for which no register is left. */
static LLVMValueRef load_sum(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index)
{
    LLVMValueRef load = LLVMBuildLoad2(frame->builder, accumulator_type(frame, kernel),
                                       sum_address(frame, kernel, index), "");
    LLVMSetVolatile(load, 1);
    LLVMSetAlignment(load, HMLC_SUMS_ALIGNMENT);
    return load;
}

static void store_sum(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index,
                      LLVMValueRef value)
{
    LLVMValueRef store = LLVMBuildStore(frame->builder, value, sum_address(frame, kernel, index));
    LLVMSetVolatile(store, 1);
    LLVMSetAlignment(store, HMLC_SUMS_ALIGNMENT);
}

uint32_t hmlc_microkernel_carried(const hmlc_microkernel *kernel)
{
    return kernel->sums == NULL ? hmlc_square_sums(kernel) : 0;
}

void hmlc_microkernel_begin_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                                 LLVMValueRef *accumulators)
{
    hmlc_square_begin(frame, kernel, accumulators);
    for (uint32_t k = 0; kernel->sums != NULL && k < hmlc_square_sums(kernel); k++) {
        store_sum(frame, kernel, k, accumulators[k]);
    }
}

void hmlc_microkernel_end_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                               LLVMValueRef *accumulators)
{
    for (uint32_t k = 0; kernel->sums != NULL && k < hmlc_square_sums(kernel); k++) {
        accumulators[k] = load_sum(frame, kernel, k);
    }
    hmlc_square_end(frame, kernel, accumulators);
}

/* Onto the first of the sums that steps went to in turn: the two halves of them, again and again.
 */
static void join_splits(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    uint32_t count = kernel->rows * kernel->vectors;
    for (uint32_t half = loop->splits / 2; half > 0; half /= 2) {
        for (uint32_t k = 0; k < half * count; k++) {
            LLVMValueRef *sum = &loop->accumulators[k];
            *sum = LLVMBuildFAdd(frame->builder, *sum, sum[half * count], "");
        }
    }
}

/* In integers where the block allows it, else in f32. */
static void sum_digits(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef left = loop->left, right = loop->right, zeros[HMLC_TILE_ACCUMULATORS];
    uint32_t count = kernel->rows * kernel->vectors;
    memcpy(zeros, loop->accumulators, sizeof zeros);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, hmlc_digits_taken(loop));
    hmlc_digits_add_block(loop);
    LLVMValueRef integers[HMLC_TILE_ACCUMULATORS];
    memcpy(integers, loop->accumulators, sizeof integers);
    LLVMBasicBlockRef taken = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_else(frame, &branch);
    memcpy(loop->accumulators, zeros, sizeof zeros);
    loop->left = left;
    loop->right = right;
    hmlc_depth_steps(loop, steps, end);
    join_splits(loop);
    LLVMBasicBlockRef floats = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_end(frame, &branch);
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef phi = LLVMBuildPhi(builder, accumulator_type(frame, kernel), "");
        LLVMAddIncoming(phi, &integers[k], &taken, 1);
        LLVMAddIncoming(phi, &loop->accumulators[k], &floats, 1);
        loop->accumulators[k] = phi;
    }
    LLVMValueRef ahead = LLVMBuildMul(builder, kernel->depth_stride,
                                      hmlc_frame_int(frame, kernel->scaled.block), "");
    loop->left = LLVMBuildNSWAdd(builder, left, ahead, "");
    loop->right = end;
}

/* From zero up to `end`, in `steps` steps, and onto the sums. */
static void add_partial(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    uint32_t count = hmlc_square_sums(kernel);
    for (uint32_t k = 0; k < loop->splits * count; k++) {
        loop->accumulators[k] = LLVMConstNull(partial_type(frame, kernel));
    }
    hmlc_unpack_begin_block(loop);
    if (kernel->scaled.digits != NULL) {
        sum_digits(loop, steps, end);
    } else {
        hmlc_depth_steps(loop, steps, end);
        join_splits(loop);
    }
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef sum = load_sum(frame, kernel, k), part = loop->accumulators[k];
        if (kernel->half_products) {
            part = LLVMBuildFPExt(frame->builder, part, accumulator_type(frame, kernel), "");
        }
        sum = kernel->scaled.scales != NULL ? hmlc_unpack_add_block(loop, k, sum)
                                            : LLVMBuildFAdd(frame->builder, sum, part, "");
        store_sum(frame, kernel, k, sum);
    }
}

/* Known steps are cut evenly, between groups. */
static int64_t partial_steps(const hmlc_microkernel *kernel, LLVMValueRef steps)
{
    if (kernel->scaled.scales != NULL) {
        return kernel->scaled.block;
    }
    int64_t most = kernel->part_steps == 0 ? HMLC_PARTIAL_STEPS : kernel->part_steps;
    if (!LLVMIsAConstantInt(steps)) {
        return most;
    }
    int64_t count = LLVMConstIntGetSExtValue(steps);
    int64_t parts = (count + most - 1) / most, part = (count + parts - 1) / parts;
    int64_t unit = kernel->splits > 1 ? kernel->splits : kernel->layout.group;
    return (part + unit - 1) / unit * unit;
}

/* Steps from loop->right to `stop`; NULL where no one asks. */
static LLVMValueRef steps_to(const depth_loop *loop, LLVMValueRef stop)
{
    hmlc_frame *frame = loop->frame;
    uint32_t most;
    if (hmlc_depth_held(frame, loop->kernel, &most) == 0) {
        return NULL;
    }
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    LLVMValueRef elements = hmlc_frame_distance(frame, type, loop->right, stop);
    return LLVMBuildUDiv(frame->builder, elements,
                         hmlc_frame_int(frame, loop->kernel->layout.width), "");
}

static void emit_partial_sums(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    int64_t part = partial_steps(loop->kernel, steps);
    bool scaled = loop->kernel->scaled.scales != NULL;
    if (LLVMIsAConstantInt(steps) && LLVMConstIntGetSExtValue(steps) == part) {
        add_partial(loop, steps, end);
        return;
    }
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(builder);
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(frame->context, frame->function, "part");
    LLVMBasicBlockRef exit =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "part.exit");
    LLVMBuildBr(builder, body);
    LLVMPositionBuilderAtEnd(builder, body);
    LLVMValueRef left_phi = LLVMBuildPhi(builder, frame->index, "left");
    LLVMValueRef right_phi = LLVMBuildPhi(builder, frame->pointer, "right");
    LLVMAddIncoming(left_phi, &loop->left, &before, 1);
    LLVMAddIncoming(right_phi, &loop->right, &before, 1);
    LLVMValueRef block_phi = NULL;
    if (scaled) {
        block_phi = LLVMBuildPhi(builder, frame->index, "block");
        LLVMAddIncoming(block_phi, &loop->block, &before, 1);
        loop->block = block_phi;
    }
    /* May lie behind the panels, so that it is not an element of them. */
    int64_t width = loop->kernel->layout.width;
    LLVMValueRef distance = hmlc_frame_int(frame, part / hmlc_unpack_steps(loop->kernel) * width);
    LLVMValueRef stop = LLVMBuildGEP2(builder, type, right_phi, &distance, 1, "");
    LLVMValueRef within = LLVMBuildICmp(builder, LLVMIntULT, stop, end, "");
    /* As in hide_rows: the k loop would get counters of its own for what it shares with this one.
     */
    loop->left = LLVMBuildFreeze(builder, left_phi, "");
    loop->right = LLVMBuildFreeze(builder, right_phi, "");
    stop = LLVMBuildSelect(builder, within, stop, end, "");
    stop = LLVMBuildFreeze(builder, stop, "");
    add_partial(loop, steps_to(loop, stop), stop);
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(builder);
    LLVMAddIncoming(left_phi, &loop->left, &latch, 1);
    LLVMAddIncoming(right_phi, &loop->right, &latch, 1);
    if (scaled) {
        loop->block = LLVMBuildNSWAdd(builder, block_phi, hmlc_frame_int(frame, width), "");
        LLVMAddIncoming(block_phi, &loop->block, &latch, 1);
    }
    LLVMValueRef done = LLVMBuildICmp(builder, LLVMIntEQ, loop->right, end, "");
    LLVMBuildCondBr(builder, done, exit, body);
    LLVMPositionBuilderAtEnd(builder, exit);
}

/* -- all steps */

/* Loop strength reduction must not see what the row pointers have in common: it would give each its
 * own increment. */
static void hide_rows(hmlc_frame *frame, const hmlc_microkernel *kernel, depth_loop *loop)
{
    uint32_t pointers = kernel->immediate ? 1 : kernel->rows;
    for (uint32_t r = 0; r < pointers; r++) {
        loop->rows[r] = LLVMBuildFreeze(frame->builder, kernel->row[r], "");
    }
}

/* Whole groups, then what is left of the depth: that group's bytes are read one by one, since a row
 * may end with the memory it lies in. */
static void emit_groups(depth_loop *loop, LLVMValueRef known)
{
    hmlc_frame *frame = loop->frame;
    int64_t row = hmlc_pack_row(loop->kernel->layout), steps = LLVMConstIntGetSExtValue(known);
    int64_t group = loop->kernel->layout.group;
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    if (steps / group > 0) {
        int64_t groups = steps / group;
        LLVMValueRef whole = hmlc_frame_int(frame, groups * row);
        loop->count = (uint32_t)group;
        hmlc_depth_steps(loop, hmlc_frame_int(frame, groups * group),
                         hmlc_frame_element(frame, type, loop->right, whole));
    }
    loop->count = (uint32_t)(steps % group);
    if (loop->count > 0) {
        hmlc_depth_step(loop);
    }
}

void hmlc_microkernel_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                           LLVMValueRef *accumulators)
{
    if (kernel->step == HMLC_BYTE_STEP_WORD) {
        hmlc_word_emit(frame, kernel, steps, accumulators);
        return;
    }
    if (kernel->step == HMLC_BYTE_STEP_ROWS) {
        hmlc_rows_emit(frame, kernel, steps, accumulators);
        return;
    }
    uint32_t count = hmlc_square_sums(kernel);
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef width = hmlc_frame_int(frame, kernel->layout.width), rows = steps;
    if (kernel->scaled.nibbles) {
        rows = hmlc_frame_int(frame, LLVMConstIntGetSExtValue(steps) / HMLC_NIBBLES);
    }
    bool groups = kernel->layout.group > 1;
    LLVMValueRef end = groups && kernel->sums == NULL && LLVMIsAConstantInt(steps) != NULL
                           ? NULL
                           : hmlc_frame_element(frame, type, kernel->panel,
                                                LLVMBuildNSWMul(frame->builder, rows, width, ""));
    depth_loop loop = {.frame = frame, .kernel = kernel};
    loop.splits = kernel->splits > 1 ? kernel->splits : 1;
    loop.count = groups ? (uint32_t)kernel->layout.group : 0;
    loop.bytes = (hmlc_byte_products_of){kernel->step, kernel->lanes, kernel->left_dtype,
                                         kernel->right_dtype};
    hide_rows(frame, kernel, &loop);
    loop.left = hmlc_frame_int(frame, 0);
    loop.right = kernel->panel;
    loop.block = hmlc_frame_int(frame, 0);
    if (kernel->sums != NULL) {
        emit_partial_sums(&loop, steps, end);
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        loop.accumulators[k] = hmlc_bytes_begin_sum(frame, &loop.bytes, accumulators[k]);
    }
    for (uint32_t k = count; k < loop.splits * count; k++) {
        loop.accumulators[k] = LLVMConstNull(accumulator_type(frame, kernel));
    }
    if (end == NULL) {
        emit_groups(&loop, steps);
    } else {
        hmlc_depth_steps(&loop, steps, end);
    }
    join_splits(&loop);
    for (uint32_t k = 0; k < count; k++) {
        accumulators[k] = hmlc_bytes_end_sum(frame, &loop.bytes, loop.accumulators[k]);
    }
}
