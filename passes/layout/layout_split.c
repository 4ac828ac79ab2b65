/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: which values have an alternative order, found by propagation from convolutions and pools.
 */
#include <string.h>

#include "layout.h"

static bool split_is_valid(hmlc_layout_split split, int32_t rank)
{
    return split.channels > 0 && split.batch + split.channels < rank;
}

hmlc_layout_order hmlc_layout_order_identity(int32_t rank)
{
    hmlc_layout_order order = {.rank = rank};
    for (int32_t i = 0; i < rank; i++) {
        order.axes[i] = i;
    }
    return order;
}

hmlc_layout_order hmlc_layout_order_of(hmlc_layout_split split, int32_t rank)
{
    if (!split_is_valid(split, rank)) {
        return hmlc_layout_order_identity(rank);
    }
    hmlc_layout_order order = {.rank = rank};
    int32_t k = 0;
    for (int32_t i = 0; i < split.batch; i++) {
        order.axes[k++] = i;
    }
    for (int32_t i = split.batch + split.channels; i < rank; i++) {
        order.axes[k++] = i;
    }
    for (int32_t i = 0; i < split.channels; i++) {
        order.axes[k++] = split.batch + i;
    }
    return order;
}

int64_t hmlc_layout_order_find(const hmlc_layout_order *order, int64_t axis)
{
    int64_t position = 0;
    while (position < order->rank && order->axes[position] != axis) {
        position++;
    }
    return position;
}

bool hmlc_layout_order_equal(const hmlc_layout_order *left, const hmlc_layout_order *right)
{
    return left->rank == right->rank &&
           memcmp(left->axes, right->axes, (size_t)left->rank * sizeof left->axes[0]) == 0;
}

bool hmlc_layout_order_same_bytes(const hmlc_type *type, const hmlc_layout_order *from,
                                  const hmlc_layout_order *to)
{
    int32_t k = 0;
    for (int32_t i = 0; i < to->rank; i++) {
        if (hmlc_dim_is(type->dims[to->axes[i]], 1)) {
            continue;
        }
        while (hmlc_dim_is(type->dims[from->axes[k]], 1)) {
            k++;
        }
        if (from->axes[k++] != to->axes[i]) {
            return false;
        }
    }
    return true;
}

static bool is_forced(const hmlc_op *op)
{
    switch (op->opcode) {
    case HMLC_OP_conv:
    case HMLC_OP_conv_transpose:
        if (!hmlc_type_is_static(hmlc_op_operand(op, 1)->type)) {
            return false;
        }
        break;
    case HMLC_OP_max_pool:
    case HMLC_OP_avg_pool:
        if (op->result_count > 1 && hmlc_value_has_uses(op->results[1])) {
            return false;
        }
        break;
    default:
        return false;
    }
    return hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_FIRST &&
           hmlc_op_operand(op, 0)->type->rank >= 3;
}

static bool can_be_neutral(const hmlc_op *op)
{
    switch (op->opcode) {
    case HMLC_OP_reshape:
    case HMLC_OP_expand:
    case HMLC_OP_slice:
    case HMLC_OP_concat:
    case HMLC_OP_pad:
    case HMLC_OP_tile:
    case HMLC_OP_cumsum:
    case HMLC_OP_batch_norm:
        return true;
    case HMLC_OP_resize: /* what is known only at run time names the graph's dims */
        return hmlc_op_operand(op, 1) == NULL && hmlc_op_operand(op, 2) == NULL;
    default:
        return hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE);
    }
}

/* Splits across a reshape: no group of dims may mix batch, channels and spatial dims. */
static hmlc_layout_split across_reshape(hmlc_layout_state *state, const hmlc_type *from,
                                        const hmlc_type *to, hmlc_layout_split split)
{
    int32_t from_ends[HMLC_MAX_RANK + 1], to_ends[HMLC_MAX_RANK + 1];
    int32_t groups = hmlc_reshape_groups(state->module->dims, from, to, from_ends, to_ends);
    int32_t batch = split.batch == 0 ? 0 : -1, spatial = -1;
    for (int32_t i = 0; i < groups; i++) {
        batch = from_ends[i] == split.batch ? to_ends[i] : batch;
        spatial = from_ends[i] == split.batch + split.channels ? to_ends[i] : spatial;
    }
    hmlc_layout_split result = {0, 0};
    if (batch >= 0 && spatial > batch) {
        result = (hmlc_layout_split){(uint8_t)batch, (uint8_t)(spatial - batch)};
    }
    return split_is_valid(result, to->rank) ? result : (hmlc_layout_split){0, 0};
}

static hmlc_layout_split across_reduction(const hmlc_op *op, hmlc_layout_split split)
{
    if (hmlc_op_int(op, HMLC_ATTR_keep_dims) != 0) {
        return split;
    }
    const hmlc_attr *axes = hmlc_op_attr(op, HMLC_ATTR_axes);
    int64_t single = axes == NULL ? hmlc_op_int(op, HMLC_ATTR_axis) : 0;
    uint32_t count = axes == NULL ? 1 : axes->count;
    hmlc_layout_split result = split;
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = axes == NULL ? single : axes->as.integers[i];
        if (axis < split.batch) {
            result.batch--;
        } else if (axis < split.batch + split.channels) {
            result.channels--;
        }
    }
    return result;
}

hmlc_layout_split hmlc_layout_result_split(hmlc_layout_state *state, const hmlc_op *op,
                                           hmlc_layout_split split)
{
    const hmlc_type *result = op->results[0]->type;
    if (op->opcode == HMLC_OP_reshape) {
        return across_reshape(state, hmlc_op_operand(op, 0)->type, result, split);
    }
    if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION)) {
        split = across_reduction(op, split);
    }
    return split_is_valid(split, result->rank) ? split : (hmlc_layout_split){0, 0};
}

/* -- propagation ------------------------------------------------------------------------------- */

typedef struct split_queue {
    hmlc_layout_state *state;
    hmlc_value **values;
    uint32_t begin, end;
} split_queue;

static void give(split_queue *queue, hmlc_value *value, hmlc_layout_split split)
{
    if (value == NULL || value->type->kind != HMLC_KIND_TENSOR ||
        !split_is_valid(split, value->type->rank)) {
        return;
    }
    hmlc_layout_value *entry = &queue->state->values[value->id];
    if (!entry->queued) {
        entry->queued = true;
        entry->split = split;
        queue->values[queue->end++] = value;
    }
}

/* Both sides keep `split` when the transpose permutes within batch, channels and spatial dims. */
static bool keeps_classes(const hmlc_op *transpose, hmlc_layout_split split)
{
    const hmlc_attr *permutation = hmlc_list_attr(transpose, HMLC_ATTR_permutation);
    int64_t channels = split.batch, spatial = split.batch + split.channels;
    for (uint32_t i = 0; i < permutation->count; i++) {
        int64_t from = permutation->as.integers[i];
        int from_class = from < channels ? 0 : from < spatial ? 1 : 2;
        int to_class = i < channels ? 0 : i < spatial ? 1 : 2;
        if (from_class != to_class) {
            return false;
        }
    }
    return true;
}

static bool spreads_to_all(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) || op->opcode == HMLC_OP_concat;
}

static void spread_same_rank(split_queue *queue, const hmlc_op *op, hmlc_layout_split split)
{
    int32_t rank = op->results[0]->type->rank;
    give(queue, op->results[0], split);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *value = hmlc_op_operand(op, i);
        if (value != NULL && value->type->rank == rank) {
            give(queue, value, split);
        }
    }
}

static void spread_forward(split_queue *queue, const hmlc_op *op, const hmlc_value *from,
                           hmlc_layout_split split)
{
    if (op->opcode == HMLC_OP_transpose) {
        if (keeps_classes(op, split)) {
            give(queue, op->results[0], split);
        }
    } else if (!can_be_neutral(op)) {
        return;
    } else if (spreads_to_all(op)) {
        if (from->type->rank == op->results[0]->type->rank) {
            spread_same_rank(queue, op, split);
        }
    } else if (hmlc_op_operand(op, 0) == from) {
        give(queue, op->results[0], hmlc_layout_result_split(queue->state, op, split));
    }
}

static void spread_backward(split_queue *queue, const hmlc_op *op, hmlc_layout_split split)
{
    hmlc_value *operand = hmlc_op_operand(op, 0);
    if (op->opcode == HMLC_OP_transpose) {
        if (keeps_classes(op, split)) {
            give(queue, operand, split);
        }
    } else if (op->opcode == HMLC_OP_reshape) {
        give(queue, operand,
             across_reshape(queue->state, op->results[0]->type, operand->type, split));
    } else if (can_be_neutral(op) && spreads_to_all(op)) {
        spread_same_rank(queue, op, split);
    } else if (can_be_neutral(op) && operand->type->rank == op->results[0]->type->rank) {
        give(queue, operand, split);
    }
}

static void spread(split_queue *queue)
{
    while (queue->begin < queue->end) {
        hmlc_value *value = queue->values[queue->begin++];
        hmlc_layout_split split = queue->state->values[value->id].split;
        for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
            if (use->op->result_count > 0) {
                spread_forward(queue, use->op, value, split);
            }
        }
        if (value->producer != NULL) {
            spread_backward(queue, value->producer, split);
        }
    }
}

/* The split an op works in: that of its first operand with the result's rank. */
static hmlc_layout_split split_of(const hmlc_layout_state *state, const hmlc_op *op)
{
    const hmlc_value *main = hmlc_op_operand(op, 0);
    if (main == NULL || op->result_count == 0) {
        return (hmlc_layout_split){0, 0};
    }
    if (spreads_to_all(op) || op->opcode == HMLC_OP_expand) {
        main = op->results[0];
    }
    hmlc_layout_split split = state->values[main->id].split;
    bool plain = split.batch == 1 && split.channels == 1;
    return op->opcode == HMLC_OP_batch_norm && !plain ? (hmlc_layout_split){0, 0} : split;
}

static void set_role(hmlc_layout_state *state, hmlc_layout_op *entry)
{
    hmlc_op *op = entry->op;
    entry->split = split_of(state, op);
    if (is_forced(op)) {
        entry->role = HMLC_LAYOUT_FORCED;
        entry->split = (hmlc_layout_split){1, 1};
    } else if (op->opcode == HMLC_OP_transpose) {
        entry->role = HMLC_LAYOUT_PERMUTES;
    } else if (can_be_neutral(op) && entry->split.channels > 0) {
        bool maps = op->opcode != HMLC_OP_reshape ||
                    hmlc_layout_result_split(state, op, entry->split).channels > 0;
        entry->role = maps ? HMLC_LAYOUT_NEUTRAL : HMLC_LAYOUT_FIXED;
    }
}

hmlc_status hmlc_layout_propagate(hmlc_layout_state *state)
{
    split_queue queue = {.state = state};
    queue.values = HMLC_NEW_ARRAY(state->scratch, hmlc_value *, state->value_count + 1);
    HMLC_TRY_MEMORY(queue.values);
    hmlc_layout_split plain = {1, 1};
    for (uint32_t i = 0; i < state->op_count; i++) {
        const hmlc_op *op = state->ops[i].op;
        if (is_forced(op)) {
            give(&queue, hmlc_op_operand(op, 0), plain);
            give(&queue, op->results[0], plain);
        }
    }
    spread(&queue);
    for (uint32_t i = 0; i < state->op_count; i++) {
        set_role(state, &state->ops[i]);
    }
    return HMLC_OK;
}
