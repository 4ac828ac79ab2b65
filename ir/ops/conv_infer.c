/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of conv and conv_transpose. */
#include "window_infer.h"

#include <hmlc/winograd.h>

typedef struct weights {
    const hmlc_type *type;
    int64_t groups;
    int32_t first_spatial; /* of the weights */
    hmlc_dim outer, inner; /* dim 0, and the channel dim beside the window */
    hmlc_dtype sums;
} weights;

static void read_weights(const hmlc_infer *context, const hmlc_type *x, const hmlc_type *w,
                         weights *found, hmlc_status *status)
{
    if (w->rank != x->rank) {
        hmlc_infer_fail(context, status, "the weights have rank %d; expected %d as the input has",
                        w->rank, x->rank);
        return;
    }
    bool last = hmlc_op_int(context->op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    found->type = w;
    found->groups = hmlc_op_int(context->op, HMLC_ATTR_groups);
    found->first_spatial = last ? 1 : 2;
    found->outer = w->dims[0];
    found->inner = w->dims[last ? w->rank - 1 : 1];
    if (found->groups < 1) {
        hmlc_infer_fail(context, status, "groups is %lld; expected 1 or more",
                        (long long)found->groups);
        return;
    }
    hmlc_dim rest = hmlc_dim_modulo(context->module->dims, found->outer,
                                    hmlc_infer_number(context, found->groups));
    hmlc_infer_unify(context, hmlc_infer_number(context, 0), rest,
                     "channels (dim 0 of the weights) that are left when they divide into groups",
                     status);
}

/* A bias is added to the sums: it has their type. */
static void check_bias(const hmlc_infer *context, hmlc_dtype sums, hmlc_dim channels,
                       hmlc_status *status)
{
    const hmlc_type *bias = hmlc_infer_optional(context, 2, HMLC_ACCEPT_NUMERIC, status);
    if (bias != NULL && bias->dtype != sums) {
        hmlc_infer_fail(context, status, "operand 2 has element type %s; expected %s as the sums",
                        hmlc_dtype_name(bias->dtype), hmlc_dtype_name(sums));
    }
    hmlc_infer_shape(context, 2, bias, 1, &channels, status);
}

/* Reads what both ops share; false when something contradicts. */
static bool read_convolution(const hmlc_infer *context, const hmlc_type **x,
                             hmlc_window_shape *window, weights *found, hmlc_status *status)
{
    *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, status);
    const hmlc_type *w = hmlc_infer_operand(context, 1, HMLC_ACCEPT_NUMERIC, status);
    found->sums = hmlc_infer_accumulator(context, *x, w, status);
    if (*x == NULL || w == NULL) {
        return false;
    }
    hmlc_window_read(context, *x, window, status);
    read_weights(context, *x, w, found, status);
    return *status == HMLC_OK && found->type != NULL;
}

/* Winograd's form has a window of 3x3 that moves by one element over all channels. */
static void check_winograd(const hmlc_infer *context, const weights *w, hmlc_status *status)
{
    const hmlc_op *op = context->op;
    int64_t outputs = hmlc_op_int(op, HMLC_ATTR_winograd);
    const hmlc_attr *strides = hmlc_op_attr(op, HMLC_ATTR_strides);
    const hmlc_attr *dilations = hmlc_op_attr(op, HMLC_ATTR_dilations);
    bool fits = outputs == 2 || outputs == HMLC_WINOGRAD_OUTPUTS;
    fits = fits && strides->count == 2 && w->groups == 1;
    for (int32_t k = 0; fits && k < 2; k++) {
        fits = strides->as.integers[k] == 1 && dilations->as.integers[k] == 1 &&
               hmlc_dim_is(w->type->dims[w->first_spatial + k], HMLC_WINOGRAD_WINDOW);
    }
    if (outputs != 0 && !fits) {
        hmlc_infer_fail(context, status,
                        "winograd is %lld; expected 2 or 4, and that only for two spatial dims, a "
                        "window of 3x3, strides and dilations of 1 and one group",
                        (long long)outputs);
    }
}

/* Padding as a number is what integers have; of floats it is 0 alone. */
static void check_pad_value(const hmlc_infer *context, const hmlc_type *x, hmlc_status *status)
{
    bool given =
        context->op->opcode == HMLC_OP_conv && hmlc_op_int(context->op, HMLC_ATTR_pad_value) != 0;
    int64_t value = given ? hmlc_op_int(context->op, HMLC_ATTR_pad_value) : 0;
    int64_t least = x->dtype == HMLC_DTYPE_i8 ? -128 : 0, most = least + 255;
    bool bytes = x->dtype == HMLC_DTYPE_i8 || x->dtype == HMLC_DTYPE_u8;
    if (given && (!bytes || value < least || value > most)) {
        hmlc_infer_fail(context, status, "pad_value is %lld for elements of type %s",
                        (long long)value, hmlc_dtype_name(x->dtype));
    }
}

static hmlc_status infer_conv(hmlc_infer *context, bool has_bias)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x;
    hmlc_window_shape window = {0};
    weights w = {0};
    if (!read_convolution(context, &x, &window, &w, &status)) {
        return status;
    }
    hmlc_infer_unify(context, hmlc_infer_times(context, w.inner, w.groups), x->dims[window.channel],
                     "input channels (groups times those of the weights)", &status);
    check_pad_value(context, x, &status);
    if (has_bias) {
        check_bias(context, w.sums, w.outer, &status);
    }
    if (status == HMLC_OK && context->op->opcode == HMLC_OP_conv) {
        check_winograd(context, &w, &status);
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    dims[0] = x->dims[0];
    dims[window.channel] = w.outer;
    for (int32_t i = 0; i < window.spatial; ++i) {
        dims[window.first_spatial + i] =
            hmlc_window_positions(context, &window, i, x->dims[window.first_spatial + i],
                                  w.type->dims[w.first_spatial + i], &status);
    }
    hmlc_infer_result(context, 0, w.sums, x->rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_conv(hmlc_infer *context)
{
    return infer_conv(context, true);
}

hmlc_status hmlc_infer_conv_integer(hmlc_infer *context)
{
    hmlc_status status = infer_conv(context, false);
    HMLC_TRY(status);
    const hmlc_type *x = hmlc_op_operand(context->op, 0)->type;
    const hmlc_type *w = hmlc_op_operand(context->op, 1)->type;
    const hmlc_type *x_zero = hmlc_infer_optional(context, 2, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_type *w_zero = hmlc_infer_optional(context, 3, HMLC_ACCEPT_INTEGER, &status);
    if (x_zero != NULL) {
        hmlc_infer_same_dtype(context, 2, x, x_zero, &status);
        hmlc_infer_rank(context, 2, x_zero, 0, 0, &status);
    }
    if (w_zero != NULL) {
        hmlc_infer_same_dtype(context, 3, w, w_zero, &status);
        hmlc_infer_rank(context, 3, w_zero, 0, 1, &status);
        if (w_zero->rank == 1) {
            hmlc_infer_shape(context, 3, w_zero, 1, w->dims, &status);
        }
    }
    return status;
}

/* (in - 1) * stride + dilation * (k - 1) + 1 + output_padding - pads */
static hmlc_dim transposed_size(const hmlc_infer *context, const hmlc_window_shape *window,
                                int32_t index, hmlc_dim in, hmlc_dim size, int64_t output_padding)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim travel =
        hmlc_infer_times(context, hmlc_infer_plus(context, in, -1), window->strides[index]);
    hmlc_dim reach =
        hmlc_infer_times(context, hmlc_infer_plus(context, size, -1), window->dilations[index]);
    hmlc_dim full = hmlc_infer_plus(context, hmlc_dim_add(dims, travel, reach), 1 + output_padding);
    hmlc_dim pads = hmlc_dim_add(dims, window->pads[index], window->pads[window->spatial + index]);
    return hmlc_dim_subtract(dims, full, pads);
}

hmlc_status hmlc_infer_conv_transpose(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x;
    hmlc_window_shape window = {0};
    weights w = {0};
    if (!read_convolution(context, &x, &window, &w, &status)) {
        return status;
    }
    const hmlc_attr *padding =
        hmlc_infer_list(context, HMLC_ATTR_output_padding, window.spatial, &status);
    if (padding == NULL) {
        return status;
    }
    hmlc_infer_unify(context, w.outer, x->dims[window.channel],
                     "input channels (dim 0 of the weights)", &status);
    hmlc_dim channels = hmlc_infer_times(context, w.inner, w.groups);
    check_bias(context, w.sums, channels, &status);
    hmlc_dim dims[HMLC_MAX_RANK];
    dims[0] = x->dims[0];
    dims[window.channel] = channels;
    for (int32_t i = 0; i < window.spatial; ++i) {
        dims[window.first_spatial + i] =
            transposed_size(context, &window, i, x->dims[window.first_spatial + i],
                            w.type->dims[w.first_spatial + i], padding->as.integers[i]);
    }
    hmlc_infer_result(context, 0, w.sums, x->rank, dims, &status);
    return status;
}
