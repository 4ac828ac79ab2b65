/* SPDX-License-Identifier: Apache-2.0 */
/* Spatial attributes of convolutions and pools. */
#include "window_infer.h"

static void check_positive(const hmlc_infer *context, const hmlc_attr *attr, hmlc_status *status)
{
    for (uint32_t i = 0; attr != NULL && i < attr->count; ++i) {
        if (attr->as.integers[i] < 1 || attr->as.integers[i] > INT32_MAX) {
            hmlc_infer_fail(context, status, "%s has an entry %lld; expected a positive number",
                            hmlc_attr_name_text(attr->name), (long long)attr->as.integers[i]);
        }
    }
}

void hmlc_window_read(const hmlc_infer *context, const hmlc_type *x, hmlc_window_shape *window,
                      hmlc_status *status)
{
    if (x->rank > 5) {
        hmlc_infer_refuse(context, status, NULL,
                          "operand 0 has %d spatial dims; at most 3 are "
                          "supported",
                          x->rank - 2);
        return;
    }
    hmlc_infer_rank(context, 0, x, 3, 5, status);
    if (*status != HMLC_OK) {
        return;
    }
    bool last = hmlc_op_int(context->op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    window->spatial = x->rank - 2;
    window->first_spatial = last ? 1 : 2;
    window->channel = last ? x->rank - 1 : 1;
    const hmlc_attr *strides = hmlc_infer_list(context, HMLC_ATTR_strides, window->spatial, status);
    const hmlc_attr *dilations =
        hmlc_infer_list(context, HMLC_ATTR_dilations, window->spatial, status);
    const hmlc_attr *pads =
        hmlc_infer_list(context, HMLC_ATTR_pads, 2 * (int64_t)window->spatial, status);
    check_positive(context, strides, status);
    check_positive(context, dilations, status);
    if (*status != HMLC_OK) {
        return;
    }
    for (uint32_t i = 0; i < pads->count; ++i) {
        if (pads->as.dims[i]->maximum < 0) {
            hmlc_infer_fail(context, status, "pads has an entry %s; expected 0 or more",
                            hmlc_infer_dim_text(context, pads->as.dims[i]));
        }
    }
    window->strides = strides->as.integers;
    window->dilations = dilations->as.integers;
    window->pads = pads->as.dims;
}

hmlc_dim hmlc_window_positions(const hmlc_infer *context, const hmlc_window_shape *window,
                               int32_t index, hmlc_dim in, hmlc_dim size, hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim padded = hmlc_dim_add(
        dims, in, hmlc_dim_add(dims, window->pads[index], window->pads[window->spatial + index]));
    hmlc_dim reach =
        hmlc_infer_times(context, hmlc_infer_plus(context, size, -1), window->dilations[index]);
    hmlc_dim span = hmlc_infer_plus(context, reach, 1);
    hmlc_dim room = hmlc_dim_subtract(dims, padded, span);
    if (room->maximum < 0) {
        hmlc_infer_fail(context, status,
                        "spatial dim %d: a window that spans %s elements does not fit in %s "
                        "elements (padding included)",
                        index, hmlc_infer_dim_text(context, span),
                        hmlc_infer_dim_text(context, padded));
        return hmlc_infer_number(context, 0);
    }
    hmlc_infer_at_most(context, span, padded, "span of a window", status);
    hmlc_dim stride = hmlc_infer_number(context, window->strides[index]);
    return hmlc_infer_plus(context, hmlc_dim_floordiv(dims, room, stride), 1);
}
