/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering of batch_norm: a factor and a term per channel, folded where the statistics are
 * constants. */
#include "lower.h"

static hmlc_status cast_like(hmlc_builder *builder, const hmlc_value *like, hmlc_value **value)
{
    return hmlc_build_cast(builder, *value, like->type->dtype, value);
}

/* [C] as it broadcasts along the channel axis of x. */
static hmlc_status per_channel(hmlc_builder *builder, const hmlc_op *op, hmlc_value **value)
{
    const hmlc_value *x = hmlc_op_operand(op, 0);
    HMLC_TRY(cast_like(builder, x, value));
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    if (last || x->type->rank == 2) {
        return HMLC_OK;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    int32_t rank = x->type->rank - 1;
    for (int32_t i = 0; i < rank; i++) {
        shape[i] = hmlc_dim_constant(builder->module->dims, 1);
    }
    shape[0] = x->type->dims[1];
    return hmlc_lower_reshaped(builder, *value, shape, rank, value);
}

/* scale / sqrt(variance + epsilon) and bias - mean * that, in the statistics' own type. */
static hmlc_status fold_statistics(hmlc_builder *builder, const hmlc_op *op, hmlc_value **factor,
                                   hmlc_value **term)
{
    hmlc_value *variance = hmlc_op_operand(op, 4), *mean = hmlc_op_operand(op, 3);
    hmlc_value *scale = hmlc_op_operand(op, 1), *bias = hmlc_op_operand(op, 2);
    HMLC_TRY(cast_like(builder, mean, &scale));
    HMLC_TRY(cast_like(builder, mean, &bias));
    HMLC_TRY(cast_like(builder, mean, &variance));
    hmlc_value *epsilon = NULL, *shifted = NULL, *root = NULL, *moved = NULL;
    HMLC_TRY(
        hmlc_build_scalar_like(builder, variance, hmlc_op_float(op, HMLC_ATTR_epsilon), &epsilon));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_add, variance, epsilon, &shifted));
    HMLC_TRY(hmlc_build_folded(builder, HMLC_OP_sqrt, &shifted, 1, NULL, 0, &root));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_div, scale, root, factor));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_mul, mean, *factor, &moved));
    return hmlc_lower_binary(builder, HMLC_OP_sub, bias, moved, term);
}

hmlc_status hmlc_lower_batch_norm(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *factor = NULL, *term = NULL, *scaled = NULL, *result = NULL;
    HMLC_TRY(fold_statistics(&builder, op, &factor, &term));
    HMLC_TRY(per_channel(&builder, op, &factor));
    HMLC_TRY(per_channel(&builder, op, &term));
    HMLC_TRY(hmlc_lower_binary(&builder, HMLC_OP_mul, hmlc_op_operand(op, 0), factor, &scaled));
    HMLC_TRY(hmlc_lower_binary(&builder, HMLC_OP_add, scaled, term, &result));
    result->name = op->results[0]->name;
    hmlc_value_replace_uses(op->results[0], result);
    *done = true;
    return HMLC_OK;
}
