/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics_bins.h"

#include <math.h>
#include <string.h>

static int64_t bin_of(float value, int32_t exponent)
{
    return (int64_t)floor(ldexp((double)value, -exponent));
}

/* floor(index / 2^shift) */
static int64_t coarser(int64_t index, int32_t shift)
{
    return shift > 62 ? (index < 0 ? -1 : 0) : index >> shift;
}

void hmlc_bins_of_range(float min, float max, int32_t *exponent, int64_t *base)
{
    enum { LEAST = -149, DEEPEST = 30 };
    float largest = fmaxf(fabsf(min), fabsf(max));
    /* Finer than 2^-30 of the largest element would be below f32's own steps there. */
    int32_t e = largest > 0 ? ilogb((double)largest) - DEEPEST : LEAST;
    e = e < LEAST ? LEAST : e;
    while (bin_of(max, e) - bin_of(min, e) >= HMLC_STATISTICS_BINS) {
        e++;
    }
    *exponent = e;
    *base = bin_of(min, e);
}

hmlc_status hmlc_bins_cover(hmlc_arena *arena, hmlc_tensor_statistics *t)
{
    int32_t exponent;
    int64_t base;
    hmlc_bins_of_range(t->min, t->max, &exponent, &base);
    if (t->bins == NULL) {
        t->bins = HMLC_NEW_ARRAY(arena, uint64_t, HMLC_STATISTICS_BINS);
        HMLC_TRY_MEMORY(t->bins);
    } else if (exponent != t->exponent || base != t->base) {
        uint64_t old[HMLC_STATISTICS_BINS];
        memcpy(old, t->bins, sizeof old);
        memset(t->bins, 0, sizeof old);
        for (int64_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
            if (old[i] > 0) {
                t->bins[coarser(t->base + i, exponent - t->exponent) - base] += old[i];
            }
        }
    }
    t->exponent = exponent;
    t->base = base;
    return HMLC_OK;
}

void hmlc_bins_count(hmlc_tensor_statistics *t, const float *values, size_t count)
{
    /* Exact: f32 times a power of two stays far within f64. */
    double scale = ldexp(1, -t->exponent);
    int64_t base = t->base;
    uint64_t *bins = t->bins;
    for (size_t i = 0; i < count; i++) {
        float value = values[i];
        if (fabsf(value) <= 3.402823466e+38F) {
            bins[(int64_t)floor((double)value * scale) - base]++;
        }
    }
}

void hmlc_bins_merge(hmlc_tensor_statistics *t, const hmlc_tensor_statistics *other)
{
    for (int64_t i = 0; other->bins != NULL && i < HMLC_STATISTICS_BINS; i++) {
        if (other->bins[i] > 0) {
            t->bins[coarser(other->base + i, t->exponent - other->exponent) - t->base] +=
                other->bins[i];
        }
    }
}
