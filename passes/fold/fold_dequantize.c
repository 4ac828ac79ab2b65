/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `fold-dequantize`: quantized constants become floating ones. Weights of products stay
 * as they are where reading them is what takes the time: their kernel dequantizes what it loads.
 */
#include "gather_weights.h"
#include "keep_weights.h"

#include <hmlc/packing.h>

enum {
    MAX_RESULT_BYTES = 256 << 20,
    LEAST_WEIGHTS = 64 << 10, /* less lies in cache */
    LEAST_KEPT = 4 << 10,     /* where size matters more than speed */
    MANY_WEIGHTS = 1 << 20,   /* take the time even where there are many rows */
    FEW_ROWS = 8,
    LEAST_BLOCK = 8, /* the scales of shorter ones take more than the weights */
};

/* One scale, or one for each column of the product's result; or blocks along the depth, whose
 * scales are halves or f32: kernels keep them as f32, which holds both. */
static bool scales_fit(const hmlc_op *op, int64_t outputs_axis)
{
    const hmlc_value *scale = hmlc_op_operand(op, 1);
    bool along = hmlc_op_int(op, HMLC_ATTR_axis) == outputs_axis;
    int64_t block = hmlc_op_int(op, HMLC_ATTR_block);
    if (block > 0) {
        return !along && block >= LEAST_BLOCK && hmlc_dtype_bytes(scale->type->dtype) <= 4;
    }
    return scale->type->dtype == HMLC_DTYPE_f32 && (hmlc_is_one_element(scale) || along);
}

/* The dim of the weights that the products which read them do not sum over; -1: they differ. */
static int64_t outputs_axis_of(const hmlc_value *weights)
{
    int64_t axis = -1;
    for (const hmlc_use *use = weights->uses; use != NULL; use = use->next) {
        int64_t found = hmlc_op_int(use->op, HMLC_ATTR_transpose_b) != 0 ? 0 : 1;
        if (axis >= 0 && axis != found) {
            return -1;
        }
        axis = found;
    }
    return axis;
}

static bool has_few_rows(const hmlc_op *product)
{
    const hmlc_type *type = product->results[0]->type;
    int64_t rows = 1;
    for (int32_t k = 0; k + 1 < type->rank && rows <= FEW_ROWS; k++) {
        rows *= hmlc_dim_hint(type->dims[k]);
    }
    return rows <= FEW_ROWS;
}

/* All that reads the op are products whose right-hand side it is, and that gain by it. */
static bool stays(const hmlc_op *op, const hmlc_pass_options *options)
{
    const hmlc_value *result = op->results[0];
    const hmlc_tensor *tensor = hmlc_value_constant(hmlc_op_operand(op, 0));
    int64_t count = hmlc_tensor_count(tensor);
    if (options->exact || !hmlc_op_unpacks(op) || tensor->rank != 2 ||
        count < (options->prefer_size ? LEAST_KEPT : LEAST_WEIGHTS)) {
        return false;
    }
    for (const hmlc_use *use = result->uses; use != NULL; use = use->next) {
        const hmlc_op *user = use->op;
        bool product =
            user->opcode == HMLC_OP_matmul && use->index == 1 && hmlc_op_operand(user, 0) != result;
        bool gains = options->prefer_size || count >= MANY_WEIGHTS || has_few_rows(user);
        if (!product || !gains) {
            return false;
        }
    }
    int64_t axis = outputs_axis_of(result);
    return axis >= 0 && scales_fit(op, axis);
}

static hmlc_status fold_dequantize(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        if (op->operands[i].value != NULL && !hmlc_is_constant(op->operands[i].value)) {
            return HMLC_OK;
        }
    }
    if (stays(op, hmlc_rewrite_user(rewriter))) {
        return hmlc_keep_weights(rewriter, op, outputs_axis_of(op->results[0]));
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

/* Names the products of floats whose weights are quantized. */
static void tell(const hmlc_pass_options *options, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t k = 0; k < op->region_count; k++) {
            tell(options, op->regions[k]);
        }
        if (!hmlc_quantized_weights_only(op)) {
            continue;
        }
        bool kept = stays(hmlc_op_operand(op, 1)->producer, options);
        hmlc_quantized_node node = {
            .op = op,
            .weights_only = true,
            .reason = kept ? "its weights alone are quantized; they stay as they are"
                           : "its weights alone are quantized; they become floats"};
        options->quantized(options->context, &node);
    }
}

hmlc_status hmlc_pass_fold_dequantize(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_dequantize, 0, fold_dequantize}};
    static const hmlc_rewrite_rule rows[] = {{HMLC_OP_gather, 0, hmlc_gather_weights}};
    const hmlc_rewrite_rules first[] = {HMLC_RULES(rows)}, sets[] = {HMLC_RULES(rules)};
    union {
        const hmlc_pass_options *options;
        void *user;
    } user = {.options = context->options};
    if (!context->options->exact) {
        HMLC_TRY(hmlc_rewrite_run(context, first, 1, NULL));
    }
    if (context->options->quantized != NULL) {
        tell(context->options, context->module->main);
    }
    return hmlc_rewrite_run(context, sets, 1, user.user);
}
