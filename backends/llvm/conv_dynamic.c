/*
 * Convolutions whose spatial dims are known at run time: a tile is consecutive output pixels, and
 * for each tap every row's pointer is computed, to zeros where the tap lies outside.
 */
#include "llvm/conv.h"

#include <string.h>

typedef struct dynamic_tile {
    hmlc_frame *frame;
    const hmlc_conv *conv;
    LLVMValueRef left, panel, zeros;
    /* Per row and axis: where tap 0 lies (transposed: scaled by the stride). */
    LLVMValueRef origin[HMLC_TILE_ROWS][HMLC_SPATIAL];
    hmlc_microkernel kernel;
} dynamic_tile;

static void place_rows(dynamic_tile *at, const hmlc_tile_context *tile)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    for (uint32_t r = 0; r < tile->rows; r++) {
        LLVMValueRef pixel = tile->row[r];
        for (int32_t k = HMLC_SPATIAL - 1; k >= 0; k--) {
            const hmlc_conv_axis *axis = &at->conv->axis[k];
            LLVMValueRef size = hmlc_frame_dim(frame, at->conv->output_dims[k]);
            LLVMValueRef index = LLVMBuildURem(builder, pixel, size, "");
            LLVMValueRef pad = hmlc_frame_dim(frame, at->conv->pad_dims[k]);
            pixel = LLVMBuildUDiv(builder, pixel, size, "");
            if (axis->transposed) {
                at->origin[r][k] = LLVMBuildAdd(builder, index, pad, "");
            } else {
                index = LLVMBuildMul(builder, index, hmlc_frame_int(frame, axis->stride), "");
                at->origin[r][k] = LLVMBuildSub(builder, index, pad, "");
            }
        }
    }
}

/* Input index of a tap along an axis; clears *valid where there is none. */
static LLVMValueRef tap_input(dynamic_tile *at, uint32_t row, int32_t number, LLVMValueRef tap,
                              LLVMValueRef *valid)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_conv_axis *axis = &at->conv->axis[number];
    LLVMValueRef reach = LLVMBuildMul(builder, tap, hmlc_frame_int(frame, axis->dilation), "");
    LLVMValueRef index = at->origin[row][number];
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

static void point_rows(dynamic_tile *at, LLVMValueRef const *taps)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef type = hmlc_frame_type(frame, at->kernel.left_dtype);
    bool dense = hmlc_dim_is(at->conv->channel_dim, 1);
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        LLVMValueRef valid = LLVMConstInt(frame->i1, 1, 0), offset = hmlc_frame_int(frame, 0);
        for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
            LLVMValueRef index = tap_input(at, r, k, taps[k], &valid);
            LLVMValueRef stride = hmlc_frame_dim(frame, at->conv->input_strides[k]);
            offset = LLVMBuildAdd(builder, offset, LLVMBuildMul(builder, index, stride, ""), "");
        }
        LLVMValueRef nowhere = hmlc_frame_int(frame, 0);
        offset = LLVMBuildSelect(builder, valid, offset, nowhere, "");
        LLVMValueRef pointer = hmlc_frame_element(frame, type, at->left, offset);
        /* Zeros are as long as a row of channels; channels that lie apart are tested one by one. */
        at->kernel.valid[r] = valid;
        at->kernel.row[r] =
            dense ? LLVMBuildSelect(builder, valid, pointer, at->zeros, "") : pointer;
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
        LLVMValueRef depth = LLVMBuildMul(
            frame->builder, tap, hmlc_frame_int(frame, at->conv->channels * HMLC_PANEL), "");
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
    hmlc_loop loop;
    hmlc_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), hmlc_frame_int(frame, window), 1, sums,
                    count);
    taps[number] = loop.index;
    LLVMValueRef next[HMLC_TILE_ACCUMULATORS];
    memcpy(next, loop.carried, count * sizeof *next);
    emit_taps(at, number + 1, taps, next);
    hmlc_loop_end(frame, &loop, next);
    memcpy(sums, loop.carried, count * sizeof *sums);
}

void hmlc_conv_dynamic_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel,
                            LLVMValueRef left, LLVMValueRef first_row)
{
    hmlc_frame *frame = tile->frame;
    dynamic_tile at = {.frame = frame,
                       .conv = tile->contraction->conv,
                       .left = left,
                       .panel = kernel->panel,
                       .kernel = *kernel};
    at.kernel.prefetch_count = 0; /* a step of a tap is not one of the panel */
    at.zeros = frame->operands[at.conv->zero_operand];
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS], taps[HMLC_SPATIAL];
    hmlc_tile_place(tile, kernel->rows, first_row);
    place_rows(&at, tile);
    hmlc_tile_start(tile, accumulators);
    hmlc_microkernel_begin_sums(frame, &at.kernel, accumulators);
    if (at.conv->channels > 0) {
        emit_taps(&at, 0, taps, accumulators);
    }
    hmlc_microkernel_end_sums(frame, &at.kernel, accumulators);
    hmlc_tile_store(tile, accumulators);
}
