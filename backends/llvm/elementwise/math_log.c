/* SPDX-License-Identifier: Apache-2.0 */
/* log in f32; log2 in f64, from which the inverse hyperbolic functions and pow are made. */
#include <math.h>

#include "math_build.h"
#include "math_functions.h"

/* tools/scripts/fit_math.py log: log(1 + f) = f - f^2 / 2 + f^3 P(f). */
static const double log_rest[] = {5.337338895e-2,  -1.091558933e-1, 1.21089831e-1,
                                  -1.254980713e-1, 1.42095685e-1,   -1.66593641e-1,
                                  2.000222355e-1,  -2.500016689e-1, 3.333331347e-1};
static const int64_t sqrt_half_bits = 0x3F3504F3;
static const double ln2_high = 0.693359375;
static const double ln2_low = -2.12194440054690583e-4;

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)); x positive and normal. */
static void split_f32(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef *m, LLVMValueRef *e)
{
    LLVMValueRef bits = lanes_bits(frame, x, frame->i32);
    LLVMValueRef shifted = LLVMBuildSub(frame->builder, bits, lanes_int(bits, sqrt_half_bits), "");
    LLVMValueRef exponent = LLVMBuildAShr(frame->builder, shifted, lanes_int(bits, 23), "");
    LLVMValueRef field = LLVMBuildShl(frame->builder, exponent, lanes_int(bits, 23), "");
    *m = lanes_bits(frame, LLVMBuildSub(frame->builder, bits, field, ""), frame->f32);
    *e = LLVMBuildSIToFP(frame->builder, exponent, lanes_type(x, frame->f32), "");
}

LLVMValueRef hmlc_math_log(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef denormal = real_compare_to(frame, LLVMRealOLT, x, 0x1p-126);
    LLVMValueRef normal = lanes_select(frame, denormal, real_scale(frame, x, 0x1p23), x);
    LLVMValueRef shift = lanes_select(frame, denormal, lanes_real(x, -23.0), lanes_real(x, 0.0));
    LLVMValueRef m, e;
    split_f32(frame, normal, &m, &e);
    e = real_add(frame, e, shift);
    LLVMValueRef f = real_plus(frame, m, -1.0);
    LLVMValueRef square = real_mul(frame, f, f);
    LLVMValueRef cube = real_mul(frame, square, f);
    LLVMValueRef low = real_mul(frame, cube, REAL_POLYNOMIAL(frame, f, log_rest));
    low = hmlc_frame_fma(frame, e, lanes_real(x, ln2_low), low);
    low = hmlc_frame_fma(frame, square, lanes_real(x, -0.5), low);
    LLVMValueRef result = real_add(frame, f, low);
    result = hmlc_frame_fma(frame, e, lanes_real(x, ln2_high), result);
    /* 0, negative, infinite and NaN arguments */
    LLVMValueRef positive = real_compare_to(frame, LLVMRealOGT, x, 0.0);
    LLVMValueRef finite = real_compare_to(frame, LLVMRealOLT, x, INFINITY);
    LLVMValueRef zero = real_compare_to(frame, LLVMRealOEQ, x, 0.0);
    LLVMValueRef special = lanes_select(frame, zero, lanes_real(x, -INFINITY), lanes_real(x, NAN));
    result = lanes_select(frame, positive, result, special);
    return lanes_select(
        frame, LLVMBuildAnd(frame->builder, positive, LLVMBuildNot(frame->builder, finite, ""), ""),
        x, result);
}

/* tools/scripts/fit_math.py log64: log2(m) = s P(s^2), s = (m - 1) / (m + 1). */
static const double log64_core[] = {
    2.13672899493467794e-1, 2.20911663995816493e-1, 2.62334409326146378e-1, 3.20598533786952911e-1,
    4.12198585852371624e-1, 5.77078016345464628e-1, 9.61796693925989876e-1, 2.88539008177792677};
static const int64_t sqrt_half_high = 0x3FE6A09E; /* upper word of sqrt(1/2) */

LLVMValueRef hmlc_math_log2_f64(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMTypeRef words = lanes_type(x, frame->i32), doubles = lanes_type(x, frame->f64);
    LLVMValueRef bits = lanes_bits(frame, x, frame->i64);
    LLVMValueRef upper = LLVMBuildTrunc(
        frame->builder, LLVMBuildLShr(frame->builder, bits, lanes_int(bits, 32), ""), words, "");
    LLVMValueRef shifted =
        LLVMBuildSub(frame->builder, upper, lanes_int(upper, sqrt_half_high), "");
    LLVMValueRef exponent = LLVMBuildAShr(frame->builder, shifted, lanes_int(upper, 20), "");
    LLVMValueRef e = LLVMBuildSIToFP(frame->builder, exponent, doubles, "");
    LLVMValueRef field = LLVMBuildSExt(frame->builder, exponent, lanes_type(x, frame->i64), "");
    field = LLVMBuildShl(frame->builder, field, lanes_int(bits, 52), "");
    LLVMValueRef m = lanes_bits(frame, LLVMBuildSub(frame->builder, bits, field, ""), frame->f64);
    LLVMValueRef s = real_plus(frame, m, 1.0);
    s = real_div(frame, real_plus(frame, m, -1.0), s);
    LLVMValueRef square = real_mul(frame, s, s);
    return hmlc_frame_fma(frame, s, REAL_POLYNOMIAL(frame, square, log64_core), e);
}

static const double ln2 = 0.693147180559945309;

static LLVMValueRef widen(hmlc_frame *frame, LLVMValueRef x)
{
    return LLVMBuildFPExt(frame->builder, x, lanes_type(x, frame->f64), "");
}

static LLVMValueRef narrow(hmlc_frame *frame, LLVMValueRef x)
{
    return LLVMBuildFPTrunc(frame->builder, x, lanes_type(x, frame->f32), "");
}

/* d + cubic d^3 where |d| is small: there log(1 + d) would lose d's low bits. */
static LLVMValueRef small_or(hmlc_frame *frame, LLVMValueRef d, double cubic, LLVMValueRef large)
{
    LLVMValueRef cube = real_scale(frame, d, cubic);
    cube = real_mul(frame, real_mul(frame, d, d), cube);
    LLVMValueRef small = real_compare_to(frame, LLVMRealOLT, d, 0x1p-12);
    return lanes_select(frame, small, real_add(frame, d, cube), large);
}

static LLVMValueRef square_plus(hmlc_frame *frame, LLVMValueRef d, double term)
{
    return real_unary(frame, "llvm.sqrt", real_plus(frame, real_mul(frame, d, d), term));
}

LLVMValueRef hmlc_math_asinh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef d = widen(frame, magnitude);
    LLVMValueRef log2 = hmlc_math_log2_f64(frame, real_add(frame, d, square_plus(frame, d, 1.0)));
    LLVMValueRef result =
        narrow(frame, small_or(frame, d, -1.0 / 6.0, real_scale(frame, log2, ln2)));
    LLVMValueRef finite = real_compare_to(frame, LLVMRealOLT, magnitude, INFINITY);
    return real_copysign(frame, lanes_select(frame, finite, result, magnitude), x);
}

LLVMValueRef hmlc_math_acosh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef d = widen(frame, x);
    LLVMValueRef log2 = hmlc_math_log2_f64(frame, real_add(frame, d, square_plus(frame, d, -1.0)));
    LLVMValueRef result = narrow(frame, real_scale(frame, log2, ln2));
    LLVMValueRef valid = real_compare_to(frame, LLVMRealOGE, x, 1.0);
    LLVMValueRef infinite = real_compare_to(frame, LLVMRealOEQ, x, INFINITY);
    result = lanes_select(frame, valid, result, lanes_real(x, NAN));
    return lanes_select(frame, infinite, x, result);
}

LLVMValueRef hmlc_math_atanh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef d = widen(frame, magnitude);
    LLVMValueRef one = lanes_real(d, 1.0);
    LLVMValueRef ratio = real_sub(frame, one, d);
    ratio = real_div(frame, real_add(frame, one, d), ratio);
    LLVMValueRef log2 = hmlc_math_log2_f64(frame, ratio);
    LLVMValueRef result =
        narrow(frame, small_or(frame, d, 1.0 / 3.0, real_scale(frame, log2, ln2 / 2.0)));
    LLVMValueRef inside = real_compare_to(frame, LLVMRealOLT, magnitude, 1.0);
    LLVMValueRef edge = real_compare_to(frame, LLVMRealOEQ, magnitude, 1.0);
    LLVMValueRef outside = lanes_select(frame, edge, lanes_real(x, INFINITY), lanes_real(x, NAN));
    return real_copysign(frame, lanes_select(frame, inside, result, outside), x);
}
