/* SPDX-License-Identifier: Apache-2.0 */
/* Integer arithmetic of elementwise ops: two's complement, no undefined corner. */
#include "integer_math.h"

#include <math.h>

int64_t hmlc_integer_wrap(hmlc_dtype dtype, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    switch (dtype) {
    case HMLC_DTYPE_bool:
        return value != 0;
    case HMLC_DTYPE_i8:
        return (int8_t)bits;
    case HMLC_DTYPE_i16:
        return (int16_t)bits;
    case HMLC_DTYPE_i32:
        return (int32_t)bits;
    case HMLC_DTYPE_u8:
        return (uint8_t)bits;
    case HMLC_DTYPE_u16:
        return (uint16_t)bits;
    case HMLC_DTYPE_u32:
        return (uint32_t)bits;
    default:
        return value;
    }
}

static bool is_unsigned(hmlc_dtype dtype)
{
    return hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT;
}

bool hmlc_integer_less(hmlc_dtype dtype, int64_t a, int64_t b)
{
    return is_unsigned(dtype) ? (uint64_t)a < (uint64_t)b : a < b;
}

/* gemmlowp's SaturatingRoundingDoublingHighMul, then its RoundingDivideByPOT. */
int64_t hmlc_requantize_fixed(bool twice, int64_t x, int64_t multiplier, int64_t shift)
{
    int32_t down = (int32_t)(shift & 31);
    int64_t product = x * multiplier;
    if (!twice) {
        int64_t half = 1LL << (30 + down);
        return hmlc_integer_wrap(HMLC_DTYPE_i32, (product + half) >> 31 >> down);
    }
    int64_t high = (product + (1LL << 30)) >> 31;
    int64_t half = down > 0 ? 1LL << (down - 1) : 0;
    return (high + half - (down > 0 && high < 0)) >> down;
}

int64_t hmlc_requantize_real(int64_t x, double number)
{
    double product = round((double)x * number);
    return product >= 0x1p31 ? INT32_MAX : product > -0x1p31 ? (int64_t)product : INT32_MIN;
}

static int64_t negate(int64_t a)
{
    return (int64_t)(0 - (uint64_t)a);
}

bool hmlc_integer_unary(hmlc_opcode opcode, hmlc_dtype dtype, int64_t a, int64_t *result)
{
    bool negative = hmlc_integer_less(dtype, a, 0);
    switch (opcode) {
    case HMLC_OP_neg:
        *result = negate(a);
        return true;
    case HMLC_OP_abs:
        *result = negative ? negate(a) : a;
        return true;
    case HMLC_OP_sign:
        *result = negative ? -1 : a != 0;
        return true;
    case HMLC_OP_relu:
        *result = negative ? 0 : a;
        return true;
    case HMLC_OP_not:
        *result = a == 0;
        return true;
    case HMLC_OP_bit_not:
        *result = ~a;
        return true;
    default:
        return false;
    }
}

/* Truncates toward 0; by 0 gives 0, MIN / -1 wraps. */
static int64_t divide(hmlc_dtype dtype, int64_t a, int64_t b)
{
    if (b == 0) {
        return 0;
    }
    if (is_unsigned(dtype)) {
        return (int64_t)((uint64_t)a / (uint64_t)b);
    }
    return b == -1 ? negate(a) : a / b;
}

static int64_t modulo(hmlc_dtype dtype, bool fmod, int64_t a, int64_t b)
{
    if (b == 0) {
        return 0;
    }
    if (is_unsigned(dtype)) {
        return (int64_t)((uint64_t)a % (uint64_t)b);
    }
    int64_t rest = b == -1 ? 0 : a % b;
    return !fmod && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

/* By squaring, wrapping; a negative exponent leaves only the powers of 1 and -1 above 0. */
static int64_t power(hmlc_dtype dtype, int64_t base, int64_t exponent)
{
    if (hmlc_integer_less(dtype, exponent, 0)) {
        int64_t odd = exponent & 1;
        return base == 1 ? 1 : base == -1 ? (odd ? -1 : 1) : 0;
    }
    uint64_t result = 1, square = (uint64_t)base;
    for (uint64_t rest = (uint64_t)exponent; rest != 0; rest >>= 1) {
        result *= (rest & 1) != 0 ? square : 1;
        square *= square;
    }
    return (int64_t)result;
}

int64_t hmlc_integer_power(hmlc_dtype dtype, int64_t base, double exponent)
{
    if (rint(exponent) == exponent && fabs(exponent) < 0x1p63) {
        bool unsigned_inverse = is_unsigned(dtype) && exponent < 0;
        return unsigned_inverse ? base == 1 : power(dtype, base, (int64_t)exponent);
    }
    double wide = is_unsigned(dtype) ? (double)(uint64_t)base : (double)base;
    double result = pow(wide, exponent), rounded = rint(result);
    result = fabs(result - rounded) <= result * 0x1p-40 ? rounded : result;
    return fabs(result) < ldexp(1, (int)hmlc_dtype_bits(dtype)) ? hmlc_truncate_to_int(result)
                                                                : INT64_MIN;
}

/* Shifts by the type's width or more leave 0 (or the sign). */
static int64_t shift(hmlc_opcode opcode, hmlc_dtype dtype, int64_t a, int64_t b)
{
    uint32_t bits = hmlc_dtype_bits(dtype);
    bool far = b < 0 || b >= (int64_t)bits;
    if (opcode == HMLC_OP_shift_left) {
        return far ? 0 : (int64_t)((uint64_t)a << b);
    }
    if (is_unsigned(dtype)) {
        return far ? 0 : (int64_t)((uint64_t)a >> b);
    }
    return a >> (far ? 63 : b);
}

static bool arithmetic(hmlc_opcode opcode, hmlc_dtype dtype, bool fmod, int64_t a, int64_t b,
                       int64_t *result)
{
    switch (opcode) {
    case HMLC_OP_add:
        *result = (int64_t)((uint64_t)a + (uint64_t)b);
        return true;
    case HMLC_OP_sub:
        *result = (int64_t)((uint64_t)a - (uint64_t)b);
        return true;
    case HMLC_OP_mul:
        *result = (int64_t)((uint64_t)a * (uint64_t)b);
        return true;
    case HMLC_OP_div:
        *result = divide(dtype, a, b);
        return true;
    case HMLC_OP_mod:
        *result = modulo(dtype, fmod, a, b);
        return true;
    case HMLC_OP_pow:
        *result = power(dtype, a, b);
        return true;
    case HMLC_OP_min:
        *result = hmlc_integer_less(dtype, b, a) ? b : a;
        return true;
    case HMLC_OP_max:
        *result = hmlc_integer_less(dtype, a, b) ? b : a;
        return true;
    case HMLC_OP_prelu:
        *result = hmlc_integer_less(dtype, a, 0) ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
        return true;
    default:
        return false;
    }
}

bool hmlc_integer_binary(hmlc_opcode opcode, hmlc_dtype dtype, bool fmod, int64_t a, int64_t b,
                         int64_t *result)
{
    switch (opcode) {
    case HMLC_OP_equal:
        *result = a == b;
        return true;
    case HMLC_OP_less:
        *result = hmlc_integer_less(dtype, a, b);
        return true;
    case HMLC_OP_less_equal:
        *result = !hmlc_integer_less(dtype, b, a);
        return true;
    case HMLC_OP_and:
    case HMLC_OP_bit_and:
        *result = a & b;
        return true;
    case HMLC_OP_or:
    case HMLC_OP_bit_or:
        *result = a | b;
        return true;
    case HMLC_OP_xor:
    case HMLC_OP_bit_xor:
        *result = a ^ b;
        return true;
    case HMLC_OP_shift_left:
    case HMLC_OP_shift_right:
        *result = shift(opcode, dtype, a, b);
        return true;
    default:
        return arithmetic(opcode, dtype, fmod, a, b, result);
    }
}
