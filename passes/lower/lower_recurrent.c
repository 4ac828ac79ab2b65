/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of lstm: the input's share of all gates at all steps is one matmul, [S * B, I] x [I, D *
 * 4H]; what depends on the step before is lstm_cells.
 */
#include "lower.h"

/* Columns [first, first + size) of a rank-2 value. */
static hmlc_status columns(hmlc_builder *builder, hmlc_value *value, int64_t first, hmlc_dim size,
                           hmlc_value **result)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim zero = hmlc_dim_constant(dims, 0), one = hmlc_dim_constant(dims, 1);
    hmlc_dim start = hmlc_dim_multiply(dims, size, hmlc_dim_constant(dims, first));
    hmlc_dim starts[] = {zero, start}, sizes[] = {value->type->dims[0], size}, steps[] = {one, one};
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, 2),
                         hmlc_attr_dims(HMLC_ATTR_sizes, sizes, 2),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, 2)};
    return hmlc_build_folded(builder, HMLC_OP_slice, &value, 1, attrs, 3, result);
}

/* b [D, 8H]: the biases of w and of r, which only ever appear added. */
static hmlc_status add_bias(hmlc_builder *builder, hmlc_value *bias, hmlc_dim width,
                            hmlc_value **product)
{
    hmlc_value *of_w = NULL, *of_r = NULL, *sum = NULL;
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim half = hmlc_dim_floordiv(dims, bias->type->dims[1], hmlc_dim_constant(dims, 2));
    HMLC_TRY(columns(builder, bias, 0, half, &of_w));
    HMLC_TRY(columns(builder, bias, 1, half, &of_r));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_add, of_w, of_r, &sum));
    HMLC_TRY(hmlc_lower_reshaped(builder, sum, &width, 1, &sum));
    return hmlc_lower_binary(builder, HMLC_OP_add, *product, sum, product);
}

/* x * w^T + b as [S, B, D * 4H]. */
static hmlc_status input_gates(hmlc_builder *builder, const hmlc_op *op, hmlc_value **result)
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
        HMLC_TRY(add_bias(builder, hmlc_op_operand(op, 3), width, &product));
    }
    hmlc_dim gates[] = {shape[0], shape[1], width};
    return hmlc_lower_reshaped(builder, product, gates, 3, result);
}

hmlc_status hmlc_lower_lstm(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[6] = {NULL};
    HMLC_TRY(input_gates(&builder, op, &operands[0]));
    operands[1] = hmlc_op_operand(op, 2);
    for (uint32_t i = 0; i < 4; i++) {
        operands[2 + i] = hmlc_op_operand(op, 4 + i);
    }
    uint32_t count = 6;
    while (count > 2 && operands[count - 1] == NULL) {
        count--;
    }
    hmlc_op *cells = NULL;
    HMLC_TRY(hmlc_op_create(&builder, HMLC_OP_lstm_cells, operands, count, op->attrs,
                            op->attr_count, &cells));
    for (uint32_t i = 0; i < op->result_count; i++) {
        cells->results[i]->name = op->results[i]->name;
        hmlc_value_replace_uses(op->results[i], cells->results[i]);
    }
    *done = true;
    return HMLC_OK;
}
