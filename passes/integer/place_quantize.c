/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `place-quantize`. What only moves or chooses elements is done to the integers:
 * dequantize moves down over it, quantize up, and where both meet with one scale they vanish. A
 * bound in front of quantize becomes one behind it, which rises with its operand, so that both say
 * the same.
 */
#include "quantized.h"

/* The op on the integers, dequantized as they were. */
static hmlc_status dequantize_behind(hmlc_rewriter *rewriter, hmlc_op *op,
                                     hmlc_value *const *integers, uint32_t count,
                                     const hmlc_op *dequantize)
{
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {NULL, hmlc_op_operand(dequantize, 1), hmlc_op_operand(dequantize, 2)};
    HMLC_TRY(hmlc_build_folded(&builder, op->opcode, integers, count, op->attrs, op->attr_count,
                               &operands[0]));
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_dequantize, operands, dequantize->operand_count,
                        dequantize->attrs, dequantize->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* Operand 0 of an op, where it comes from integers with one scale. */
static const hmlc_op *single_dequantize(const hmlc_value *value)
{
    hmlc_quantized quantized;
    return hmlc_quantized_read(value, &quantized) && quantized.single ? value->producer : NULL;
}

static hmlc_status sink_dequantize(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *dequantize = single_dequantize(hmlc_op_operand(op, 0));
    if (dequantize == NULL || op->opcode == HMLC_OP_expand) {
        return HMLC_OK;
    }
    hmlc_value *integers = hmlc_op_operand(dequantize, 0);
    return dequantize_behind(rewriter, op, &integers, 1, dequantize);
}

/* The largest of integers is the largest of what they stand for, where the scale is positive. */
static hmlc_status pool_integers(hmlc_rewriter *rewriter, hmlc_op *op)
{
    double scale;
    const hmlc_op *dequantize = single_dequantize(hmlc_op_operand(op, 0));
    if (dequantize == NULL || op->result_count > 1 ||
        !hmlc_quantized_scale(hmlc_op_operand(dequantize, 1), &scale)) {
        return HMLC_OK;
    }
    hmlc_value *integers = hmlc_op_operand(dequantize, 0);
    return dequantize_behind(rewriter, op, &integers, 1, dequantize);
}

static bool same_steps(const hmlc_op *a, const hmlc_op *b)
{
    const hmlc_value *zero_a = hmlc_op_operand(a, 2), *zero_b = hmlc_op_operand(b, 2);
    bool zeros = (zero_a == NULL) == (zero_b == NULL) &&
                 (zero_a == NULL || hmlc_quantized_equal(zero_a, zero_b));
    return zeros && hmlc_quantized_equal(hmlc_op_operand(a, 1), hmlc_op_operand(b, 1));
}

/* All parts are integers of one scale. */
static hmlc_status concat_integers(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value **integers =
        HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_value *, op->operand_count + 1);
    HMLC_TRY_MEMORY(integers);
    const hmlc_op *first = NULL;
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_op *dequantize = single_dequantize(hmlc_op_operand(op, k));
        if (dequantize == NULL || (first != NULL && !same_steps(first, dequantize))) {
            return HMLC_OK;
        }
        first = first == NULL ? dequantize : first;
        integers[k] = hmlc_op_operand(dequantize, 0);
        if (integers[k]->type->dtype != integers[0]->type->dtype) {
            return HMLC_OK;
        }
    }
    return first != NULL ? dequantize_behind(rewriter, op, integers, op->operand_count, first)
                         : HMLC_OK;
}

/* -- quantize */

static bool is_single(const hmlc_op *quantize)
{
    const hmlc_value *zero = hmlc_op_operand(quantize, 2);
    return hmlc_is_one_element(hmlc_op_operand(quantize, 1)) &&
           (zero == NULL || hmlc_is_one_element(zero));
}

/* quantize(dequantize(x)) with one scale and zero point is x. */
static hmlc_status meet(hmlc_rewriter *rewriter, hmlc_op *op)
{
    double scale;
    const hmlc_op *dequantize = single_dequantize(hmlc_op_operand(op, 0));
    if (dequantize == NULL || !same_steps(op, dequantize) ||
        !hmlc_quantized_scale(hmlc_op_operand(op, 1), &scale)) {
        return HMLC_OK;
    }
    return hmlc_rewrite_replace(rewriter, op, hmlc_op_operand(dequantize, 0));
}

static hmlc_status quantize_like(hmlc_builder *builder, const hmlc_op *op, hmlc_value *x,
                                 hmlc_value **result)
{
    hmlc_value *operands[] = {x, hmlc_op_operand(op, 1), hmlc_op_operand(op, 2)};
    return hmlc_build_folded(builder, HMLC_OP_quantize, operands, op->operand_count, op->attrs,
                             op->attr_count, result);
}

static bool moves_elements(const hmlc_op *op)
{
    return op->opcode == HMLC_OP_reshape || op->opcode == HMLC_OP_transpose;
}

static hmlc_status raise_over_view(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *view = hmlc_op_operand(op, 0)->producer;
    if (view == NULL || !moves_elements(view) || !is_single(op) ||
        !hmlc_value_has_one_use(view->results[0]) || hmlc_op_operand(view, 0)->producer == NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = NULL;
    HMLC_TRY(quantize_like(&builder, op, hmlc_op_operand(view, 0), &value));
    HMLC_TRY(hmlc_build(&builder, view->opcode, &value, 1, view->attrs, view->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* Each part is quantized where it is made. */
static hmlc_status raise_over_concat(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *concat = hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_concat);
    if (concat == NULL || !is_single(op) || !hmlc_value_has_one_use(concat->results[0])) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value **parts =
        HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_value *, concat->operand_count);
    HMLC_TRY_MEMORY(parts);
    for (uint32_t k = 0; k < concat->operand_count; k++) {
        HMLC_TRY(quantize_like(&builder, op, hmlc_op_operand(concat, k), &parts[k]));
    }
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_concat, parts, concat->operand_count, concat->attrs,
                        concat->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* What an integer type ends with. */
static int64_t end_of(hmlc_dtype dtype, bool largest)
{
    int64_t half = (int64_t)1 << (hmlc_dtype_bits(dtype) - 1);
    bool is_signed = hmlc_dtype_class_of(dtype) == HMLC_CLASS_INT;
    return is_signed ? (largest ? half - 1 : -half) : (largest ? 2 * half - 1 : 0);
}

/* quantize(max(x, c)) is max(quantize(x), quantize(c)); NaN, which bounds let pass, is not met. */
static hmlc_status bound_integers(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *bound = hmlc_op_operand(op, 0)->producer;
    bool relu = bound != NULL && bound->opcode == HMLC_OP_relu;
    bool upper = bound != NULL && bound->opcode == HMLC_OP_min;
    double number = 0.0, scale;
    if (!(relu || upper || (bound != NULL && bound->opcode == HMLC_OP_max)) || !is_single(op) ||
        !hmlc_value_has_one_use(bound->results[0]) ||
        hmlc_dtype_bits(op->results[0]->type->dtype) > 16 ||
        !hmlc_quantized_scale(hmlc_op_operand(op, 1), &scale) ||
        (hmlc_op_operand(op, 2) != NULL && !hmlc_is_constant(hmlc_op_operand(op, 2))) ||
        (!relu && !hmlc_value_splat(hmlc_op_operand(bound, 1), &number)) ||
        !hmlc_type_equal(hmlc_op_operand(bound, 0)->type, bound->results[0]->type) ||
        !hmlc_quantized_is_finite(hmlc_op_operand(bound, 0))) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {NULL, NULL};
    HMLC_TRY(quantize_like(&builder, op, hmlc_op_operand(bound, 0), &operands[0]));
    HMLC_TRY(hmlc_build_scalar_like(&builder, hmlc_op_operand(bound, 0), number, &operands[1]));
    HMLC_TRY(quantize_like(&builder, op, operands[1], &operands[1]));
    double end = (double)end_of(op->results[0]->type->dtype, upper);
    if (hmlc_is_splat_of(operands[1], end)) {
        return hmlc_rewrite_replace(rewriter, op, operands[0]);
    }
    return hmlc_rewrite_replace_op(rewriter, op, upper ? HMLC_OP_min : HMLC_OP_max, operands, 2,
                                   NULL, 0);
}

hmlc_status hmlc_pass_place_quantize(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {
        {HMLC_OP_COUNT, HMLC_TRAIT_VIEW, sink_dequantize},
        {HMLC_OP_max_pool, 0, pool_integers},
        {HMLC_OP_concat, 0, concat_integers},
        {HMLC_OP_quantize, 0, meet},
        {HMLC_OP_quantize, 0, bound_integers},
        {HMLC_OP_quantize, 0, raise_over_view},
        {HMLC_OP_quantize, 0, raise_over_concat},
    };
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    if (context->options->exact || !hmlc_quantized_has_ops(context->module->main)) {
        return HMLC_OK;
    }
    return hmlc_rewrite_run(context, sets, 1, NULL);
}
