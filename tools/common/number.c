/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <math.h>
#include <string.h>

/* IEEE half: 1 sign, 5 exponent, 10 fraction bits. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double magnitude = exponent == 31  ? (fraction != 0 ? (double)NAN : (double)INFINITY)
                       : exponent == 0 ? ldexp(fraction, -24)
                                       : ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/* Only for the range [-65504, 65504]. */
static uint16_t half_bits(double value)
{
    double magnitude = fabs(value);
    int exponent = 0;
    (void)frexp(magnitude, &exponent);
    /* The spacing of halves at this size; subnormals share the smallest one. */
    int scale = exponent - 11 < -24 ? -24 : exponent - 11;
    double scaled = ldexp(magnitude, -scale);
    long steps = (long)scaled;
    double rest = scaled - (double)steps;
    steps += rest > 0.5 || (rest == 0.5 && steps % 2 != 0) ? 1 : 0;
    /* steps lies in [1024, 2048] for normal numbers: 2048 carries into the exponent by itself. */
    long bits = magnitude == 0.0 ? 0 : ((long)(scale + 24) << 10) + steps;
    return (uint16_t)((value < 0 ? 0x8000 : 0) | bits);
}

static double bfloat_value(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

static uint16_t bfloat_bits(double value)
{
    float narrow = (float)value;
    uint32_t wide;
    memcpy(&wide, &narrow, sizeof wide);
    return (uint16_t)((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
}

#define LOAD(type)                                                                                 \
    do {                                                                                           \
        type element;                                                                              \
        memcpy(&element, (const char *)tensor->data + index * sizeof element, sizeof element);     \
        return (double)element;                                                                    \
    } while (0)

#define STORE(type)                                                                                \
    do {                                                                                           \
        type element = (type)value;                                                                \
        memcpy((char *)tensor->data + index * sizeof element, &element, sizeof element);           \
        return;                                                                                    \
    } while (0)

static uint16_t load_bits(const hml_tensor *tensor, size_t index)
{
    uint16_t bits;
    memcpy(&bits, (const char *)tensor->data + index * sizeof bits, sizeof bits);
    return bits;
}

static void store_bits(const hml_tensor *tensor, size_t index, uint16_t bits)
{
    memcpy((char *)tensor->data + index * sizeof bits, &bits, sizeof bits);
}

double hml_number_load(const hml_tensor *tensor, size_t index)
{
    switch (tensor->dtype) {
    case HML_I8:
        LOAD(int8_t);
    case HML_I16:
        LOAD(int16_t);
    case HML_I32:
        LOAD(int32_t);
    case HML_I64:
        LOAD(int64_t);
    case HML_U16:
        LOAD(uint16_t);
    case HML_U32:
        LOAD(uint32_t);
    case HML_U64:
        LOAD(uint64_t);
    case HML_F16:
        return half_value(load_bits(tensor, index));
    case HML_BF16:
        return bfloat_value(load_bits(tensor, index));
    case HML_F32:
        LOAD(float);
    case HML_F64:
        LOAD(double);
    default:
        LOAD(uint8_t);
    }
}

void hml_number_store(const hml_tensor *tensor, size_t index, double value)
{
    switch (tensor->dtype) {
    case HML_I8:
        STORE(int8_t);
    case HML_I16:
        STORE(int16_t);
    case HML_I32:
        STORE(int32_t);
    case HML_I64:
        STORE(int64_t);
    case HML_U16:
        STORE(uint16_t);
    case HML_U32:
        STORE(uint32_t);
    case HML_U64:
        STORE(uint64_t);
    case HML_F16:
        store_bits(tensor, index, half_bits(value));
        return;
    case HML_BF16:
        store_bits(tensor, index, bfloat_bits(value));
        return;
    case HML_F32:
        STORE(float);
    case HML_F64:
        STORE(double);
    default:
        STORE(uint8_t);
    }
}
