/* SPDX-License-Identifier: Apache-2.0 */
/* Quantization: linear in both directions, and operators on quantized tensors by way of floats. */
#include "onnx_quantize.h"
#include "onnx_import.h"
#include "onnx_node.h"

#include <inttypes.h>

static bool is_per_axis(const hmlc_node *node, uint32_t index)
{
    return hmlc_node_rank(node, index) >= 1 && !hmlc_dim_is(hmlc_node_dims(node, index)[0], 1);
}

/* Scale and zero point as the IR wants them: rank 0, or rank 1 along `axis`. False on failure. */
static bool read_parameters(hmlc_node *node, int64_t *axis, hmlc_value **scale, hmlc_value **zero)
{
    if (hmlc_node_rank(node, 1) > 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the scale '%s' has rank %d, but 'block_size' is not given",
                       hmlc_node_input_name(node, 1), hmlc_node_rank(node, 1));
        return false;
    }
    *axis = is_per_axis(node, 1) ? hmlc_node_axis_attr(node, 1) : 0;
    *scale = node->inputs[1];
    *zero = hmlc_node_has_input(node, 2) ? node->inputs[2] : NULL;
    if (!is_per_axis(node, 1)) {
        *scale = hmlc_emit_reshape(&node->emit, *scale, NULL, 0);
        *zero = *zero != NULL && !is_per_axis(node, 2)
                    ? hmlc_emit_reshape(&node->emit, *zero, NULL, 0)
                    : *zero;
    }
    return hmlc_node_ok(node);
}

/* -- blocks: a scale for every `block_size` elements along an axis, the last block may be shorter
 */

static bool is_blocked(hmlc_node *node)
{
    int64_t size = hmlc_node_int(node, "block_size", 0);
    if (size < 0) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'block_size' is %" PRId64 ", must not be negative", size);
    }
    return size > 0;
}

static bool check_blocks(hmlc_node *node, uint32_t index, int64_t axis, hmlc_dim size)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_node_rank(node, 0);
    if (hmlc_node_rank(node, index) != rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has rank %d; 'block_size' asks for rank %d", index,
                       hmlc_node_input_name(node, index), hmlc_node_rank(node, index), rank);
        return false;
    }
    for (int32_t i = 0; i < rank; i++) {
        hmlc_dim x = hmlc_node_dims(node, 0)[i];
        hmlc_dim blocks = i == axis ? hmlc_dim_ceildiv(hmlc_emit_table(emit), x, size) : x;
        hmlc_emit_require_equal(emit, hmlc_node_dims(node, index)[i], blocks);
    }
    return hmlc_node_ok(node);
}

/* Input `index`, one value per block, with each value repeated for its block's elements. */
static hmlc_value *spread_blocks(hmlc_node *node, uint32_t index, hmlc_dtype dtype)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    int64_t axis = hmlc_node_axis_attr(node, 1);
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_dim size = hmlc_emit_number(emit, hmlc_node_int(node, "block_size", 0));
    hmlc_dim split[HMLC_MAX_RANK + 1], joined[HMLC_MAX_RANK];
    if (!hmlc_node_ok(node) || !check_blocks(node, index, axis, size)) {
        return NULL;
    }
    if (rank >= HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "blocks of a tensor of rank %d are not supported", rank);
        return NULL;
    }
    const hmlc_dim *x = hmlc_node_dims(node, 0);
    hmlc_dim blocks = hmlc_dim_ceildiv(table, x[axis], size);
    for (int32_t i = 0; i <= rank; i++) {
        split[i] = i < axis ? x[i] : i == axis ? blocks : i == axis + 1 ? size : x[i - 1];
    }
    for (int32_t i = 0; i < rank; i++) {
        joined[i] = i == axis ? hmlc_dim_multiply(table, blocks, size) : x[i];
    }
    hmlc_value *values = hmlc_emit_cast(emit, node->inputs[index], dtype);
    values = hmlc_emit_unsqueeze(emit, values, axis + 1);
    values = hmlc_emit_expand(emit, values, split, (uint32_t)rank + 1);
    values = hmlc_emit_reshape(emit, values, joined, (uint32_t)rank);
    return hmlc_emit_slice_axis(emit, values, axis, hmlc_emit_number(emit, 0), x[axis]);
}

/* round(x / scale) + zero point; a scale of 1 then rounds no more, and saturates. */
static void quantize_blocks(hmlc_node *node, hmlc_dtype to)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[0], HMLC_DTYPE_f32);
    hmlc_value *scale = spread_blocks(node, 1, HMLC_DTYPE_f32);
    hmlc_value *steps = hmlc_emit_binary(emit, HMLC_OP_div, x, scale);
    if (hmlc_node_has_input(node, 2)) {
        hmlc_value *zero = spread_blocks(node, 2, HMLC_DTYPE_f32);
        steps = hmlc_emit_unary(emit, HMLC_OP_round, steps);
        steps = hmlc_emit_binary(emit, HMLC_OP_add, steps, zero);
    }
    hmlc_value *one = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_quantize, HMLC_OPERANDS(steps, one),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

static bool is_constant(const hmlc_node *node, uint32_t index)
{
    return !hmlc_node_has_input(node, index) || hmlc_value_constant(node->inputs[index]) != NULL;
}

/* Weights stay what they are. */
static bool dequantize_weights(hmlc_node *node, hmlc_dtype to)
{
    int64_t axis = hmlc_node_axis_attr(node, 1), size = hmlc_node_int(node, "block_size", 0);
    bool given = hmlc_node_has_input(node, 2);
    if (!hmlc_node_ok(node) || !is_constant(node, 0) || !is_constant(node, 1) ||
        !is_constant(node, 2)) {
        return false;
    }
    hmlc_value *const operands[3] = {node->inputs[0], node->inputs[1], node->inputs[2]};
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_dequantize, operands, given ? 3 : 2,
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                            hmlc_attr_int(HMLC_ATTR_block, size),
                                            hmlc_attr_dtype(HMLC_ATTR_to, to)));
    return true;
}

/* (x - zero point) * scale: the difference of integers is exact. */
static void dequantize_blocks(hmlc_node *node, hmlc_dtype to)
{
    hmlc_emitter *emit = &node->emit;
    bool wide = hmlc_dtype_bits(node->inputs[0]->type->dtype) > 16;
    if (dequantize_weights(node, to)) {
        return;
    }
    hmlc_dtype whole = wide ? HMLC_DTYPE_i64 : HMLC_DTYPE_i32;
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[0], whole);
    if (hmlc_node_has_input(node, 2)) {
        x = hmlc_emit_binary(emit, HMLC_OP_sub, x, spread_blocks(node, 2, whole));
    }
    x = hmlc_emit_cast(emit, x, HMLC_DTYPE_f32);
    hmlc_value *scale = spread_blocks(node, 1, HMLC_DTYPE_f32);
    hmlc_value *product = hmlc_emit_binary(emit, HMLC_OP_mul, x, scale);
    node->outputs[0] = hmlc_node_ok(node) ? hmlc_emit_cast(emit, product, to) : NULL;
}

/* -- the linear operators */

/* The element type that the zero point and output_dtype agree on. */
static hmlc_dtype quantized_type(hmlc_node *node)
{
    bool has_zero = hmlc_node_has_input(node, 2);
    hmlc_dtype zero = has_zero ? node->inputs[2]->type->dtype : HMLC_DTYPE_u8;
    if (hmlc_node_int(node, "output_dtype", 0) == 0) {
        return zero;
    }
    hmlc_dtype to = hmlc_onnx_dtype_attr(node, "output_dtype", zero);
    if (has_zero && to != zero) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'output_dtype' says %s, but the zero point '%s' is %s", hmlc_dtype_name(to),
                       hmlc_node_input_name(node, 2), hmlc_dtype_name(zero));
    }
    return to;
}

void hmlc_onnx_import_quantize(hmlc_node *node)
{
    int64_t axis;
    hmlc_value *scale, *zero;
    hmlc_dtype to = quantized_type(node);
    int64_t precision = hmlc_node_int(node, "precision", 0);
    if (precision != 0 && precision != 1) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'precision' is %" PRId64 "; the division is done in f32", precision);
    }
    if (is_blocked(node)) {
        quantize_blocks(node, to);
        return;
    }
    if (!hmlc_node_ok(node) || !read_parameters(node, &axis, &scale, &zero)) {
        return;
    }
    hmlc_value *const operands[3] = {node->inputs[0], scale, zero};
    node->outputs[0] = hmlc_emit(
        &node->emit, HMLC_OP_quantize, operands, zero != NULL ? 3 : 2,
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

void hmlc_onnx_import_dequantize(hmlc_node *node)
{
    int64_t axis;
    hmlc_value *scale, *zero;
    hmlc_dtype to = node->inputs[1]->type->dtype;
    if (hmlc_node_int(node, "output_dtype", 0) != 0) {
        to = hmlc_onnx_dtype_attr(node, "output_dtype", to);
    }
    if (hmlc_node_has_input(node, 2) &&
        hmlc_onnx_reads_packed(node, 0) != hmlc_onnx_reads_packed(node, 2)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the zero point '%s' has not the type of '%s'",
                       hmlc_node_input_name(node, 2), hmlc_node_input_name(node, 0));
        return;
    }
    if (is_blocked(node)) {
        dequantize_blocks(node, to);
        return;
    }
    if (!hmlc_node_ok(node) || !read_parameters(node, &axis, &scale, &zero)) {
        return;
    }
    hmlc_value *const operands[3] = {node->inputs[0], scale, zero};
    node->outputs[0] = hmlc_emit(
        &node->emit, HMLC_OP_dequantize, operands, zero != NULL ? 3 : 2,
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

/* An input of one element as a scalar, others as they are. */
static hmlc_value *single(hmlc_node *node, uint32_t index)
{
    hmlc_value *value = node->inputs[index];
    return is_per_axis(node, index) ? value : hmlc_emit_reshape(&node->emit, value, NULL, 0);
}

/* A quantized matrix as f32: one scale, or one per row (axis rank - 2) or column (rank - 1). */
static hmlc_value *dequantized(hmlc_node *node, uint32_t index, int32_t from_end)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_node_rank(node, index);
    if (hmlc_node_rank(node, index + 1) > 1 || rank < 2) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "input %" PRIu32 " has a scale of rank %d for rank %d", index,
                       hmlc_node_rank(node, index + 1), rank);
        return NULL;
    }
    hmlc_value *scale = hmlc_emit_cast(emit, single(node, index + 1), HMLC_DTYPE_f32);
    return hmlc_emit(emit, HMLC_OP_dequantize,
                     HMLC_OPERANDS(node->inputs[index], scale, single(node, index + 2)),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis,
                                              is_per_axis(node, index + 1) ? rank - from_end : 0),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)));
}

void hmlc_onnx_import_qlinear_matmul(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *a = dequantized(node, 0, 2), *b = dequantized(node, 3, 1);
    hmlc_value *product = hmlc_emit_binary(emit, HMLC_OP_matmul, a, b);
    if (!hmlc_node_ok(node)) {
        return;
    }
    int64_t axis = is_per_axis(node, 6) ? product->type->rank - 1 : 0;
    hmlc_value *scale = hmlc_emit_cast(emit, single(node, 6), HMLC_DTYPE_f32);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_quantize, HMLC_OPERANDS(product, scale, single(node, 7)),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                             hmlc_attr_dtype(HMLC_ATTR_to, node->inputs[7]->type->dtype)));
}

/* The standard's function body: u8 steps over the range of x, which always holds 0. */
void hmlc_onnx_dynamic_quantize(hmlc_node *node, hmlc_value *x, hmlc_value *results[3])
{
    hmlc_emitter *emit = &node->emit;
    int64_t axes[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)x->type->rank;
    for (uint32_t i = 0; i < rank; i++) {
        axes[i] = i;
    }
    hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0);
    hmlc_value *steps = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 255);
    hmlc_value *least = hmlc_emit_reduce(emit, HMLC_OP_reduce_min, x, axes, rank, false);
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, x, axes, rank, false);
    least = hmlc_emit_binary(emit, HMLC_OP_min, least, zero);
    most = hmlc_emit_binary(emit, HMLC_OP_max, most, zero);
    hmlc_value *width = hmlc_emit_binary(emit, HMLC_OP_sub, most, least);
    hmlc_value *scale = hmlc_emit_binary(emit, HMLC_OP_div, width, steps);
    /* Nothing but zeros, or nothing at all: any scale would do; ONNX Runtime's is 1. */
    hmlc_value *flat = hmlc_emit_binary(emit, HMLC_OP_equal, width, zero);
    hmlc_value *one = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1);
    scale = hmlc_emit(emit, HMLC_OP_select, HMLC_OPERANDS(flat, one, scale), HMLC_NO_ATTRS);
    hmlc_value *origin = hmlc_emit_binary(emit, HMLC_OP_sub, zero, least);
    origin = hmlc_emit_binary(emit, HMLC_OP_div, origin, scale);
    origin = hmlc_emit_binary(emit, HMLC_OP_max, origin, zero);
    origin = hmlc_emit_binary(emit, HMLC_OP_min, origin, steps);
    origin = hmlc_emit_unary(emit, HMLC_OP_round, origin);
    hmlc_value *zero_point = hmlc_emit_cast(emit, origin, HMLC_DTYPE_u8);
    results[0] = hmlc_emit(
        emit, HMLC_OP_quantize, HMLC_OPERANDS(x, scale, zero_point),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_u8)));
    results[1] = scale;
    results[2] = zero_point;
}

void hmlc_onnx_import_dynamic_quantize(hmlc_node *node)
{
    hmlc_onnx_dynamic_quantize(node, node->inputs[0], node->outputs);
}
