/* SPDX-License-Identifier: Apache-2.0 */
/* What f64 needs: exp, log and an exact fmod. */
#include <math.h>

#include "math_build.h"
#include "math_functions.h"

/* 1 / k!, highest first: below 1e-17 of exp(r) on |r| <= ln 2 / 2. */
static const double exp_series[] = {1.6059043836821613e-10,
                                    2.0876756987868100e-9,
                                    2.5052108385441720e-8,
                                    2.7557319223985888e-7,
                                    2.7557319223985893e-6,
                                    2.4801587301587302e-5,
                                    1.9841269841269841e-4,
                                    1.3888888888888889e-3,
                                    8.3333333333333332e-3,
                                    4.1666666666666664e-2,
                                    1.6666666666666666e-1,
                                    0.5,
                                    1.0,
                                    1.0};
static const double ln2_high = 0x1.62e42feep-1; /* 32 bits: n * high is exact */
static const double ln2_low = 0x1.a39ef35793c76p-33;
static const double ln2 = 0.693147180559945309;

/* 2^power, power an i32 within the normal exponents. */
static LLVMValueRef power_of_two(hmlc_frame *frame, LLVMValueRef power)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef field = LLVMBuildAdd(builder, power, lanes_int(power, 1023), "");
    field = LLVMBuildSExt(builder, field, lanes_type(power, frame->i64), "");
    field = LLVMBuildShl(builder, field, lanes_int(field, 52), "");
    return lanes_bits(frame, field, frame->f64);
}

/* The whole range with denormals: 2^n is applied as two factors. */
LLVMValueRef hmlc_math_exp_f64(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMBuilderRef builder = frame->builder;
    x = real_at_most(frame, real_at_least(frame, x, -746.0), 710.0);
    LLVMValueRef n =
        hmlc_math_round(frame, HMLC_ROUND_MODE, real_scale(frame, x, 1.44269504088896341));
    LLVMValueRef r = hmlc_frame_fma(frame, n, lanes_real(n, -ln2_high), x);
    r = hmlc_frame_fma(frame, n, lanes_real(n, -ln2_low), r);
    LLVMValueRef value = REAL_POLYNOMIAL(frame, r, exp_series);
    LLVMValueRef power = LLVMBuildFPToSI(builder, n, lanes_type(n, frame->i32), "");
    power = LLVMBuildFreeze(builder, power, "");
    LLVMValueRef half = LLVMBuildAShr(builder, power, lanes_int(power, 1), "");
    LLVMValueRef rest = LLVMBuildSub(builder, power, half, "");
    value = real_mul(frame, value, power_of_two(frame, half));
    return real_mul(frame, value, power_of_two(frame, rest));
}

LLVMValueRef hmlc_math_log_f64(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef denormal = real_compare_to(frame, LLVMRealOLT, x, 0x1p-1022);
    LLVMValueRef normal = lanes_select(frame, denormal, real_scale(frame, x, 0x1p54), x);
    LLVMValueRef shift = lanes_select(frame, denormal, lanes_real(x, -54.0), lanes_real(x, 0.0));
    LLVMValueRef log2 = real_add(frame, hmlc_math_log2_f64(frame, normal), shift);
    LLVMValueRef result = real_scale(frame, log2, ln2);
    LLVMValueRef positive = real_compare_to(frame, LLVMRealOGT, x, 0.0);
    LLVMValueRef zero = real_compare_to(frame, LLVMRealOEQ, x, 0.0);
    LLVMValueRef infinite = real_compare_to(frame, LLVMRealOEQ, x, INFINITY);
    LLVMValueRef special = lanes_select(frame, zero, lanes_real(x, -INFINITY), lanes_real(x, NAN));
    result = lanes_select(frame, positive, result, special);
    return lanes_select(frame, infinite, x, result);
}

/* A positive finite f64 as mantissa * 2^(exponent - 1075), the mantissa with its top bit at 2^52
 * also for denormals; both i64. */
static void split(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef *mantissa, LLVMValueRef *exponent)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef bits = lanes_bits(frame, x, frame->i64);
    LLVMValueRef field = LLVMBuildLShr(builder, bits, lanes_int(bits, 52), "");
    LLVMValueRef denormal = LLVMBuildICmp(builder, LLVMIntEQ, field, lanes_int(field, 0), "");
    int64_t hidden = (int64_t)1 << 52;
    LLVMValueRef low = LLVMBuildAnd(builder, bits, lanes_int(bits, hidden - 1), "");
    LLVMValueRef full = LLVMBuildOr(builder, low, lanes_int(bits, hidden), "");
    full = lanes_select(frame, denormal, low, full);
    LLVMValueRef arguments[] = {full, LLVMConstInt(frame->i1, 0, 0)};
    LLVMValueRef zeros = hmlc_frame_intrinsic(frame, "llvm.ctlz", LLVMTypeOf(full), arguments, 2);
    LLVMValueRef shift = LLVMBuildSub(builder, zeros, lanes_int(zeros, 11), "");
    *mantissa = LLVMBuildShl(builder, full, shift, "");
    *exponent = lanes_select(frame, denormal, lanes_int(field, 1), field);
    *exponent = LLVMBuildSub(builder, *exponent, shift, "");
}

/* mantissa (at most 53 bits) * 2^(exponent - 1075), which is an f64. */
static LLVMValueRef join(hmlc_frame *frame, LLVMValueRef mantissa, LLVMValueRef exponent)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef words = lanes_type(mantissa, frame->i32), reals = lanes_type(mantissa, frame->f64);
    LLVMValueRef high = LLVMBuildLShr(builder, mantissa, lanes_int(mantissa, 31), "");
    LLVMValueRef low = LLVMBuildAnd(builder, mantissa, lanes_int(mantissa, 0x7FFFFFFF), "");
    high = LLVMBuildSIToFP(builder, LLVMBuildTrunc(builder, high, words, ""), reals, "");
    low = LLVMBuildSIToFP(builder, LLVMBuildTrunc(builder, low, words, ""), reals, "");
    LLVMValueRef value = real_add(frame, real_scale(frame, high, 0x1p31), low);
    LLVMValueRef power = LLVMBuildTrunc(builder, exponent, words, "");
    power = LLVMBuildSub(builder, power, lanes_int(power, 1075), "");
    LLVMValueRef half = LLVMBuildAShr(builder, power, lanes_int(power, 1), "");
    LLVMValueRef rest = LLVMBuildSub(builder, power, half, "");
    value = real_mul(frame, value, power_of_two(frame, half));
    return real_mul(frame, value, power_of_two(frame, rest));
}

/*
 * Long division bit by bit: rest = 2 rest mod divisor while a lane's exponent is above its
 * divisor's. Rare enough that its length does not matter.
 */
enum { F64_EXPONENTS = 2098 };

LLVMValueRef hmlc_math_fmod_f64(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef magnitude = real_absolute(frame, x), divisor = real_absolute(frame, y);
    LLVMValueRef a, b, a_exponent, b_exponent, next[2];
    split(frame, magnitude, &a, &a_exponent);
    split(frame, divisor, &b, &b_exponent);
    LLVMValueRef gap = LLVMBuildSub(builder, a_exponent, b_exponent, "");
    LLVMValueRef larger = LLVMBuildICmp(builder, LLVMIntUGE, a, b, "");
    LLVMValueRef start = lanes_select(frame, larger, LLVMBuildSub(builder, a, b, ""), a);
    LLVMValueRef first[] = {start, gap};
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, F64_EXPONENTS), 1, first, 2);
    LLVMValueRef left = LLVMBuildICmp(builder, LLVMIntSGT, loop.carried[1], lanes_int(gap, 0), "");
    LLVMValueRef twice = LLVMBuildAdd(builder, loop.carried[0], loop.carried[0], "");
    LLVMValueRef reaches = LLVMBuildICmp(builder, LLVMIntUGE, twice, b, "");
    twice = lanes_select(frame, reaches, LLVMBuildSub(builder, twice, b, ""), twice);
    next[0] = lanes_select(frame, left, twice, loop.carried[0]);
    next[1] = LLVMBuildSub(builder, loop.carried[1], lanes_int(gap, 1), "");
    hmlc_frame_loop_end(frame, &loop, next);
    LLVMValueRef result = join(frame, loop.carried[0], b_exponent);
    LLVMValueRef smaller = real_compare(frame, LLVMRealOLT, magnitude, divisor);
    result = lanes_select(frame, smaller, magnitude, result);
    result = real_copysign(frame, result, x);
    LLVMValueRef valid = real_compare_to(frame, LLVMRealOGT, divisor, 0.0);
    valid =
        LLVMBuildAnd(builder, real_compare_to(frame, LLVMRealOLT, magnitude, INFINITY), valid, "");
    return lanes_select(frame, valid, result, lanes_real(x, NAN));
}
