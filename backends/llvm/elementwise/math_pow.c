/* SPDX-License-Identifier: Apache-2.0 */
/* pow by f64 (so that the bound needs no fma) and an exact fmod. */
#include <math.h>

#include "math_build.h"
#include "math_functions.h"

/* tools/scripts/fit_math.py exp64: 2^f = 1 + f P(f), |f| <= 1/2. */
static const double exp64_core[] = {
    1.32155429528113922e-6, 1.53036406001946645e-5, 1.54036293927058555e-4, 1.33334786990430974e-3,
    9.61812894260502711e-3, 5.55041090611468613e-2, 2.40226506964898168e-1, 6.93147180556861753e-1};

static LLVMValueRef widen(hmlc_frame *frame, LLVMValueRef x)
{
    return LLVMBuildFPExt(frame->builder, x, lanes_type(x, frame->f64), "");
}

/* 2^z in f64 for |z| <= 200; NaN stays. */
static LLVMValueRef exp2_f64(hmlc_frame *frame, LLVMValueRef z)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef n = hmlc_math_round(frame, HMLC_ROUND_MODE, z);
    LLVMValueRef f = real_sub(frame, z, n);
    LLVMValueRef value =
        hmlc_frame_fma(frame, f, REAL_POLYNOMIAL(frame, f, exp64_core), lanes_real(f, 1.0));
    LLVMValueRef power = LLVMBuildFPToSI(builder, n, lanes_type(z, frame->i32), "");
    power = LLVMBuildFreeze(builder, power, "");
    power = LLVMBuildAdd(builder, power, lanes_int(power, 1023), "");
    power = LLVMBuildSExt(builder, power, lanes_type(z, frame->i64), "");
    power = LLVMBuildShl(builder, power, lanes_int(power, 52), "");
    return real_mul(frame, value, lanes_bits(frame, power, frame->f64));
}

static LLVMValueRef is_whole(hmlc_frame *frame, LLVMValueRef y)
{
    return real_compare(frame, LLVMRealOEQ, hmlc_math_round(frame, HMLC_ROUND_MODE, y), y);
}

/* |x|^y for every x and y but |x| = 1 and y = 0; y is f64. */
static LLVMValueRef pow_magnitude(hmlc_frame *frame, LLVMValueRef magnitude, LLVMValueRef y)
{
    LLVMValueRef wide = widen(frame, magnitude);
    LLVMValueRef log2 = hmlc_math_log2_f64(frame, wide);
    LLVMValueRef zero = real_compare_to(frame, LLVMRealOEQ, wide, 0.0);
    LLVMValueRef huge = real_compare_to(frame, LLVMRealOEQ, wide, INFINITY);
    LLVMValueRef unordered = real_compare(frame, LLVMRealUNO, wide, wide);
    log2 = lanes_select(frame, zero, lanes_real(log2, -1e200), log2);
    log2 = lanes_select(frame, huge, lanes_real(log2, 1e200), log2);
    log2 = lanes_select(frame, unordered, wide, log2);
    LLVMValueRef z = real_mul(frame, y, log2);
    z = real_at_most(frame, real_at_least(frame, z, -200.0), 200.0);
    return LLVMBuildFPTrunc(frame->builder, exp2_f64(frame, z), lanes_type(magnitude, frame->f32),
                            "");
}

/* IEEE pow of f32 x and f64 y: 1 for x = 1 or y = 0 even with NaN; |x| = 1 with infinite y is 1. */
static LLVMValueRef pow_general(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef result = pow_magnitude(frame, magnitude, y);
    LLVMValueRef infinite_y =
        real_compare_to(frame, LLVMRealOEQ, real_absolute(frame, y), INFINITY);
    LLVMValueRef unit =
        LLVMBuildAnd(builder, real_compare_to(frame, LLVMRealOEQ, magnitude, 1.0), infinite_y, "");
    result = lanes_select(frame, unit, lanes_real(x, 1.0), result);

    LLVMValueRef whole = is_whole(frame, y);
    LLVMValueRef even = is_whole(frame, real_scale(frame, y, 0.5));
    LLVMValueRef odd = LLVMBuildAnd(builder, whole, LLVMBuildNot(builder, even, ""), "");
    LLVMValueRef signed_result = lanes_select(frame, odd, real_copysign(frame, result, x), result);
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    LLVMValueRef finite = real_compare_to(frame, LLVMRealOLT, magnitude, INFINITY);
    LLVMValueRef invalid = LLVMBuildAnd(builder, negative, finite, "");
    invalid = LLVMBuildAnd(builder, invalid, LLVMBuildNot(builder, whole, ""), "");
    LLVMValueRef ordered = real_compare(frame, LLVMRealORD, y, y);
    invalid = LLVMBuildAnd(builder, invalid, ordered, "");
    result = lanes_select(frame, invalid, lanes_real(x, NAN), signed_result);

    LLVMValueRef one = real_compare_to(frame, LLVMRealOEQ, x, 1.0);
    one = LLVMBuildOr(builder, real_compare_to(frame, LLVMRealOEQ, y, 0.0), one, "");
    return lanes_select(frame, one, lanes_real(x, 1.0), result);
}

/* sqrt, but +0 for -0 and infinity for -infinity, as pow has it. */
static LLVMValueRef pow_half(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef root = real_unary(frame, "llvm.sqrt", real_plus(frame, x, 0.0));
    LLVMValueRef infinite = real_compare_to(frame, LLVMRealOEQ, x, -INFINITY);
    return lanes_select(frame, infinite, lanes_real(x, INFINITY), root);
}

LLVMValueRef hmlc_math_pow(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y)
{
    double exponent = 0;
    y = lanes_element(y) == frame->f32 ? widen(frame, y) : y;
    if (!lanes_constant(y, &exponent)) {
        return pow_general(frame, x, y);
    }
    LLVMValueRef one = lanes_real(x, 1.0);
    if (exponent == 0.0) {
        return one;
    }
    if (exponent == 1.0) {
        return x;
    }
    if (exponent == -1.0) {
        return real_div(frame, one, x);
    }
    if (exponent == 2.0) {
        return real_mul(frame, x, x);
    }
    if (exponent == 3.0) {
        return real_mul(frame, real_mul(frame, x, x), x);
    }
    if (exponent == 0.5) {
        return pow_half(frame, x);
    }
    if (exponent == -0.5) {
        return real_div(frame, one, pow_half(frame, x));
    }
    return pow_general(frame, x, y);
}

/* Exponent field of a positive f64, as i32. */
static LLVMValueRef exponent_of(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef bits = lanes_bits(frame, x, frame->i64);
    LLVMValueRef field = LLVMBuildLShr(frame->builder, bits, lanes_int(bits, 52), "");
    return LLVMBuildTrunc(frame->builder, field, lanes_type(x, frame->i32), "");
}

enum { FMOD_STEP = 27 };

/*
 * One step of long division on f64 lanes that hold f32 values: subtracts a multiple of y 2^shift,
 * shift chosen so that the quotient has at most 28 bits. Each product and difference is exact.
 */
static LLVMValueRef fmod_step(hmlc_frame *frame, LLVMValueRef rest, LLVMValueRef y)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef gap = exponent_of(frame, y);
    gap = LLVMBuildSub(builder, exponent_of(frame, rest), gap, "");
    gap = LLVMBuildSub(builder, gap, lanes_int(gap, FMOD_STEP), "");
    LLVMValueRef small = LLVMBuildICmp(builder, LLVMIntSLT, gap, lanes_int(gap, 0), "");
    gap = lanes_select(frame, small, lanes_int(gap, 0), gap);
    LLVMValueRef shift = LLVMBuildZExt(builder, gap, lanes_type(rest, frame->i64), "");
    shift = LLVMBuildShl(builder, shift, lanes_int(shift, 52), "");
    LLVMValueRef scaled = lanes_bits(
        frame, LLVMBuildAdd(builder, lanes_bits(frame, y, frame->i64), shift, ""), frame->f64);
    LLVMValueRef quotient =
        hmlc_math_round(frame, HMLC_ROUND_TO_ZERO, real_div(frame, rest, scaled));
    LLVMValueRef next = real_sub(frame, rest, real_mul(frame, quotient, scaled));
    /* the quotient may have been rounded up to the next integer */
    LLVMValueRef below = real_compare_to(frame, LLVMRealOLT, next, 0.0);
    return lanes_select(frame, below, real_add(frame, next, scaled), next);
}

/*
 * Steps until no lane has a multiple of y left; a quotient below 2^27 takes one, f32 exponents,
 * denormals included, span 277 and take eleven. A lane that is done, that divides by 0 or is NaN
 * or infinite asks for none.
 */
static LLVMValueRef divide_out(hmlc_frame *frame, LLVMValueRef rest, LLVMValueRef y)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef divides = real_compare_to(frame, LLVMRealOGT, y, 0.0);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(builder);
    LLVMBasicBlockRef step = LLVMAppendBasicBlockInContext(frame->context, frame->function, "step");
    LLVMBasicBlockRef after =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "remainder");
    LLVMBuildBr(builder, step);
    LLVMPositionBuilderAtEnd(builder, step);
    LLVMValueRef phi = LLVMBuildPhi(builder, LLVMTypeOf(rest), "");
    LLVMValueRef next = fmod_step(frame, phi, y);
    LLVMValueRef more = real_compare(frame, LLVMRealOGE, next, y);
    more = lanes_any(frame, LLVMBuildAnd(builder, more, divides, ""));
    LLVMBasicBlockRef last = LLVMGetInsertBlock(builder);
    LLVMAddIncoming(phi, &rest, &before, 1);
    LLVMAddIncoming(phi, &next, &last, 1);
    LLVMBuildCondBr(builder, more, step, after);
    LLVMPositionBuilderAtEnd(builder, after);
    return next;
}

LLVMValueRef hmlc_math_fmod(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y)
{
    LLVMValueRef magnitude = real_absolute(frame, x), divisor = real_absolute(frame, y);
    LLVMValueRef rest = divide_out(frame, widen(frame, magnitude), widen(frame, divisor));
    LLVMValueRef result = LLVMBuildFPTrunc(frame->builder, rest, lanes_type(x, frame->f32), "");
    result = real_copysign(frame, result, x);
    LLVMValueRef infinite = real_compare_to(frame, LLVMRealOEQ, divisor, INFINITY);
    result = lanes_select(frame, infinite, x, result);
    LLVMValueRef valid = real_compare_to(frame, LLVMRealOGT, divisor, 0.0);
    valid = LLVMBuildAnd(frame->builder, real_compare_to(frame, LLVMRealOLT, magnitude, INFINITY),
                         valid, "");
    return lanes_select(frame, valid, result, lanes_real(x, NAN));
}
