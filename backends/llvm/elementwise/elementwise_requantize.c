/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requantize_fixed: TFLite's product of an i32 with a real number, exactly. The product of two i32
 * has 64 bits; vectors of them are made of the even and of the odd lanes, where the upper half of
 * an odd lane is in place already.
 */
#include "elementwise_internal.h"

enum { FRACTION = 31 };

static LLVMValueRef shift_left(hmlc_frame *frame, LLVMValueRef x, int64_t bits)
{
    return LLVMBuildShl(frame->builder, x, lanes_int(x, bits), "");
}

static LLVMValueRef shift_right(hmlc_frame *frame, LLVMValueRef x, int64_t bits)
{
    return LLVMBuildAShr(frame->builder, x, lanes_int(x, bits), "");
}

/*
 * Odd lanes in the place of the even ones, too. Not a shift: only what is widened in place is
 * widened where the product is, and LLVM has to see there that products of 32 bits are enough.
 */
static LLVMValueRef odd_lanes(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef places[HMLC_LANES_MAX];
    for (uint32_t k = 0; k < lanes_of(x); k++) {
        places[k] = LLVMConstInt(frame->i32, k | 1, 0);
    }
    return LLVMBuildShuffleVector(frame->builder, x, LLVMGetPoison(LLVMTypeOf(x)),
                                  LLVMConstVector(places, lanes_of(x)), "");
}

/* a * b of even lanes of i32, in lanes of i64. */
static LLVMValueRef even_products(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef operands[] = {a, b};
    for (int k = 0; k < 2; k++) {
        LLVMTypeRef pairs = LLVMVectorType(frame->i64, lanes_of(a) / 2);
        LLVMValueRef pair = LLVMBuildBitCast(frame->builder, operands[k], pairs, "");
        operands[k] = shift_right(frame, shift_left(frame, pair, 32), 32);
    }
    return LLVMBuildMul(frame->builder, operands[0], operands[1], "");
}

/* Even lanes of one, odd lanes of the other vector of i64 seen as i32. */
static LLVMValueRef interleave(hmlc_frame *frame, LLVMValueRef even, LLVMValueRef odd)
{
    uint32_t lanes = 2 * lanes_of(even);
    LLVMValueRef places[HMLC_LANES_MAX];
    LLVMTypeRef words = LLVMVectorType(frame->i32, lanes);
    for (uint32_t k = 0; k < lanes; k++) {
        places[k] = LLVMConstInt(frame->i32, k % 2 == 0 ? k : lanes + k, 0);
    }
    odd = LLVMBuildBitCast(frame->builder, odd, words, "");
    return LLVMBuildShuffleVector(frame->builder, LLVMBuildBitCast(frame->builder, even, words, ""),
                                  odd, LLVMConstVector(places, lanes), "");
}

static LLVMValueRef widened(hmlc_frame *frame, LLVMValueRef x)
{
    return LLVMBuildSExt(frame->builder, x, lanes_type(x, frame->i64), "");
}

/* (a * b + half) / 2^31 / 2^shift, cut off downwards; shift NULL: 0. */
static LLVMValueRef scaled(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, LLVMValueRef shift)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef product = widened(frame, b); /* of any lanes */
    product = LLVMBuildMul(builder, widened(frame, a), product, "");
    LLVMValueRef half = lanes_int(product, 1LL << (FRACTION - 1));
    if (shift != NULL) {
        half = LLVMBuildShl(builder, half, widened(frame, shift), "");
    }
    product = shift_right(frame, LLVMBuildAdd(builder, product, half, ""), FRACTION);
    if (shift != NULL) {
        product = LLVMBuildAShr(builder, product, widened(frame, shift), "");
    }
    return LLVMBuildTrunc(builder, product, LLVMTypeOf(a), "");
}

/* The upper half of twice the product, half up. */
static LLVMValueRef high_product(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t lanes = lanes_of(a);
    if (!frame->target->multiplies_every_second || lanes < 4 || lanes % 4 != 0) {
        return scaled(frame, a, b, NULL);
    }
    LLVMValueRef even = even_products(frame, a, b);
    LLVMValueRef odd = odd_lanes(frame, b);
    odd = even_products(frame, odd_lanes(frame, a), odd);
    LLVMValueRef half = lanes_int(even, 1LL << (FRACTION - 1));
    even = LLVMBuildAdd(builder, even, half, "");
    odd = LLVMBuildAdd(builder, odd, half, "");
    even = LLVMBuildLShr(builder, even, lanes_int(even, FRACTION), "");
    return interleave(frame, even, shift_left(frame, odd, 1));
}

/* x / 2^shift, half away from zero: what is cut off decides, above half or, below zero, from half
 * on. */
static LLVMValueRef divide_by_power(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef shift)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef one = lanes_int(x, 1);
    LLVMValueRef mask = LLVMBuildSub(builder, LLVMBuildShl(builder, one, shift, ""), one, "");
    LLVMValueRef half = LLVMBuildLShr(builder, mask, one, "");
    LLVMValueRef rest = LLVMBuildAnd(builder, x, mask, "");
    LLVMValueRef most = LLVMBuildSub(builder, half, shift_right(frame, x, 31), "");
    LLVMValueRef above = LLVMBuildICmp(builder, LLVMIntSGT, rest, most, "");
    LLVMValueRef next = LLVMBuildZExt(builder, above, LLVMTypeOf(x), "");
    return LLVMBuildAdd(builder, LLVMBuildAShr(builder, x, shift, ""), next, "");
}

/* round(x * number) in f64, half away from zero, saturated. */
static LLVMValueRef times_real(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef number)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef real = LLVMBuildSIToFP(builder, x, lanes_type(x, frame->f64), "");
    LLVMValueRef product = real_mul(frame, real, number);
    LLVMValueRef whole = hmlc_math_round(frame, HMLC_ROUND_TO_ZERO, product);
    LLVMValueRef rest = real_absolute(frame, real_sub(frame, product, whole));
    LLVMValueRef next =
        real_add(frame, whole, real_copysign(frame, lanes_real(product, 1), product));
    whole = lanes_select(frame, real_compare_to(frame, LLVMRealOGE, rest, 0.5), next, whole);
    whole = real_at_most(frame, real_at_least(frame, whole, -0x1p31), 0x1p31 - 1);
    return LLVMBuildFPToSI(builder, whole, LLVMTypeOf(x), "");
}

LLVMValueRef hmlc_elementwise_requantize(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a, multiplier = emission->b;
    int64_t rounding = hmlc_op_int(emission->op, HMLC_ATTR_rounding);
    if (rounding == HMLC_ROUNDING_REAL) {
        return times_real(frame, x, multiplier);
    }
    LLVMValueRef shift = emission->c;
    shift = LLVMBuildAnd(frame->builder, shift, lanes_int(shift, 31), "");
    return rounding == HMLC_ROUNDING_SINGLE
               ? scaled(frame, x, multiplier, shift)
               : divide_by_power(frame, high_product(frame, x, multiplier), shift);
}
