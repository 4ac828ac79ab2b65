/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k loop of bytes where one instruction multiplies vectors of bytes and adds all products to a
 * general register (Helium's vmlava): a row of the left side by each column of a panel, both as
 * they lie in memory, sixteen steps at once. What is left of a run is loaded with a mask, since
 * memory may end there; so runs of any length can begin anywhere. Between runs a tile's four sums
 * are one vector, which is what the epilogue takes.
 */
#include "microkernel_rows.h"

#include <string.h>

enum { STEPS = 16, MOST_SUMS = HMLC_TILE_ROWS * 4 };

typedef struct rows_loop {
    hmlc_frame *frame;
    const hmlc_microkernel *kernel;
    LLVMTypeRef bytes; /* STEPS of them */
    uint32_t columns;  /* of a panel: lanes of the tile's one vector */
    LLVMValueRef rows[HMLC_TILE_ROWS], panel;
    LLVMValueRef sums[MOST_SUMS]; /* [row][column] */
} rows_loop;

static uint32_t sum_count(const rows_loop *loop)
{
    return loop->kernel->rows * loop->columns;
}

static LLVMValueRef address_of(const rows_loop *loop, LLVMValueRef base, LLVMValueRef step,
                               int64_t apart)
{
    hmlc_frame *frame = loop->frame;
    base = hmlc_frame_element(frame, frame->i8, base, hmlc_frame_int(frame, apart));
    return hmlc_frame_element(frame, frame->i8, base, step);
}

/* Where `mask` is not NULL, zeros stand for what it leaves out. */
static LLVMValueRef load(const rows_loop *loop, LLVMValueRef address, LLVMValueRef mask)
{
    hmlc_frame *frame = loop->frame;
    if (mask == NULL) {
        return hmlc_frame_load(frame, loop->bytes, address, 1);
    }
    LLVMTypeRef types[] = {loop->bytes, frame->pointer};
    LLVMValueRef arguments[] = {address, LLVMConstInt(frame->i32, 1, 0), mask,
                                LLVMConstNull(loop->bytes)};
    return hmlc_frame_intrinsic_of(frame, "llvm.masked.load", types, 2, arguments, 4);
}

static LLVMValueRef multiply_add(const rows_loop *loop, LLVMValueRef a, LLVMValueRef b,
                                 LLVMValueRef sum)
{
    hmlc_frame *frame = loop->frame;
    LLVMTypeRef types[] = {loop->bytes};
    LLVMValueRef no = LLVMConstNull(frame->i32); /* no unsigned, subtracted, exchanged operands */
    LLVMValueRef arguments[] = {no, no, no, sum, a, b};
    return hmlc_frame_intrinsic_of(frame, frame->target->bytes.rows->multiply_add, types, 1,
                                   arguments, 6);
}

/* Up to STEPS steps from `step` on. */
static void emit_steps(rows_loop *loop, LLVMValueRef step, LLVMValueRef mask)
{
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef rows[HMLC_TILE_ROWS];
    for (uint32_t r = 0; r < kernel->rows; r++) {
        LLVMValueRef base = loop->rows[kernel->immediate ? 0 : r];
        int64_t apart = kernel->immediate ? (int64_t)r * kernel->row_stride : 0;
        rows[r] = load(loop, address_of(loop, base, step, apart), mask);
    }
    for (uint32_t c = 0; c < loop->columns; c++) {
        LLVMValueRef column =
            load(loop, address_of(loop, loop->panel, step, c * kernel->layout.group), mask);
        for (uint32_t r = 0; r < kernel->rows; r++) {
            LLVMValueRef *sum = &loop->sums[r * loop->columns + c];
            *sum = multiply_add(loop, rows[r], column, *sum);
        }
    }
}

/* Whole vectors: steps [0, end). */
static void emit_whole(rows_loop *loop, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    hmlc_frame_loop steps;
    uint32_t count = sum_count(loop);
    LLVMValueRef next[MOST_SUMS];
    hmlc_frame_loop_begin(frame, &steps, hmlc_frame_int(frame, 0), end, STEPS, loop->sums, count);
    memcpy(loop->sums, steps.carried, count * sizeof *next);
    emit_steps(loop, steps.index, NULL);
    memcpy(next, loop->sums, count * sizeof *next);
    hmlc_frame_loop_end(frame, &steps, next);
    memcpy(loop->sums, steps.carried, count * sizeof *next);
}

/* The `rest` steps from `first` on, fewer than STEPS. */
static void emit_rest(rows_loop *loop, LLVMValueRef first, LLVMValueRef rest)
{
    hmlc_frame *frame = loop->frame;
    LLVMTypeRef none[] = {frame->i32};
    LLVMValueRef mask =
        hmlc_frame_intrinsic_of(frame, frame->target->bytes.rows->mask, none, 0, &rest, 1);
    emit_steps(loop, first, mask);
}

static void emit_unknown(rows_loop *loop, LLVMValueRef steps)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef whole = LLVMBuildAnd(frame->builder, steps, hmlc_frame_int(frame, -STEPS), "");
    LLVMValueRef rest = LLVMBuildSub(frame->builder, steps, whole, ""), before[MOST_SUMS];
    uint32_t count = sum_count(loop);
    emit_whole(loop, whole);
    memcpy(before, loop->sums, count * sizeof *before);
    LLVMBasicBlockRef from = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(
        frame, &branch,
        LLVMBuildICmp(frame->builder, LLVMIntNE, rest, hmlc_frame_int(frame, 0), ""));
    emit_rest(loop, whole, rest);
    LLVMBasicBlockRef inside = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch_end(frame, &branch);
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef phi = LLVMBuildPhi(frame->builder, frame->i32, "");
        LLVMAddIncoming(phi, &before[k], &from, 1);
        LLVMAddIncoming(phi, &loop->sums[k], &inside, 1);
        loop->sums[k] = phi;
    }
}

static void emit_known(rows_loop *loop, int64_t steps)
{
    hmlc_frame *frame = loop->frame;
    int64_t whole = steps / STEPS * STEPS;
    if (whole > 0) {
        emit_whole(loop, hmlc_frame_int(frame, whole));
    }
    if (steps > whole) {
        emit_rest(loop, hmlc_frame_int(frame, whole), hmlc_frame_int(frame, steps - whole));
    }
}

void hmlc_rows_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                    LLVMValueRef *accumulators)
{
    LLVMBuilderRef builder = frame->builder;
    rows_loop loop = {.frame = frame,
                      .kernel = kernel,
                      .bytes = LLVMVectorType(frame->i8, STEPS),
                      .columns = kernel->lanes,
                      .panel = kernel->panel};
    for (uint32_t r = 0; r < (kernel->immediate ? 1 : kernel->rows); r++) {
        loop.rows[r] = kernel->row[r];
    }
    for (uint32_t k = 0; k < sum_count(&loop); k++) {
        LLVMValueRef lane = LLVMConstInt(frame->i32, k % loop.columns, 0);
        loop.sums[k] = LLVMBuildExtractElement(builder, accumulators[k / loop.columns], lane, "");
    }
    if (LLVMIsAConstantInt(steps) != NULL) {
        emit_known(&loop, LLVMConstIntGetSExtValue(steps));
    } else {
        emit_unknown(&loop, steps);
    }
    for (uint32_t k = 0; k < sum_count(&loop); k++) {
        LLVMValueRef lane = LLVMConstInt(frame->i32, k % loop.columns, 0);
        LLVMValueRef *row = &accumulators[k / loop.columns];
        *row = LLVMBuildInsertElement(
            builder, k % loop.columns == 0 ? LLVMGetPoison(LLVMTypeOf(*row)) : *row, loop.sums[k],
            lane, "");
    }
}
