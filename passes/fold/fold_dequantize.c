/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized constants that nothing uses in their integer form become floating constants. */
#include "query.h"

enum { MAX_RESULT_BYTES = 256 << 20 };

static hmlc_status fold_dequantize(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        if (op->operands[i].value != NULL && !hmlc_is_constant(op->operands[i].value)) {
            return HMLC_OK;
        }
    }
    hmlc_tensor tensor;
    hmlc_status status = hmlc_evaluate_constant_op(op, MAX_RESULT_BYTES, &tensor);
    if (status == HMLC_NO) {
        return HMLC_OK;
    }
    HMLC_TRY(status);
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build_constant(&builder, &tensor, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

hmlc_status hmlc_pass_fold_dequantize(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_dequantize, 0, fold_dequantize}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    return hmlc_rewrite_run(context, sets, 1, NULL);
}
