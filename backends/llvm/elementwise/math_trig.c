/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sin, cos, tan. The argument is reduced to r = x - q pi / 2, |r| <= pi / 4, in f64, which leaves r
 * exact to f32's last bit; from 2^19 on by the bits of 2 / pi that matter (Payne and Hanek), behind
 * a branch that is taken only when a lane needs it.
 */
#include <math.h>

#include "math_build.h"
#include "math_functions.h"

/* tools/scripts/fit_math.py sin: sin(r) = r + r t P(t); cos(r) = 1 - t / 2 + t^2 P(t), t = r^2. */
static const double sin_rest[] = {2.849548082e-6, -1.985469571e-4, 8.333383128e-3, -1.666666716e-1};
static const double cos_rest[] = {-3.023118325e-7, 2.483593016e-5, -1.388901495e-3, 4.166666791e-2};
static const double half_pi_high = 0x1.921fb544p+0; /* 33 bits: n * high is exact below 2^20 */
static const double half_pi_low = 0x1.0b4611a626331p-34;
static const double huge_argument = 0x1p19;
/* 32 zero bits, then the bits of 2 / pi. */
static const uint32_t two_over_pi[] = {0,          0xA2F9836E, 0x4E441529, 0xFC2757D1,
                                       0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB};

typedef struct reduced {
    LLVMValueRef remainder; /* f64 */
    LLVMValueRef quadrant;  /* i32, modulo 4 */
} reduced;

static reduced reduce_small(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef wide = LLVMBuildFPExt(frame->builder, x, lanes_type(x, frame->f64), "");
    LLVMValueRef n =
        hmlc_math_round(frame, HMLC_ROUND_MODE, real_scale(frame, wide, 0.63661977236758134));
    LLVMValueRef high = real_scale(frame, n, half_pi_high);
    LLVMValueRef low = real_scale(frame, n, half_pi_low);
    LLVMValueRef remainder = real_sub(frame, real_sub(frame, wide, high), low);
    LLVMValueRef quadrant = LLVMBuildFPToSI(frame->builder, n, lanes_type(x, frame->i32), "");
    return (reduced){remainder, quadrant};
}

/* two_over_pi[index + offset] per lane, index in [0, 4], as i64. */
static LLVMValueRef table_word(hmlc_frame *frame, LLVMValueRef index, uint32_t offset)
{
    LLVMValueRef word = lanes_int(index, (int32_t)two_over_pi[offset]);
    for (uint32_t k = 1; k <= 4; k++) {
        LLVMValueRef here =
            LLVMBuildICmp(frame->builder, LLVMIntEQ, index, lanes_int(index, k), "");
        uint32_t entry = k + offset < 8 ? two_over_pi[k + offset] : 0;
        word = lanes_select(frame, here, lanes_int(index, (int32_t)entry), word);
    }
    return LLVMBuildZExt(frame->builder, word, lanes_type(index, frame->i64), "");
}

/* The low word of (pair of words << shift) >> 32, shift < 32. */
static LLVMValueRef window_word(hmlc_frame *frame, LLVMValueRef first, LLVMValueRef second,
                                LLVMValueRef shift)
{
    LLVMValueRef pair = LLVMBuildOr(
        frame->builder, LLVMBuildShl(frame->builder, first, lanes_int(first, 32), ""), second, "");
    pair = LLVMBuildShl(frame->builder, pair, shift, "");
    return LLVMBuildLShr(frame->builder, pair, lanes_int(pair, 32), "");
}

/* Signed i64 to f64 without an instruction that few CPUs have; exact to 2^-62 of the range. */
static LLVMValueRef wide_to_real(hmlc_frame *frame, LLVMValueRef value)
{
    LLVMTypeRef words = lanes_type(value, frame->i32), doubles = lanes_type(value, frame->f64);
    LLVMValueRef upper = LLVMBuildLShr(frame->builder, value, lanes_int(value, 32), "");
    LLVMValueRef lower =
        LLVMBuildLShr(frame->builder, LLVMBuildShl(frame->builder, value, lanes_int(value, 32), ""),
                      lanes_int(value, 33), "");
    LLVMValueRef high = LLVMBuildSIToFP(
        frame->builder, LLVMBuildTrunc(frame->builder, upper, words, ""), doubles, "");
    LLVMValueRef low = LLVMBuildSIToFP(
        frame->builder, LLVMBuildTrunc(frame->builder, lower, words, ""), doubles, "");
    low = real_scale(frame, low, 2.0);
    return real_add(frame, real_scale(frame, high, 0x1p32), low);
}

/*
 * |x| = m 2^e with an integer m of 24 bits. Of 2 / pi only the 96 bits that end up between 2^1 and
 * 2^-94 after the scaling matter modulo 4; the product is kept in units of 2^-62.
 */
static reduced reduce_huge(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef quads = lanes_type(x, frame->i64);
    LLVMValueRef bits = lanes_bits(frame, x, frame->i32);
    LLVMValueRef field = LLVMBuildAnd(
        builder, LLVMBuildLShr(builder, bits, lanes_int(bits, 23), ""), lanes_int(bits, 255), "");
    /* first bit of the window, counted from the table's start: e + 30, e = field - 150; clamped for
     * lanes that are not huge */
    LLVMValueRef position = LLVMBuildSub(builder, field, lanes_int(field, 120), "");
    LLVMValueRef negative =
        LLVMBuildICmp(builder, LLVMIntSLT, position, lanes_int(position, 0), "");
    position = lanes_select(frame, negative, lanes_int(position, 0), position);
    LLVMValueRef index = LLVMBuildLShr(builder, position, lanes_int(position, 5), "");
    LLVMValueRef shift = LLVMBuildZExt(
        builder, LLVMBuildAnd(builder, position, lanes_int(position, 31), ""), quads, "");
    LLVMValueRef words[4];
    for (uint32_t k = 0; k < 4; k++) {
        words[k] = table_word(frame, index, k);
    }
    LLVMValueRef mantissa =
        LLVMBuildOr(builder, LLVMBuildAnd(builder, bits, lanes_int(bits, 0x7FFFFF), ""),
                    lanes_int(bits, 0x800000), "");
    mantissa = LLVMBuildZExt(builder, mantissa, quads, "");
    LLVMValueRef product[3];
    for (uint32_t k = 0; k < 3; k++) {
        product[k] =
            LLVMBuildMul(builder, mantissa, window_word(frame, words[k], words[k + 1], shift), "");
    }
    LLVMValueRef sum = LLVMBuildShl(builder, product[0], lanes_int(product[0], 32), "");
    sum = LLVMBuildAdd(builder, sum, product[1], "");
    sum = LLVMBuildAdd(builder, sum,
                       LLVMBuildLShr(builder, product[2], lanes_int(product[2], 32), ""), "");
    LLVMValueRef rounded = LLVMBuildAdd(builder, sum, lanes_int(sum, 1LL << 61), "");
    LLVMValueRef quadrant = LLVMBuildLShr(builder, rounded, lanes_int(sum, 62), "");
    LLVMValueRef rest =
        LLVMBuildSub(builder, sum, LLVMBuildShl(builder, quadrant, lanes_int(sum, 62), ""), "");
    LLVMValueRef remainder =
        real_scale(frame, wide_to_real(frame, rest), 1.57079632679489662 * 0x1p-62);
    quadrant = LLVMBuildTrunc(builder, quadrant, lanes_type(x, frame->i32), "");
    LLVMValueRef below = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    remainder = lanes_select(frame, below, LLVMBuildFNeg(builder, remainder, ""), remainder);
    quadrant = lanes_select(frame, below, LLVMBuildNeg(builder, quadrant, ""), quadrant);
    return (reduced){remainder, quadrant};
}

static LLVMValueRef join(hmlc_frame *frame, LLVMValueRef value, LLVMBasicBlockRef from,
                         LLVMValueRef other, LLVMBasicBlockRef other_from)
{
    LLVMValueRef phi = LLVMBuildPhi(frame->builder, LLVMTypeOf(value), "");
    LLVMAddIncoming(phi, &value, &from, 1);
    LLVMAddIncoming(phi, &other, &other_from, 1);
    return phi;
}

/* Infinite and NaN lanes give a NaN remainder. */
static reduced reduce(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMBuilderRef builder = frame->builder;
    reduced small = reduce_small(frame, x);
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef huge = real_compare_to(frame, LLVMRealOGT, magnitude, huge_argument);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(builder);
    LLVMBasicBlockRef slow = LLVMAppendBasicBlockInContext(frame->context, frame->function, "huge");
    LLVMBasicBlockRef after =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "reduced");
    LLVMBuildCondBr(builder, lanes_any(frame, huge), slow, after);
    LLVMPositionBuilderAtEnd(builder, slow);
    reduced large = reduce_huge(frame, x);
    LLVMValueRef infinite = real_compare_to(frame, LLVMRealOEQ, magnitude, INFINITY);
    large.remainder =
        lanes_select(frame, infinite, lanes_real(large.remainder, NAN), large.remainder);
    large.remainder = lanes_select(frame, huge, large.remainder, small.remainder);
    large.quadrant = lanes_select(frame, huge, large.quadrant, small.quadrant);
    LLVMBuildBr(builder, after);
    LLVMPositionBuilderAtEnd(builder, after);
    return (reduced){join(frame, small.remainder, here, large.remainder, slow),
                     join(frame, small.quadrant, here, large.quadrant, slow)};
}

typedef struct waves {
    LLVMValueRef sine, cosine; /* of the remainder */
    LLVMValueRef odd;          /* quadrant is odd */
    LLVMValueRef quadrant;
} waves;

static waves waves_of(hmlc_frame *frame, LLVMValueRef x)
{
    reduced parts = reduce(frame, x);
    waves result = {.quadrant = parts.quadrant};
    LLVMValueRef r =
        LLVMBuildFPTrunc(frame->builder, parts.remainder, lanes_type(x, frame->f32), "");
    LLVMValueRef t = real_mul(frame, r, r);
    LLVMValueRef rest = REAL_POLYNOMIAL(frame, t, sin_rest);
    rest = real_mul(frame, real_mul(frame, r, t), rest);
    result.sine = real_add(frame, r, rest);
    LLVMValueRef flat = hmlc_frame_fma(frame, t, lanes_real(t, -0.5), lanes_real(t, 1.0));
    LLVMValueRef curved = REAL_POLYNOMIAL(frame, t, cos_rest);
    result.cosine = hmlc_frame_fma(frame, real_mul(frame, t, t), curved, flat);
    LLVMValueRef low =
        LLVMBuildAnd(frame->builder, parts.quadrant, lanes_int(parts.quadrant, 1), "");
    result.odd = LLVMBuildICmp(frame->builder, LLVMIntNE, low, lanes_int(low, 0), "");
    return result;
}

/* Negates where bit 1 of quadrant + offset is set. */
static LLVMValueRef sign_by_quadrant(hmlc_frame *frame, LLVMValueRef value, LLVMValueRef quadrant,
                                     int64_t offset)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef turned = LLVMBuildAdd(builder, quadrant, lanes_int(quadrant, offset), "");
    LLVMValueRef sign = LLVMBuildAnd(builder, turned, lanes_int(turned, 2), "");
    sign = LLVMBuildShl(builder, sign, lanes_int(sign, 30), "");
    LLVMValueRef bits = lanes_bits(frame, value, frame->i32);
    return lanes_bits(frame, LLVMBuildXor(builder, bits, sign, ""), frame->f32);
}

LLVMValueRef hmlc_math_sin(hmlc_frame *frame, LLVMValueRef x)
{
    waves parts = waves_of(frame, x);
    LLVMValueRef value = lanes_select(frame, parts.odd, parts.cosine, parts.sine);
    return sign_by_quadrant(frame, value, parts.quadrant, 0);
}

LLVMValueRef hmlc_math_cos(hmlc_frame *frame, LLVMValueRef x)
{
    waves parts = waves_of(frame, x);
    LLVMValueRef value = lanes_select(frame, parts.odd, parts.sine, parts.cosine);
    return sign_by_quadrant(frame, value, parts.quadrant, 1);
}

LLVMValueRef hmlc_math_tan(hmlc_frame *frame, LLVMValueRef x)
{
    waves parts = waves_of(frame, x);
    LLVMValueRef minus = LLVMBuildFNeg(frame->builder, parts.cosine, "");
    LLVMValueRef above = lanes_select(frame, parts.odd, minus, parts.sine);
    LLVMValueRef below = lanes_select(frame, parts.odd, parts.sine, parts.cosine);
    return real_div(frame, above, below);
}
