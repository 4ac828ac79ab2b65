/* SPDX-License-Identifier: Apache-2.0 */
/* Powers of integers: exact for whole exponents, through f64 for others; see hmlc_integer_power. */
#include <math.h>

#include "elementwise_internal.h"
#include "math_functions.h"

/* By squaring over the 64 bits of the exponent; of a signed base, exponents below 0 leave only
 * powers of 1 and -1. */
static LLVMValueRef power_by_squaring(const hmlc_emission *emission, LLVMValueRef exponent)
{
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef base = emission->a;
    LLVMValueRef first[] = {lanes_int(base, 1), base, exponent}, next[3];
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), hmlc_frame_int(frame, 64), 1,
                          first, 3);
    LLVMValueRef low = LLVMBuildTrunc(builder, loop.carried[2], lanes_type(base, frame->i1), "");
    LLVMValueRef factor = lanes_select(frame, low, loop.carried[1], lanes_int(base, 1));
    next[0] = LLVMBuildMul(builder, loop.carried[0], factor, "");
    next[1] = LLVMBuildMul(builder, loop.carried[1], loop.carried[1], "");
    next[2] = LLVMBuildLShr(builder, loop.carried[2], lanes_int(exponent, 1), "");
    hmlc_frame_loop_end(frame, &loop, next);
    if (hmlc_dtype_is_unsigned(emission->dtype)) {
        return loop.carried[0];
    }
    LLVMValueRef negative =
        LLVMBuildICmp(builder, LLVMIntSLT, exponent, lanes_int(exponent, 0), "");
    LLVMValueRef one = LLVMBuildICmp(builder, LLVMIntEQ, base, lanes_int(base, 1), "");
    LLVMValueRef minus = LLVMBuildICmp(builder, LLVMIntEQ, base, lanes_int(base, -1), "");
    LLVMValueRef odd = LLVMBuildTrunc(builder, exponent, lanes_type(base, frame->i1), "");
    LLVMValueRef sign = lanes_select(frame, odd, lanes_int(base, -1), lanes_int(base, 1));
    LLVMValueRef inverse = lanes_select(frame, minus, sign, lanes_int(base, 0));
    inverse = lanes_select(frame, one, lanes_int(base, 1), inverse);
    return lanes_select(frame, negative, inverse, loop.carried[0]);
}

/* The floating exponents below are f64. True for integers that fit i64. */
static LLVMValueRef is_whole(hmlc_frame *frame, LLVMValueRef exponent)
{
    LLVMValueRef rounded = hmlc_math_round(frame, HMLC_ROUND_MODE, exponent);
    LLVMValueRef whole = real_compare(frame, LLVMRealOEQ, rounded, exponent);
    LLVMValueRef size = real_absolute(frame, exponent);
    LLVMValueRef fits = real_compare_to(frame, LLVMRealOLT, size, 0x1p63);
    return LLVMBuildAnd(frame->builder, whole, fits, "");
}

/*
 * exp(y log x) with pow's special cases, y not a whole number that fits i64: what is beyond is
 * even. Neither exp nor log rounds exactly, so a result within 2^-40 of an integer is that integer.
 */
static LLVMValueRef power_by_logarithm(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y)
{
    LLVMValueRef even = real_compare_to(frame, LLVMRealOGE, real_absolute(frame, y), 0x1p63);
    LLVMValueRef base = lanes_select(frame, even, real_absolute(frame, x), x);
    LLVMValueRef power =
        hmlc_math_exp_f64(frame, real_mul(frame, y, hmlc_math_log_f64(frame, base)));
    LLVMValueRef rounded = hmlc_math_round(frame, HMLC_ROUND_MODE, power);
    LLVMValueRef distance = real_absolute(frame, real_sub(frame, power, rounded));
    LLVMValueRef near =
        real_compare(frame, LLVMRealOLE, distance, real_scale(frame, power, 0x1p-40));
    power = lanes_select(frame, near, rounded, power);
    LLVMValueRef one = real_compare_to(frame, LLVMRealOEQ, base, 1.0);
    return lanes_select(frame, one, lanes_real(power, 1.0), power);
}

/* Of an unsigned base, exponents below 0 leave only 1. */
static LLVMValueRef whole_power(const hmlc_emission *emission, LLVMValueRef exponent)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef power = power_by_squaring(emission, exponent);
    if (!hmlc_dtype_is_unsigned(emission->dtype)) {
        return power;
    }
    LLVMValueRef zero = lanes_int(exponent, 0), base = emission->a;
    LLVMValueRef negative = LLVMBuildICmp(frame->builder, LLVMIntSLT, exponent, zero, "");
    LLVMValueRef one = LLVMBuildICmp(frame->builder, LLVMIntEQ, base, lanes_int(base, 1), "");
    LLVMValueRef inverse = lanes_select(frame, one, base, lanes_int(base, 0));
    return lanes_select(frame, negative, inverse, power);
}

LLVMValueRef hmlc_elementwise_integer_power(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    hmlc_dtype type = hmlc_op_operand(emission->op, 1)->type->dtype;
    if (hmlc_dtype_is_integer(type)) {
        return power_by_squaring(
            emission, hmlc_elementwise_convert(frame, emission->b, type, HMLC_DTYPE_i64));
    }
    LLVMValueRef y = hmlc_elementwise_convert(frame, emission->b, type, HMLC_DTYPE_f64);
    LLVMValueRef x = hmlc_elementwise_convert(frame, emission->a, emission->dtype, HMLC_DTYPE_f64);
    LLVMValueRef exponent = hmlc_elementwise_convert(frame, y, HMLC_DTYPE_f64, HMLC_DTYPE_i64);
    LLVMValueRef other = power_by_logarithm(frame, x, y);
    LLVMValueRef fits = real_compare_to(frame, LLVMRealOLT, real_absolute(frame, other),
                                        ldexp(1, (int)hmlc_dtype_bits(emission->dtype)));
    other = lanes_select(frame, fits, other, lanes_real(other, NAN)); /* becomes INT64_MIN */
    other = hmlc_elementwise_convert(frame, other, HMLC_DTYPE_f64, emission->dtype);
    LLVMValueRef power = whole_power(emission, exponent);
    return lanes_select(frame, is_whole(frame, y), power, other);
}
