/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisations. */
#include "onnx_node.h"

#include <inttypes.h>

/* A vector over axis 1 as [C, 1, 1 ...], so that it broadcasts to x. */
static hmlc_value *channel_vector(hmlc_node *node, uint32_t index)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    int32_t rank = hmlc_node_rank(node, 0) - 1;
    if (hmlc_node_rank(node, index) != 1 || rank < 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has rank %d, must be 1", index,
                       hmlc_node_input_name(node, index), hmlc_node_rank(node, index));
        return NULL;
    }
    for (int32_t i = 0; i < rank; i++) {
        shape[i] = i == 0 ? hmlc_node_dims(node, index)[0] : hmlc_emit_number(&node->emit, 1);
    }
    return hmlc_emit_reshape(&node->emit, node->inputs[index], shape, (uint32_t)rank);
}

static uint32_t axes_from(int64_t first, int32_t rank, int64_t *axes)
{
    uint32_t count = 0;
    for (int64_t i = first; i < rank; i++) {
        axes[count++] = i;
    }
    return count;
}

/*
 * x normalised over axes, times scale, plus bias (may be NULL): one op, but for half-width floats,
 * which round after each of the three as the standard's function bodies do.
 */
static hmlc_value *normalised(hmlc_node *node, hmlc_value *x, hmlc_value *scale, hmlc_value *bias,
                              const int64_t *axes, uint32_t axis_count)
{
    hmlc_emitter *emit = &node->emit;
    double epsilon = hmlc_node_float(node, "epsilon", 1e-5F);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, axis_count),
                         hmlc_attr_float(HMLC_ATTR_epsilon, epsilon)};
    hmlc_value *operands[] = {x, scale, bias};
    if (!hmlc_node_ok(node) || !hmlc_dtype_is_half(x->type->dtype)) {
        return hmlc_emit(emit, node->opcode, operands, bias != NULL ? 3 : 2, attrs, 2);
    }
    hmlc_value *result = hmlc_emit(emit, node->opcode, operands, 1, attrs, 2);
    result = hmlc_emit_binary(emit, HMLC_OP_mul, result, scale);
    return bias != NULL ? hmlc_emit_binary(emit, HMLC_OP_add, result, bias) : result;
}

void hmlc_onnx_import_instance_norm(hmlc_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = axes_from(2, hmlc_node_rank(node, 0), axes);
    double epsilon = hmlc_node_float(node, "epsilon", 1e-5F);
    hmlc_value *scale = channel_vector(node, 1), *bias = channel_vector(node, 2);
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_layer_norm, HMLC_OPERANDS(node->inputs[0], scale, bias),
                  HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                             hmlc_attr_float(HMLC_ATTR_epsilon, epsilon)));
}

/* x as [N, groups, C / groups, spatial ...], normalised over the last; scale and bias per channel
 * or, before opset 21, per group. */
void hmlc_onnx_import_group_norm(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t groups = hmlc_node_int(node, "num_groups", 1), axes[HMLC_MAX_RANK], channels;
    const hmlc_dim *x = hmlc_node_dims(node, 0);
    if (rank < 2 || rank >= HMLC_MAX_RANK || groups < 1 ||
        (hmlc_dim_is_constant(x[1], &channels) && channels % groups != 0)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the channels do not divide into %" PRId64 " groups", groups);
        return;
    }
    hmlc_dim split[HMLC_MAX_RANK], vector[HMLC_MAX_RANK];
    split[0] = x[0];
    split[1] = hmlc_emit_number(emit, groups);
    split[2] = hmlc_dim_floordiv(table, x[1], split[1]);
    for (int32_t i = 3; i <= rank; i++) {
        split[i] = x[i - 1];
    }
    for (int32_t i = 0; i < rank; i++) {
        bool per_group = hmlc_onnx_self(node)->opset < 21;
        vector[i] = i == 0 ? split[1] : i == 1 && !per_group ? split[2] : hmlc_emit_number(emit, 1);
    }
    uint32_t count = axes_from(2, rank + 1, axes);
    hmlc_value *data = hmlc_emit_reshape(emit, node->inputs[0], split, (uint32_t)rank + 1);
    hmlc_value *scale = hmlc_emit_reshape(emit, node->inputs[1], vector, (uint32_t)rank);
    hmlc_value *bias = hmlc_emit_reshape(emit, node->inputs[2], vector, (uint32_t)rank);
    data = normalised(node, data, scale, bias, axes, count);
    node->outputs[0] = hmlc_emit_reshape(emit, data, x, (uint32_t)rank);
}

/* The optional outputs of LayerNormalization: mean and 1 / standard deviation, kept dims. */
static void statistics(hmlc_node *node, const int64_t *axes, uint32_t count, double epsilon)
{
    hmlc_emitter *emit = &node->emit;
    bool single = hmlc_node_int(node, "stash_type", 1) == 1;
    hmlc_value *x = node->inputs[0];
    if (single) {
        x = hmlc_emit_cast(emit, x, HMLC_DTYPE_f32);
    }
    hmlc_value *mean = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, x, axes, count, true);
    node->outputs[1] = mean;
    if (hmlc_node_wants_output(node, 2)) {
        hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, mean);
        hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, away, away);
        hmlc_value *variance =
            hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, square, axes, count, true);
        hmlc_value *padded =
            hmlc_emit_binary(emit, HMLC_OP_add, variance, hmlc_emit_scalar_like(emit, x, epsilon));
        node->outputs[2] = hmlc_emit_unary(emit, HMLC_OP_rsqrt, padded);
    }
}

void hmlc_onnx_import_layer_norm(hmlc_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    int64_t axis = hmlc_node_axis_attr(node, -1);
    uint32_t count = axes_from(axis, hmlc_node_rank(node, 0), axes);
    double epsilon = hmlc_node_float(node, "epsilon", 1e-5F);
    hmlc_value *bias = hmlc_node_has_input(node, 2) ? node->inputs[2] : NULL;
    node->outputs[0] = normalised(node, node->inputs[0], node->inputs[1], bias, axes, count);
    if (hmlc_node_wants_output(node, 1) || hmlc_node_wants_output(node, 2)) {
        statistics(node, axes, count, epsilon);
    }
}

void hmlc_onnx_import_rms_norm(hmlc_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    int64_t axis = hmlc_node_axis_attr(node, -1);
    uint32_t count = axes_from(axis, hmlc_node_rank(node, 0), axes);
    hmlc_value *scale = hmlc_emit_cast(&node->emit, node->inputs[1], node->inputs[0]->type->dtype);
    hmlc_value *result = normalised(node, node->inputs[0], scale, NULL, axes, count);
    node->outputs[0] = hmlc_emit_cast(&node->emit, result, node->inputs[1]->type->dtype);
}

/* x / |x| along an axis; where the norm is 0 the result is 0. */
void hmlc_onnx_import_lp_norm(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axis = hmlc_node_axis_attr(node, -1), p = hmlc_node_int(node, "p", 2);
    hmlc_value *x = node->inputs[0], *norm;
    if (p != 1 && p != 2) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'p' is %" PRId64 ", must be 1 or 2", p);
        return;
    }
    if (p == 1) {
        hmlc_value *size = hmlc_emit_unary(emit, HMLC_OP_abs, x);
        norm = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, size, &axis, 1, true);
    } else {
        hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, x, x);
        norm = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, square, &axis, 1, true);
        norm = hmlc_emit_unary(emit, HMLC_OP_sqrt, norm);
    }
    hmlc_value *zero = hmlc_emit_scalar_like(emit, x, 0);
    hmlc_value *vanishes = hmlc_emit_binary(emit, HMLC_OP_equal, norm, zero);
    hmlc_value *quotient = hmlc_emit_binary(emit, HMLC_OP_div, x, norm);
    node->outputs[0] = hmlc_emit_select(emit, vanishes, zero, quotient);
}

/* (x - mean) / sqrt(variance), as the standard's function body: with 1e-9 beside the root. */
void hmlc_onnx_import_mean_variance_norm(hmlc_node *node)
{
    static const int64_t usual[] = {0, 2, 3};
    hmlc_emitter *emit = &node->emit;
    uint32_t given_count;
    int64_t axes[HMLC_MAX_RANK];
    const int64_t *given = hmlc_node_ints(node, "axes", &given_count);
    uint32_t count = given != NULL
                         ? hmlc_node_axes(node, given, given_count, hmlc_node_rank(node, 0), axes)
                         : hmlc_node_axes(node, usual, 3, hmlc_node_rank(node, 0), axes);
    hmlc_value *x = node->inputs[0];
    hmlc_value *mean = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, x, axes, count, true);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, mean);
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, away, away);
    hmlc_value *variance = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, square, axes, count, true);
    hmlc_value *deviation = hmlc_emit_unary(emit, HMLC_OP_sqrt, variance);
    hmlc_value *padded =
        hmlc_emit_binary(emit, HMLC_OP_add, deviation, hmlc_emit_scalar_like(emit, x, 1e-9));
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_div, away, padded);
}

/*
 * x / (bias + alpha / size * sum of squares over `size` neighbouring channels) ^ beta. The sum is
 * that of slices of the squares padded along the channels.
 */
void hmlc_onnx_import_lrn(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t size = hmlc_node_int(node, "size", 1);
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_value *x = node->inputs[0];
    if (size < 1 || size > 1024 || rank < 2) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'size' is %" PRId64 " for rank %d", size, rank);
        return;
    }
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (int32_t i = 0; i < 2 * rank; i++) {
        int64_t pad = i == 1 ? (size - 1) / 2 : i == rank + 1 ? size / 2 : 0;
        pads[i] = hmlc_emit_number(emit, pad);
    }
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, x, x), *sum = NULL;
    hmlc_value *padded =
        hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(square),
                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)rank)));
    for (int64_t i = 0; i < size; i++) {
        hmlc_value *part = hmlc_emit_slice_axis(emit, padded, 1, hmlc_emit_number(emit, i),
                                                hmlc_node_dims(node, 0)[1]);
        sum = i == 0 ? part : hmlc_emit_binary(emit, HMLC_OP_add, sum, part);
    }
    double alpha = hmlc_node_float(node, "alpha", 1e-4F) / (double)size;
    hmlc_value *scaled =
        hmlc_emit_binary(emit, HMLC_OP_mul, sum, hmlc_emit_scalar_like(emit, x, alpha));
    hmlc_value *base =
        hmlc_emit_binary(emit, HMLC_OP_add, scaled,
                         hmlc_emit_scalar_like(emit, x, hmlc_node_float(node, "bias", 1)));
    hmlc_value *power =
        hmlc_emit_binary(emit, HMLC_OP_pow, base,
                         hmlc_emit_scalar_like(emit, x, hmlc_node_float(node, "beta", 0.75)));
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_div, x, power);
}
