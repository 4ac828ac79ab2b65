/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floats narrower than 32 bits by one rule. Formats: IEEE 754 half and bfloat16, the OCP 8-bit
 * formats E4M3 and E5M2, their "fnuz" forms (finite, one NaN, no negative zero) and the exponent
 * only E8M0.
 */
#include "small_float.h"

#include <math.h>

typedef enum special_values {
    SPECIAL_IEEE,     /* the highest exponent holds infinity and NaN */
    SPECIAL_ONLY_NAN, /* all ones but the sign are NaN, no infinity */
    SPECIAL_FNUZ,     /* the negative zero's bits are the one NaN */
    SPECIAL_EXPONENT, /* no sign, no mantissa; all ones are NaN */
} special_values;

typedef struct small_format {
    int exponent_bits, mantissa_bits, bias;
    special_values special;
} small_format;

static small_format format_of(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f16:
        return (small_format){5, 10, 15, SPECIAL_IEEE};
    case HMLC_DTYPE_bf16:
        return (small_format){8, 7, 127, SPECIAL_IEEE};
    case HMLC_DTYPE_f8e4m3fn:
        return (small_format){4, 3, 7, SPECIAL_ONLY_NAN};
    case HMLC_DTYPE_f8e4m3fnuz:
        return (small_format){4, 3, 8, SPECIAL_FNUZ};
    case HMLC_DTYPE_f8e5m2:
        return (small_format){5, 2, 15, SPECIAL_IEEE};
    case HMLC_DTYPE_f8e5m2fnuz:
        return (small_format){5, 2, 16, SPECIAL_FNUZ};
    default:
        return (small_format){8, 0, 127, SPECIAL_EXPONENT};
    }
}

static double decode_exponent_only(uint32_t bits)
{
    return bits == 0xff ? (double)NAN : ldexp(1.0, (int)bits - 127);
}

double hmlc_small_float_decode(hmlc_dtype dtype, uint32_t bits)
{
    small_format format = format_of(dtype);
    if (format.special == SPECIAL_EXPONENT) {
        return decode_exponent_only(bits & 0xff);
    }
    uint32_t sign_bit = (uint32_t)1 << (format.exponent_bits + format.mantissa_bits);
    uint32_t size = bits & (sign_bit - 1);
    uint32_t mantissa = bits & (((uint32_t)1 << format.mantissa_bits) - 1);
    uint32_t exponent = size >> format.mantissa_bits;
    bool negative = (bits & sign_bit) != 0;
    uint32_t all_ones = ((uint32_t)1 << format.exponent_bits) - 1;
    if (format.special == SPECIAL_IEEE && exponent == all_ones) {
        double special = mantissa != 0 ? (double)NAN : (double)INFINITY;
        return negative ? -special : special;
    }
    if ((format.special == SPECIAL_ONLY_NAN && size == sign_bit - 1) ||
        (format.special == SPECIAL_FNUZ && size == 0 && negative)) {
        return (double)NAN;
    }
    double value = exponent == 0 ? (double)mantissa
                                 : (double)(mantissa + ((uint32_t)1 << format.mantissa_bits));
    int power = (exponent == 0 ? 1 : (int)exponent) - format.bias - format.mantissa_bits;
    value = ldexp(value, power);
    return negative ? -value : value;
}

static uint32_t encode_exponent_only(double value)
{
    if (!(value > 0) || isinf(value)) {
        return value == 0 ? 0 : 0xff;
    }
    int exponent;
    double fraction = frexp(value, &exponent); /* value = fraction * 2^exponent, 0.5 <= fraction */
    int biased = exponent - 1 + 127 + (fraction > 0.75 ? 1 : 0);
    return biased < 0 ? 0 : biased > 0xff ? 0xff : (uint32_t)biased;
}

/* The bits, without sign, of NaN and of what overflow gives, and of the largest finite value. */
static void special_bits(small_format format, uint32_t *nan, uint32_t *overflow, uint32_t *largest)
{
    uint32_t sign_bit = (uint32_t)1 << (format.exponent_bits + format.mantissa_bits);
    uint32_t infinity = sign_bit - ((uint32_t)1 << format.mantissa_bits);
    switch (format.special) {
    case SPECIAL_IEEE:
        *nan = infinity | ((uint32_t)1 << (format.mantissa_bits - 1));
        *overflow = infinity;
        *largest = infinity - 1;
        break;
    case SPECIAL_ONLY_NAN:
        *nan = *overflow = sign_bit - 1;
        *largest = sign_bit - 2;
        break;
    default:
        *nan = *overflow = sign_bit;
        *largest = sign_bit - 1;
        break;
    }
}

uint32_t hmlc_small_float_encode(hmlc_dtype dtype, double value)
{
    small_format format = format_of(dtype);
    if (format.special == SPECIAL_EXPONENT) {
        return encode_exponent_only(value);
    }
    uint32_t nan, overflow, largest;
    special_bits(format, &nan, &overflow, &largest);
    uint32_t sign_bit = (uint32_t)1 << (format.exponent_bits + format.mantissa_bits);
    uint32_t sign = signbit(value) ? sign_bit : 0;
    if (isnan(value)) {
        return format.special == SPECIAL_FNUZ ? nan : sign | nan;
    }
    uint32_t size = 0;
    if (isinf(value)) {
        size = overflow;
    } else if (value != 0) {
        int least = 1 - format.bias;
        int exponent = ilogb(value) < least ? least : ilogb(value);
        /* Scaling by a power of two is exact: rint is the only rounding. A carry out of the
         * mantissa moves into the exponent as it should. */
        double scaled = rint(ldexp(fabs(value), format.mantissa_bits - exponent));
        if (exponent - least > (1 << format.exponent_bits)) {
            size = overflow;
        } else {
            size = ((uint32_t)(exponent - least) << format.mantissa_bits) + (uint32_t)scaled;
            size = size > largest ? overflow : size;
        }
    }
    if (format.special == SPECIAL_FNUZ) {
        return size == 0 ? 0 : sign | size; /* no negative zero; overflow is the NaN */
    }
    return sign | size;
}

float hmlc_f16_to_f32(uint16_t bits)
{
    return (float)hmlc_small_float_decode(HMLC_DTYPE_f16, bits);
}

uint16_t hmlc_f16_from_double(double value)
{
    return (uint16_t)hmlc_small_float_encode(HMLC_DTYPE_f16, value);
}

float hmlc_bf16_to_f32(uint16_t bits)
{
    return (float)hmlc_small_float_decode(HMLC_DTYPE_bf16, bits);
}

uint16_t hmlc_bf16_from_double(double value)
{
    return (uint16_t)hmlc_small_float_encode(HMLC_DTYPE_bf16, value);
}
