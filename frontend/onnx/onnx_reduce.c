/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, arg max/min, softmax and its kin. */
#include "onnx_axes.h"

typedef struct axis_list {
    int64_t list[HMLC_MAX_RANK];
    uint32_t count;
    bool keep_dims;
    bool nothing;          /* noop_with_empty_axes applies */
    hmlc_value *run_time;  /* known only at run time: i64[count] in place of the list */
    const hmlc_dim *split; /* of those: hmlc_onnx_axes_split */
} axis_list;

/* From the attribute or, since 13 or 18, input 1; none given means all. */
static axis_list read_axes(hmlc_onnx_node *node)
{
    int64_t given[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    int32_t rank = hmlc_onnx_rank(node, 0);
    axis_list found = {.keep_dims = hmlc_onnx_int(node, "keepdims", 1) != 0};
    found.run_time = hmlc_onnx_run_time_list(node, 1, &found.count);
    if (found.run_time != NULL) {
        found.split = hmlc_onnx_axes_split(node, node->inputs[0], found.run_time);
        return found;
    }
    bool listed = hmlc_onnx_int_list(node, 1, "axes", given, &count);
    if (!hmlc_onnx_ok(node)) {
        return found;
    }
    if (listed && count > 0) {
        found.count = hmlc_onnx_axes(node, given, count, rank, found.list);
        return found;
    }
    found.nothing = hmlc_onnx_int(node, "noop_with_empty_axes", 0) != 0;
    found.count = found.nothing ? 0 : (uint32_t)rank;
    for (int32_t i = 0; i < rank; i++) {
        found.list[i] = i;
    }
    return found;
}

/*
 * Axes known only at run time are reduced one after the other, each in the middle of three dims. A
 * mean is the sum by the number of elements, so that integers are divided once.
 */
static hmlc_value *reduce_at_run_time(hmlc_onnx_node *node, hmlc_opcode opcode, hmlc_value *x,
                                      const axis_list *axes)
{
    static const int64_t middle = 1;
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    bool mean = opcode == HMLC_OP_reduce_mean;
    uint32_t rank = 0;
    hmlc_dim count = hmlc_emit_number(emit, 1);
    const hmlc_dim *dims = hmlc_onnx_axes_dims(
        node, x, axes->run_time, axes->keep_dims ? HMLC_AXES_KEEP : HMLC_AXES_DROP, &rank);
    for (uint32_t i = 0; hmlc_onnx_ok(node) && i < axes->count; i++) {
        const hmlc_dim *around = &axes->split[3 * (size_t)i];
        x = hmlc_emit_reshape(emit, x, around, 3);
        x = hmlc_emit_reduce(emit, mean ? HMLC_OP_reduce_sum : opcode, x, &middle, 1, false);
        count = hmlc_dim_multiply(table, count, around[1]);
    }
    if (mean && hmlc_onnx_ok(node)) {
        hmlc_value *number = hmlc_emit_dim(emit, count, HMLC_DTYPE_i64);
        number = hmlc_emit_cast(emit, number, x->type->dtype);
        x = hmlc_emit_binary(emit, HMLC_OP_div, x, number);
    }
    return hmlc_emit_reshape(emit, x, dims, rank);
}

static hmlc_value *reduce(hmlc_onnx_node *node, hmlc_opcode opcode, hmlc_value *x,
                          const axis_list *axes)
{
    if (axes->nothing || !hmlc_onnx_ok(node)) {
        return x;
    }
    if (axes->run_time != NULL) {
        return reduce_at_run_time(node, opcode, x, axes);
    }
    return hmlc_emit_reduce(&node->emit, opcode, x, axes->list, axes->count, axes->keep_dims);
}

void hmlc_onnx_import_reduce(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    node->outputs[0] = reduce(node, node->op->opcode, node->inputs[0], &axes);
}

/* Bool: false < true as numbers. */
void hmlc_onnx_import_reduce_extreme(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    hmlc_dtype dtype = node->inputs[0]->type->dtype;
    hmlc_value *x = node->inputs[0];
    if (dtype == HMLC_DTYPE_bool) {
        x = hmlc_emit_cast(&node->emit, x, HMLC_DTYPE_u8);
    }
    x = reduce(node, node->op->opcode, x, &axes);
    node->outputs[0] = hmlc_emit_cast(&node->emit, x, dtype);
}

void hmlc_onnx_import_reduce_l1(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    hmlc_value *x = hmlc_emit_unary(&node->emit, HMLC_OP_abs, node->inputs[0]);
    node->outputs[0] = reduce(node, HMLC_OP_reduce_sum, x, &axes);
}

void hmlc_onnx_import_reduce_sum_square(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    hmlc_value *x = node->inputs[0];
    hmlc_value *square = hmlc_emit_binary(&node->emit, HMLC_OP_mul, x, x);
    node->outputs[0] = reduce(node, HMLC_OP_reduce_sum, square, &axes);
}

/* Integers go through f64, as a root or logarithm of an integer is rounded towards 0 in the end. */
static hmlc_value *as_float(hmlc_onnx_node *node)
{
    hmlc_value *x = node->inputs[0];
    return hmlc_dtype_is_float(x->type->dtype) ? x : hmlc_emit_cast(&node->emit, x, HMLC_DTYPE_f64);
}

static void result_as_input(hmlc_onnx_node *node, hmlc_value *result)
{
    node->outputs[0] = hmlc_emit_cast(&node->emit, result, node->inputs[0]->type->dtype);
}

void hmlc_onnx_import_reduce_l2(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    hmlc_value *x = as_float(node);
    hmlc_value *square = hmlc_emit_binary(&node->emit, HMLC_OP_mul, x, x);
    hmlc_value *sum = reduce(node, HMLC_OP_reduce_sum, square, &axes);
    result_as_input(node, hmlc_emit_unary(&node->emit, HMLC_OP_sqrt, sum));
}

void hmlc_onnx_import_reduce_log_sum(hmlc_onnx_node *node)
{
    axis_list axes = read_axes(node);
    hmlc_value *sum = reduce(node, HMLC_OP_reduce_sum, as_float(node), &axes);
    result_as_input(node, hmlc_emit_unary(&node->emit, HMLC_OP_log, sum));
}

/* log(sum(exp(x))) = m + log(sum(exp(x - m))) with the maximum m, where that is finite. */
void hmlc_onnx_import_reduce_log_sum_exp(hmlc_onnx_node *node)
{
    hmlc_emitter *emit = &node->emit;
    axis_list axes = read_axes(node), kept = axes;
    hmlc_value *x = as_float(node);
    if (axes.nothing || !hmlc_onnx_ok(node)) {
        node->outputs[0] = node->inputs[0];
        return;
    }
    kept.keep_dims = true;
    hmlc_value *most = reduce(node, HMLC_OP_reduce_max, x, &kept);
    hmlc_value *infinite = hmlc_emit_unary(emit, HMLC_OP_is_inf, most);
    most = hmlc_emit_select(emit, infinite, hmlc_emit_scalar_like(emit, x, 0), most);
    hmlc_value *shifted = hmlc_emit_binary(emit, HMLC_OP_sub, x, most);
    hmlc_value *sum =
        reduce(node, HMLC_OP_reduce_sum, hmlc_emit_unary(emit, HMLC_OP_exp, shifted), &axes);
    hmlc_value *logarithm = hmlc_emit_unary(emit, HMLC_OP_log, sum);
    if (!axes.keep_dims && hmlc_onnx_ok(node)) {
        most =
            hmlc_emit_reshape(emit, most, logarithm->type->dims, (uint32_t)logarithm->type->rank);
    }
    result_as_input(node, hmlc_emit_binary(emit, HMLC_OP_add, logarithm, most));
}

void hmlc_onnx_import_arg_reduce(hmlc_onnx_node *node)
{
    int64_t axis = hmlc_onnx_axis_attr(node, 0);
    int64_t keep_dims = hmlc_onnx_int(node, "keepdims", 1) != 0;
    int64_t last = hmlc_onnx_int(node, "select_last_index", 0) != 0;
    node->outputs[0] = hmlc_emit(&node->emit, node->op->opcode, HMLC_OPERANDS(node->inputs[0]),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                            hmlc_attr_int(HMLC_ATTR_keep_dims, keep_dims),
                                            hmlc_attr_int(HMLC_ATTR_select_last, last)));
}

/* 1 at the first maximum along `axis` of x, 0 elsewhere. */
static hmlc_value *hardmax(hmlc_onnx_node *node, hmlc_value *x, int64_t axis)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_dim pair[] = {hmlc_emit_number(emit, 0), hmlc_emit_number(emit, 1)};
    if (!hmlc_onnx_ok(node)) {
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

void hmlc_onnx_import_hardmax(hmlc_onnx_node *node)
{
    int64_t axis = hmlc_onnx_axis_attr(node, -1);
    node->outputs[0] = hardmax(node, node->inputs[0], axis);
}

/* Before opset 13 the input counts as a matrix. */
void hmlc_onnx_import_hardmax_flattened(hmlc_onnx_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_onnx_rank(node, 0);
    int64_t axis = hmlc_onnx_axis_attr(node, 1);
    const hmlc_dim *dims = hmlc_onnx_dims(node, 0);
    hmlc_dim shape[2] = {hmlc_emit_number(emit, 1), hmlc_emit_number(emit, 1)};
    for (int32_t i = 0; i < rank; i++) {
        hmlc_dim *side = &shape[i < axis ? 0 : 1];
        *side = hmlc_dim_multiply(hmlc_emit_table(emit), *side, dims[i]);
    }
    hmlc_value *matrix = hmlc_emit_reshape(emit, node->inputs[0], shape, 2);
    node->outputs[0] = hmlc_emit_reshape(emit, hardmax(node, matrix, 1), dims, (uint32_t)rank);
}
