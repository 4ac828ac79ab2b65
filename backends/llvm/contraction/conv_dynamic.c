/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions whose spatial dims are known at run time: a tile is consecutive output pixels, and
 * for each tap every row's pointer is computed, to zeros where the tap lies outside. The rows are a
 * loop whose results wait in memory: there is code for every height of a tile, and unrolled these
 * computations were most of it.
 */
#include "conv.h"

#include <string.h>

typedef struct dynamic_tile {
    hmlc_frame *frame;
    const hmlc_conv *conv;
    const hmlc_tile_context *tile;
    LLVMValueRef left, panel, zeros;
    hmlc_microkernel kernel;
} dynamic_tile;

/* Where tap 0 of a row lies along an axis (transposed: scaled by the stride). */
static LLVMValueRef origin_address(const dynamic_tile *at, LLVMValueRef row, int32_t axis)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef index = LLVMBuildMul(frame->builder, row, hmlc_frame_int(frame, HMLC_SPATIAL), "");
    index = LLVMBuildAdd(frame->builder, index, hmlc_frame_int(frame, axis), "");
    return hmlc_frame_element(frame, frame->index, at->tile->row_origins, index);
}

static void place_row(const dynamic_tile *at, LLVMValueRef first_row, LLVMValueRef row)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef pixel = LLVMBuildAdd(builder, first_row, row, "");
    for (int32_t k = HMLC_SPATIAL - 1; k >= 0; k--) {
        const hmlc_conv_axis *axis = &at->conv->axis[k];
        LLVMValueRef size = hmlc_frame_dim(frame, at->conv->output_dims[k]);
        LLVMValueRef index = LLVMBuildURem(builder, pixel, size, "");
        LLVMValueRef pad = hmlc_frame_dim(frame, at->conv->pad_dims[k]);
        pixel = LLVMBuildUDiv(builder, pixel, size, "");
        if (axis->transposed) {
            index = LLVMBuildAdd(builder, index, pad, "");
        } else {
            index = LLVMBuildMul(builder, index, hmlc_frame_int(frame, axis->stride), "");
            index = LLVMBuildSub(builder, index, pad, "");
        }
        hmlc_frame_store(frame, index, origin_address(at, row, k), frame->index_bytes);
    }
}

static void place_rows(const dynamic_tile *at, LLVMValueRef first_row)
{
    hmlc_frame *frame = at->frame;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, at->kernel.rows), 1, NULL, 0);
    place_row(at, first_row, loop.index);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* Input index of a tap along an axis; clears *valid where there is none. */
static LLVMValueRef tap_input(const dynamic_tile *at, LLVMValueRef row, int32_t number,
                              LLVMValueRef tap, LLVMValueRef *valid)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_conv_axis *axis = &at->conv->axis[number];
    LLVMValueRef reach = LLVMBuildMul(builder, tap, hmlc_frame_int(frame, axis->dilation), "");
    LLVMValueRef index =
        hmlc_frame_load(frame, frame->index, origin_address(at, row, number), frame->index_bytes);
    if (axis->transposed) {
        LLVMValueRef stride = hmlc_frame_int(frame, axis->stride);
        LLVMValueRef scaled = LLVMBuildSub(builder, index, reach, "");
        LLVMValueRef rest = LLVMBuildSRem(builder, scaled, stride, "");
        LLVMValueRef even = LLVMBuildICmp(builder, LLVMIntEQ, rest, hmlc_frame_int(frame, 0), "");
        index = LLVMBuildSDiv(builder, scaled, stride, "");
        *valid = LLVMBuildAnd(builder, *valid, even, "");
    } else {
        index = LLVMBuildAdd(builder, index, reach, "");
    }
    LLVMValueRef size = hmlc_frame_dim(frame, at->conv->input_dims[number]);
    LLVMValueRef inside = LLVMBuildICmp(builder, LLVMIntULT, index, size, "");
    *valid = LLVMBuildAnd(builder, *valid, inside, "");
    return index;
}

/* Zeros are as long as a row of channels; channels that lie apart are tested one by one. */
static void point_row(const dynamic_tile *at, LLVMValueRef const *taps, LLVMValueRef row,
                      bool dense)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef type = hmlc_frame_type(frame, at->kernel.left_dtype);
    LLVMValueRef valid = LLVMConstInt(frame->i1, 1, 0), offset = hmlc_frame_int(frame, 0);
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        LLVMValueRef index = tap_input(at, row, k, taps[k], &valid);
        LLVMValueRef stride = hmlc_frame_dim(frame, at->conv->input_strides[k]);
        offset = LLVMBuildAdd(builder, offset, LLVMBuildMul(builder, index, stride, ""), "");
    }
    offset = LLVMBuildSelect(builder, valid, offset, hmlc_frame_int(frame, 0), "");
    LLVMValueRef pointer = hmlc_frame_element(frame, type, at->left, offset);
    if (dense) {
        pointer = LLVMBuildSelect(builder, valid, pointer, at->zeros, "");
    } else {
        LLVMValueRef inside = LLVMBuildZExt(builder, valid, frame->i8, "");
        hmlc_frame_store(frame, inside,
                         hmlc_frame_element(frame, frame->i8, at->tile->row_insides, row), 1);
    }
    hmlc_frame_store(frame, pointer,
                     hmlc_frame_element(frame, frame->pointer, at->tile->row_pointers, row), 8);
}

static void point_rows(dynamic_tile *at, LLVMValueRef const *taps)
{
    hmlc_frame *frame = at->frame;
    bool dense = hmlc_dim_is(at->conv->channel_dim, 1);
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, at->kernel.rows), 1, NULL, 0);
    point_row(at, taps, loop.index, dense);
    hmlc_frame_loop_end(frame, &loop, NULL);
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        LLVMValueRef row = hmlc_frame_int(frame, r);
        LLVMValueRef from = hmlc_frame_element(frame, frame->pointer, at->tile->row_pointers, row);
        at->kernel.row[r] = hmlc_frame_load(frame, frame->pointer, from, 8);
        if (!dense) {
            from = hmlc_frame_element(frame, frame->i8, at->tile->row_insides, row);
            at->kernel.valid[r] = LLVMBuildTrunc(
                frame->builder, hmlc_frame_load(frame, frame->i8, from, 1), frame->i1, "");
        }
    }
    at->kernel.zeros = dense ? NULL : at->zeros;
}

/* Loops over the taps of axis `number` and those inside; *sums are carried through. */
static void emit_taps(dynamic_tile *at, int32_t number, LLVMValueRef *taps, LLVMValueRef *sums)
{
    hmlc_frame *frame = at->frame;
    uint32_t count = hmlc_microkernel_carried(&at->kernel);
    if (number == HMLC_SPATIAL) {
        LLVMValueRef tap = hmlc_frame_int(frame, 0);
        for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
            LLVMValueRef window = hmlc_frame_int(frame, at->conv->axis[k].window);
            tap = LLVMBuildAdd(frame->builder, LLVMBuildMul(frame->builder, tap, window, ""),
                               taps[k], "");
        }
        LLVMValueRef depth =
            LLVMBuildMul(frame->builder, tap,
                         hmlc_frame_int(frame, at->conv->channels * at->kernel.layout.width), "");
        at->kernel.panel = hmlc_frame_element(frame, hmlc_frame_type(frame, at->kernel.right_dtype),
                                              at->panel, depth);
        point_rows(at, taps);
        hmlc_microkernel_emit(frame, &at->kernel, hmlc_frame_int(frame, at->conv->channels), sums);
        return;
    }
    int64_t window = at->conv->axis[number].window;
    if (window == 1) {
        taps[number] = hmlc_frame_int(frame, 0);
        emit_taps(at, number + 1, taps, sums);
        return;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), hmlc_frame_int(frame, window), 1,
                          sums, count);
    taps[number] = loop.index;
    LLVMValueRef next[HMLC_TILE_ACCUMULATORS];
    memcpy(next, loop.carried, count * sizeof *next);
    emit_taps(at, number + 1, taps, next);
    hmlc_frame_loop_end(frame, &loop, next);
    memcpy(sums, loop.carried, count * sizeof *sums);
}

void hmlc_conv_dynamic_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel,
                            LLVMValueRef left, LLVMValueRef first_row)
{
    hmlc_frame *frame = tile->frame;
    dynamic_tile at = {.frame = frame,
                       .conv = tile->contraction->conv,
                       .tile = tile,
                       .left = left,
                       .panel = kernel->panel,
                       .kernel = *kernel};
    at.kernel.prefetch_count = 0; /* a step of a tap is not one of the panel */
    at.zeros = frame->operands[at.conv->zero_operand];
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS], taps[HMLC_SPATIAL];
    hmlc_tile_place(tile, kernel->rows, first_row);
    place_rows(&at, first_row);
    hmlc_tile_start(tile, accumulators);
    hmlc_microkernel_begin_sums(frame, &at.kernel, accumulators);
    if (at.conv->channels > 0) {
        emit_taps(&at, 0, taps, accumulators);
    }
    hmlc_microkernel_end_sums(frame, &at.kernel, accumulators);
    hmlc_tile_store(tile, accumulators);
}
