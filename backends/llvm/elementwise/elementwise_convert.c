/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions between element types, bit for bit as the reference evaluation has them: float to
 * integer truncates and wraps through int64 (what does not fit int64 is its minimum), each rounding
 * is to nearest even and happens once.
 */
#include "elementwise_internal.h"

LLVMValueRef hmlc_elementwise_from_memory(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef value)
{
    return dtype == HMLC_DTYPE_bool
               ? LLVMBuildICmp(frame->builder, LLVMIntNE, value, lanes_int(value, 0), "")
               : value;
}

LLVMValueRef hmlc_elementwise_to_memory(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef value)
{
    return dtype == HMLC_DTYPE_bool
               ? LLVMBuildZExt(frame->builder, value, lanes_type(value, frame->i8), "")
               : value;
}

/* -- half-width floats: patterns in i16, which code of any CPU converts; f16 by instructions where
 * the target has them -- */

static LLVMValueRef and_int(hmlc_frame *frame, LLVMValueRef value, int64_t mask)
{
    return LLVMBuildAnd(frame->builder, value, lanes_int(value, mask), "");
}

static LLVMValueRef shift_left(hmlc_frame *frame, LLVMValueRef value, int64_t amount)
{
    return LLVMBuildShl(frame->builder, value, lanes_int(value, amount), "");
}

static LLVMValueRef shift_right(hmlc_frame *frame, LLVMValueRef value, int64_t amount)
{
    return LLVMBuildLShr(frame->builder, value, lanes_int(value, amount), "");
}

static LLVMValueRef add_int(hmlc_frame *frame, LLVMValueRef value, int64_t term)
{
    return LLVMBuildAdd(frame->builder, value, lanes_int(value, term), "");
}

static LLVMValueRef half_bits(hmlc_frame *frame, LLVMValueRef value)
{
    return LLVMBuildZExt(frame->builder, value, lanes_type(value, frame->i32), "");
}

static LLVMValueRef half_from_bits(hmlc_frame *frame, LLVMValueRef bits)
{
    return LLVMBuildTrunc(frame->builder, bits, lanes_type(bits, frame->i16), "");
}

static LLVMValueRef bf16_to_f32(hmlc_frame *frame, LLVMValueRef value)
{
    return lanes_bits(frame, shift_left(frame, half_bits(frame, value), 16), frame->f32);
}

static LLVMValueRef f32_to_bf16(hmlc_frame *frame, LLVMValueRef value)
{
    if (frame->target->multiplies_bf16 != NULL) { /* then it converts, too */
        LLVMTypeRef half = lanes_type(value, LLVMBFloatTypeInContext(frame->context));
        return lanes_bits(frame, LLVMBuildFPTrunc(frame->builder, value, half, ""), frame->i16);
    }
    LLVMValueRef bits = lanes_bits(frame, value, frame->i32);
    LLVMValueRef odd = and_int(frame, shift_right(frame, bits, 16), 1);
    LLVMValueRef rounded = LLVMBuildAdd(frame->builder, add_int(frame, bits, 0x7FFF), odd, "");
    LLVMValueRef quiet = LLVMBuildOr(frame->builder, bits, lanes_int(bits, 0x400000), "");
    LLVMValueRef unordered = real_compare(frame, LLVMRealUNO, value, value);
    LLVMValueRef chosen = lanes_select(frame, unordered, quiet, rounded);
    return half_from_bits(frame, shift_right(frame, chosen, 16));
}

static LLVMValueRef f16_to_f32_by_instruction(hmlc_frame *frame, LLVMValueRef value)
{
    enum { FOUR = 4 };
    if (frame->target->widen_four != NULL && lanes_of(value) == FOUR) {
        return hmlc_frame_intrinsic_of(frame, frame->target->widen_four, NULL, 0, &value, 1);
    }
    LLVMTypeRef half = LLVMHalfTypeInContext(frame->context);
    return LLVMBuildFPExt(frame->builder, lanes_bits(frame, value, half),
                          lanes_type(value, frame->f32), "");
}

static LLVMValueRef f32_to_f16_by_instruction(hmlc_frame *frame, LLVMValueRef value)
{
    LLVMTypeRef half = lanes_type(value, LLVMHalfTypeInContext(frame->context));
    return lanes_bits(frame, LLVMBuildFPTrunc(frame->builder, value, half, ""), frame->i16);
}

/* The exponent's bias moves by a multiplication, which also makes denormals right. */
static LLVMValueRef f16_to_f32(hmlc_frame *frame, LLVMValueRef value)
{
    if (frame->target->has_half) {
        return f16_to_f32_by_instruction(frame, value);
    }
    LLVMValueRef bits = half_bits(frame, value);
    LLVMValueRef magnitude = shift_left(frame, and_int(frame, bits, 0x7FFF), 13);
    LLVMValueRef scaled = real_scale(frame, lanes_bits(frame, magnitude, frame->f32), 0x1p112);
    LLVMValueRef special =
        LLVMBuildICmp(frame->builder, LLVMIntUGE, magnitude, lanes_int(magnitude, 0x0F800000), "");
    LLVMValueRef infinite =
        LLVMBuildOr(frame->builder, magnitude, lanes_int(magnitude, 0x7F800000), "");
    LLVMValueRef result =
        lanes_select(frame, special, infinite, lanes_bits(frame, scaled, frame->i32));
    LLVMValueRef sign = shift_left(frame, and_int(frame, bits, 0x8000), 16);
    return lanes_bits(frame, LLVMBuildOr(frame->builder, result, sign, ""), frame->f32);
}

static LLVMValueRef f32_to_f16(hmlc_frame *frame, LLVMValueRef value)
{
    if (frame->target->has_half) {
        return f32_to_f16_by_instruction(frame, value);
    }
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef bits = lanes_bits(frame, value, frame->i32);
    LLVMValueRef magnitude = and_int(frame, bits, 0x7FFFFFFF);
    /* normal results: rebias, round to nearest even at bit 13 */
    LLVMValueRef odd = and_int(frame, shift_right(frame, magnitude, 13), 1);
    LLVMValueRef normal =
        LLVMBuildAdd(builder, add_int(frame, magnitude, 0xFFF - ((int64_t)112 << 23)), odd, "");
    normal = shift_right(frame, normal, 13);
    /* denormal results: adding 1/2 lets the hardware round at 2^-24 */
    LLVMValueRef denormal = real_plus(frame, lanes_bits(frame, magnitude, frame->f32), 0.5);
    denormal = add_int(frame, lanes_bits(frame, denormal, frame->i32), -0x3F000000);
    LLVMValueRef small =
        LLVMBuildICmp(builder, LLVMIntULT, magnitude, lanes_int(magnitude, (int64_t)113 << 23), "");
    LLVMValueRef result = lanes_select(frame, small, denormal, normal);
    LLVMValueRef large =
        LLVMBuildICmp(builder, LLVMIntUGE, magnitude, lanes_int(magnitude, (int64_t)143 << 23), "");
    LLVMValueRef nan =
        LLVMBuildICmp(builder, LLVMIntUGT, magnitude, lanes_int(magnitude, 0x7F800000), "");
    LLVMValueRef special =
        lanes_select(frame, nan, lanes_int(bits, 0x7E00), lanes_int(bits, 0x7C00));
    result = lanes_select(frame, large, special, result);
    LLVMValueRef sign = and_int(frame, shift_right(frame, bits, 16), 0x8000);
    return half_from_bits(frame, LLVMBuildOr(builder, result, sign, ""));
}

/* f64 to f32 rounded to odd, so that a second rounding to a narrower type is right. */
static LLVMValueRef f64_to_f32_odd(hmlc_frame *frame, LLVMValueRef value)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef word = lanes_type(value, frame->i32);
    LLVMValueRef narrow = LLVMBuildFPTrunc(builder, value, lanes_type(value, frame->f32), "");
    LLVMValueRef back = LLVMBuildFPExt(builder, narrow, LLVMTypeOf(value), "");
    LLVMValueRef inexact = real_compare(frame, LLVMRealONE, back, value);
    LLVMValueRef magnitude = real_absolute(frame, value);
    LLVMValueRef away = real_compare(frame, LLVMRealOGT, real_absolute(frame, back), magnitude);
    LLVMValueRef bits = lanes_bits(frame, narrow, frame->i32);
    bits = LLVMBuildSub(builder, bits, LLVMBuildZExt(builder, away, word, ""), "");
    bits = LLVMBuildOr(builder, bits, LLVMBuildZExt(builder, inexact, word, ""), "");
    return lanes_bits(frame, bits, frame->f32);
}

static LLVMValueRef real_to_real(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype from,
                                 hmlc_dtype to)
{
    if (hmlc_dtype_is_half(from)) {
        value = from == HMLC_DTYPE_f16 ? f16_to_f32(frame, value) : bf16_to_f32(frame, value);
        from = HMLC_DTYPE_f32;
    }
    if (hmlc_dtype_is_half(to)) {
        value = from == HMLC_DTYPE_f64 ? f64_to_f32_odd(frame, value) : value;
        return to == HMLC_DTYPE_f16 ? f32_to_f16(frame, value) : f32_to_bf16(frame, value);
    }
    if (from == to) {
        return value;
    }
    return to == HMLC_DTYPE_f64
               ? LLVMBuildFPExt(frame->builder, value, lanes_type(value, frame->f64), "")
               : LLVMBuildFPTrunc(frame->builder, value, lanes_type(value, frame->f32), "");
}

/* -- float to integer -- */

/* Layout of a float type. */
typedef struct float_layout {
    int64_t mantissa_bits, exponent_mask, bias;
} float_layout;

static const float_layout layout_f32 = {23, 0xFF, 127};
static const float_layout layout_f64 = {52, 0x7FF, 1023};

/* mantissa * 2^exponent of |x|, in lanes of i64. */
static void split_real(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef *mantissa,
                       LLVMValueRef *exponent)
{
    bool wide = lanes_element(x) == frame->f64;
    const float_layout *layout = wide ? &layout_f64 : &layout_f32;
    LLVMValueRef bits = lanes_bits(frame, x, wide ? frame->i64 : frame->i32);
    if (!wide) {
        bits = LLVMBuildZExt(frame->builder, bits, lanes_type(bits, frame->i64), "");
    }
    int64_t hidden = (int64_t)1 << layout->mantissa_bits;
    *mantissa =
        LLVMBuildOr(frame->builder, and_int(frame, bits, hidden - 1), lanes_int(bits, hidden), "");
    LLVMValueRef field =
        and_int(frame, shift_right(frame, bits, layout->mantissa_bits), layout->exponent_mask);
    *exponent = add_int(frame, field, -(layout->bias + layout->mantissa_bits));
}

/* max(value, 0), at most 63. */
static LLVMValueRef clamp_shift(hmlc_frame *frame, LLVMValueRef value)
{
    LLVMValueRef zero = lanes_int(value, 0), most = lanes_int(value, 63);
    LLVMValueRef negative = LLVMBuildICmp(frame->builder, LLVMIntSLT, value, zero, "");
    LLVMValueRef large = LLVMBuildICmp(frame->builder, LLVMIntSGT, value, most, "");
    return lanes_select(frame, negative, zero, lanes_select(frame, large, most, value));
}

/* Any f32 or f64 to 64 bits. `unsigned_` keeps [2^63, 2^64). */
static LLVMValueRef real_to_i64(hmlc_frame *frame, LLVMValueRef x, bool unsigned_)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef mantissa, exponent;
    split_real(frame, x, &mantissa, &exponent);
    LLVMValueRef down = clamp_shift(frame, LLVMBuildNeg(builder, exponent, ""));
    LLVMValueRef up = clamp_shift(frame, exponent);
    LLVMValueRef value = LLVMBuildShl(builder, LLVMBuildLShr(builder, mantissa, down, ""), up, "");
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    value = lanes_select(frame, negative, LLVMBuildNeg(builder, value, ""), value);
    LLVMValueRef above = real_compare_to(frame, LLVMRealUGE, x, unsigned_ ? 0x1p64 : 0x1p63);
    LLVMValueRef below = real_compare_to(frame, LLVMRealOLT, x, -0x1p63);
    LLVMValueRef outside = LLVMBuildOr(builder, above, below, "");
    return lanes_select(frame, outside, lanes_int(value, INT64_MIN), value);
}

/* f32 to the low 32 bits of that: the machine's conversion where it fits, a shift elsewhere. */
static LLVMValueRef f32_to_i32(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef word = lanes_type(x, frame->i32);
    LLVMValueRef direct = LLVMBuildFPToSI(builder, x, word, "");
    LLVMValueRef bits = lanes_bits(frame, x, frame->i32);
    LLVMValueRef mantissa =
        LLVMBuildOr(builder, and_int(frame, bits, 0x7FFFFF), lanes_int(bits, 0x800000), "");
    LLVMValueRef shift = add_int(frame, and_int(frame, shift_right(frame, bits, 23), 0xFF), -150);
    LLVMValueRef far = LLVMBuildICmp(builder, LLVMIntUGT, shift, lanes_int(shift, 31), "");
    LLVMValueRef amount = lanes_select(frame, far, lanes_int(shift, 0), shift);
    LLVMValueRef high = LLVMBuildShl(builder, mantissa, amount, "");
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    high = lanes_select(frame, negative, LLVMBuildNeg(builder, high, ""), high);
    high = lanes_select(frame, far, lanes_int(high, 0), high);
    LLVMValueRef fits = real_compare_to(frame, LLVMRealOLT, real_absolute(frame, x), 0x1p31);
    return lanes_select(frame, fits, direct, high);
}

static LLVMValueRef real_to_integer(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype to)
{
    bool wide = lanes_element(value) == frame->f64;
    LLVMValueRef whole = wide || hmlc_dtype_bits(to) == 64
                             ? real_to_i64(frame, value, hmlc_dtype_is_unsigned(to))
                             : f32_to_i32(frame, value);
    LLVMTypeRef type = lanes_type(value, hmlc_frame_type(frame, to));
    return LLVMBuildTrunc(frame->builder, whole, type, "");
}

/* -- integer to float -- */

static LLVMValueRef integer_to_real(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype from,
                                    hmlc_dtype to)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t bits = hmlc_dtype_bits(from);
    bool unsigned_ = hmlc_dtype_is_unsigned(from) || from == HMLC_DTYPE_bool;
    /* the reference goes through f64 for u64 and for half-width results */
    bool through_f64 = bits >= 32 && (from == HMLC_DTYPE_u64 || hmlc_dtype_is_half(to));
    hmlc_dtype first = to == HMLC_DTYPE_f64 || through_f64 ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32;
    LLVMTypeRef type = lanes_type(value, hmlc_frame_type(frame, first));
    LLVMValueRef real = unsigned_ ? LLVMBuildUIToFP(builder, value, type, "")
                                  : LLVMBuildSIToFP(builder, value, type, "");
    return real_to_real(frame, real, first, to);
}

static LLVMValueRef integer_to_integer(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype from,
                                       hmlc_dtype to)
{
    uint32_t old_bits = from == HMLC_DTYPE_bool ? 1 : hmlc_dtype_bits(from);
    uint32_t bits = hmlc_dtype_bits(to);
    LLVMTypeRef type = lanes_type(value, hmlc_frame_type(frame, to));
    if (bits < old_bits) {
        return LLVMBuildTrunc(frame->builder, value, type, "");
    }
    if (bits == old_bits) {
        return value;
    }
    bool unsigned_ = hmlc_dtype_is_unsigned(from) || from == HMLC_DTYPE_bool;
    return unsigned_ ? LLVMBuildZExt(frame->builder, value, type, "")
                     : LLVMBuildSExt(frame->builder, value, type, "");
}

LLVMValueRef hmlc_elementwise_convert(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype from,
                                      hmlc_dtype to)
{
    if (from == to) {
        return value;
    }
    bool real = hmlc_dtype_is_float(from);
    if (real && hmlc_dtype_is_float(to)) {
        return real_to_real(frame, value, from, to);
    }
    if (real && hmlc_dtype_is_half(from)) {
        value = real_to_real(frame, value, from, HMLC_DTYPE_f32);
    }
    if (to == HMLC_DTYPE_bool) {
        return real ? real_compare_to(frame, LLVMRealUNE, value, 0.0)
                    : LLVMBuildICmp(frame->builder, LLVMIntNE, value, lanes_int(value, 0), "");
    }
    if (real) {
        return real_to_integer(frame, value, to);
    }
    return hmlc_dtype_is_float(to) ? integer_to_real(frame, value, from, to)
                                   : integer_to_integer(frame, value, from, to);
}
