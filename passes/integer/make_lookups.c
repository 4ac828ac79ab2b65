/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `make-lookups`. What elementwise ops make of one value of 8 bits, and of nothing else
 * but numbers, is a table of 256 bytes, filled by the reference evaluation of those very ops.
 * Bounds, sums and conversions alone are as fast as a lookup and stay.
 */
#include "quantized.h"

enum {
    MOST_STEPS = 64,   /* of a walk up the graph */
    MOST_OPERANDS = 3, /* of elementwise ops */
};

/* Where a walk up from an op ends, and what it met. */
typedef struct byte_walk {
    hmlc_value *leaf;
    uint32_t steps;
    bool pays; /* an op is long */
} byte_walk;

/* All ways up end in the leaf or in single numbers. */
static bool ends_in_leaf(byte_walk *w, const hmlc_value *value)
{
    if (value == NULL || value == w->leaf) {
        return true;
    }
    const hmlc_op *op = value->producer;
    if (hmlc_is_constant(value)) {
        return hmlc_is_one_element(value);
    }
    if (op == NULL || !hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) || w->steps++ == MOST_STEPS) {
        return false;
    }
    w->pays = w->pays || hmlc_op_has_cost(op, HMLC_COST_LONG);
    for (uint32_t k = 0; k < op->operand_count; k++) {
        if (!ends_in_leaf(w, hmlc_op_operand(op, k))) {
            return false;
        }
    }
    return true;
}

/* The candidate for the leaf with the most ops behind it, among all bytes up the graph. */
static void find_leaf(const hmlc_value *root, hmlc_value *value, uint32_t *steps, byte_walk *best)
{
    const hmlc_op *op = value != NULL ? value->producer : NULL;
    if (value == NULL || hmlc_is_constant(value) || (*steps)++ == MOST_STEPS) {
        return;
    }
    if (value != root && hmlc_dtype_is_byte(value->type->dtype) &&
        hmlc_type_same_shape(root->producer->parent->module->dims, value->type, root->type)) {
        byte_walk w = {.leaf = value};
        if (ends_in_leaf(&w, root) && w.steps > best->steps) {
            *best = w;
        }
    }
    if (op != NULL && hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        for (uint32_t k = 0; k < op->operand_count; k++) {
            find_leaf(root, hmlc_op_operand(op, k), steps, best);
        }
    }
}

/* The ops' values where the leaf has every value that it can; in `made`, by the order of a walk. */
typedef struct evaluation {
    hmlc_builder *builder;
    const hmlc_value *from[MOST_STEPS + 1];
    hmlc_value *made[MOST_STEPS + 1];
    uint32_t count;
} evaluation;

static hmlc_status evaluate(evaluation *e, hmlc_value *value, hmlc_value **result)
{
    hmlc_value *operands[MOST_OPERANDS];
    *result = value;
    if (value == NULL || hmlc_is_constant(value)) {
        return HMLC_OK;
    }
    for (uint32_t k = 0; k < e->count; k++) {
        if (e->from[k] == value) {
            *result = e->made[k];
            return HMLC_OK;
        }
    }
    const hmlc_op *op = value->producer;
    for (uint32_t k = 0; k < op->operand_count; k++) {
        HMLC_TRY(evaluate(e, hmlc_op_operand(op, k), &operands[k]));
    }
    HMLC_TRY(hmlc_build_folded(e->builder, op->opcode, operands, op->operand_count, op->attrs,
                               op->attr_count, result));
    e->from[e->count] = value;
    e->made[e->count++] = *result;
    return HMLC_OK;
}

/* All bytes in the order of their bits. */
static hmlc_status all_bytes(hmlc_builder *builder, hmlc_dtype dtype, hmlc_value **result)
{
    hmlc_tensor tensor = {
        .dtype = dtype, .rank = 1, .dims = {HMLC_TABLE_LENGTH}, .bytes = HMLC_TABLE_LENGTH};
    uint8_t *data = hmlc_arena_allocate(builder->module->arena, HMLC_TABLE_LENGTH);
    HMLC_TRY_MEMORY(data);
    for (int k = 0; k < HMLC_TABLE_LENGTH; k++) {
        data[k] = (uint8_t)k;
    }
    tensor.data = data;
    return hmlc_build_constant(builder, &tensor, result);
}

static hmlc_status make_lookup(hmlc_rewriter *rewriter, hmlc_op *op)
{
    byte_walk best = {.steps = 0};
    uint32_t steps = 0;
    if (op->result_count != 1 || !hmlc_dtype_is_byte(op->results[0]->type->dtype)) {
        return HMLC_OK;
    }
    find_leaf(op->results[0], op->results[0], &steps, &best);
    if (!best.pays || (best.steps == 1 && op->opcode == HMLC_OP_lookup)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    evaluation e = {.builder = &builder, .from = {best.leaf}, .count = 1};
    HMLC_TRY(all_bytes(&builder, best.leaf->type->dtype, &e.made[0]));
    hmlc_value *made = NULL;
    HMLC_TRY(evaluate(&e, op->results[0], &made));
    const hmlc_tensor *table = hmlc_value_constant(made);
    if (table == NULL || hmlc_tensor_count(table) != HMLC_TABLE_LENGTH) {
        return HMLC_OK;
    }
    hmlc_tensor flat = *table;
    flat.rank = 1;
    flat.dims[0] = HMLC_TABLE_LENGTH;
    hmlc_attr attr = hmlc_attr_tensor(HMLC_ATTR_table, &flat);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_lookup, &best.leaf, 1, &attr, 1);
}

hmlc_status hmlc_pass_make_lookups(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, make_lookup}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    return context->options->exact ? HMLC_OK : hmlc_rewrite_run(context, sets, 1, NULL);
}
