/* SPDX-License-Identifier: Apache-2.0 */
#include "reduction.h"

hmlc_axis_list hmlc_node_reduced_axes(hmlc_node *node, uint32_t input, const char *name,
                                      bool keep_dims, bool empty_is_none)
{
    int64_t given[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_axis_list found = {.keep_dims = keep_dims};
    found.run_time = hmlc_node_run_time_list(node, input, &found.count);
    if (found.run_time != NULL) {
        found.split = hmlc_node_axes_split(node, node->inputs[0], found.run_time);
        return found;
    }
    bool listed = hmlc_node_int_list(node, input, name, given, &count);
    if (!hmlc_node_ok(node)) {
        return found;
    }
    if (listed && count > 0) {
        found.count = hmlc_node_axes(node, given, count, rank, found.list);
        return found;
    }
    found.nothing = empty_is_none;
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
static hmlc_value *reduce_at_run_time(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x,
                                      const hmlc_axis_list *axes)
{
    static const int64_t middle = 1;
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    bool mean = opcode == HMLC_OP_reduce_mean;
    uint32_t rank = 0;
    hmlc_dim count = hmlc_emit_number(emit, 1);
    const hmlc_dim *dims = hmlc_node_axes_dims(
        node, x, axes->run_time, axes->keep_dims ? HMLC_AXES_KEEP : HMLC_AXES_DROP, &rank);
    for (uint32_t i = 0; hmlc_node_ok(node) && i < axes->count; i++) {
        const hmlc_dim *around = &axes->split[3 * (size_t)i];
        x = hmlc_emit_reshape(emit, x, around, 3);
        x = hmlc_emit_reduce(emit, mean ? HMLC_OP_reduce_sum : opcode, x, &middle, 1, false);
        count = hmlc_dim_multiply(table, count, around[1]);
    }
    if (mean && hmlc_node_ok(node)) {
        hmlc_value *number = hmlc_emit_dim(emit, count, HMLC_DTYPE_i64);
        number = hmlc_emit_cast(emit, number, x->type->dtype);
        x = hmlc_emit_binary(emit, HMLC_OP_div, x, number);
    }
    return hmlc_emit_reshape(emit, x, dims, rank);
}

hmlc_value *hmlc_node_reduce(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x,
                             const hmlc_axis_list *axes)
{
    if (axes->nothing || !hmlc_node_ok(node)) {
        return x;
    }
    if (axes->run_time != NULL) {
        return reduce_at_run_time(node, opcode, x, axes);
    }
    return hmlc_emit_reduce(&node->emit, opcode, x, axes->list, axes->count, axes->keep_dims);
}

/* m + log(sum(exp(x - m))) with the maximum m, where that is finite. */
hmlc_value *hmlc_node_log_sum_exp(hmlc_node *node, hmlc_value *x, const hmlc_axis_list *axes)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_axis_list kept = *axes;
    if (axes->nothing || !hmlc_node_ok(node)) {
        return x;
    }
    kept.keep_dims = true;
    hmlc_value *most = hmlc_node_reduce(node, HMLC_OP_reduce_max, x, &kept);
    hmlc_value *infinite = hmlc_emit_unary(emit, HMLC_OP_is_inf, most);
    most = hmlc_emit_select(emit, infinite, hmlc_emit_scalar_like(emit, x, 0), most);
    hmlc_value *shifted = hmlc_emit_binary(emit, HMLC_OP_sub, x, most);
    hmlc_value *power = hmlc_emit_unary(emit, HMLC_OP_exp, shifted);
    hmlc_value *sum = hmlc_node_reduce(node, HMLC_OP_reduce_sum, power, axes);
    hmlc_value *logarithm = hmlc_emit_unary(emit, HMLC_OP_log, sum);
    if (!axes->keep_dims && hmlc_node_ok(node)) {
        most =
            hmlc_emit_reshape(emit, most, logarithm->type->dims, (uint32_t)logarithm->type->rank);
    }
    return hmlc_emit_binary(emit, HMLC_OP_add, logarithm, most);
}

hmlc_value *hmlc_emit_arg_reduce(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x,
                                 int64_t axis, bool keep_dims, bool select_last)
{
    return hmlc_emit(emit, opcode, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_int(HMLC_ATTR_keep_dims, keep_dims),
                                hmlc_attr_int(HMLC_ATTR_select_last, select_last)));
}
