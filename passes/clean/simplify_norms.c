/* SPDX-License-Identifier: Apache-2.0 */
/* Norms and convolutions: parameters that do nothing, batch norm of computed statistics. */
#include "query.h"
#include "simplify.h"

/* A bias of zeros; a scale of ones, where no bias follows it. */
static hmlc_status drop_parameters(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *operands[] = {op->operands[0].value, hmlc_op_operand(op, 1),
                              hmlc_op_operand(op, 2)};
    uint32_t count = op->operand_count;
    if (count == 3 && (operands[2] == NULL || hmlc_is_splat_of(operands[2], 0))) {
        count = 2;
    }
    if (count == 2 && (operands[1] == NULL || hmlc_is_splat_of(operands[1], 1))) {
        count = 1;
    }
    return count < op->operand_count ? hmlc_rewrite_same_op(rewriter, op, operands, count)
                                     : HMLC_OK;
}

static hmlc_status drop_bias(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *operands[] = {op->operands[0].value, op->operands[1].value};
    const hmlc_value *bias = hmlc_op_operand(op, 2);
    return bias != NULL && hmlc_is_splat_of(bias, 0)
               ? hmlc_rewrite_same_op(rewriter, op, operands, 2)
               : HMLC_OK;
}

/* Parameter `index` of a batch norm with its channels at `axis` of the data's rank. */
static hmlc_status build_parameter(hmlc_builder *builder, const hmlc_op *op, uint32_t index,
                                   int32_t axis, hmlc_value **result)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_value *parameter = op->operands[index].value;
    uint32_t rank = (uint32_t)op->operands[0].value->type->rank;
    for (uint32_t i = 0; i < rank; i++) {
        shape[i] = i == (uint32_t)axis ? parameter->type->dims[0]
                                       : hmlc_dim_constant(builder->module->dims, 1);
    }
    return hmlc_build_reshaped(builder, parameter, shape, rank, result);
}

/* (x - mean) * rsqrt(variance + epsilon) * scale + bias where a statistic is computed. */
static hmlc_status lower_computed_batch_norm(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value, *parameters[5] = {NULL};
    bool constant = true;
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t axis = last || x->type->rank < 2 ? x->type->rank - 1 : 1;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    for (uint32_t i = 1; i < 5; i++) {
        constant = constant && hmlc_is_constant(op->operands[i].value);
        if (op->operands[i].value->type->dtype != x->type->dtype) {
            return HMLC_OK;
        }
    }
    for (uint32_t i = 1; !constant && i < 5; i++) {
        HMLC_TRY(build_parameter(&builder, op, i, axis, &parameters[i]));
    }
    if (constant) {
        return HMLC_OK;
    }
    hmlc_value *value = NULL, *deviation = NULL, *epsilon = NULL;
    double number = hmlc_op_float(op, HMLC_ATTR_epsilon);
    HMLC_TRY(hmlc_build_scalar_like(&builder, x, number, &epsilon));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_sub, x, parameters[3], &value));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_add, parameters[4], epsilon, &deviation));
    HMLC_TRY(hmlc_build_unary(&builder, HMLC_OP_rsqrt, deviation, &deviation));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, value, deviation, &value));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, value, parameters[1], &value));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_add, value, parameters[2], &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_layer_norm, 0, drop_parameters},
    {HMLC_OP_rms_norm, 0, drop_parameters},
    {HMLC_OP_conv, 0, drop_bias},
    {HMLC_OP_conv_transpose, 0, drop_bias},
    {HMLC_OP_batch_norm, 0, lower_computed_batch_norm},
};

const hmlc_rewrite_rules hmlc_simplify_norms = HMLC_RULES(rules);
