/* SPDX-License-Identifier: Apache-2.0 */
#include "random_tensor.h"

#include "number.h"

#include <string.h>

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int is_float(hml_dtype dtype)
{
    return dtype == HML_F16 || dtype == HML_BF16 || dtype == HML_F32 || dtype == HML_F64;
}

void hml_tensor_randomize(const hml_tensor *tensor, uint64_t *state)
{
    size_t size = hml_dtype_bytes(tensor->dtype);
    size_t count = tensor->bytes / size;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = next_random(state) >> 40; /* 24 bits: exact in f32 */
        double value = (double)bits / (double)(1 << 23) - 1.0;
        hml_number_store(tensor, i, is_float(tensor->dtype) ? value : (double)(bits & 1));
    }
}

double hml_random_fraction(uint64_t *state)
{
    return (double)(next_random(state) >> 11) / (double)(UINT64_C(1) << 53);
}
