/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of f32 by constant weights in f16 or bf16: both sides are rounded, the sums stay in f32
 * (accumulator = f32). Targets that multiply f16 add up to 64 products in it before they meet the
 * sums. The left side is rounded where it is made, and stored so.
 */
#include "query.h"

#include <hmlc/packing.h>

#include <math.h>
#include <string.h>

enum {
    LEAST_DEPTH = 16, /* fewer products are not worth a conversion */
    BF16_GROUP = 4,   /* products of bf16 come in groups, and fill them */
};

/* The type holds all numbers of a constant, roughly. */
static bool fits(const hmlc_tensor *tensor, hmlc_dtype half)
{
    const char *elements = tensor->data;
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        float value;
        memcpy(&value, elements + (size_t)k * sizeof value, sizeof value);
        float rounded = half == HMLC_DTYPE_f16
                            ? hmlc_f16_to_f32(hmlc_f16_from_double((double)value))
                            : hmlc_bf16_to_f32(hmlc_bf16_from_double((double)value));
        if (isfinite(value) && !isfinite(rounded)) {
            return false;
        }
    }
    return true;
}

/* Why the op stays as it is; NULL: it does not, if its weights are within the range. */
static const char *why_kept(const hmlc_op *op, hmlc_dtype half)
{
    if (op->opcode != HMLC_OP_matmul && op->opcode != HMLC_OP_conv) {
        return op->opcode == HMLC_OP_matmul_packed    ? "both sides are computed"
               : op->opcode == HMLC_OP_conv_transpose ? "a transposed convolution"
                                                      : "a recurrent cell's product with its state";
    }
    const hmlc_value *left = hmlc_op_operand(op, 0), *right = hmlc_op_operand(op, 1);
    const hmlc_tensor *weights = hmlc_value_constant(right);
    bool conv = op->opcode == HMLC_OP_conv;
    if (weights == NULL) {
        return "both sides are computed";
    }
    if (weights->dtype != HMLC_DTYPE_f32 || left->type->dtype != HMLC_DTYPE_f32) {
        return "its operands are not f32";
    }
    if (conv && hmlc_op_int(op, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_LAST) {
        return "its channels are not last";
    }
    if (conv && hmlc_conv_is_window(op)) {
        return "depthwise, or of narrow groups";
    }
    bool along = conv || hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0;
    int64_t depth = weights->dims[weights->rank - (along ? 1 : 2)];
    if (depth < LEAST_DEPTH) {
        return conv ? "it has few channels" : "its sums are short";
    }
    return half == HMLC_DTYPE_bf16 && depth % BF16_GROUP != 0 ? "its depth is no multiple of four"
                                                              : NULL;
}

static hmlc_status round_product(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_dtype half)
{
    if (why_kept(op, half) != NULL) {
        return HMLC_OK;
    }
    hmlc_value *operands[] = {hmlc_op_operand(op, 0), hmlc_op_operand(op, 1),
                              hmlc_op_operand(op, 2)};
    if (!fits(hmlc_value_constant(operands[1]), half)) {
        hmlc_warning_add(
            hmlc_rewrite_module(rewriter)->diagnostics, HMLC_ERROR_weights_kept, op->location, NULL,
            "computed in f32: some weights are beyond the range of %s", hmlc_dtype_name(half));
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, half);
    for (uint32_t i = 0; i < 2; i++) {
        hmlc_op *cast = NULL;
        HMLC_TRY(hmlc_op_create(&builder, HMLC_OP_cast, &operands[i], 1, &to, 1, &cast));
        operands[i] = cast->results[0];
    }
    hmlc_tensor rounded;
    HMLC_TRY(hmlc_evaluate_constant_op(operands[1]->producer, SIZE_MAX, &rounded));
    HMLC_TRY(hmlc_build_constant(&builder, &rounded, &operands[1]));
    return hmlc_rewrite_with_attr(rewriter, op, operands, op->operand_count,
                                  hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_f32));
}

static hmlc_status round_to_f16(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return round_product(rewriter, op, HMLC_DTYPE_f16);
}

static hmlc_status round_to_bf16(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return round_product(rewriter, op, HMLC_DTYPE_bf16);
}

/* -- who is told */

static bool is_product(const hmlc_op *op)
{
    bool cells = op->opcode == HMLC_OP_lstm_cells || op->opcode == HMLC_OP_gru_cells ||
                 op->opcode == HMLC_OP_rnn_cells;
    return (cells || hmlc_opcode_has(op->opcode, HMLC_TRAIT_CONTRACTION)) &&
           op->results[0]->type->dtype == HMLC_DTYPE_f32;
}

static void tell(const hmlc_pass_options *options, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t k = 0; k < op->region_count; k++) {
            tell(options, op->regions[k]);
        }
        if (!is_product(op)) {
            continue;
        }
        hmlc_rounded_product product = {.op = op};
        if (hmlc_op_operand(op, 0)->type->dtype != options->products) {
            const char *kept = why_kept(op, options->products);
            product.kept = kept != NULL ? kept : "some weights are beyond the range";
        }
        options->rounded(options->context, &product);
    }
}

hmlc_status hmlc_pass_lower_precision(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule f16[] = {{HMLC_OP_matmul, 0, round_to_f16},
                                            {HMLC_OP_conv, 0, round_to_f16}};
    static const hmlc_rewrite_rule bf16[] = {{HMLC_OP_matmul, 0, round_to_bf16},
                                             {HMLC_OP_conv, 0, round_to_bf16}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(f16), HMLC_RULES(bf16)};
    hmlc_dtype half = context->options->products;
    if (!hmlc_dtype_is_half(half)) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_rewrite_run(context, &sets[half == HMLC_DTYPE_bf16 ? 1 : 0], 1, NULL));
    if (context->options->rounded != NULL) {
        tell(context->options, context->module->main);
    }
    return HMLC_OK;
}
