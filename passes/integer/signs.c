/* SPDX-License-Identifier: Apache-2.0 */
#include "signs.h"

enum { HIGHEST_BIT = 128 };

static bool is_byte_cast(const hmlc_op *op)
{
    return op != NULL && op->opcode == HMLC_OP_cast &&
           hmlc_dtype_is_byte(op->results[0]->type->dtype) &&
           hmlc_dtype_is_byte(hmlc_op_operand(op, 0)->type->dtype);
}

/* What a shift was made of, where `value` is one of bytes of type `from`; else NULL. */
static hmlc_value *before_shift(const hmlc_value *value, hmlc_dtype from)
{
    const hmlc_op *op = value->producer;
    op = is_byte_cast(op) ? hmlc_op_operand(op, 0)->producer : op;
    if (op == NULL || op->opcode != HMLC_OP_bit_xor ||
        !hmlc_is_splat_of(hmlc_op_operand(op, 1), HIGHEST_BIT)) {
        return NULL;
    }
    hmlc_value *shifted = hmlc_op_operand(op, 0);
    bool cast = shifted->type->dtype != from && is_byte_cast(shifted->producer);
    shifted = cast ? hmlc_op_operand(shifted->producer, 0) : shifted;
    return shifted->type->dtype == from ? shifted : NULL;
}

hmlc_status hmlc_sign_shift(hmlc_builder *builder, hmlc_value **value, hmlc_dtype to)
{
    if ((*value)->type->dtype == to) {
        return HMLC_OK;
    }
    hmlc_value *operands[] = {before_shift(*value, to), NULL};
    if (operands[0] != NULL) {
        *value = operands[0];
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_build_cast(builder, *value, HMLC_DTYPE_u8, &operands[0]));
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_u8, HIGHEST_BIT, &operands[1]));
    HMLC_TRY(hmlc_build_folded(builder, HMLC_OP_bit_xor, operands, 2, NULL, 0, value));
    return hmlc_build_cast(builder, *value, to, value);
}

/* -- what quantizes -- */

static bool is_product(const hmlc_op *op)
{
    return op->opcode == HMLC_OP_conv_integer || op->opcode == HMLC_OP_matmul_integer;
}

static bool is_single(const hmlc_op *op)
{
    return hmlc_is_one_element(hmlc_op_operand(op, 1)) &&
           (hmlc_op_operand(op, 2) != NULL || hmlc_op_operand(op, 1)->type->rank == 0);
}

/* The left side of products, and of nothing that would have to shift it back. */
static bool serves_products(const hmlc_value *value)
{
    bool any = false;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        bool product = is_product(use->op) && use->index == 0;
        if (!product && !(use->op->opcode == HMLC_OP_dequantize && is_single(use->op))) {
            return false;
        }
        any = any || product;
    }
    return any;
}

/* The zero point of the op, 128 more or less. */
static hmlc_status build_zero(hmlc_builder *builder, const hmlc_op *op, hmlc_dtype from,
                              hmlc_dtype to, hmlc_value **zero)
{
    *zero = hmlc_op_operand(op, 2);
    if (*zero == NULL) {
        HMLC_TRY(hmlc_build_scalar(builder, from, 0, zero));
    }
    return hmlc_sign_shift(builder, zero, to);
}

/* To quantize to the other type is to quantize, and to shift the sign: both ends of the one type
 * are those of the other. */
static hmlc_status quantize_to_left(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_dtype left = *(const hmlc_dtype *)hmlc_rewrite_user(rewriter);
    hmlc_dtype other = left == HMLC_DTYPE_u8 ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
    hmlc_value *result = op->results[0];
    if (result->type->dtype != other || !is_single(op) || !serves_products(result)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_attr attrs[HMLC_ATTR_COUNT];
    for (uint32_t k = 0; k < op->attr_count; k++) {
        bool to = op->attrs[k].name == HMLC_ATTR_to;
        attrs[k] = to ? hmlc_attr_dtype(HMLC_ATTR_to, left) : op->attrs[k];
    }
    hmlc_value *operands[] = {hmlc_op_operand(op, 0), hmlc_op_operand(op, 1), NULL};
    HMLC_TRY(build_zero(&builder, op, other, left, &operands[2]));
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_quantize, operands, 3, attrs, op->attr_count, &result));
    HMLC_TRY(hmlc_sign_shift(&builder, &result, other));
    return hmlc_rewrite_replace(rewriter, op, result);
}

static hmlc_status dequantize_left(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_dtype left = *(const hmlc_dtype *)hmlc_rewrite_user(rewriter);
    hmlc_dtype other = left == HMLC_DTYPE_u8 ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
    hmlc_value *value = hmlc_op_operand(op, 0);
    hmlc_value *before =
        value->type->dtype == other && is_single(op) ? before_shift(value, left) : NULL;
    if (before == NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {before, hmlc_op_operand(op, 1), NULL};
    HMLC_TRY(build_zero(&builder, op, other, left, &operands[2]));
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_dequantize, operands, 3, op->attrs,
                                   op->attr_count);
}

hmlc_status hmlc_signs_of_left(hmlc_pass_context *context, hmlc_dtype left)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_quantize, 0, quantize_to_left},
                                              {HMLC_OP_dequantize, 0, dequantize_left}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    return hmlc_rewrite_run(context, sets, 1, &left);
}
