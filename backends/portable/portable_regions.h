/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of f32 and f64 for the rules of hmlc/region_rules.h. */
#ifndef HMLC_PORTABLE_REGIONS_H
#define HMLC_PORTABLE_REGIONS_H

#include <hmlc/region_rules.h>

#include "portable_kernel.h"

static inline double portable_read_single(const void *data, int64_t index)
{
    return (double)((const float *)data)[index];
}

static inline double portable_read_double(const void *data, int64_t index)
{
    return ((const double *)data)[index];
}

static inline hmlc_region_reader *portable_reader(const portable_tensor *tensor)
{
    return tensor->dtype == HML_F64 ? portable_read_double : portable_read_single;
}

static inline void portable_store(const portable_tensor *tensor, int64_t index, double value)
{
    if (tensor->dtype == HML_F64) {
        ((double *)tensor->data)[index] = value;
    } else {
        ((float *)tensor->data)[index] = (float)value;
    }
}

#endif
