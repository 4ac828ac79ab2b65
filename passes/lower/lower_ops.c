/* SPDX-License-Identifier: Apache-2.0 */
/* The pass `lower-ops`: one walk in program order, in which each op may be replaced. */
#include <string.h>

#include "lower.h"

/* Parts of a concat up to which one kernel makes it; more become a tree of such concats. */
enum { MOST_PARTS = 128, TREE_PARTS = 16 };

static hmlc_status concat_run(hmlc_builder *builder, const hmlc_op *op, hmlc_value **parts,
                              uint32_t count, hmlc_value **result)
{
    *result = parts[0];
    return count == 1 ? HMLC_OK
                      : hmlc_build(builder, HMLC_OP_concat, parts, count, op->attrs, op->attr_count,
                                   result);
}

/* The level above: runs of TREE_PARTS become one part each, equal neighbours the same one. */
static hmlc_status concat_level(hmlc_builder *builder, const hmlc_op *op, hmlc_value **parts,
                                uint32_t count, hmlc_value **above)
{
    for (uint32_t at = 0; at < count; at += TREE_PARTS) {
        uint32_t run = count - at < TREE_PARTS ? count - at : TREE_PARTS;
        bool again = at > 0 && run == TREE_PARTS &&
                     memcmp(&parts[at], &parts[at - TREE_PARTS], run * sizeof(hmlc_value *)) == 0;
        if (again) {
            above[at / TREE_PARTS] = above[at / TREE_PARTS - 1];
        } else {
            HMLC_TRY(concat_run(builder, op, &parts[at], run, &above[at / TREE_PARTS]));
        }
    }
    return HMLC_OK;
}

static hmlc_status lower_concat(hmlc_module *module, hmlc_op *op, bool *done)
{
    uint32_t count = op->operand_count;
    if (count <= MOST_PARTS) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value **parts = HMLC_NEW_ARRAY(module->arena, hmlc_value *, count);
    HMLC_TRY_MEMORY(parts);
    for (uint32_t k = 0; k < count; k++) {
        parts[k] = hmlc_op_operand(op, k);
    }
    while (count > 1) {
        uint32_t runs = (count + TREE_PARTS - 1) / TREE_PARTS;
        hmlc_value **above = HMLC_NEW_ARRAY(module->arena, hmlc_value *, runs);
        HMLC_TRY_MEMORY(above);
        HMLC_TRY(concat_level(&builder, op, parts, count, above));
        parts = above;
        count = runs;
    }
    hmlc_value_replace_uses(op->results[0], parts[0]);
    *done = true;
    return HMLC_OK;
}

/* A reshape of a reshape, or to the shape that the value has below them. */
static hmlc_status lower_reshape(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    if (hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_reshape) == NULL) {
        return HMLC_OK;
    }
    const hmlc_type *type = op->results[0]->type;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *result = NULL;
    HMLC_TRY(
        hmlc_lower_reshaped(&builder, hmlc_op_operand(op, 0), type->dims, type->rank, &result));
    hmlc_value_replace_uses(op->results[0], result);
    *done = true;
    return HMLC_OK;
}

/* Moving only dims of size 1 moves no bytes. */
static hmlc_status lower_transpose(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    hmlc_value *operand = hmlc_op_operand(op, 0);
    const hmlc_attr *permutation = hmlc_list_attr(op, HMLC_ATTR_permutation);
    int64_t last = -1;
    for (uint32_t i = 0; i < permutation->count; i++) {
        int64_t source = permutation->as.integers[i];
        if (hmlc_dim_is(operand->type->dims[source], 1)) {
            continue;
        }
        if (source < last) {
            return HMLC_OK;
        }
        last = source;
    }
    const hmlc_type *type = op->results[0]->type;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *result = NULL;
    HMLC_TRY(hmlc_lower_reshaped(&builder, operand, type->dims, type->rank, &result));
    hmlc_value_replace_uses(op->results[0], result);
    *done = true;
    return HMLC_OK;
}

typedef struct lower_rule {
    hmlc_opcode opcode; /* HMLC_OP_COUNT: any with one of the traits */
    uint32_t traits;
    lower_function lower; /* NULL: there is only widening */
    bool widens;          /* f16 and bf16 are computed in f32 */
} lower_rule;

static const lower_rule lower_rules[] = {
    {HMLC_OP_batch_norm, 0, hmlc_lower_batch_norm, false},
    {HMLC_OP_concat, 0, lower_concat, false},
    {HMLC_OP_conv, 0, hmlc_lower_conv, true},
    {HMLC_OP_conv_transpose, 0, hmlc_lower_conv, true},
    {HMLC_OP_grid_sample, 0, NULL, true},
    {HMLC_OP_gru, 0, hmlc_lower_recurrent, true},
    {HMLC_OP_loop, 0, hmlc_lower_loop, false},
    {HMLC_OP_lstm, 0, hmlc_lower_recurrent, true},
    {HMLC_OP_matmul, 0, hmlc_lower_matmul, true},
    {HMLC_OP_range_dims, 0, NULL, true},
    {HMLC_OP_reshape, 0, lower_reshape, false},
    {HMLC_OP_resize, 0, hmlc_lower_resize, true},
    {HMLC_OP_roi_align, 0, NULL, true},
    {HMLC_OP_rnn, 0, hmlc_lower_recurrent, true},
    {HMLC_OP_scan, 0, hmlc_lower_loop, false},
    {HMLC_OP_top_k, 0, NULL, true},
    {HMLC_OP_transpose, 0, lower_transpose, false},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_ROWWISE, hmlc_lower_sink_reshape, false},
};

static const lower_rule *find_rule(const hmlc_op *op)
{
    for (size_t i = 0; i < sizeof(lower_rules) / sizeof(lower_rules[0]); i++) {
        const lower_rule *rule = &lower_rules[i];
        bool any = rule->opcode == HMLC_OP_COUNT && hmlc_op_has(op, rule->traits);
        if (rule->opcode == op->opcode || any) {
            return rule;
        }
    }
    return NULL;
}

static hmlc_status lower_op(hmlc_module *module, hmlc_op *op)
{
    const lower_rule *rule = find_rule(op);
    if (rule == NULL) {
        return HMLC_OK;
    }
    if (rule->widens) {
        hmlc_op *widened = NULL;
        HMLC_TRY(hmlc_lower_half(op, &widened));
        if (widened != NULL) {
            hmlc_op_erase(op);
            op = widened;
        }
    }
    bool done = false;
    if (rule->lower != NULL) {
        HMLC_TRY(rule->lower(module, op, &done));
    }
    if (done) {
        hmlc_op_erase(op);
    }
    return HMLC_OK;
}

static hmlc_status lower_region(hmlc_module *module, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(lower_region(module, op->regions[i]));
        }
        HMLC_TRY(lower_op(module, op));
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_lower_ops(hmlc_pass_context *context)
{
    return lower_region(context->module, context->module->main);
}
