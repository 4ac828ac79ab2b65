/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: the network whose minimum cut says which neutral ops work in the alternative order. */
#include "layout.h"

/* More than all other edges together can weigh. */
static const int64_t unlimited = INT64_C(1) << 61;
enum { MAX_WEIGHT_BITS = 40 };

static const uint32_t any_side = UINT32_MAX;

/* The order of `operand` in which a transpose costs nothing when its result has `result`'s. */
static bool transpose_is_free(const hmlc_op *transpose, const hmlc_layout_order *operand,
                              const hmlc_layout_order *result)
{
    const hmlc_attr *permutation = hmlc_list_attr(transpose, HMLC_ATTR_permutation);
    hmlc_layout_order wanted = {.rank = result->rank};
    for (int32_t i = 0; i < result->rank; i++) {
        wanted.axes[i] = permutation->as.integers[result->axes[i]];
    }
    return hmlc_layout_order_same_bytes(hmlc_op_operand(transpose, 0)->type, operand, &wanted);
}

/* What bringing the value from one order into the other costs: its bytes, or nothing. */
static int64_t weight_of(const hmlc_layout_state *state, const hmlc_value *value)
{
    const hmlc_type *type = value->type;
    hmlc_layout_order graph = hmlc_layout_order_identity(type->rank);
    hmlc_layout_order other = hmlc_layout_order_of(state->values[value->id].split, type->rank);
    if (hmlc_value_constant(value) != NULL || hmlc_layout_order_same_bytes(type, &graph, &other)) {
        return 0;
    }
    int64_t count = hmlc_dim_hint(hmlc_type_count(state->module->dims, type));
    int64_t bytes = (int64_t)hmlc_dtype_bytes(type->dtype);
    int64_t limit = (INT64_C(1) << MAX_WEIGHT_BITS) / 16;
    return bytes * (count < 1 ? 1 : count > limit ? limit : count);
}

/* The order that a transpose would like on one side, where some choice makes it vanish. */
static uint32_t transpose_side(const hmlc_layout_state *state, const hmlc_op *op, bool of_result)
{
    const hmlc_value *x = hmlc_op_operand(op, 0), *y = op->results[0];
    hmlc_layout_order x_graph = hmlc_layout_order_identity(x->type->rank);
    hmlc_layout_order y_graph = hmlc_layout_order_identity(y->type->rank);
    hmlc_layout_order x_other = hmlc_layout_order_of(state->values[x->id].split, x->type->rank);
    hmlc_layout_order y_other = hmlc_layout_order_of(state->values[y->id].split, y->type->rank);
    if (transpose_is_free(op, &x_other, &y_graph)) {
        return of_result ? HMLC_LAYOUT_SOURCE : HMLC_LAYOUT_SINK;
    }
    if (transpose_is_free(op, &x_graph, &y_other)) {
        return of_result ? HMLC_LAYOUT_SINK : HMLC_LAYOUT_SOURCE;
    }
    return any_side;
}

static uint32_t maker_node(hmlc_layout_state *state, hmlc_layout_flow *flow,
                           const hmlc_value *value)
{
    if (value->producer == NULL) {
        return HMLC_LAYOUT_SOURCE;
    }
    const hmlc_layout_op *entry = hmlc_layout_op_of(value->producer);
    switch (entry->role) {
    case HMLC_LAYOUT_FORCED:
        return HMLC_LAYOUT_SINK;
    case HMLC_LAYOUT_NEUTRAL:
        return entry->node;
    case HMLC_LAYOUT_PERMUTES: {
        uint32_t side = transpose_side(state, value->producer, true);
        hmlc_layout_value *own = &state->values[value->id];
        if (side == any_side) {
            own->node = own->node == 0 ? hmlc_layout_flow_node(flow) : own->node;
            side = own->node;
        }
        return side;
    }
    case HMLC_LAYOUT_FIXED:
        break;
    }
    return HMLC_LAYOUT_SOURCE;
}

static uint32_t reader_node(const hmlc_layout_state *state, const hmlc_use *use)
{
    const hmlc_layout_op *entry = hmlc_layout_op_of(use->op);
    switch (entry->role) {
    case HMLC_LAYOUT_FORCED:
        return use->index == 0 ? HMLC_LAYOUT_SINK : HMLC_LAYOUT_SOURCE;
    case HMLC_LAYOUT_NEUTRAL:
        return entry->node;
    case HMLC_LAYOUT_PERMUTES:
        return transpose_side(state, use->op, false);
    case HMLC_LAYOUT_FIXED:
        break;
    }
    return HMLC_LAYOUT_SOURCE;
}

/* The weight counts once, however many readers want the order that the maker does not give. */
static void connect(hmlc_layout_state *state, hmlc_layout_flow *flow, const hmlc_value *value)
{
    int64_t weight = weight_of(state, value);
    if (weight == 0 || value->uses == NULL) {
        return;
    }
    uint32_t maker = maker_node(state, flow, value);
    if (hmlc_value_has_one_use(value)) {
        uint32_t reader = reader_node(state, value->uses);
        if (reader != any_side) {
            hmlc_layout_flow_edge(flow, maker, reader, weight, weight);
        }
        return;
    }
    uint32_t down = hmlc_layout_flow_node(flow), up = hmlc_layout_flow_node(flow);
    hmlc_layout_flow_edge(flow, maker, down, weight, 0);
    hmlc_layout_flow_edge(flow, up, maker, weight, 0);
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        uint32_t reader = reader_node(state, use);
        if (reader != any_side) {
            hmlc_layout_flow_edge(flow, down, reader, unlimited, 0);
            hmlc_layout_flow_edge(flow, reader, up, unlimited, 0);
        }
    }
}

static void read_labels(hmlc_layout_state *state, const hmlc_layout_flow *flow)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_layout_op *entry = &state->ops[i];
        if (entry->role == HMLC_LAYOUT_FORCED) {
            entry->alternative = true;
        } else if (entry->role == HMLC_LAYOUT_NEUTRAL) {
            entry->alternative = !hmlc_layout_flow_at_source(flow, entry->node);
        } else if (entry->role == HMLC_LAYOUT_PERMUTES) {
            hmlc_layout_value *result = &state->values[entry->op->results[0]->id];
            uint32_t side = transpose_side(state, entry->op, true);
            bool other = side == HMLC_LAYOUT_SINK;
            if (side == any_side) {
                other = result->node != 0 && !hmlc_layout_flow_at_source(flow, result->node);
            }
            result->alternative = other && result->split.channels > 0;
        }
    }
}

hmlc_status hmlc_layout_cut(hmlc_layout_state *state)
{
    hmlc_layout_flow *flow = hmlc_layout_flow_create(state->scratch);
    HMLC_TRY_MEMORY(flow);
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_layout_op *entry = &state->ops[i];
        if (entry->role == HMLC_LAYOUT_NEUTRAL) {
            entry->node = hmlc_layout_flow_node(flow);
        }
    }
    const hmlc_region *main = state->module->main;
    for (uint32_t i = 0; i < main->argument_count; i++) {
        connect(state, flow, main->arguments[i]);
    }
    for (uint32_t i = 0; i < state->op_count; i++) {
        const hmlc_op *op = state->ops[i].op;
        for (uint32_t k = 0; k < op->result_count; k++) {
            connect(state, flow, op->results[k]);
        }
    }
    HMLC_TRY(hmlc_layout_flow_run(flow));
    read_labels(state, flow);
    return HMLC_OK;
}
