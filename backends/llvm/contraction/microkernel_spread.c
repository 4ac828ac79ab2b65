/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over held groups of bytes whose products spread (HMLC_BYTE_STEP_SPREAD, _TWO), for cores
 * that issue in order. As in microkernel_in_order.c no load has 128 bits: columns come in halves of
 * a vector, which is what a product takes; every other half comes by a general register. A half is
 * loaded some products before its first one, and serves all rows of the tile; the products of all
 * rows are made before their sums, so that none waits for the one before.
 */
#include "microkernel_internal.h"

enum {
    HALVES = HMLC_SPREAD_HALVES,
    AHEAD = 4,   /* halves on their way */
    TOGETHER = 2 /* groups whose products may meet */
};

typedef struct spread_pass {
    depth_loop *loop;
    uint32_t together;          /* groups whose products meet */
    uint32_t count;             /* halves of the pass */
    LLVMValueRef coming[AHEAD]; /* the half `index` at index % AHEAD */
    LLVMValueRef left[TOGETHER][HMLC_TILE_ROWS];
    LLVMValueRef products[HMLC_TILE_ROWS][HALVES];
} spread_pass;

/* Half `index` of the pass: of groups that meet, vectors, groups, halves. */
static LLVMValueRef half_address(const spread_pass *pass, uint32_t index)
{
    depth_loop *loop = pass->loop;
    hmlc_frame *frame = loop->frame;
    uint32_t half = index % HALVES, group = index / HALVES % pass->together;
    uint32_t vector = index / HALVES / pass->together % loop->kernel->vectors;
    uint32_t step = index / HALVES / pass->together / loop->kernel->vectors * pass->together;
    int64_t offset = (int64_t)(step + group) * hmlc_pack_row(loop->kernel->layout);
    offset += (int64_t)half * loop->kernel->lanes / HALVES * HMLC_BYTE_GROUP;
    return hmlc_frame_element(frame, frame->i8, hmlc_depth_right_address(loop, vector),
                              hmlc_frame_int(frame, offset));
}

/* Volatile and frozen: LLVM would make one load of two halves. */
static void load_half(spread_pass *pass, uint32_t index)
{
    hmlc_frame *frame = pass->loop->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef bytes = LLVMVectorType(frame->i8, sizeof(uint64_t));
    LLVMTypeRef type = index % HALVES == 0 ? bytes : frame->i64;
    LLVMValueRef load = LLVMBuildLoad2(builder, type, half_address(pass, index), "");
    LLVMSetVolatile(load, 1);
    LLVMSetAlignment(load, pass->loop->kernel->panel_alignment);
    pass->coming[index % AHEAD] = index % HALVES == 0 ? load : LLVMBuildFreeze(builder, load, "");
}

/* What came by a general register goes to one of vectors. */
static void arrive(spread_pass *pass, uint32_t index)
{
    hmlc_frame *frame = pass->loop->frame;
    LLVMTypeRef bytes = LLVMVectorType(frame->i8, sizeof(uint64_t));
    LLVMValueRef *half = &pass->coming[index % AHEAD];
    *half = LLVMBuildBitCast(frame->builder, *half, bytes, "");
}

static void set_left(spread_pass *pass, LLVMValueRef const *held, uint32_t first)
{
    depth_loop *loop = pass->loop;
    hmlc_frame *frame = loop->frame;
    uint32_t lanes = loop->kernel->lanes / HALVES;
    LLVMTypeRef bytes = LLVMVectorType(frame->i8, HMLC_BYTE_GROUP * lanes);
    for (uint32_t g = 0; g < pass->together; g++) {
        for (uint32_t r = 0; r < loop->kernel->rows; r++) {
            LLVMValueRef lane = LLVMConstInt(frame->i32, first + g, 0);
            LLVMValueRef splat =
                LLVMBuildShuffleVector(frame->builder, held[r], LLVMGetPoison(LLVMTypeOf(held[r])),
                                       hmlc_frame_splat(frame, lane, lanes), "");
            pass->left[g][r] = LLVMBuildBitCast(frame->builder, splat, bytes, "");
        }
    }
}

static void multiply_half(spread_pass *pass, uint32_t index)
{
    hmlc_frame *frame = pass->loop->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef words = LLVMVectorType(frame->i16, sizeof(uint64_t));
    uint32_t half = index % HALVES, group = index / HALVES % pass->together;
    LLVMValueRef right = pass->coming[index % AHEAD];
    for (uint32_t r = 0; r < pass->loop->kernel->rows; r++) {
        LLVMValueRef *product = &pass->products[r][half];
        LLVMValueRef made =
            LLVMBuildMul(builder, LLVMBuildSExt(builder, right, words, ""),
                         LLVMBuildSExt(builder, pass->left[group][r], words, ""), "");
        *product = group == 0 ? made : LLVMBuildAdd(builder, *product, made, "");
    }
}

static void add_sums(spread_pass *pass, uint32_t vector)
{
    depth_loop *loop = pass->loop;
    for (uint32_t k = 0; k < HALVES * loop->kernel->rows; k++) {
        uint32_t half = k / loop->kernel->rows, r = k % loop->kernel->rows;
        LLVMValueRef *sum = &loop->accumulators[r * loop->kernel->vectors + vector];
        *sum = hmlc_bytes_add_half(loop->frame, &loop->bytes, half, pass->products[r][half], *sum);
    }
}

void hmlc_spread_in_order(depth_loop *loop, LLVMValueRef const *held, uint32_t together)
{
    spread_pass pass = {.loop = loop, .together = together};
    uint32_t vectors = loop->kernel->vectors, meeting = together * HALVES;
    pass.count = loop->held * vectors * HALVES;
    for (uint32_t index = 0; index < AHEAD; index++) {
        load_half(&pass, index);
    }
    arrive(&pass, 1);
    for (uint32_t index = 0; index < pass.count; index++) {
        if (index % (meeting * vectors) == 0) {
            set_left(&pass, held, index / (meeting * vectors) * together);
        }
        multiply_half(&pass, index);
        if (index + AHEAD < pass.count) {
            load_half(&pass, index + AHEAD);
        }
        if (index % HALVES == 0 && index + AHEAD - 1 < pass.count) {
            arrive(&pass, index + AHEAD - 1); /* beside the load of a lower half */
        }
        if (index % meeting == meeting - 1) {
            add_sums(&pass, index / meeting % vectors);
        }
    }
}
