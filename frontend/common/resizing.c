/* SPDX-License-Identifier: Apache-2.0 */
#include "resizing.h"

void hmlc_resize_begin(const hmlc_value *x, hmlc_resize_spec *resizing)
{
    *resizing = (hmlc_resize_spec){.rank = x->type->rank, .cubic_coefficient = -0.75};
    for (int32_t i = 0; i < resizing->rank; i++) {
        resizing->sizes[i] = x->type->dims[i];
        resizing->scales[i] = 1;
        resizing->region[i + resizing->rank] = 1;
    }
}

enum { MOST_ATTRS = 10 }; /* all that the op has */

hmlc_value *hmlc_emit_resize(hmlc_emitter *emit, hmlc_value *x, const hmlc_resize_spec *resizing)
{
    uint32_t rank = (uint32_t)resizing->rank, count = 0;
    hmlc_attr attrs[MOST_ATTRS];
    attrs[count++] = hmlc_attr_dims(HMLC_ATTR_sizes, resizing->sizes, rank);
    if (resizing->has_scales) {
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_scales, resizing->scales, rank);
    }
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_resize_mode, resizing->mode);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_coordinates, resizing->coordinates);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_nearest_mode, resizing->nearest);
    attrs[count++] = hmlc_attr_float(HMLC_ATTR_cubic_coefficient, resizing->cubic_coefficient);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_exclude_outside, resizing->exclude_outside);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_antialias, resizing->antialias);
    if (resizing->has_region) {
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_region_of_interest, resizing->region, 2 * rank);
    }
    attrs[count++] = hmlc_attr_float(HMLC_ATTR_extrapolation, resizing->extrapolation);
    return hmlc_emit(emit, HMLC_OP_resize,
                     HMLC_OPERANDS(x, resizing->scale_values, resizing->region_values), attrs,
                     count);
}
