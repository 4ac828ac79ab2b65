/* SPDX-License-Identifier: Apache-2.0 */
/* Element access of concrete tensors: every read and write goes through memcpy, data may be
 * unaligned. */
#include <hmlc/types.h>

#include <math.h>
#include <string.h>

#include "small_float.h"

int64_t hmlc_tensor_count(const hmlc_tensor *tensor)
{
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0 || !hmlc_int64_multiply(count, tensor->dims[i], &count)) {
            return -1;
        }
    }
    return count;
}

static uint64_t read_bits(const void *data, size_t bytes, int64_t index)
{
    const unsigned char *at = (const unsigned char *)data + (size_t)index * bytes;
    uint8_t bits8;
    uint16_t bits16;
    uint32_t bits32;
    uint64_t bits64 = 0;
    switch (bytes) {
    case 1:
        memcpy(&bits8, at, sizeof bits8);
        return bits8;
    case 2:
        memcpy(&bits16, at, sizeof bits16);
        return bits16;
    case 4:
        memcpy(&bits32, at, sizeof bits32);
        return bits32;
    case 8:
        memcpy(&bits64, at, sizeof bits64);
        return bits64;
    default:
        return 0;
    }
}

static int64_t sign_extend(uint64_t bits, size_t bytes)
{
    switch (bytes) {
    case 1:
        return (int8_t)bits;
    case 2:
        return (int16_t)bits;
    case 4:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}

static double float_from_bits(hmlc_dtype dtype, uint64_t bits)
{
    if (dtype == HMLC_DTYPE_f64) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (dtype == HMLC_DTYPE_f32) {
        uint32_t low = (uint32_t)bits;
        float value;
        memcpy(&value, &low, sizeof value);
        return value;
    }
    return hmlc_small_float_decode(dtype, (uint32_t)bits);
}

/* A complex element's real part. */
static double real_part(hmlc_dtype dtype, const void *data, int64_t index)
{
    bool wide = dtype == HMLC_DTYPE_c128;
    return float_from_bits(wide ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32,
                           read_bits(data, wide ? 8 : 4, 2 * index));
}

double hmlc_tensor_get_double(const hmlc_tensor *tensor, int64_t index)
{
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    hmlc_dtype_class class_of = hmlc_dtype_class_of(tensor->dtype);
    if (class_of == HMLC_CLASS_COMPLEX) {
        return real_part(tensor->dtype, tensor->data, index);
    }
    uint64_t bits = read_bits(tensor->data, bytes, index);
    switch (class_of) {
    case HMLC_CLASS_BOOL:
        return bits != 0 ? 1.0 : 0.0;
    case HMLC_CLASS_INT:
        return (double)sign_extend(bits, bytes);
    case HMLC_CLASS_UINT:
        return (double)bits;
    case HMLC_CLASS_FLOAT:
        return float_from_bits(tensor->dtype, bits);
    default:
        return 0.0;
    }
}

int64_t hmlc_truncate_to_int(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

int64_t hmlc_tensor_get_int(const hmlc_tensor *tensor, int64_t index)
{
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    switch (hmlc_dtype_class_of(tensor->dtype)) {
    case HMLC_CLASS_BOOL:
        return read_bits(tensor->data, bytes, index) != 0;
    case HMLC_CLASS_INT:
        return sign_extend(read_bits(tensor->data, bytes, index), bytes);
    case HMLC_CLASS_UINT:
        return (int64_t)read_bits(tensor->data, bytes, index);
    default:
        return hmlc_truncate_to_int(hmlc_tensor_get_double(tensor, index));
    }
}

static void write_bits(void *data, size_t bytes, int64_t index, uint64_t bits)
{
    unsigned char *at = (unsigned char *)data + (size_t)index * bytes;
    uint8_t bits8 = (uint8_t)bits;
    uint16_t bits16 = (uint16_t)bits;
    uint32_t bits32 = (uint32_t)bits;
    switch (bytes) {
    case 1:
        memcpy(at, &bits8, sizeof bits8);
        break;
    case 2:
        memcpy(at, &bits16, sizeof bits16);
        break;
    case 4:
        memcpy(at, &bits32, sizeof bits32);
        break;
    case 8:
        memcpy(at, &bits, sizeof bits);
        break;
    default:
        break;
    }
}

static uint64_t bits_from_float(hmlc_dtype dtype, double value)
{
    if (dtype == HMLC_DTYPE_f64) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    if (dtype == HMLC_DTYPE_f32) {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        return bits;
    }
    return hmlc_small_float_encode(dtype, value);
}

static void set_complex(hmlc_dtype dtype, void *data, int64_t index, double value)
{
    bool wide = dtype == HMLC_DTYPE_c128;
    size_t bytes = wide ? 8 : 4;
    uint64_t bits = bits_from_float(wide ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32, value);
    write_bits(data, bytes, 2 * index, bits);
    write_bits(data, bytes, 2 * index + 1, 0);
}

void hmlc_element_set_double(hmlc_dtype dtype, void *data, int64_t index, double value)
{
    size_t bytes = hmlc_dtype_bytes(dtype);
    switch (hmlc_dtype_class_of(dtype)) {
    case HMLC_CLASS_BOOL:
        write_bits(data, bytes, index, value != 0);
        break;
    case HMLC_CLASS_FLOAT:
        write_bits(data, bytes, index, bits_from_float(dtype, value));
        break;
    case HMLC_CLASS_COMPLEX:
        set_complex(dtype, data, index, value);
        break;
    case HMLC_CLASS_UINT:
        if (value >= 0x1p63 && value < 0x1p64) {
            write_bits(data, bytes, index, (uint64_t)value);
            break;
        }
        write_bits(data, bytes, index, (uint64_t)hmlc_truncate_to_int(value));
        break;
    default:
        write_bits(data, bytes, index, (uint64_t)hmlc_truncate_to_int(value));
        break;
    }
}

/* An int64 as f32 directly, where going through double could round twice. */
static uint64_t f32_bits_from_int(int64_t value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

void hmlc_element_set_int(hmlc_dtype dtype, void *data, int64_t index, int64_t value)
{
    size_t bytes = hmlc_dtype_bytes(dtype);
    switch (hmlc_dtype_class_of(dtype)) {
    case HMLC_CLASS_BOOL:
        write_bits(data, bytes, index, value != 0);
        break;
    case HMLC_CLASS_INT:
    case HMLC_CLASS_UINT:
        write_bits(data, bytes, index, (uint64_t)value);
        break;
    default:
        if (dtype == HMLC_DTYPE_f32) {
            write_bits(data, bytes, index, f32_bits_from_int(value));
            break;
        }
        hmlc_element_set_double(dtype, data, index, (double)value);
        break;
    }
}
