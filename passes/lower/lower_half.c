/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering of products in f16 and bf16: computed in f32 and rounded once, as their reference is. */
#include "lower.h"

static bool is_half(const hmlc_value *value)
{
    return value != NULL && value->type->kind == HMLC_KIND_TENSOR &&
           hmlc_dtype_is_half(value->type->dtype);
}

hmlc_status hmlc_lower_half(hmlc_op *op, hmlc_op **widened)
{
    enum { MAX_OPERANDS = 8 };
    *widened = NULL;
    if (!is_half(hmlc_op_operand(op, 0)) || op->operand_count > MAX_OPERANDS) {
        return HMLC_OK;
    }
    hmlc_dtype dtype = hmlc_op_operand(op, 0)->type->dtype;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[MAX_OPERANDS];
    for (uint32_t i = 0; i < op->operand_count; i++) {
        operands[i] = hmlc_op_operand(op, i);
        if (is_half(operands[i])) {
            HMLC_TRY(hmlc_build_cast(&builder, operands[i], HMLC_DTYPE_f32, &operands[i]));
        }
    }
    HMLC_TRY(hmlc_op_create(&builder, op->opcode, operands, op->operand_count, op->attrs,
                            op->attr_count, widened));
    for (uint32_t i = 0; i < op->result_count; i++) {
        hmlc_value *result = (*widened)->results[i];
        if (is_half(op->results[i])) {
            HMLC_TRY(hmlc_build_cast(&builder, result, dtype, &result));
        }
        result->name = op->results[i]->name;
        hmlc_value_replace_uses(op->results[i], result);
    }
    return HMLC_OK;
}
