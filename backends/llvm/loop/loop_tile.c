/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register tiles: where memory is contiguous along the tile variable instead of the lanes, rows of
 * it are loaded and transposed, so that a transpose runs at the speed of a copy.
 */
#include "loop.h"
#include "llvm/elementwise/math_build.h"

static int32_t vector_var(const hmlc_loop_context *context)
{
    return context->state->vector;
}

/* Contiguous along the tile variable, not along the lanes, no computed part, 4-byte elements. */
bool hmlc_loop_tile_fits(const hmlc_loop_context *context, hmlc_dtype dtype,
                         const hmlc_loop_index *offset)
{
    if (context->tile_rows <= 1 || context->guard != NULL || hmlc_dtype_bytes(dtype) != 4 ||
        offset->computed_serial != 0) {
        return false;
    }
    hmlc_dim along = offset->coefficient[context->state->tile];
    hmlc_dim across = offset->coefficient[vector_var(context)];
    return along != NULL && hmlc_dim_is(along, 1) && across != NULL && !hmlc_dim_is(across, 1);
}

static LLVMValueRef shuffle(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, const uint32_t *from,
                            uint32_t count)
{
    LLVMValueRef mask[2 * HMLC_LOOP_MAX_LANES];
    for (uint32_t k = 0; k < count; k++) {
        mask[k] = LLVMConstInt(frame->i32, from[k], 0);
    }
    return LLVMBuildShuffleVector(frame->builder, a, b, LLVMConstVector(mask, count), "");
}

/* Within each group of 4 lanes: lane l of row q takes lane q of row l. */
static void transpose_quads(hmlc_frame *frame, LLVMValueRef *rows, uint32_t size)
{
    uint32_t low[16], high[16], even[16], odd[16];
    for (uint32_t l = 0; l < size; l++) {
        uint32_t group = l & ~3u, place = l & 3;
        low[l] = group + place / 2 + (place % 2) * size;
        high[l] = low[l] + 2;
        even[l] = group + (place & 1) + (place / 2) * size;
        odd[l] = even[l] + 2;
    }
    LLVMValueRef a = shuffle(frame, rows[0], rows[1], low, size);
    LLVMValueRef b = shuffle(frame, rows[2], rows[3], low, size);
    LLVMValueRef c = shuffle(frame, rows[0], rows[1], high, size);
    LLVMValueRef d = shuffle(frame, rows[2], rows[3], high, size);
    rows[0] = shuffle(frame, a, b, even, size);
    rows[1] = shuffle(frame, a, b, odd, size);
    rows[2] = shuffle(frame, c, d, even, size);
    rows[3] = shuffle(frame, c, d, odd, size);
}

/* Swaps blocks of `block` lanes between rows i and i + block. */
static void exchange_blocks(hmlc_frame *frame, LLVMValueRef *rows, uint32_t size, uint32_t block)
{
    uint32_t first[16], second[16];
    for (uint32_t l = 0; l < size; l++) {
        bool upper = (l & block) != 0;
        first[l] = upper ? l - block + size : l;
        second[l] = upper ? l + size : l + block;
    }
    for (uint32_t i = 0; i < size; i++) {
        if ((i & block) == 0) {
            LLVMValueRef a = rows[i], b = rows[i + block];
            rows[i] = shuffle(frame, a, b, first, size);
            rows[i + block] = shuffle(frame, a, b, second, size);
        }
    }
}

/* rows: `size` vectors of `size` lanes, 2, 4, 8 or 16. Groups of 4 go by two-operand unpacks,
 * larger blocks are exchanged. */
static void transpose_square(hmlc_frame *frame, LLVMValueRef *rows, uint32_t size)
{
    if (size < 4) {
        exchange_blocks(frame, rows, size, 1);
        return;
    }
    for (uint32_t block = size / 2; block >= 4; block /= 2) {
        exchange_blocks(frame, rows, size, block);
    }
    for (uint32_t group = 0; group < size; group += 4) {
        transpose_quads(frame, rows + group, size);
    }
}

/* One square of the tile: loads along the tile variable, transposed. */
static void load_square(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                        LLVMValueRef stride, uint32_t size, LLVMValueRef *rows)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    for (uint32_t k = 0; k < size; k++) {
        LLVMValueRef step = LLVMBuildMul(frame->builder, stride, hmlc_frame_int(frame, k), "");
        rows[k] = hmlc_frame_load(frame, hmlc_frame_vector(frame, dtype, size),
                                  hmlc_frame_element(frame, element, address, step), 4);
    }
    if (size > 1) {
        transpose_square(frame, rows, size);
    }
}

/* Address of the tile's corner. */
static LLVMValueRef corner_of(hmlc_loop_context *context, LLVMTypeRef element, LLVMValueRef base,
                              const hmlc_loop_index *offset)
{
    int32_t tile = context->state->tile;
    LLVMValueRef here = context->position[tile];
    context->position[tile] = context->tile_start;
    LLVMValueRef corner = hmlc_loop_address(context, element, base, offset);
    context->position[tile] = here;
    return corner;
}

void hmlc_loop_tile_load(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                         const hmlc_loop_index *offset, LLVMValueRef *rows)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    uint32_t count = context->tile_rows, lanes = context->lanes;
    uint32_t size = count < lanes ? count : lanes, squares = lanes / size;
    LLVMValueRef corner = corner_of(context, element, base, offset);
    LLVMValueRef stride = hmlc_frame_dim(frame, offset->coefficient[vector_var(context)]);
    for (uint32_t row = 0; row < count; row += size) {
        LLVMValueRef parts[HMLC_LOOP_MAX_ROWS][HMLC_LOOP_MAX_LANES];
        for (uint32_t column = 0; column < squares; column++) {
            LLVMValueRef square[HMLC_LOOP_MAX_ROWS];
            LLVMValueRef step = LLVMBuildMul(frame->builder, stride,
                                             hmlc_frame_int(frame, (int64_t)column * size), "");
            LLVMValueRef at = hmlc_frame_element(frame, element, corner, step);
            at = hmlc_frame_element(frame, element, at, hmlc_frame_int(frame, row));
            load_square(context, dtype, at, stride, size, square);
            for (uint32_t k = 0; k < size; k++) {
                parts[k][column] = square[k];
            }
        }
        for (uint32_t k = 0; k < size; k++) {
            rows[row + k] = hmlc_frame_join(frame, parts[k], squares);
        }
    }
}
