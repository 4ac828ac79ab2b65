/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Right sides of fewer bits than the sums. Bytes are widened as they are loaded; of four bits each,
 * eight steps share an i32, four in the low halves of its bytes, then four in the high ones, and
 * shifts take one out; those with a sign are stored 8 larger. Products of a block are added
 * up without its scale, which is one factor of their sum: the same terms as with scaled weights,
 * rounded in another order.
 */
#include "microkernel_internal.h"
#include "llvm/elementwise/elementwise_internal.h"

enum { BITS = 4, BYTE = 8, PER_WORD = 32 };
#define SIGNS 0x88888888u

uint32_t hmlc_unpack_steps(const hmlc_microkernel *kernel)
{
    return kernel->scaled.nibbles ? HMLC_NIBBLES : 1;
}

static LLVMValueRef splat_bits(const depth_loop *loop, uint32_t bits)
{
    hmlc_frame *frame = loop->frame;
    return hmlc_frame_splat(frame, LLVMConstInt(frame->i32, bits, 0), loop->kernel->lanes);
}

static void load_words(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_vector(frame, kernel->right_dtype, kernel->lanes);
    for (uint32_t v = 0; v < kernel->vectors; v++) {
        LLVMValueRef words = hmlc_frame_load(frame, type, hmlc_depth_right_address(loop, v),
                                             kernel->panel_alignment);
        if (kernel->scaled.nibbles && kernel->scaled.is_signed) {
            words = LLVMBuildXor(frame->builder, words, splat_bits(loop, SIGNS), "");
        }
        loop->words[v] = words;
    }
}

void hmlc_unpack_all(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef first = loop->left;
    load_words(loop);
    for (loop->place = 0; loop->place < hmlc_unpack_steps(loop->kernel); loop->place++) {
        LLVMValueRef ahead = LLVMBuildMul(frame->builder, loop->kernel->depth_stride,
                                          hmlc_frame_int(frame, loop->place), "");
        loop->left = LLVMBuildNSWAdd(frame->builder, first, ahead, "");
        loop->split = loop->kernel->scaled.nibbles ? loop->place % loop->splits : loop->split;
        hmlc_depth_step(loop);
    }
    loop->split = loop->kernel->scaled.nibbles ? 0 : loop->split;
    loop->left = first;
}

/* The step of the eight that loop->place says. */
static LLVMValueRef nibble(const depth_loop *loop, LLVMValueRef words)
{
    LLVMBuilderRef builder = loop->frame->builder;
    uint32_t half = loop->place / HMLC_BYTE_GROUP;
    uint32_t low = BYTE * (loop->place % HMLC_BYTE_GROUP) + BITS * half;
    uint32_t high = PER_WORD - BITS - low;
    if (loop->kernel->scaled.is_signed) {
        words = LLVMBuildShl(builder, words, splat_bits(loop, high), "");
        return LLVMBuildAShr(builder, words, splat_bits(loop, PER_WORD - BITS), "");
    }
    words = LLVMBuildLShr(builder, words, splat_bits(loop, low), "");
    return high == 0 ? words : LLVMBuildAnd(builder, words, splat_bits(loop, 15), "");
}

LLVMValueRef hmlc_unpack_columns(const depth_loop *loop, uint32_t vector)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef words = loop->words[vector];
    LLVMValueRef columns =
        kernel->scaled.nibbles
            ? hmlc_elementwise_convert(frame, nibble(loop, words), HMLC_DTYPE_i32, kernel->dtype)
            : hmlc_elementwise_convert(frame, words, kernel->right_dtype, kernel->dtype);
    return kernel->scaled.zeros != NULL
               ? LLVMBuildFSub(frame->builder, columns, loop->zeros[vector], "")
               : columns;
}

/* Of this block: a vector of scales or zero points, in the sums' type. */
static LLVMValueRef load_block(const depth_loop *loop, LLVMValueRef base, hmlc_dtype dtype,
                               uint32_t vector)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    int64_t width = kernel->layout.width, first = kernel->first_lane;
    int64_t column = first + (int64_t)vector * kernel->lanes;
    LLVMValueRef place = hmlc_frame_int(frame, column / width * kernel->scaled.blocks * width +
                                                   column % width - first % width);
    LLVMTypeRef type = hmlc_frame_type(frame, dtype);
    LLVMValueRef address =
        hmlc_frame_element(frame, type, base, LLVMBuildAdd(frame->builder, loop->block, place, ""));
    LLVMValueRef value =
        hmlc_frame_load(frame, hmlc_frame_vector(frame, dtype, kernel->lanes), address,
                        (uint32_t)hmlc_dtype_bytes(dtype) * kernel->lanes);
    return hmlc_elementwise_convert(frame, value, dtype, kernel->dtype);
}

void hmlc_unpack_begin_block(depth_loop *loop)
{
    const hmlc_scaled_panels *scaled = &loop->kernel->scaled;
    for (uint32_t v = 0; scaled->zeros != NULL && v < loop->kernel->vectors; v++) {
        loop->zeros[v] = load_block(loop, scaled->zeros, scaled->zero_dtype, v);
    }
}

LLVMValueRef hmlc_unpack_add_block(const depth_loop *loop, uint32_t index, LLVMValueRef sum)
{
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef scale = load_block(loop, kernel->scaled.scales, kernel->scaled.scale_dtype,
                                    index % kernel->vectors);
    return hmlc_microkernel_multiply_add(loop->frame, kernel->dtype, loop->accumulators[index],
                                         scale, sum);
}
