/* SPDX-License-Identifier: Apache-2.0 */
/* quantize and dequantize: in f32, as the definition of the operators rounds. */
#include "elementwise_internal.h"

static LLVMValueRef whole_extremum(hmlc_frame *frame, LLVMIntPredicate wins, LLVMValueRef x,
                                   int64_t bound)
{
    LLVMValueRef other = lanes_int(x, bound);
    LLVMValueRef kept = LLVMBuildICmp(frame->builder, wins, x, other, "");
    return lanes_select(frame, kept, x, other);
}

static LLVMValueRef as_f32(const hmlc_emission *emission, uint32_t operand, LLVMValueRef value)
{
    hmlc_dtype dtype = hmlc_op_operand(emission->op, operand)->type->dtype;
    return hmlc_elementwise_convert(emission->frame, value, dtype, HMLC_DTYPE_f32);
}

/* -- where an instruction rounds to i32 -- */

/* In LLVM's own words. */
static LLVMValueRef nearest_plain(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMTypeRef type = LLVMTypeOf(x), types[] = {lanes_type(x, frame->i32), type};
    x = hmlc_frame_intrinsic(frame, "llvm.roundeven", type, &x, 1);
    return hmlc_frame_intrinsic_of(frame, "llvm.fptosi.sat", types, 2, &x, 1);
}

static LLVMValueRef nearest_number(hmlc_frame *frame, LLVMValueRef x)
{
    if (frame->target->nearest->scalar == NULL) {
        return nearest_plain(frame, x);
    }
    LLVMValueRef bits =
        hmlc_frame_intrinsic(frame, frame->target->nearest->scalar, frame->f32, &x, 1);
    return LLVMBuildBitCast(frame->builder, bits, frame->i32, "");
}

/* Of a vector register. */
static LLVMValueRef nearest_vector(hmlc_frame *frame, LLVMValueRef x)
{
    const hmlc_nearest *nearest = frame->target->nearest;
    LLVMTypeRef types[] = {lanes_type(x, frame->i32), LLVMTypeOf(x)};
    LLVMValueRef arguments[] = {LLVMConstNull(frame->i32), x};
    return nearest->alone ? hmlc_frame_intrinsic_of(frame, nearest->vector, types, 2, &x, 1)
                          : hmlc_frame_intrinsic_of(frame, nearest->vector, types, 2, arguments, 2);
}

static LLVMValueRef nearest_vectors(hmlc_frame *frame, LLVMValueRef x, uint32_t own)
{
    uint32_t half = lanes_of(x) / 2;
    if (2 * half == own) {
        return nearest_vector(frame, x);
    }
    LLVMValueRef halves[2];
    for (uint32_t k = 0; k < 2; k++) {
        halves[k] = nearest_vectors(frame, hmlc_frame_lanes(frame, x, k * half, 1, half), own);
    }
    return hmlc_frame_join(frame, halves, 2);
}

static LLVMValueRef nearest(hmlc_frame *frame, LLVMValueRef x)
{
    const hmlc_target *target = frame->target;
    uint32_t lanes = lanes_of(x), own = (uint32_t)target->vector_bytes / 4;
    LLVMTypeRef whole = lanes_type(x, frame->i32);
    bool twice = target->nearest->alone && lanes > own && (lanes & (lanes - 1)) == 0;
    if (target->nearest->vector != NULL && (lanes == own || twice)) {
        return nearest_vectors(frame, x, own);
    }
    if (lanes == 1) {
        return nearest_number(frame, x);
    }
    if (target->nearest->scalar == NULL) {
        return nearest_plain(frame, x);
    }
    LLVMValueRef result = LLVMGetPoison(whole);
    for (uint32_t k = 0; k < lanes; k++) {
        LLVMValueRef at = LLVMConstInt(frame->i32, k, 0);
        LLVMValueRef number =
            nearest_number(frame, LLVMBuildExtractElement(frame->builder, x, at, ""));
        result = LLVMBuildInsertElement(frame->builder, result, number, at, "");
    }
    return result;
}

/* Within bounds. */
static LLVMValueRef saturate(hmlc_frame *frame, LLVMValueRef x, int64_t least, int64_t most)
{
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef low[] = {x, lanes_int(x, least)};
    LLVMValueRef high[] = {hmlc_frame_intrinsic(frame, "llvm.smax", type, low, 2),
                           lanes_int(x, most)};
    return hmlc_frame_intrinsic(frame, "llvm.smin", type, high, 2);
}

static LLVMValueRef is_ordered(hmlc_frame *frame, LLVMValueRef x)
{
    return real_compare(frame, LLVMRealORD, x, x);
}

static LLVMValueRef add_saturating(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef terms[] = {a, b};
    return hmlc_frame_intrinsic(frame, "llvm.sadd.sat", LLVMTypeOf(a), terms, 2);
}

static LLVMValueRef zero_point(const hmlc_emission *emission)
{
    hmlc_dtype dtype = hmlc_op_operand(emission->op, 2)->type->dtype;
    return hmlc_elementwise_convert(emission->frame, emission->c, dtype, HMLC_DTYPE_i32);
}

/* As below, but the zero point is added to an integer, which saturates. */
static LLVMValueRef quantize_whole(const hmlc_emission *emission, LLVMValueRef quotient,
                                   int64_t least, int64_t most)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef value = nearest(frame, quotient);
    if (emission->c == NULL) {
        return saturate(frame, value, least, most); /* 0 where it is NaN */
    }
    value = saturate(frame, add_saturating(frame, value, zero_point(emission)), least, most);
    return lanes_select(frame, is_ordered(frame, quotient), value, lanes_int(value, 0));
}

/* The same in two narrowing steps, of bytes. NaN, which is 0, gets no zero point. */
static LLVMValueRef quantize_halving(const hmlc_emission *emission, LLVMValueRef quotient,
                                     int64_t least, int64_t most)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef value = nearest(frame, quotient);
    if (emission->c != NULL) {
        LLVMValueRef zero = zero_point(emission);
        zero = lanes_select(frame, is_ordered(frame, quotient), zero, lanes_int(value, 0));
        value = add_saturating(frame, value, zero);
    }
    value = saturate(frame, value, INT16_MIN, INT16_MAX);
    value = LLVMBuildTrunc(frame->builder, value, lanes_type(value, frame->i16), "");
    return saturate(frame, value, least, most);
}

/* -- elsewhere by a sum -- */

/* x within [least, most]; NaN becomes `least`. */
static LLVMValueRef clamp(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef least, LLVMValueRef most)
{
    x = lanes_select(frame, real_compare(frame, LLVMRealOGT, x, least), x, least);
    return lanes_select(frame, real_compare(frame, LLVMRealOLT, x, most), x, most);
}

/*
 * round(x / scale) + zero point, saturated; NaN gives 0. `to` has at most 16 bits. What would
 * saturate is cut off in front of rounding: the bounds, less the zero point, are whole numbers.
 * Added to 1.5 * 2^23 a number of less than 2^22 is rounded to nearest, ties to even, and the sum's
 * last bits are the integer. The zero point joins the integer: added before, ties would go the
 * other way where it is odd.
 */
LLVMValueRef hmlc_elementwise_quantize(const hmlc_emission *emission)
{
    static const double round_up = 0x1.8p23;
    static const int64_t round_up_bits = 0x4B400000;
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    hmlc_dtype to = emission->op->results[0]->type->dtype;
    int64_t half = (int64_t)1 << (hmlc_dtype_bits(to) - 1);
    bool unsigned_ = hmlc_dtype_is_unsigned(to);
    int64_t least = unsigned_ ? 0 : -half, most = unsigned_ ? 2 * half - 1 : half - 1;
    LLVMValueRef scale = as_f32(emission, 1, emission->b);
    LLVMValueRef x = real_div(frame, as_f32(emission, 0, emission->a), scale);
    if (frame->target->nearest != NULL) {
        bool halving = frame->target->nearest->narrows && most < INT16_MAX;
        LLVMValueRef whole = halving ? quantize_halving(emission, x, least, most)
                                     : quantize_whole(emission, x, least, most);
        return LLVMBuildTrunc(builder, whole, lanes_type(x, hmlc_frame_type(frame, to)), "");
    }
    LLVMValueRef low = lanes_real(x, (double)least), high = lanes_real(x, (double)most);
    LLVMValueRef shift = lanes_splat(x, LLVMConstInt(frame->i32, (uint64_t)-round_up_bits, 1));
    if (emission->c != NULL) {
        LLVMValueRef zero = as_f32(emission, 2, emission->c);
        low = real_sub(frame, low, zero);
        high = real_sub(frame, high, zero);
        hmlc_dtype dtype = hmlc_op_operand(emission->op, 2)->type->dtype;
        zero = hmlc_elementwise_convert(frame, emission->c, dtype, HMLC_DTYPE_i32);
        shift = LLVMBuildAdd(builder, zero, shift, "");
    }
    LLVMValueRef sum = real_plus(frame, clamp(frame, x, low, high), round_up);
    LLVMValueRef whole = LLVMBuildAdd(builder, lanes_bits(frame, sum, frame->i32), shift, "");
    if (!unsigned_) { /* else it is the least */
        LLVMValueRef ordered = real_compare(frame, LLVMRealORD, x, x);
        whole = lanes_select(frame, ordered, whole, lanes_int(whole, 0));
    }
    if (frame->target->packs_saturate) { /* it is within; LLVM then knows */
        whole = whole_extremum(frame, LLVMIntSGT, whole, least);
        whole = whole_extremum(frame, LLVMIntSLT, whole, most);
    }
    return LLVMBuildTrunc(builder, whole, lanes_type(whole, hmlc_frame_type(frame, to)), "");
}

/* (x - zero point) * scale. */
LLVMValueRef hmlc_elementwise_dequantize(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    hmlc_dtype from = emission->dtype, to = emission->op->results[0]->type->dtype;
    bool wide = hmlc_dtype_bits(from) > 16;
    hmlc_dtype whole = wide ? HMLC_DTYPE_i64 : HMLC_DTYPE_i32;
    LLVMValueRef difference = hmlc_elementwise_convert(frame, emission->a, from, whole);
    if (emission->c != NULL) {
        difference = LLVMBuildSub(frame->builder, difference,
                                  hmlc_elementwise_convert(frame, emission->c, from, whole), "");
    }
    hmlc_dtype real = wide ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32;
    hmlc_dtype scale_type = hmlc_op_operand(emission->op, 1)->type->dtype;
    LLVMValueRef scale = hmlc_elementwise_convert(frame, emission->b, scale_type, real);
    LLVMValueRef x = hmlc_elementwise_convert(frame, difference, whole, real);
    return hmlc_elementwise_convert(frame, real_mul(frame, x, scale), real, to);
}
