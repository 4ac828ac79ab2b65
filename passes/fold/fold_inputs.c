/* SPDX-License-Identifier: Apache-2.0 */
/* Products and sums with constants before a contraction go into its weights and bias. */
#include "fold_weights.h"
#include "weight_tools.h"

/* Channel axis of the data operand. */
static int32_t data_axis(const hmlc_weighted_op *contraction)
{
    const hmlc_op *op = contraction->op;
    bool last = op->opcode == HMLC_OP_matmul ||
                hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    return last ? op->operands[0].value->type->rank - 1 : 1;
}

static hmlc_status read_data_channels(hmlc_rewriter *rewriter, const hmlc_weighted_op *contraction,
                                      const hmlc_value *constant, double **numbers)
{
    return hmlc_read_channels(hmlc_rewrite_scratch(rewriter), constant,
                              contraction->op->operands[0].value->type->rank,
                              data_axis(contraction), contraction->inputs, numbers);
}

/* Operand 0's producer, when it works for this op alone and on the same shape. */
static hmlc_op *own_producer(const hmlc_op *op, hmlc_opcode opcode)
{
    hmlc_op *producer = hmlc_producer_of(op->operands[0].value, opcode);
    return producer != NULL && hmlc_value_has_one_use(producer->results[0]) &&
                   hmlc_type_equal(producer->results[0]->type, producer->operands[0].value->type)
               ? producer
               : NULL;
}

/* contraction(x * c): padding is zero before and after the product. */
static hmlc_status fold_factor(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    double *factors;
    const hmlc_op *product = own_producer(op, HMLC_OP_mul);
    if (product == NULL || !hmlc_contraction_read(op, &contraction)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_data_channels(rewriter, &contraction, product->operands[1].value, &factors));
    if (factors == NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    builder.location = hmlc_location_join(builder.module->arena, product->location, op->location);
    hmlc_value *operands[] = {product->operands[0].value, NULL, hmlc_op_operand(op, 2)};
    HMLC_TRY(hmlc_scale_weights(&builder, &contraction, false, factors, &operands[1]));
    if (operands[1] == NULL) {
        return HMLC_OK;
    }
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, op->attrs,
                        op->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static bool pads_nothing(const hmlc_op *op)
{
    const hmlc_attr *pads = hmlc_list_attr(op, HMLC_ATTR_pads);
    return op->opcode == HMLC_OP_matmul ||
           (op->opcode == HMLC_OP_conv && hmlc_dims_all(pads->as.dims, pads->count, 0));
}

/*
 * Without padding, contraction(x + c) is contraction(x) plus one number per output. What x and c
 * have in common cancels only behind the contraction then, so c must be small.
 */
static hmlc_status fold_term(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    double *terms;
    const hmlc_op *sum = own_producer(op, HMLC_OP_add);
    if (sum == NULL || !pads_nothing(op) || !hmlc_is_moderate(sum->operands[1].value) ||
        !hmlc_contraction_read(op, &contraction)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_data_channels(rewriter, &contraction, sum->operands[1].value, &terms));
    double *sums = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), double, contraction.outputs);
    HMLC_TRY_MEMORY(sums);
    if (terms == NULL) {
        return HMLC_OK;
    }
    hmlc_sum_weights(&contraction, terms, sums);
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {sum->operands[0].value, contraction.weights, hmlc_op_operand(op, 2)};
    hmlc_value *value = NULL, *bias = NULL;
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, op->attrs,
                        op->attr_count, &value));
    HMLC_TRY(hmlc_build_channels(&builder, contraction.tensor->dtype, sums, contraction.outputs,
                                 value->type->rank, contraction.result_axis, &bias));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_add, value, bias, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_CONTRACTION, fold_factor},
    {HMLC_OP_COUNT, HMLC_TRAIT_CONTRACTION, fold_term},
};

const hmlc_rewrite_rules hmlc_fold_inputs = HMLC_RULES(rules);
