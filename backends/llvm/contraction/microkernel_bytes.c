/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_bytes.h"

/* Of pairs, what is held of rows or vectors, whichever are fewer, takes two registers each; three
 * more are an operand from memory, in two parts, and a product. Of halves one each; three more are
 * an operand, ones, and a product. */
bool hmlc_bytes_fit(const hmlc_target *target, hmlc_byte_step step, uint32_t rows, uint32_t vectors)
{
    uint32_t held = rows < vectors ? rows : vectors;
    uint32_t needed = step == HMLC_BYTE_STEP_PAIRS    ? 2 * held + 3
                      : step == HMLC_BYTE_STEP_HALVES ? held + 3
                                                      : 0;
    return rows * vectors + needed <= (uint32_t)target->vector_registers;
}

LLVMValueRef hmlc_bytes_load_group(hmlc_frame *frame, LLVMValueRef address, LLVMValueRef stride,
                                   uint32_t count)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef group = LLVMConstNull(frame->i32);
    bool dense = LLVMIsAConstantInt(stride) && LLVMConstIntGetSExtValue(stride) == 1;
    if (dense && count == HMLC_BYTE_GROUP) {
        return hmlc_frame_load(frame, frame->i32, address, 1);
    }
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef place = LLVMBuildMul(builder, stride, hmlc_frame_int(frame, k), "");
        LLVMValueRef byte = hmlc_frame_load(
            frame, frame->i8, hmlc_frame_element(frame, frame->i8, address, place), 1);
        byte = LLVMBuildZExt(builder, byte, frame->i32, "");
        byte = LLVMBuildShl(builder, byte, LLVMConstInt(frame->i32, 8 * k, 0), "");
        group = LLVMBuildOr(builder, group, byte, "");
    }
    return group;
}

/* Byte `k` of every lane, widened by its type. */
static LLVMValueRef byte_of(hmlc_frame *frame, const hmlc_byte_products_of *of, LLVMValueRef groups,
                            hmlc_dtype dtype, uint32_t k)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t lanes = of->lanes;
    LLVMValueRef up = hmlc_frame_splat(frame, LLVMConstInt(frame->i32, 24 - 8 * k, 0), lanes);
    LLVMValueRef down = hmlc_frame_splat(frame, LLVMConstInt(frame->i32, 24, 0), lanes);
    LLVMValueRef value = LLVMBuildShl(builder, groups, up, "");
    return dtype == HMLC_DTYPE_i8 ? LLVMBuildAShr(builder, value, down, "")
                                  : LLVMBuildLShr(builder, value, down, "");
}

/* Which of a target's intrinsics is for vectors of `lanes` i32; HMLC_BYTE_VECTORS: none. */
static uint32_t vector_place(uint32_t lanes)
{
    uint32_t place = 0;
    while (place < HMLC_BYTE_VECTORS && lanes != 4U << place) {
        place++;
    }
    return place;
}

static bool takes_dot(const hmlc_target *target, hmlc_dtype left, hmlc_dtype right, uint32_t lanes)
{
    return target->bytes.dot != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS &&
           left == HMLC_DTYPE_u8 && right == HMLC_DTYPE_i8;
}

hmlc_byte_step hmlc_bytes_step(const hmlc_target *target, hmlc_pack_layout layout, hmlc_dtype left,
                               hmlc_dtype right, uint32_t lanes, bool proven)
{
    if (layout.group == 1) {
        return HMLC_BYTE_STEP_NONE;
    }
    if (takes_dot(target, left, right, lanes)) {
        return HMLC_BYTE_STEP_DOT;
    }
    if (proven && target->bytes.halves != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS &&
        left == HMLC_DTYPE_u8 && right == HMLC_DTYPE_i8) {
        return HMLC_BYTE_STEP_HALVES;
    }
    return target->bytes.pairs != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS
               ? HMLC_BYTE_STEP_PAIRS
               : HMLC_BYTE_STEP_WIDEN;
}

/* Calls one of the target's intrinsics for bytes, which have no overloads. */
static LLVMValueRef call_bytes(hmlc_frame *frame, const char *const *names,
                               LLVMValueRef const *arguments, uint32_t count, uint32_t lanes)
{
    LLVMTypeRef none[] = {frame->i32};
    return hmlc_frame_intrinsic_of(frame, names[vector_place(lanes)], none, 0, arguments, count);
}

static LLVMValueRef multiply_add(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b,
                                 LLVMValueRef sum)
{
    return LLVMBuildAdd(frame->builder, LLVMBuildMul(frame->builder, a, b, ""), sum, "");
}

/* Every second byte of a vector of groups, from the lowest or the second on, as i16 by its type. */
static LLVMValueRef every_second(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                 LLVMValueRef groups, hmlc_dtype dtype, bool odd)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t count = 2 * of->lanes;
    LLVMValueRef eight = hmlc_frame_splat(frame, LLVMConstInt(frame->i16, 8, 0), count);
    LLVMValueRef words = LLVMBuildBitCast(builder, groups, LLVMVectorType(frame->i16, count), "");
    if (dtype == HMLC_DTYPE_u8) {
        LLVMValueRef low = hmlc_frame_splat(frame, LLVMConstInt(frame->i16, 0xff, 0), count);
        return odd ? LLVMBuildLShr(builder, words, eight, "")
                   : LLVMBuildAnd(builder, words, low, "");
    }
    words = odd ? words : LLVMBuildShl(builder, words, eight, "");
    return LLVMBuildAShr(builder, words, eight, "");
}

hmlc_step_operand hmlc_bytes_operand(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                     LLVMValueRef value, hmlc_dtype dtype)
{
    if (of->step == HMLC_BYTE_STEP_HALVES) {
        LLVMTypeRef bytes = LLVMVectorType(frame->i8, 4 * of->lanes);
        return (hmlc_step_operand){LLVMBuildBitCast(frame->builder, value, bytes, ""), NULL};
    }
    if (of->step != HMLC_BYTE_STEP_PAIRS) {
        return (hmlc_step_operand){value, NULL};
    }
    return (hmlc_step_operand){every_second(frame, of, value, dtype, false),
                               every_second(frame, of, value, dtype, true)};
}

LLVMValueRef hmlc_bytes_add(hmlc_frame *frame, const hmlc_byte_products_of *of, uint32_t count,
                            const hmlc_step_operand *left, const hmlc_step_operand *right,
                            LLVMValueRef sum)
{
    if (of->step == HMLC_BYTE_STEP_DOT) {
        LLVMValueRef arguments[] = {sum, left->first, right->first};
        return call_bytes(frame, frame->target->bytes.dot, arguments, 3, of->lanes);
    }
    if (of->step == HMLC_BYTE_STEP_HALVES) {
        LLVMValueRef bytes[] = {left->first, right->first};
        LLVMValueRef one = LLVMConstInt(frame->i16, 1, 0);
        LLVMValueRef both[] = {call_bytes(frame, frame->target->bytes.halves, bytes, 2, of->lanes),
                               hmlc_frame_splat(frame, one, 2 * of->lanes)};
        return LLVMBuildAdd(frame->builder, sum,
                            call_bytes(frame, frame->target->bytes.pairs, both, 2, of->lanes), "");
    }
    if (of->step == HMLC_BYTE_STEP_PAIRS) {
        LLVMValueRef even[] = {left->first, right->first}, odd[] = {left->second, right->second};
        const char *const *names = frame->target->bytes.pairs;
        sum = LLVMBuildAdd(frame->builder, sum, call_bytes(frame, names, even, 2, of->lanes), "");
        return LLVMBuildAdd(frame->builder, sum, call_bytes(frame, names, odd, 2, of->lanes), "");
    }
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef by = byte_of(frame, of, right->first, of->right, k);
        sum = multiply_add(frame, byte_of(frame, of, left->first, of->left, k), by, sum);
    }
    return sum;
}
