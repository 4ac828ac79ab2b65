/* SPDX-License-Identifier: Apache-2.0 */
/* The table of element types. */
#include <hmlc/types.h>

#include <string.h>

static const struct {
    const char *name;
    uint32_t bits;
    hmlc_dtype_class class_of;
    size_t bytes;
} dtypes[] = {
#define HMLC_DTYPE(name, bits, class, bytes) {#name, bits, HMLC_CLASS_##class, bytes},
#include <hmlc/types.def>
#undef HMLC_DTYPE
};

const char *hmlc_dtype_name(hmlc_dtype dtype)
{
    return (uint32_t)dtype < HMLC_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

uint32_t hmlc_dtype_bits(hmlc_dtype dtype)
{
    return (uint32_t)dtype < HMLC_DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

size_t hmlc_dtype_bytes(hmlc_dtype dtype)
{
    return (uint32_t)dtype < HMLC_DTYPE_COUNT ? dtypes[dtype].bytes : 0;
}

hmlc_dtype_class hmlc_dtype_class_of(hmlc_dtype dtype)
{
    return (uint32_t)dtype < HMLC_DTYPE_COUNT ? dtypes[dtype].class_of : HMLC_CLASS_STRING;
}

bool hmlc_dtype_from_name(const char *name, size_t length, hmlc_dtype *dtype)
{
    for (int i = 0; i < HMLC_DTYPE_COUNT; i++) {
        if (strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, name, length) == 0) {
            *dtype = (hmlc_dtype)i;
            return true;
        }
    }
    return false;
}

bool hmlc_dtype_is_integer(hmlc_dtype dtype)
{
    hmlc_dtype_class class_of = hmlc_dtype_class_of(dtype);
    return class_of == HMLC_CLASS_INT || class_of == HMLC_CLASS_UINT;
}

bool hmlc_dtype_is_half(hmlc_dtype dtype)
{
    return dtype == HMLC_DTYPE_f16 || dtype == HMLC_DTYPE_bf16;
}

bool hmlc_dtype_is_byte(hmlc_dtype dtype)
{
    return dtype == HMLC_DTYPE_i8 || dtype == HMLC_DTYPE_u8;
}

bool hmlc_dtype_is_float(hmlc_dtype dtype)
{
    return hmlc_dtype_class_of(dtype) == HMLC_CLASS_FLOAT;
}
