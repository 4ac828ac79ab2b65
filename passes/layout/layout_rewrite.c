/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: rewrites the ops in program order as the cut decided; transposes appear where orders
 * differ. */
#include "layout.h"

static void remember(hmlc_layout_state *state, hmlc_value *value, hmlc_value *stored,
                     const hmlc_layout_order *order)
{
    hmlc_layout_value *entry = &state->values[value->id];
    entry->stored = stored;
    entry->order = *order;
    stored->name = stored->name != NULL ? stored->name : value->name;
}

static hmlc_builder builder_behind(const hmlc_value *value)
{
    hmlc_builder builder;
    if (value->producer != NULL) {
        builder = hmlc_builder_after(value->producer);
        builder.location = value->producer->location;
    } else {
        builder = hmlc_builder_before(value->region->first);
    }
    return builder;
}

/* `value` (in order `from`) brought into order `to`, right behind where it is made. */
static hmlc_status convert(hmlc_value *value, const hmlc_layout_order *from,
                           const hmlc_layout_order *to, hmlc_value **result)
{
    int64_t permutation[HMLC_MAX_RANK];
    hmlc_dim shape[HMLC_MAX_RANK];
    int64_t last = -1;
    bool moves = false;
    for (int32_t i = 0; i < to->rank; i++) {
        permutation[i] = hmlc_layout_order_find(from, to->axes[i]);
        shape[i] = value->type->dims[permutation[i]];
        if (!hmlc_dim_is(shape[i], 1)) {
            moves = moves || permutation[i] < last;
            last = permutation[i];
        }
    }
    hmlc_builder builder = builder_behind(value);
    const hmlc_tensor *constant = hmlc_value_constant(value);
    if (constant != NULL) {
        return hmlc_layout_constant(&builder, constant, permutation, result);
    }
    return moves ? hmlc_build_transpose(&builder, value, permutation, result)
                 : hmlc_build_reshape(&builder, value, shape, (uint32_t)to->rank, result);
}

/* `value` in that order of its dims. */
static hmlc_status value_at(hmlc_layout_state *state, hmlc_value *value,
                            const hmlc_layout_order *order, hmlc_value **result)
{
    hmlc_layout_value *entry = value->id < state->value_count ? &state->values[value->id] : NULL;
    hmlc_layout_order graph = hmlc_layout_order_identity(value->type->rank);
    bool replaced = entry != NULL && entry->stored != NULL;
    hmlc_value *stored = replaced ? entry->stored : value;
    const hmlc_layout_order *from = replaced ? &entry->order : &graph;
    if (hmlc_layout_order_equal(from, order)) {
        *result = stored;
        return HMLC_OK;
    }
    if (entry != NULL && entry->converted != NULL &&
        hmlc_layout_order_equal(&entry->converted_order, order)) {
        *result = entry->converted;
        return HMLC_OK;
    }
    HMLC_TRY(convert(stored, from, order, result));
    if (entry != NULL) {
        entry->converted = *result;
        entry->converted_order = *order;
    }
    return HMLC_OK;
}

static hmlc_status get_plain(hmlc_layout_state *state, hmlc_value *value, hmlc_value **result)
{
    hmlc_layout_order graph = hmlc_layout_order_identity(value->type->rank);
    return value_at(state, value, &graph, result);
}

/* A broadcasting operand of lower rank gets leading dims of 1 first. */
static hmlc_status get_broadcast(hmlc_layout_state *state, hmlc_builder *builder, hmlc_value *value,
                                 const hmlc_layout_order *order, hmlc_value **result)
{
    int32_t missing = order->rank - value->type->rank;
    if (missing == 0) {
        return value_at(state, value, order, result);
    }
    HMLC_TRY(get_plain(state, value, result));
    if (hmlc_is_one_element(value)) {
        return HMLC_OK;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < order->rank; i++) {
        shape[i] = i < missing ? hmlc_dim_constant(state->module->dims, 1)
                               : value->type->dims[i - missing];
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)order->rank);
    HMLC_TRY(hmlc_build_folded(builder, HMLC_OP_reshape, result, 1, &attr, 1, result));
    hmlc_layout_order graph = hmlc_layout_order_identity(order->rank);
    return hmlc_layout_order_equal(&graph, order) ? HMLC_OK
                                                  : convert(*result, &graph, order, result);
}

/* Operands that broadcast against the main one take its order; others (scales, weights) do not. */
static bool broadcasts(const hmlc_op *op, uint32_t index)
{
    bool scale = op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize;
    return (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_ROWWISE) &&
            !(scale && index > 0)) ||
           op->opcode == HMLC_OP_concat || op->opcode == HMLC_OP_expand;
}

static hmlc_status get_operand(hmlc_layout_state *state, hmlc_builder *builder, const hmlc_op *op,
                               uint32_t index, const hmlc_layout_order *order, hmlc_value **result)
{
    hmlc_value *value = hmlc_op_operand(op, index);
    if (value == NULL) {
        *result = NULL;
        return HMLC_OK;
    }
    if (broadcasts(op, index)) {
        return get_broadcast(state, builder, value, order, result);
    }
    bool convolution = op->opcode == HMLC_OP_conv || op->opcode == HMLC_OP_conv_transpose;
    if (index == 0 || (convolution && index == 1)) {
        return value_at(state, value, order, result);
    }
    return get_plain(state, value, result);
}

static hmlc_status rewrite_alternative(hmlc_layout_state *state, hmlc_layout_op *entry)
{
    hmlc_op *op = entry->op;
    hmlc_value *first = hmlc_op_operand(op, 0), *result = op->results[0];
    bool raised = op->opcode == HMLC_OP_expand || broadcasts(op, 0);
    int32_t rank = raised ? result->type->rank : first->type->rank;
    hmlc_layout_order operand = hmlc_layout_order_of(entry->split, rank);
    hmlc_layout_split split = hmlc_layout_result_split(state, op, entry->split);
    hmlc_layout_order order = hmlc_layout_order_of(split, result->type->rank);
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value **operands = HMLC_NEW_ARRAY(state->scratch, hmlc_value *, op->operand_count + 1);
    hmlc_layout_attrs mapped;
    HMLC_TRY_MEMORY(operands);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        HMLC_TRY(get_operand(state, &builder, op, i, &operand, &operands[i]));
    }
    hmlc_layout_map_attrs(op, &operand, &order, &mapped);
    hmlc_op *made = NULL;
    HMLC_TRY(hmlc_op_create(&builder, op->opcode, operands, op->operand_count, mapped.attrs,
                            mapped.count, &made));
    remember(state, result, made->results[0], &order);
    return HMLC_OK;
}

/* A transpose goes from whatever order its operand has to the one wanted of its result. */
static hmlc_status rewrite_transpose(hmlc_layout_state *state, hmlc_layout_op *entry)
{
    hmlc_op *op = entry->op;
    hmlc_value *x = hmlc_op_operand(op, 0), *y = op->results[0];
    const hmlc_layout_value *source = &state->values[x->id];
    hmlc_layout_value *target = &state->values[y->id];
    if (source->stored == NULL && !target->alternative) {
        return HMLC_OK;
    }
    hmlc_layout_order graph = hmlc_layout_order_identity(y->type->rank);
    hmlc_layout_order order =
        target->alternative ? hmlc_layout_order_of(target->split, y->type->rank) : graph;
    const hmlc_attr *permutation = hmlc_list_attr(op, HMLC_ATTR_permutation);
    hmlc_layout_order wanted = {.rank = order.rank};
    for (int32_t i = 0; i < order.rank; i++) {
        wanted.axes[i] = permutation->as.integers[order.axes[i]];
    }
    hmlc_value *stored = NULL;
    HMLC_TRY(value_at(state, x, &wanted, &stored));
    remember(state, y, stored, &order);
    return HMLC_OK;
}

static hmlc_status rewrite_fixed(hmlc_layout_state *state, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *value = hmlc_op_operand(op, i);
        if (value == NULL || value->id >= state->value_count ||
            state->values[value->id].stored == NULL) {
            continue;
        }
        hmlc_value *plain = NULL;
        HMLC_TRY(get_plain(state, value, &plain));
        hmlc_op_set_operand(op, i, plain);
    }
    return HMLC_OK;
}

hmlc_status hmlc_layout_rewrite(hmlc_layout_state *state)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_layout_op *entry = &state->ops[i];
        if (entry->role == HMLC_LAYOUT_PERMUTES) {
            HMLC_TRY(rewrite_transpose(state, entry));
        } else if (entry->alternative) {
            HMLC_TRY(rewrite_alternative(state, entry));
        } else {
            HMLC_TRY(rewrite_fixed(state, entry->op));
        }
    }
    for (uint32_t i = state->op_count; i-- > 0;) {
        const hmlc_op *op = state->ops[i].op;
        if (op->result_count > 0 && state->values[op->results[0]->id].stored != NULL) {
            hmlc_op_erase(state->ops[i].op);
        }
    }
    return HMLC_OK;
}
