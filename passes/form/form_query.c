/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel formation: questions about ops, shapes and chains of views. */
#include <string.h>

#include "form.h"
#include "query.h"

hmlc_form_op *hmlc_form_node(const hmlc_form_state *state, const hmlc_op *op)
{
    while (op != NULL && op->parent != state->region) {
        op = op->parent != NULL ? op->parent->parent : NULL;
    }
    return op != NULL ? op->note : NULL;
}

/*
 * A dim that is neither provably equal nor provably 1 counts as equal: inference has then recorded
 * the equality as a check at run entry.
 */
bool hmlc_form_broadcasts_to(hmlc_dims *dims, const hmlc_type *operand, const hmlc_type *result)
{
    if (operand->kind != HMLC_KIND_TENSOR || operand->rank > result->rank) {
        return false;
    }
    int32_t shift = result->rank - operand->rank;
    for (int32_t i = 0; i < operand->rank; i++) {
        hmlc_dim dim = operand->dims[i];
        if (!hmlc_dim_is(dim, 1) && hmlc_dim_known_unequal(dims, dim, result->dims[i + shift])) {
            return false;
        }
    }
    return true;
}

static bool lies_in_memory(const hmlc_form_state *state, const hmlc_value *value)
{
    const hmlc_op *producer = value->producer;
    if (producer == NULL || producer->parent != state->region || hmlc_form_is_outside(producer)) {
        return true;
    }
    const hmlc_form_op *node = producer->note;
    return node->group != NULL || node->required;
}

bool hmlc_form_is_copyable(const hmlc_form_state *state, const hmlc_form_op *node)
{
    const hmlc_op *op = node->op;
    if (hmlc_op_has(op, HMLC_TRAIT_GENERATOR)) {
        return true;
    }
    if (!hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) || hmlc_op_has_cost(op, HMLC_COST_ONCE)) {
        return false;
    }
    uint32_t values = 0;
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        if (value != NULL && hmlc_value_constant(value) == NULL) {
            values++;
            if (!lies_in_memory(state, value)) {
                return false;
            }
        }
    }
    return values <= 1;
}

bool hmlc_form_is_outside(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_CONSTANT | HMLC_TRAIT_BINDS | HMLC_TRAIT_REGIONS |
                               HMLC_TRAIT_TERMINATOR);
}

static bool access_is_dense(hmlc_dims *dims, const hmlc_access *access, const hmlc_type *type)
{
    hmlc_access dense;
    hmlc_access_of_type(dims, type, &dense);
    for (int32_t i = 0; i < type->rank; i++) {
        if (!hmlc_dim_is(type->dims[i], 1) &&
            !hmlc_dim_known_equal(dims, access->strides[i], dense.strides[i])) {
            return false;
        }
    }
    return true;
}

bool hmlc_form_is_alias(hmlc_dims *dims, const hmlc_op *op)
{
    if (op->opcode == HMLC_OP_reshape) {
        return true;
    }
    if (op->opcode != HMLC_OP_slice) {
        return false;
    }
    hmlc_access operand, result;
    hmlc_access_of_type(dims, hmlc_op_operand(op, 0)->type, &operand);
    return hmlc_access_compose(dims, op, &operand, &result) &&
           access_is_dense(dims, &result, op->results[0]->type);
}

/* Scales and zero points of a quantized result: every layer has its own, and layers of one shape
 * share a kernel where these are operands. */
static bool is_layers_own(const hmlc_use *use)
{
    const hmlc_op *op = use->op;
    if (op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize) {
        return use->index == 2 || (use->index == 1 && op->opcode == HMLC_OP_dequantize);
    }
    if (op->opcode == HMLC_OP_requantize_fixed) {
        return use->index > 0;
    }
    if (op->opcode == HMLC_OP_add && use->index == 1 &&
        hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_requantize_fixed) != NULL) {
        return true;
    }
    if (op->opcode != HMLC_OP_mul || use->index != 1) {
        return false;
    }
    const hmlc_op *from = hmlc_op_operand(op, 0)->producer;
    while (from != NULL && (from->opcode == HMLC_OP_cast || from->opcode == HMLC_OP_add)) {
        from = hmlc_op_operand(from, 0)->producer;
    }
    const hmlc_value *result = op->results[0];
    bool steps = result->uses != NULL && result->uses->op->opcode == HMLC_OP_quantize;
    return steps || (from != NULL && hmlc_op_sums_bytes(from));
}

bool hmlc_form_is_inline_constant(const hmlc_use *use)
{
    enum { INLINE_BYTES = 64 };
    const hmlc_tensor *tensor = hmlc_value_constant(use->value);
    double splat;
    if (tensor == NULL || tensor->bytes > INLINE_BYTES || is_layers_own(use)) {
        return false;
    }
    bool fill = use->op->opcode == HMLC_OP_pad && use->index == 1;
    bool scalar = use->op->opcode == HMLC_OP_range;
    bool elementwise = hmlc_op_has(use->op, HMLC_TRAIT_ELEMENTWISE);
    return (fill || scalar || elementwise) &&
           (hmlc_tensor_count(tensor) == 1 || hmlc_value_splat(use->value, &splat));
}

/* The op that makes `value` when it is a view that this region may still copy. */
static const hmlc_op *chain_view(const hmlc_form_state *state, const hmlc_value *value)
{
    const hmlc_op *op = value->producer;
    if (op == NULL || op->parent != state->region || !hmlc_op_has(op, HMLC_TRAIT_VIEW)) {
        return NULL;
    }
    const hmlc_form_op *node = op->note;
    return node->group == NULL ? op : NULL;
}

hmlc_value *hmlc_form_chain(const hmlc_form_state *state, hmlc_value *value, hmlc_form_views *views)
{
    const hmlc_op *stack[HMLC_FORM_MAX_VIEWS];
    uint32_t depth = 0;
    const hmlc_value *top = value;
    while (depth < HMLC_FORM_MAX_VIEWS) {
        const hmlc_op *op = chain_view(state, top);
        if (op == NULL) {
            break;
        }
        stack[depth++] = op;
        top = hmlc_op_operand(op, 0);
    }
    hmlc_dims *dims = state->module->dims;
    hmlc_access access;
    views->count = 0;
    hmlc_access_of_type(dims, top->type, &access);
    while (depth > 0) {
        const hmlc_op *op = stack[--depth];
        hmlc_access composed;
        bool dense_alias = views->count == 0 && hmlc_form_is_alias(dims, op);
        if (!dense_alias && hmlc_access_compose(dims, op, &access, &composed)) {
            access = composed;
            views->ops[views->count++] = op;
            continue;
        }
        views->count = 0;
        hmlc_access_of_type(dims, op->results[0]->type, &access);
    }
    views->access = access;
    return views->count == 0 ? value : hmlc_op_operand(views->ops[0], 0);
}

bool hmlc_form_reshape_splits(hmlc_dims *dims, const hmlc_op *reshape)
{
    const hmlc_type *operand = hmlc_op_operand(reshape, 0)->type;
    int32_t operand_ends[HMLC_MAX_RANK + 1], result_ends[HMLC_MAX_RANK + 1];
    int32_t groups =
        hmlc_reshape_groups(dims, operand, reshape->results[0]->type, operand_ends, result_ends);
    int32_t begin = 0;
    for (int32_t group = 0; group < groups; group++) {
        int32_t wide = 0;
        for (int32_t i = begin; i < operand_ends[group]; i++) {
            wide += hmlc_dim_is(operand->dims[i], 1) ? 0 : 1;
        }
        if (wide > 1) {
            return false;
        }
        begin = operand_ends[group];
    }
    return groups > 0 || operand->rank == 0;
}
