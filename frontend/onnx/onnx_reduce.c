/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, arg max/min, hardmax. */
#include "common/reduction.h"
#include "onnx_node.h"

/* From the attribute or, since 13 or 18, input 1; none given means all. */
static hmlc_axis_list read_axes(hmlc_node *node)
{
    return hmlc_node_reduced_axes(node, 1, "axes", hmlc_node_int(node, "keepdims", 1) != 0,
                                  hmlc_node_int(node, "noop_with_empty_axes", 0) != 0);
}

void hmlc_onnx_import_reduce(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    node->outputs[0] = hmlc_node_reduce(node, node->opcode, node->inputs[0], &axes);
}

/* Bool: false < true as numbers. */
void hmlc_onnx_import_reduce_extreme(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_dtype dtype = node->inputs[0]->type->dtype;
    hmlc_value *x = node->inputs[0];
    if (dtype == HMLC_DTYPE_bool) {
        x = hmlc_emit_cast(&node->emit, x, HMLC_DTYPE_u8);
    }
    x = hmlc_node_reduce(node, node->opcode, x, &axes);
    node->outputs[0] = hmlc_emit_cast(&node->emit, x, dtype);
}

void hmlc_onnx_import_reduce_l1(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_value *x = hmlc_emit_unary(&node->emit, HMLC_OP_abs, node->inputs[0]);
    node->outputs[0] = hmlc_node_reduce(node, HMLC_OP_reduce_sum, x, &axes);
}

void hmlc_onnx_import_reduce_sum_square(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_value *x = node->inputs[0];
    hmlc_value *square = hmlc_emit_binary(&node->emit, HMLC_OP_mul, x, x);
    node->outputs[0] = hmlc_node_reduce(node, HMLC_OP_reduce_sum, square, &axes);
}

/* Integers go through f64, as a root or logarithm of an integer is rounded towards 0 in the end. */
static hmlc_value *as_float(hmlc_node *node)
{
    hmlc_value *x = node->inputs[0];
    return hmlc_dtype_is_float(x->type->dtype) ? x : hmlc_emit_cast(&node->emit, x, HMLC_DTYPE_f64);
}

static void result_as_input(hmlc_node *node, hmlc_value *result)
{
    node->outputs[0] = hmlc_emit_cast(&node->emit, result, node->inputs[0]->type->dtype);
}

void hmlc_onnx_import_reduce_l2(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_value *x = as_float(node);
    hmlc_value *square = hmlc_emit_binary(&node->emit, HMLC_OP_mul, x, x);
    hmlc_value *sum = hmlc_node_reduce(node, HMLC_OP_reduce_sum, square, &axes);
    result_as_input(node, hmlc_emit_unary(&node->emit, HMLC_OP_sqrt, sum));
}

void hmlc_onnx_import_reduce_log_sum(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_value *sum = hmlc_node_reduce(node, HMLC_OP_reduce_sum, as_float(node), &axes);
    result_as_input(node, hmlc_emit_unary(&node->emit, HMLC_OP_log, sum));
}

void hmlc_onnx_import_reduce_log_sum_exp(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    if (axes.nothing || !hmlc_node_ok(node)) {
        node->outputs[0] = node->inputs[0];
        return;
    }
    result_as_input(node, hmlc_node_log_sum_exp(node, as_float(node), &axes));
}

void hmlc_onnx_import_arg_reduce(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, 0);
    bool keep_dims = hmlc_node_int(node, "keepdims", 1) != 0;
    bool last = hmlc_node_int(node, "select_last_index", 0) != 0;
    node->outputs[0] =
        hmlc_emit_arg_reduce(&node->emit, node->opcode, node->inputs[0], axis, keep_dims, last);
}

/* 1 at the first maximum along `axis` of x, 0 elsewhere. */
static hmlc_value *hardmax(hmlc_node *node, hmlc_value *x, int64_t axis)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_dim pair[] = {hmlc_emit_number(emit, 0), hmlc_emit_number(emit, 1)};
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *values =
        hmlc_emit_cast(emit, hmlc_emit_dims(emit, pair, 2, HMLC_DTYPE_i64), x->type->dtype);
    hmlc_value *index = hmlc_emit(
        emit, HMLC_OP_arg_max, HMLC_OPERANDS(x),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_int(HMLC_ATTR_keep_dims, 0)));
    return hmlc_emit(emit, HMLC_OP_one_hot, HMLC_OPERANDS(index, values),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dims(HMLC_ATTR_depth, &x->type->dims[axis], 1)));
}

void hmlc_onnx_import_hardmax(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, -1);
    node->outputs[0] = hardmax(node, node->inputs[0], axis);
}

/* Before opset 13 the input counts as a matrix. */
void hmlc_onnx_import_hardmax_flattened(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t axis = hmlc_node_axis_attr(node, 1);
    const hmlc_dim *dims = hmlc_node_dims(node, 0);
    hmlc_dim shape[2] = {hmlc_emit_number(emit, 1), hmlc_emit_number(emit, 1)};
    for (int32_t i = 0; i < rank; i++) {
        hmlc_dim *side = &shape[i < axis ? 0 : 1];
        *side = hmlc_dim_multiply(hmlc_emit_table(emit), *side, dims[i]);
    }
    hmlc_value *matrix = hmlc_emit_reshape(emit, node->inputs[0], shape, 2);
    node->outputs[0] = hmlc_emit_reshape(emit, hardmax(node, matrix, 1), dims, (uint32_t)rank);
}
