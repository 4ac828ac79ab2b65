/* The pass `lower-ops`: one walk in program order, in which each op may be replaced. */
#include "lower.h"

typedef struct lower_rule {
    hmlc_opcode opcode; /* HMLC_OP_COUNT: any with one of the traits */
    uint32_t traits;
    lower_function lower;
} lower_rule;

static const lower_rule lower_rules[] = {
    {HMLC_OP_batch_norm, 0, hmlc_lower_batch_norm},
    {HMLC_OP_lstm, 0, hmlc_lower_lstm},
    {HMLC_OP_matmul, 0, hmlc_lower_matmul},
    {HMLC_OP_reshape, 0, hmlc_lower_reshape},
    {HMLC_OP_transpose, 0, hmlc_lower_transpose},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_ROWWISE, hmlc_lower_sink_reshape},
};

hmlc_status hmlc_lower_reshaped(hmlc_builder *builder, hmlc_value *value, const hmlc_dim *shape,
                                int32_t rank, hmlc_value **result)
{
    hmlc_op *reshape = hmlc_producer_of(value, HMLC_OP_reshape);
    while (reshape != NULL) {
        value = hmlc_op_operand(reshape, 0);
        reshape = hmlc_producer_of(value, HMLC_OP_reshape);
    }
    if (value->type->rank == rank && hmlc_dims_equal(value->type->dims, shape, (uint32_t)rank)) {
        *result = value;
        return HMLC_OK;
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)rank);
    return hmlc_build_folded(builder, HMLC_OP_reshape, &value, 1, &attr, 1, result);
}

hmlc_status hmlc_lower_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *left,
                              hmlc_value *right, hmlc_value **result)
{
    hmlc_value *operands[] = {left, right};
    return hmlc_build_folded(builder, opcode, operands, 2, NULL, 0, result);
}

/* A reshape of a reshape, or to the shape that the value has below them. */
hmlc_status hmlc_lower_reshape(hmlc_module *module, hmlc_op *op, bool *done)
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
hmlc_status hmlc_lower_transpose(hmlc_module *module, hmlc_op *op, bool *done)
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

static hmlc_status lower_op(hmlc_module *module, hmlc_op *op)
{
    for (size_t i = 0; i < sizeof(lower_rules) / sizeof(lower_rules[0]); i++) {
        const lower_rule *rule = &lower_rules[i];
        if (rule->opcode != op->opcode &&
            !(rule->opcode == HMLC_OP_COUNT && hmlc_op_has(op, rule->traits))) {
            continue;
        }
        bool done = false;
        HMLC_TRY(rule->lower(module, op, &done));
        if (done) {
            hmlc_op_erase(op);
        }
        return HMLC_OK;
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
