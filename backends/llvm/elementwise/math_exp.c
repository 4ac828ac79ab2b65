/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp and what is made of it. One core: n = round(x / ln 2), r = x - n ln 2 in two exact steps
 * (also without fma, because the high part of ln 2 has 9 bits), exp(r) - 1 = r + r^2 P(r).
 */
#include "math_build.h"
#include "math_functions.h"

/* tools/scripts/fit_math.py exp: 1.5e-8 of expm1 on |r| <= ln 2 / 2. */
static const double exp_rest[] = {1.391828526e-3, 8.366631344e-3, 4.166661575e-2, 1.666654348e-1,
                                  0.5};
static const double log2_e = 1.44269504088896341;
static const double ln2_high = 0.693359375;
static const double ln2_low = -2.12194440054690583e-4;
/* Adding 1.5 * 2^23 to a small float leaves it rounded to an integer in the low bits. */
static const double round_magic = 12582912.0;
static const int64_t exponent_bias = 127;

typedef struct exp_parts {
    LLVMValueRef fraction; /* exp(r) - 1 */
    LLVMValueRef rounded;  /* round_magic + bias + n: its low bits are n + bias */
} exp_parts;

/* x within +-105. */
static exp_parts exp_split(hmlc_frame *frame, LLVMValueRef x, int64_t bias)
{
    double magic = round_magic + (double)bias;
    exp_parts parts;
    parts.rounded = hmlc_frame_fma(frame, x, lanes_real(x, log2_e), lanes_real(x, magic));
    LLVMValueRef n = real_plus(frame, parts.rounded, -magic);
    LLVMValueRef r = hmlc_frame_fma(frame, n, lanes_real(x, -ln2_high), x);
    r = hmlc_frame_fma(frame, n, lanes_real(x, -ln2_low), r);
    LLVMValueRef square = real_mul(frame, r, r);
    parts.fraction = hmlc_frame_fma(frame, square, REAL_POLYNOMIAL(frame, r, exp_rest), r);
    return parts;
}

/* 2^(low 8 bits - 127): the bits that `rounded` carries become an exponent field. */
static LLVMValueRef power_of_two(hmlc_frame *frame, LLVMValueRef rounded)
{
    LLVMValueRef bits = lanes_bits(frame, rounded, frame->i32);
    bits = LLVMBuildShl(frame->builder, bits, lanes_int(bits, 23), "");
    return lanes_bits(frame, bits, frame->f32);
}

/* exp(x) * 2^(bias - 127), where n + bias stays within [0, 255]: 0 gives 0, 255 infinity. */
static LLVMValueRef exp_scaled(hmlc_frame *frame, LLVMValueRef x, int64_t bias)
{
    exp_parts parts = exp_split(frame, x, bias);
    LLVMValueRef power = power_of_two(frame, parts.rounded);
    return real_mul(frame, real_plus(frame, parts.fraction, 1.0), power);
}

/* The whole range with denormals: 2^n is applied as two factors. */
LLVMValueRef hmlc_math_exp(hmlc_frame *frame, LLVMValueRef x)
{
    x = real_at_most(frame, real_at_least(frame, x, -104.0), 89.0);
    exp_parts parts = exp_split(frame, x, 0);
    LLVMValueRef bits = lanes_bits(frame, parts.rounded, frame->i32);
    LLVMValueRef offset = lanes_int(bits, 0x4B400000); /* round_magic's bits */
    LLVMValueRef n = LLVMBuildSub(frame->builder, bits, offset, "");
    LLVMValueRef half = LLVMBuildAShr(frame->builder, n, lanes_int(n, 1), "");
    LLVMValueRef rest = LLVMBuildSub(frame->builder, n, half, "");
    LLVMValueRef result = real_plus(frame, parts.fraction, 1.0);
    LLVMValueRef powers[] = {half, rest};
    for (int k = 0; k < 2; k++) {
        LLVMValueRef biased =
            LLVMBuildAdd(frame->builder, powers[k], lanes_int(n, exponent_bias), "");
        biased = LLVMBuildShl(frame->builder, biased, lanes_int(n, 23), "");
        result = real_mul(frame, result, lanes_bits(frame, biased, frame->f32));
    }
    return result;
}

LLVMValueRef hmlc_math_exp_flushed(hmlc_frame *frame, LLVMValueRef x)
{
    return exp_scaled(frame, real_at_least(frame, x, -88.0), exponent_bias);
}

/* exp(x) for any x: 0 below -88, infinity from 88.4 on. */
static LLVMValueRef exp_saturated(hmlc_frame *frame, LLVMValueRef x)
{
    return hmlc_math_exp_flushed(frame, real_at_most(frame, x, 89.0));
}

/* (exp(x) - 1) * 2^(bias - 127): 2^n (exp(r) - 1) + (2^n - 1), exact near 0. */
static LLVMValueRef expm1_scaled(hmlc_frame *frame, LLVMValueRef x, int64_t bias)
{
    exp_parts parts = exp_split(frame, x, bias);
    LLVMValueRef power = power_of_two(frame, parts.rounded);
    double one = 1.0 / (double)(1LL << (exponent_bias - bias));
    return hmlc_frame_fma(frame, power, parts.fraction, real_plus(frame, power, -one));
}

LLVMValueRef hmlc_math_expm1_negative(hmlc_frame *frame, LLVMValueRef x)
{
    return expm1_scaled(frame, real_at_least(frame, x, -88.0), exponent_bias);
}

/* With e = exp(|x|) / 4, so that the overflow comes last: cosh = 2 (e + 1 / (16 e)). */
LLVMValueRef hmlc_math_cosh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_at_most(frame, real_absolute(frame, x), 89.6);
    LLVMValueRef e = exp_scaled(frame, magnitude, exponent_bias - 2);
    LLVMValueRef inverse = real_div(frame, lanes_real(x, 0.0625), e);
    return real_scale(frame, real_add(frame, e, inverse), 2.0);
}

/* With e = expm1(|x|) / 4: sinh = 2 (e + e / (4 e + 1)). */
LLVMValueRef hmlc_math_sinh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_at_most(frame, real_absolute(frame, x), 89.6);
    LLVMValueRef e = expm1_scaled(frame, magnitude, exponent_bias - 2);
    LLVMValueRef divisor = real_plus(frame, real_scale(frame, e, 4.0), 1.0);
    LLVMValueRef sum = real_add(frame, e, real_div(frame, e, divisor));
    return real_copysign(frame, real_scale(frame, sum, 2.0), x);
}

/* expm1(2 |x|) / (expm1(2 |x|) + 2). */
LLVMValueRef hmlc_math_tanh(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_at_most(frame, real_absolute(frame, x), 9.5);
    LLVMValueRef e = expm1_scaled(frame, real_add(frame, magnitude, magnitude), exponent_bias);
    return real_copysign(frame, real_div(frame, e, real_plus(frame, e, 2.0)), x);
}

LLVMValueRef hmlc_math_sigmoid(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef e = exp_saturated(frame, LLVMBuildFNeg(frame->builder, x, ""));
    return real_div(frame, lanes_real(x, 1.0), real_plus(frame, e, 1.0));
}

LLVMValueRef hmlc_math_silu(hmlc_frame *frame, LLVMValueRef x, double alpha)
{
    LLVMValueRef e = exp_saturated(frame, real_scale(frame, x, -alpha));
    return real_div(frame, x, real_plus(frame, e, 1.0));
}

/* x tanh(log(1 + e)) = x w / (w + 2) with w = e (e + 2), e = exp(x). */
LLVMValueRef hmlc_math_mish(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef e = hmlc_math_exp_flushed(frame, real_at_most(frame, x, 40.0));
    LLVMValueRef w = real_mul(frame, e, real_plus(frame, e, 2.0));
    return real_mul(frame, x, real_div(frame, w, real_plus(frame, w, 2.0)));
}

/* tools/scripts/fit_math.py log1p: log(1 + u) = 2 s + s^3 P(s^2), s = u / (u + 2). */
static const double log1p_rest[] = {1.401584893e-1, 1.964912117e-1, 2.200483829e-1,
                                    2.858410776e-1, 3.999970257e-1, 6.666666865e-1};

/* max(x, 0) + log1p(exp(-|x|)). */
LLVMValueRef hmlc_math_softplus(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef u = hmlc_math_exp_flushed(frame, LLVMBuildFNeg(frame->builder, magnitude, ""));
    LLVMValueRef s = real_div(frame, u, real_plus(frame, u, 2.0));
    LLVMValueRef square = real_mul(frame, s, s);
    LLVMValueRef rest = REAL_POLYNOMIAL(frame, square, log1p_rest);
    rest = real_mul(frame, real_mul(frame, s, square), rest);
    LLVMValueRef log1p = hmlc_frame_fma(frame, s, lanes_real(s, 2.0), rest);
    return real_add(frame, real_at_least(frame, x, 0.0), log1p);
}

/* x sigmoid(2 y), y = sqrt(2 / pi) (x + 0.044715 x^3). */
LLVMValueRef hmlc_math_gelu_tanh(hmlc_frame *frame, LLVMValueRef x)
{
    const double linear = -2.0 * 0.797884560802865356;
    LLVMValueRef square = real_mul(frame, x, x);
    LLVMValueRef factor =
        hmlc_frame_fma(frame, square, lanes_real(x, linear * 0.044715), lanes_real(x, linear));
    LLVMValueRef e = exp_saturated(frame, real_mul(frame, x, factor));
    return real_div(frame, x, real_plus(frame, e, 1.0));
}
