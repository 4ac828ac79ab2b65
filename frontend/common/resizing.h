/* SPDX-License-Identifier: Apache-2.0 */
/* The op resize, all that it can be told in one record. */
#ifndef HMLC_RESIZING_H
#define HMLC_RESIZING_H

#include "importer/emit.h"

/* One entry per dim of the input. */
typedef struct hmlc_resize_spec {
    int32_t rank;
    hmlc_dim sizes[HMLC_MAX_RANK];
    double scales[HMLC_MAX_RANK];
    double region[2 * HMLC_MAX_RANK];
    bool has_scales, has_region;
    hmlc_value *scale_values, *region_values; /* known only at run time: in place of the numbers */
    int64_t mode, coordinates, nearest; /* HMLC_RESIZE_*, HMLC_COORDINATES_*, HMLC_NEAREST_* */
    double cubic_coefficient, extrapolation;
    bool exclude_outside, antialias;
} hmlc_resize_spec;

/* One that changes nothing of x. */
void hmlc_resize_begin(const hmlc_value *x, hmlc_resize_spec *resizing);
hmlc_value *hmlc_emit_resize(hmlc_emitter *emit, hmlc_value *x, const hmlc_resize_spec *resizing);

#endif
