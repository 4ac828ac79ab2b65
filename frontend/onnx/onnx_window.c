/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools. */
#include "common/sliding_window.h"
#include "onnx_node.h"

#include <inttypes.h>

enum { AUTO_NOTSET, AUTO_SAME_UPPER, AUTO_SAME_LOWER, AUTO_VALID };

/* An attribute of one positive number per spatial dim, 1 when absent. */
static void read_list(hmlc_node *node, const char *name, int32_t spatial, int64_t *values)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(node, name, &count);
    for (int32_t i = 0; i < spatial; i++) {
        values[i] = 1;
    }
    if (list == NULL) {
        return;
    }
    if (count != (uint32_t)spatial) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'%s' has %" PRIu32 " entries for %d spatial dims", name, count, spatial);
        return;
    }
    for (int32_t i = 0; i < spatial; i++) {
        values[i] = list[i];
        if (list[i] < 1 || list[i] > INT32_MAX) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "'%s' holds %" PRId64 ", must be positive", name, list[i]);
        }
    }
}

static int32_t auto_pad_of(hmlc_node *node)
{
    return hmlc_node_choice(node, "auto_pad", "NOTSET|SAME_UPPER|SAME_LOWER|VALID", AUTO_NOTSET);
}

static bool is_same(int32_t auto_pad)
{
    return auto_pad == AUTO_SAME_UPPER || auto_pad == AUTO_SAME_LOWER;
}

static hmlc_odd_pad odd_pad_of(int32_t auto_pad)
{
    return auto_pad == AUTO_SAME_UPPER ? HMLC_ODD_PAD_BEHIND : HMLC_ODD_PAD_BEFORE;
}

static void read_pads(hmlc_node *node, hmlc_window_spec *window)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(node, "pads", &count);
    bool used = list != NULL && auto_pad_of(node) == AUTO_NOTSET;
    if (used && count != 2 * (uint32_t)window->spatial) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'pads' has %" PRIu32 " entries for %d spatial dims", count,
                       window->spatial);
    }
    for (int32_t i = 0; i < 2 * window->spatial && hmlc_node_ok(node); i++) {
        window->pads[i] = hmlc_emit_number(&node->emit, used ? list[i] : 0);
        if (used && (list[i] < 0 || list[i] > INT32_MAX)) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "'pads' holds %" PRId64 ", must not be negative", list[i]);
        }
    }
}

/* Sizes come from `weights` (a conv) or from kernel_shape. False on failure. */
static bool read_window(hmlc_node *node, const hmlc_type *weights, hmlc_window_spec *window)
{
    *window = (hmlc_window_spec){.spatial = hmlc_node_rank(node, 0) - 2,
                                 .layout = HMLC_LAYOUT_CHANNELS_FIRST};
    if (window->spatial < 1 || (weights != NULL && weights->rank != window->spatial + 2)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the input has rank %d and the weights %d", window->spatial + 2,
                       weights != NULL ? weights->rank : window->spatial + 2);
        return false;
    }
    read_list(node, "kernel_shape", window->spatial, window->size);
    read_list(node, "strides", window->spatial, window->strides);
    read_list(node, "dilations", window->spatial, window->dilations);
    read_pads(node, window);
    bool given = hmlc_onnx_attr(node, "kernel_shape") != NULL;
    for (int32_t i = 0; weights != NULL && i < window->spatial && hmlc_node_ok(node); i++) {
        int64_t size;
        if (!hmlc_dim_is_constant(weights->dims[i + 2], &size)) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "the window's size is known only at run time");
        } else if (given && size != window->size[i]) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "'kernel_shape' says %" PRId64 ", but the weights '%s' have %" PRId64,
                           window->size[i], hmlc_node_input_name(node, 1), size);
        } else {
            window->size[i] = size;
        }
    }
    return hmlc_node_ok(node);
}

static void pad_automatically(hmlc_node *node, hmlc_window_spec *window)
{
    int32_t auto_pad = auto_pad_of(node);
    if (is_same(auto_pad)) {
        hmlc_window_pad_same(&node->emit, window, node->inputs[0], odd_pad_of(auto_pad));
    }
}

static hmlc_value *emit_conv(hmlc_node *node, hmlc_value *x, hmlc_value *w, hmlc_value *bias)
{
    hmlc_window_spec window;
    if (!hmlc_node_ok(node) || !read_window(node, w->type, &window)) {
        return NULL;
    }
    pad_automatically(node, &window);
    return hmlc_emit_conv(&node->emit, x, w, bias, &window, hmlc_node_int(node, "group", 1));
}

void hmlc_onnx_import_conv(hmlc_node *node)
{
    node->outputs[0] = emit_conv(node, node->inputs[0], node->inputs[1], node->inputs[2]);
}

/* The result's sizes along the spatial dims: output_shape, or stride times the input (SAME). False
 * where the pads decide. */
static bool wanted_sizes(hmlc_node *node, const hmlc_window_spec *window, hmlc_dim *sizes)
{
    uint32_t count;
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    const int64_t *shape = hmlc_node_ints(node, "output_shape", &count);
    /* Some writers give the batch and channel dims too. */
    if (shape != NULL && count == (uint32_t)window->spatial + 2) {
        shape += 2;
    } else if (shape != NULL && count != (uint32_t)window->spatial) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'output_shape' has %" PRIu32 " entries for %d spatial dims", count,
                       window->spatial);
        return false;
    }
    for (int32_t i = 0; i < window->spatial; i++) {
        hmlc_dim stride = hmlc_emit_number(&node->emit, window->strides[i]);
        sizes[i] = shape != NULL ? hmlc_emit_number(&node->emit, shape[i])
                                 : hmlc_dim_multiply(table, hmlc_node_dims(node, 0)[i + 2], stride);
    }
    return shape != NULL || is_same(auto_pad_of(node));
}

void hmlc_onnx_import_conv_transpose(hmlc_node *node)
{
    hmlc_window_spec window;
    int64_t output_padding[HMLC_MOST_SPATIAL] = {0};
    hmlc_dim sizes[HMLC_MOST_SPATIAL];
    uint32_t given;
    if (!read_window(node, node->inputs[1]->type, &window)) {
        return;
    }
    const int64_t *list = hmlc_node_ints(node, "output_padding", &given);
    if (list != NULL && given != (uint32_t)window.spatial) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'output_padding' has %" PRIu32 " entries for %d spatial dims", given,
                       window.spatial);
        return;
    }
    for (int32_t i = 0; list != NULL && i < window.spatial; i++) {
        output_padding[i] = list[i];
    }
    bool wanted = wanted_sizes(node, &window, sizes);
    node->outputs[0] = hmlc_emit_conv_transpose(
        &node->emit, node->inputs, &window, hmlc_node_int(node, "group", 1), wanted ? sizes : NULL,
        odd_pad_of(auto_pad_of(node)), output_padding);
}

/*
 * ceil_mode rounds the number of windows up, but none may start behind the input and its first pad.
 * Done by padding the end further.
 */
static void pad_ceil(hmlc_node *node, hmlc_window_spec *window, int32_t i)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    hmlc_dim zero = hmlc_emit_number(&node->emit, 0);
    hmlc_dim in = hmlc_node_dims(node, 0)[i + 2];
    hmlc_dim stride = hmlc_emit_number(&node->emit, window->strides[i]);
    hmlc_dim before = hmlc_dim_add(table, in, window->pads[i]);
    hmlc_dim padded = hmlc_dim_add(table, before, window->pads[i + window->spatial]);
    hmlc_dim reach = hmlc_window_extent(&node->emit, window, i);
    /* Index of the last window, by size and by where it may start. */
    hmlc_dim last = hmlc_dim_ceildiv(table, hmlc_dim_subtract(table, padded, reach), stride);
    hmlc_dim final = hmlc_dim_floordiv(
        table, hmlc_dim_subtract(table, before, hmlc_emit_number(&node->emit, 1)), stride);
    last = hmlc_dim_minimum(table, last, final);
    hmlc_dim needed = hmlc_dim_add(table, hmlc_dim_multiply(table, last, stride), reach);
    hmlc_dim extra = hmlc_dim_maximum(table, hmlc_dim_subtract(table, needed, padded), zero);
    window->extra[i] = extra;
    window->pads[i + window->spatial] =
        hmlc_dim_add(table, window->pads[i + window->spatial], extra);
}

/*
 * A window larger than the padded input by less than its stride sees what there is, as in ONNX
 * Runtime, whose division truncates. Larger ones do not fit. Where only the run knows, the window
 * must fit: the result would be empty instead.
 */
static void pad_large_window(hmlc_node *node, hmlc_window_spec *window, int32_t i)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    hmlc_dim *end = &window->pads[i + window->spatial],
             reach = hmlc_window_extent(&node->emit, window, i);
    hmlc_dim padded = hmlc_dim_add(table, hmlc_node_dims(node, 0)[i + 2], window->pads[i]);
    padded = hmlc_dim_add(table, padded, *end);
    hmlc_dim missing = hmlc_dim_subtract(table, reach, padded);
    int64_t count;
    bool known = hmlc_dim_is_constant(missing, &count);
    if (known && count > 0 && count < window->strides[i]) {
        window->extra[i] = missing;
        *end = hmlc_dim_add(table, *end, missing);
    }
    if (!known && window->strides[i] > 1 && !hmlc_dim_known_at_most(table, reach, padded)) {
        hmlc_emit_require_equal(&node->emit, hmlc_dim_minimum(table, reach, padded), reach);
    }
}

static bool read_pool(hmlc_node *node, hmlc_window_spec *window)
{
    if (!read_window(node, NULL, window)) {
        return false;
    }
    pad_automatically(node, window);
    bool given = auto_pad_of(node) == AUTO_NOTSET;
    bool ceil_mode = hmlc_node_int(node, "ceil_mode", 0) != 0;
    for (int32_t i = 0; i < window->spatial; i++) {
        window->extra[i] = hmlc_emit_number(&node->emit, 0);
        if (given && ceil_mode) {
            pad_ceil(node, window, i);
        } else if (given) {
            pad_large_window(node, window, i);
        }
    }
    return hmlc_node_ok(node);
}

/* Elements of the spatial dims before dim `end` of the input, as a scalar. */
static hmlc_value *spatial_size(hmlc_node *node, int32_t end)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim size = hmlc_emit_number(emit, 1);
    for (int32_t i = 2; i < end; i++) {
        size = hmlc_dim_multiply(hmlc_emit_table(emit), size, hmlc_node_dims(node, 0)[i]);
    }
    return hmlc_emit_dim(emit, size, HMLC_DTYPE_i64);
}

/*
 * storage_order 1: an index within a channel counts the first spatial dim fastest. From the other
 * order: indices along the dims, last one first, each with the step of the dims before it.
 */
static hmlc_value *column_major(hmlc_node *node, hmlc_value *indices)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_value *size = spatial_size(node, rank);
    hmlc_value *plane = hmlc_emit_binary(emit, HMLC_OP_div, indices, size);
    hmlc_value *sum = hmlc_emit_binary(emit, HMLC_OP_mul, plane, size);
    hmlc_value *rest = hmlc_emit_binary(emit, HMLC_OP_sub, indices, sum);
    for (int32_t i = rank - 1; i >= 2; i--) {
        hmlc_value *dim = hmlc_emit_dim(emit, hmlc_node_dims(node, 0)[i], HMLC_DTYPE_i64);
        hmlc_value *next = hmlc_emit_binary(emit, HMLC_OP_div, rest, dim);
        hmlc_value *whole = hmlc_emit_binary(emit, HMLC_OP_mul, next, dim);
        hmlc_value *along = hmlc_emit_binary(emit, HMLC_OP_sub, rest, whole);
        hmlc_value *part = hmlc_emit_binary(emit, HMLC_OP_mul, along, spatial_size(node, i));
        sum = hmlc_emit_binary(emit, HMLC_OP_add, sum, part);
        rest = next;
    }
    return sum;
}

void hmlc_onnx_import_max_pool(hmlc_node *node)
{
    hmlc_window_spec window;
    int64_t order = hmlc_node_int(node, "storage_order", 0);
    if (order != 0 && order != 1) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'storage_order' is %" PRId64 ", must be 0 or 1", order);
    }
    if (!read_pool(node, &window)) {
        return;
    }
    hmlc_op *op = hmlc_emit_max_pool(&node->emit, node->inputs[0], &window);
    for (uint32_t i = 0; op != NULL && i < op->result_count; i++) {
        node->outputs[i] = op->results[i];
    }
    if (order == 1 && hmlc_node_wants_output(node, 1) && hmlc_node_ok(node)) {
        node->outputs[1] = column_major(node, node->outputs[1]);
    }
}

void hmlc_onnx_import_avg_pool(hmlc_node *node)
{
    hmlc_window_spec window;
    if (read_pool(node, &window)) {
        bool include_pad = hmlc_node_int(node, "count_include_pad", 0) != 0;
        node->outputs[0] = hmlc_emit_avg_pool(&node->emit, node->inputs[0], &window, include_pad);
    }
}

/* (sum of |x|^p) ^ (1/p): the sum is the mean times the window's size, pads counting as 0. */
void hmlc_onnx_import_lp_pool(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_window_spec window;
    double p = (double)hmlc_node_int(node, "p", 2), size = 1;
    if (!read_pool(node, &window)) {
        return;
    }
    for (int32_t i = 0; i < window.spatial; i++) {
        size *= (double)window.size[i];
        window.extra[i] = hmlc_emit_number(emit, 0); /* counts: it is 0 as other pads */
    }
    hmlc_value *x = hmlc_emit_unary(emit, HMLC_OP_abs, node->inputs[0]);
    hmlc_value *exponent = hmlc_emit_scalar_like(emit, x, p);
    x = hmlc_emit_binary(emit, HMLC_OP_pow, x, exponent);
    hmlc_value *mean = hmlc_emit_avg_pool(emit, x, &window, true);
    hmlc_value *factor = hmlc_emit_scalar_like(emit, node->inputs[0], size);
    hmlc_value *sum = hmlc_emit_binary(emit, HMLC_OP_mul, mean, factor);
    hmlc_value *root = hmlc_emit_scalar_like(emit, node->inputs[0], 1 / p);
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_pow, sum, root);
}

static uint32_t spatial_axes(hmlc_node *node, int64_t *axes)
{
    uint32_t count = 0;
    for (int64_t i = 2; i < hmlc_node_rank(node, 0); i++) {
        axes[count++] = i;
    }
    return count;
}

void hmlc_onnx_import_global_pool(hmlc_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = spatial_axes(node, axes);
    node->outputs[0] =
        hmlc_emit_reduce(&node->emit, node->opcode, node->inputs[0], axes, count, true);
}

void hmlc_onnx_import_global_lp_pool(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = spatial_axes(node, axes);
    double p = (double)hmlc_node_int(node, "p", 2);
    hmlc_value *x = hmlc_emit_unary(emit, HMLC_OP_abs, node->inputs[0]);
    hmlc_value *exponent = hmlc_emit_scalar_like(emit, node->inputs[0], p);
    x = hmlc_emit_binary(emit, HMLC_OP_pow, x, exponent);
    x = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, x, axes, count, true);
    hmlc_value *root = hmlc_emit_scalar_like(emit, node->inputs[0], 1 / p);
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_pow, x, root);
}

/* An input of one element as a scalar; others, a scale per output channel, as they are. */
static hmlc_value *single(hmlc_node *node, uint32_t index)
{
    hmlc_value *value = node->inputs[index];
    bool one = hmlc_node_rank(node, index) == 1 && hmlc_dim_is(hmlc_node_dims(node, index)[0], 1);
    return one ? hmlc_emit_reshape(&node->emit, value, NULL, 0) : value;
}

/* Quantized convolutions: the window of inputs 0 and `weights`. */
void hmlc_onnx_import_qlinear_conv(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *scale_x = single(node, 1), *scale_w = single(node, 4), *bias = NULL;
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_value *x = hmlc_emit(emit, HMLC_OP_dequantize,
                              HMLC_OPERANDS(node->inputs[0], scale_x, single(node, 2)),
                              HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), to));
    hmlc_value *w = hmlc_emit(emit, HMLC_OP_dequantize,
                              HMLC_OPERANDS(node->inputs[3], scale_w, single(node, 5)),
                              HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), to));
    if (hmlc_node_has_input(node, 8)) {
        /* The bias is in steps of both scales, without a zero point. */
        hmlc_value *step = hmlc_emit_binary(emit, HMLC_OP_mul, scale_x, scale_w);
        bias = hmlc_emit(emit, HMLC_OP_dequantize, HMLC_OPERANDS(node->inputs[8], step),
                         HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), to));
    }
    hmlc_value *y = emit_conv(node, x, w, bias);
    hmlc_attr quantized = hmlc_attr_dtype(HMLC_ATTR_to, node->inputs[7]->type->dtype);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_quantize, HMLC_OPERANDS(y, single(node, 6), single(node, 7)),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), quantized));
}

void hmlc_onnx_import_conv_integer(hmlc_node *node)
{
    hmlc_window_spec window;
    if (!hmlc_node_ok(node) || !read_window(node, node->inputs[1]->type, &window)) {
        return;
    }
    pad_automatically(node, &window);
    hmlc_value *x_zero = hmlc_node_has_input(node, 2) ? single(node, 2) : NULL;
    hmlc_value *w_zero = hmlc_node_has_input(node, 3) ? single(node, 3) : NULL;
    node->outputs[0] = hmlc_emit_conv_integer(&node->emit, node->inputs[0], node->inputs[1], x_zero,
                                              w_zero, &window, hmlc_node_int(node, "group", 1));
}
