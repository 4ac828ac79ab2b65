/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of recurrent ops: the input's share of all gates at all steps is one matmul, [S * B, I]
 * x [I, D * rows], where a direction has `gates` rows for each hidden unit; what depends on the
 * step before is left to the cells.
 */
#include <hmlc/activation.h>

#include "lower.h"

/* Columns [first * size, first * size + count * size) of a rank-2 value. */
static hmlc_status columns(hmlc_builder *builder, hmlc_value *value, int64_t first, int64_t count,
                           hmlc_dim size, hmlc_value **result)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim zero = hmlc_dim_constant(dims, 0), one = hmlc_dim_constant(dims, 1);
    hmlc_dim start = hmlc_dim_multiply(dims, size, hmlc_dim_constant(dims, first));
    hmlc_dim width = hmlc_dim_multiply(dims, size, hmlc_dim_constant(dims, count));
    hmlc_dim starts[] = {zero, start}, sizes[] = {value->type->dims[0], width},
             steps[] = {one, one};
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, 2),
                         hmlc_attr_dims(HMLC_ATTR_sizes, sizes, 2),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, 2)};
    return hmlc_build_folded(builder, HMLC_OP_slice, &value, 1, attrs, 3, result);
}

/* b [D, 2 * rows]: the biases of w and of r, which only ever appear added. */
static hmlc_status whole_bias(hmlc_builder *builder, hmlc_value *bias, hmlc_value **sum)
{
    hmlc_value *of_w = NULL, *of_r = NULL;
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim half = hmlc_dim_floordiv(dims, bias->type->dims[1], hmlc_dim_constant(dims, 2));
    HMLC_TRY(columns(builder, bias, 0, 1, half, &of_w));
    HMLC_TRY(columns(builder, bias, 1, 1, half, &of_r));
    return hmlc_lower_binary(builder, HMLC_OP_add, of_w, of_r, sum);
}

/* The same but for the candidate of a GRU, whose bias of r the gate r scales: it stays apart. */
static hmlc_status split_bias(hmlc_builder *builder, hmlc_value *bias, hmlc_dim hidden,
                              hmlc_value **sum, hmlc_value **candidate)
{
    hmlc_value *gates[2] = {NULL}, *parts[2] = {NULL};
    HMLC_TRY(columns(builder, bias, 0, 2, hidden, &gates[0]));
    HMLC_TRY(columns(builder, bias, 3, 2, hidden, &gates[1]));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_add, gates[0], gates[1], &parts[0]));
    HMLC_TRY(columns(builder, bias, 2, 1, hidden, &parts[1]));
    HMLC_TRY(columns(builder, bias, 5, 1, hidden, candidate));
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 1);
    return hmlc_build_folded(builder, HMLC_OP_concat, parts, 2, &axis, 1, sum);
}

static hmlc_status add_bias(hmlc_builder *builder, const hmlc_op *op, hmlc_dim width,
                            hmlc_value **product, hmlc_value **candidate)
{
    hmlc_value *bias = hmlc_op_operand(op, 3), *sum = NULL;
    if (op->opcode == HMLC_OP_gru && hmlc_op_int(op, HMLC_ATTR_linear_before_reset) != 0) {
        hmlc_dim hidden = hmlc_op_operand(op, 2)->type->dims[2];
        HMLC_TRY(split_bias(builder, bias, hidden, &sum, candidate));
    } else {
        HMLC_TRY(whole_bias(builder, bias, &sum));
    }
    HMLC_TRY(hmlc_lower_reshaped(builder, sum, &width, 1, &sum));
    return hmlc_lower_binary(builder, HMLC_OP_add, *product, sum, product);
}

/* x * w^T + b as [S, B, D * rows]. */
static hmlc_status input_gates(hmlc_builder *builder, const hmlc_op *op, hmlc_value **result,
                               hmlc_value **candidate)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_value *x = hmlc_op_operand(op, 0), *w = hmlc_op_operand(op, 1);
    const hmlc_dim *shape = x->type->dims;
    hmlc_dim width = hmlc_dim_multiply(dims, w->type->dims[0], w->type->dims[1]);
    hmlc_dim rows[] = {hmlc_dim_multiply(dims, shape[0], shape[1]), shape[2]};
    hmlc_dim weights[] = {width, w->type->dims[2]};
    lower_product of = {.transpose_b = 1};
    hmlc_value *product = NULL;
    HMLC_TRY(hmlc_lower_reshaped(builder, x, rows, 2, &of.a));
    HMLC_TRY(hmlc_lower_reshaped(builder, w, weights, 2, &of.b));
    HMLC_TRY(hmlc_lower_product(builder, &of, &product));
    if (hmlc_op_operand(op, 3) != NULL) {
        HMLC_TRY(add_bias(builder, op, width, &product, candidate));
    }
    hmlc_dim gates[] = {shape[0], shape[1], width};
    return hmlc_lower_reshaped(builder, product, gates, 3, result);
}

hmlc_status hmlc_lower_recurrent(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[6] = {NULL}, *candidate = NULL;
    HMLC_TRY(input_gates(&builder, op, &operands[0], &candidate));
    operands[1] = hmlc_op_operand(op, 2);
    for (uint32_t i = 0; i < 4; i++) {
        operands[2 + i] = hmlc_op_operand(op, 4 + i);
    }
    operands[4] = candidate != NULL ? candidate : operands[4];
    uint32_t count = 6;
    while (count > 2 && operands[count - 1] == NULL) {
        count--;
    }
    hmlc_op *cells = NULL;
    HMLC_TRY(hmlc_op_create(&builder, hmlc_cell_kind_of(op->opcode)->cells, operands, count,
                            op->attrs, op->attr_count, &cells));
    for (uint32_t i = 0; i < op->result_count; i++) {
        cells->results[i]->name = op->results[i]->name;
        hmlc_value_replace_uses(op->results[i], cells->results[i]);
    }
    *done = true;
    return HMLC_OK;
}
