/* SPDX-License-Identifier: Apache-2.0 */
/* The window class: units, and what a kernel prepares for them. */
#include "window.h"

#include "llvm/contraction/pack.h"

static void begin_batch(hmlc_window_emitter *at, LLVMValueRef batch)
{
    hmlc_frame *frame = at->frame;
    const hmlc_contraction *tile = &at->window->tile;
    LLVMValueRef offset =
        LLVMBuildMul(frame->builder, batch, hmlc_frame_dim(frame, tile->left.strides[0]), "");
    offset = LLVMBuildAdd(frame->builder, offset, hmlc_frame_dim(frame, tile->left.offset), "");
    LLVMValueRef base = frame->operands[hmlc_frame_argument(frame, tile->left_argument)];
    at->input = hmlc_window_input(at, base, offset);
    at->tile.batch[0] = batch;
    hmlc_tile_begin_batch(&at->tile);
}

static void emit_unit(hmlc_window_emitter *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_window *window = at->window;
    LLVMValueRef channel_blocks = hmlc_frame_dim(frame, window->channel_blocks);
    LLVMValueRef row_blocks = hmlc_frame_dim(frame, window->row_blocks);
    LLVMValueRef channel = LLVMBuildURem(builder, unit, channel_blocks, "");
    LLVMValueRef row = LLVMBuildUDiv(builder, unit, channel_blocks, "");
    LLVMValueRef batch = LLVMBuildUDiv(builder, row, row_blocks, "");
    row = LLVMBuildURem(builder, row, row_blocks, "");
    begin_batch(at, batch);
    LLVMValueRef channel_block = hmlc_frame_int(frame, window->channel_block);
    LLVMValueRef channel_begin = LLVMBuildMul(builder, channel, channel_block, "");
    LLVMValueRef channels = hmlc_frame_dim(frame, window->channels);
    LLVMValueRef channel_end = hmlc_frame_minimum(
        frame, LLVMBuildAdd(builder, channel_begin, channel_block, ""), channels);
    LLVMValueRef row_block = hmlc_frame_int(frame, window->row_block);
    LLVMValueRef row_begin = LLVMBuildMul(builder, row, row_block, "");
    LLVMValueRef row_end = LLVMBuildAdd(builder, row_begin, row_block, "");
    if (window->dynamic) {
        LLVMValueRef rows = hmlc_frame_dim(frame, window->axis[1].output_dim);
        rows = LLVMBuildMul(builder, hmlc_frame_dim(frame, window->axis[0].output_dim), rows, "");
        row_end = hmlc_frame_minimum(frame, row_end, rows);
        hmlc_window_emit_dynamic(at, row_begin, row_end, channel_begin, channel_end);
    } else {
        row_end = hmlc_frame_minimum(frame, row_end, hmlc_frame_int(frame, window->rows.tiles));
        hmlc_window_emit_static(at, row_begin, row_end, channel_begin, channel_end);
    }
}

static hmlc_status window_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    const hmlc_window *window = plan->state;
    hmlc_window_emitter *at = HMLC_NEW(frame->arena, hmlc_window_emitter);
    HMLC_TRY_MEMORY(at);
    at->frame = frame;
    at->window = window;
    at->tile_shape = window->tile;
    at->section = (hmlc_section){.vectors = 1, .rows = HMLC_TILE_ROWS};
    at->tile.frame = frame;
    at->tile.contraction = &at->tile_shape;
    at->tile.section = &at->section;
    if (window->kind == HMLC_WINDOW_DEPTHWISE) {
        at->weights = frame->operands[hmlc_frame_argument(frame, window->tile.right_argument)];
    }
    if (window->tile.packs_weights) {
        hmlc_pack_weights_emit(frame, window->tile.panels, at->weights, frame->scratch);
        at->weights = frame->scratch;
    }
    if (window->tile.heavy) {
        LLVMTypeRef vector = hmlc_frame_vector(frame, window->tile.dtype, window->tile.lanes);
        at->tile.store_tile = hmlc_frame_alloca(frame, vector, HMLC_TILE_ROWS, 64);
        at->tile.store_rows = hmlc_frame_alloca(frame, frame->index, HMLC_TILE_ROWS, 16);
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, frame->begin, frame->end, 1, NULL, 0);
    emit_unit(at, loop.index);
    hmlc_frame_loop_end(frame, &loop, NULL);
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_window_class = {
    .name = "window",
    .form = HMLC_FORM_WINDOW,
    .plan = hmlc_window_plan,
    .emit = window_emit,
};
