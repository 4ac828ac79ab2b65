/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise arithmetic on integers and bool, in 64 bits with wrap-around: one meaning for
 * constant folding, known elements and the evaluation.
 */
#ifndef HMLC_INTEGER_MATH_H
#define HMLC_INTEGER_MATH_H

#include <hmlc/op.h>

/* `value` as a cast to the type leaves it (bool: 0 or 1). u64 keeps its bits. */
int64_t hmlc_integer_wrap(hmlc_dtype dtype, int64_t value);
/* Ops on operands of element type dtype; the result is not yet wrapped. False for opcodes that have
 * no integer form here. */
bool hmlc_integer_unary(hmlc_opcode opcode, hmlc_dtype dtype, int64_t a, int64_t *result);
/* `fmod`: mod takes the sign of the dividend. */
bool hmlc_integer_binary(hmlc_opcode opcode, hmlc_dtype dtype, bool fmod, int64_t a, int64_t b,
                         int64_t *result);
/*
 * An integer to a floating power, not yet wrapped. Whole exponents: exactly, by squaring. Others:
 * in double, truncated; a result within 2^-40 of an integer, relatively, is that integer, since
 * code that takes exp and log rounds otherwise.
 */
int64_t hmlc_integer_power(hmlc_dtype dtype, int64_t base, double exponent);
/* The op requantize_fixed: ops.def. Shifts count modulo 32. */
int64_t hmlc_requantize_fixed(bool twice, int64_t x, int64_t multiplier, int64_t shift);
int64_t hmlc_requantize_real(int64_t x, double number);
bool hmlc_integer_less(hmlc_dtype dtype, int64_t a, int64_t b);

#endif
