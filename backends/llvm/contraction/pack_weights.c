/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights that are not constant: packed into scratch memory when a kernel call begins. Element by
 * element, which is what models with such weights (tests, hypernetworks) can bear.
 */
#include "pack.h"
#include "llvm/elementwise/elementwise_internal.h"

typedef struct weight_packer {
    hmlc_frame *frame;
    const hmlc_pack_weights *panels;
    LLVMValueRef from, to; /* of the batch element */
} weight_packer;

static LLVMValueRef scaled(hmlc_frame *frame, LLVMValueRef index, int64_t by)
{
    return LLVMBuildMul(frame->builder, index, hmlc_frame_int(frame, by), "");
}

static LLVMValueRef sum(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(frame->builder, a, b, "");
}

/* The row of step `k` (weights at `offset`) of the panel at `column`. */
static void pack_step(weight_packer *at, LLVMValueRef column, LLVMValueRef k, LLVMValueRef offset)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_pack_weights *panels = at->panels;
    LLVMTypeRef from = hmlc_frame_type(frame, panels->dtype);
    LLVMTypeRef to = hmlc_frame_type(frame, panels->packed_dtype);
    LLVMValueRef columns = hmlc_frame_int(frame, panels->columns);
    int64_t width = panels->layout.width;
    LLVMValueRef row = scaled(frame, k, width);
    row = sum(frame, scaled(frame, column, panels->depth), row);
    for (int64_t j = 0; j < width; j++) {
        LLVMValueRef number = sum(frame, column, hmlc_frame_int(frame, j));
        LLVMValueRef exists = LLVMBuildICmp(builder, LLVMIntSLT, number, columns, "");
        LLVMValueRef safe = LLVMBuildSelect(builder, exists, number, column, "");
        LLVMValueRef place = sum(frame, offset, scaled(frame, safe, panels->column_stride));
        LLVMValueRef value =
            hmlc_frame_load(frame, from, hmlc_frame_element(frame, from, at->from, place),
                            (uint32_t)hmlc_dtype_bytes(panels->dtype));
        value = hmlc_elementwise_convert(frame, value, panels->dtype, panels->packed_dtype);
        value = LLVMBuildSelect(builder, exists, value, LLVMConstNull(to), "");
        LLVMValueRef target =
            hmlc_frame_element(frame, to, at->to, sum(frame, row, hmlc_frame_int(frame, j)));
        hmlc_frame_store(frame, value, target, (uint32_t)hmlc_dtype_bytes(panels->packed_dtype));
    }
}

static void pack_matrix(weight_packer *at)
{
    hmlc_frame *frame = at->frame;
    const hmlc_pack_weights *panels = at->panels;
    int64_t steps = panels->depth / panels->tap_count;
    int64_t tap_stride = panels->tap_count > 1 ? panels->taps[1] : 0;
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    hmlc_frame_loop columns, taps, inner;
    hmlc_frame_loop_begin(frame, &columns, zero, hmlc_frame_int(frame, panels->columns),
                          panels->layout.width, NULL, 0);
    hmlc_frame_loop_begin(frame, &taps, zero, hmlc_frame_int(frame, panels->tap_count), 1, NULL, 0);
    hmlc_frame_loop_begin(frame, &inner, zero, hmlc_frame_int(frame, steps), 1, NULL, 0);
    LLVMValueRef k = sum(frame, scaled(frame, taps.index, steps), inner.index);
    LLVMValueRef offset = scaled(frame, inner.index, panels->depth_stride);
    offset = sum(frame, scaled(frame, taps.index, tap_stride), offset);
    pack_step(at, columns.index, k, offset);
    hmlc_frame_loop_end(frame, &inner, NULL);
    hmlc_frame_loop_end(frame, &taps, NULL);
    hmlc_frame_loop_end(frame, &columns, NULL);
}

void hmlc_pack_weights_emit(hmlc_frame *frame, const hmlc_pack_weights *panels, LLVMValueRef from,
                            LLVMValueRef to)
{
    weight_packer at = {.frame = frame, .panels = panels};
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, panels->batches), 1, NULL, 0);
    at.from = hmlc_frame_element(frame, hmlc_frame_type(frame, panels->dtype), from,
                                 scaled(frame, loop.index, panels->batch_stride));
    at.to = hmlc_frame_element(frame, hmlc_frame_type(frame, panels->packed_dtype), to,
                               scaled(frame, loop.index, hmlc_pack_weights_elements(panels)));
    pack_matrix(&at);
    hmlc_frame_loop_end(frame, &loop, NULL);
}
