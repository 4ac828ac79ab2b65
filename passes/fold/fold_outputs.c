/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products and sums with constants behind a contraction go into its weights and bias, each op once,
 * as ONNX Runtime does it. A chain whose constants cancel is left to round as it is written.
 */
#include <math.h>

#include "fold_weights.h"
#include "weight_tools.h"

/* The contraction that makes `value` for nobody else, with rewritable weights. */
static bool own_contraction(const hmlc_value *value, hmlc_weighted_op *contraction)
{
    return value->producer != NULL && hmlc_value_has_one_use(value) &&
           hmlc_contraction_read(value->producer, contraction);
}

static hmlc_status read_result_channels(hmlc_rewriter *rewriter,
                                        const hmlc_weighted_op *contraction,
                                        const hmlc_value *constant, double **numbers)
{
    return hmlc_read_channels(hmlc_rewrite_scratch(rewriter), constant,
                              contraction->op->results[0]->type->rank, contraction->result_axis,
                              contraction->outputs, numbers);
}

/* The bias operand's numbers, zeros where there is none; NULL where it is not constant. */
static hmlc_status read_bias(hmlc_rewriter *rewriter, const hmlc_weighted_op *contraction,
                             double **numbers)
{
    const hmlc_value *bias = hmlc_op_operand(contraction->op, 2);
    hmlc_arena *scratch = hmlc_rewrite_scratch(rewriter);
    if (bias != NULL) {
        return hmlc_read_channels(scratch, bias, 1, 0, contraction->outputs, numbers);
    }
    *numbers = HMLC_NEW_ARRAY(scratch, double, contraction->outputs);
    HMLC_TRY_MEMORY(*numbers);
    return HMLC_OK;
}

/* Replaces `op`, which stands behind the contraction, by the contraction with new operands. */
static hmlc_status replace_by_contraction(hmlc_rewriter *rewriter, hmlc_op *op,
                                          const hmlc_weighted_op *contraction, hmlc_value *weights,
                                          hmlc_value *bias)
{
    const hmlc_op *old = contraction->op;
    hmlc_value *operands[] = {old->operands[0].value, weights, bias};
    hmlc_builder builder = hmlc_rewrite_builder(op);
    builder.location = hmlc_location_join(builder.module->arena, old->location, op->location);
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, old->opcode, operands, bias != NULL ? 3 : 2, old->attrs,
                        old->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* Are all of the numbers finite in that type? */
static bool hold_in(hmlc_dtype dtype, const double *numbers, int64_t count)
{
    double largest = 0.0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, isnan(numbers[i]) ? INFINITY : fabs(numbers[i]));
    }
    uint64_t held = 0;
    hmlc_element_set_double(dtype, &held, 0, largest);
    const hmlc_tensor tensor = {.dtype = dtype, .data = &held, .bytes = hmlc_dtype_bytes(dtype)};
    return isfinite(hmlc_tensor_get_double(&tensor, 0));
}

/* contraction(x) * factors. */
static hmlc_status scale_output(hmlc_rewriter *rewriter, hmlc_op *op,
                                const hmlc_weighted_op *contraction, const double *factors)
{
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *weights = NULL, *bias = NULL;
    if (hmlc_op_operand(contraction->op, 2) != NULL) {
        double *numbers;
        HMLC_TRY(read_bias(rewriter, contraction, &numbers));
        if (numbers == NULL) {
            return HMLC_OK;
        }
        for (int64_t i = 0; i < contraction->outputs; i++) {
            numbers[i] *= factors[i];
        }
        if (!hold_in(contraction->tensor->dtype, numbers, contraction->outputs)) {
            return HMLC_OK;
        }
        HMLC_TRY(hmlc_build_vector(&builder, contraction->tensor->dtype, numbers,
                                   contraction->outputs, &bias));
    }
    HMLC_TRY(hmlc_scale_weights(&builder, contraction, true, factors, &weights));
    return weights == NULL ? HMLC_OK
                           : replace_by_contraction(rewriter, op, contraction, weights, bias);
}

/* contraction(x) * c, contraction(x) / c */
static hmlc_status fold_product(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    double *factors;
    if (!own_contraction(op->operands[0].value, &contraction)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_result_channels(rewriter, &contraction, op->operands[1].value, &factors));
    if (factors == NULL) {
        return HMLC_OK;
    }
    for (int64_t i = 0; op->opcode == HMLC_OP_div && i < contraction.outputs; i++) {
        if (factors[i] == 0.0) {
            return HMLC_OK;
        }
        factors[i] = 1.0 / factors[i];
    }
    return scale_output(rewriter, op, &contraction, factors);
}

static hmlc_status fold_negation(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    if (!own_contraction(op->operands[0].value, &contraction)) {
        return HMLC_OK;
    }
    double *factors = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), double, contraction.outputs);
    HMLC_TRY_MEMORY(factors);
    for (int64_t i = 0; i < contraction.outputs; i++) {
        factors[i] = -1.0;
    }
    return scale_output(rewriter, op, &contraction, factors);
}

/* Adds the terms; false where they cancel too much of what they meet. */
static bool add_terms(hmlc_dtype dtype, const double *terms, double *numbers, int64_t count)
{
    double before = 0.0, after = 0.0;
    for (int64_t i = 0; i < count; i++) {
        before = fmax(before, fmax(fabs(numbers[i]), fabs(terms[i])));
        numbers[i] += terms[i];
        after = fmax(after, fabs(numbers[i]));
    }
    return hold_in(dtype, numbers, count) && after * hmlc_most_cancellation(dtype) >= before;
}

/* conv(x) + c; a matmul's bias stays a sum, which its kernel takes in. */
static hmlc_status fold_sum(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    double *terms, *numbers;
    if (!own_contraction(op->operands[0].value, &contraction) || !contraction.has_bias_operand ||
        !hmlc_is_moderate(op->operands[1].value)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_result_channels(rewriter, &contraction, op->operands[1].value, &terms));
    HMLC_TRY(read_bias(rewriter, &contraction, &numbers));
    if (terms == NULL || numbers == NULL ||
        !add_terms(contraction.tensor->dtype, terms, numbers, contraction.outputs)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *bias = NULL;
    HMLC_TRY(hmlc_build_vector(&builder, contraction.tensor->dtype, numbers, contraction.outputs,
                               &bias));
    return replace_by_contraction(rewriter, op, &contraction, contraction.weights, bias);
}

/* (matmul(x) + b) * s is matmul(x) * s + b * s, whose product then goes into the weights. */
static hmlc_status distribute_product(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *sum = hmlc_producer_of(op->operands[0].value, HMLC_OP_add);
    hmlc_value *factor = op->operands[1].value;
    hmlc_weighted_op contraction;
    double *factors;
    if (sum == NULL || !hmlc_value_has_one_use(sum->results[0]) ||
        !hmlc_is_moderate(sum->operands[1].value) || !hmlc_is_constant(factor) ||
        !own_contraction(sum->operands[0].value, &contraction)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_result_channels(rewriter, &contraction, factor, &factors));
    if (factors == NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *products[2] = {NULL, NULL};
    hmlc_value *constants[] = {sum->operands[1].value, factor};
    HMLC_TRY(hmlc_build_binary(&builder, op->opcode, sum->operands[0].value, factor, &products[0]));
    HMLC_TRY(hmlc_build_folded(&builder, op->opcode, constants, 2, NULL, 0, &products[1]));
    return hmlc_is_constant(products[1])
               ? hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_add, products, 2, NULL, 0)
               : HMLC_OK;
}

/* Does `value` come, through views and constant sums that nobody else uses, from a contraction? */
static bool leads_to_contraction(const hmlc_value *value)
{
    hmlc_weighted_op contraction;
    for (int steps = 0; steps < 8; steps++) {
        const hmlc_op *op = value->producer;
        if (op == NULL || !hmlc_value_has_one_use(value)) {
            return false;
        }
        if (own_contraction(value, &contraction)) {
            return true;
        }
        if (op->opcode != HMLC_OP_reshape && op->opcode != HMLC_OP_transpose &&
            (op->opcode != HMLC_OP_add || !hmlc_is_moderate(op->operands[1].value))) {
            return false;
        }
        value = op->operands[0].value;
    }
    return false;
}

/* The operand of `op` that a scalar behind it may move to, on the way to a contraction. */
static bool way_up(const hmlc_op *op, uint32_t *operand)
{
    *operand = 0;
    if (op->opcode == HMLC_OP_reshape || op->opcode == HMLC_OP_transpose) {
        return leads_to_contraction(op->results[0]);
    }
    if (op->opcode != HMLC_OP_matmul || hmlc_is_constant(op->operands[1].value) ||
        !hmlc_value_has_one_use(op->results[0])) {
        return false;
    }
    *operand = leads_to_contraction(op->operands[0].value) ? 0 : 1;
    return leads_to_contraction(op->operands[*operand].value);
}

/* view(y) * s is view(y * s), matmul(a, b) * s is matmul(a * s, b), for a scalar s that can reach
 * weights so. */
static hmlc_status hoist_scalar(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *inner = op->operands[0].value->producer;
    hmlc_value *scalar = op->operands[1].value;
    uint32_t at;
    if (inner == NULL || scalar->type->rank != 0 || !hmlc_is_mild_scale(scalar) ||
        !way_up(inner, &at)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {hmlc_op_operand(inner, 0), hmlc_op_operand(inner, 1)};
    HMLC_TRY(hmlc_build_binary(&builder, op->opcode, operands[at], scalar, &operands[at]));
    return hmlc_rewrite_replace_op(rewriter, op, inner->opcode, operands, inner->operand_count,
                                   inner->attrs, inner->attr_count);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_mul, 0, fold_product},       {HMLC_OP_div, 0, fold_product},
    {HMLC_OP_neg, 0, fold_negation},      {HMLC_OP_add, 0, fold_sum},
    {HMLC_OP_mul, 0, distribute_product}, {HMLC_OP_div, 0, distribute_product},
    {HMLC_OP_mul, 0, hoist_scalar},       {HMLC_OP_div, 0, hoist_scalar},
};

const hmlc_rewrite_rules hmlc_fold_outputs = HMLC_RULES(rules);
