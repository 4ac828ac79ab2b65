/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel formation, first phase: contractions, windows, recurrent and portable ops. Each takes the
 * views on its left-hand operand along, then the elementwise ops behind it, then views through
 * which its result can be stored.
 */
#include "form.h"

#include <hmlc/attention.h>
#include <hmlc/packing.h>

static bool is_channels_last(const hmlc_op *op)
{
    return hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
}

static int64_t form_of_conv(const hmlc_op *op)
{
    if (!hmlc_type_is_static(hmlc_op_operand(op, 1)->type) || !is_channels_last(op)) {
        return HMLC_FORM_PORTABLE;
    }
    bool window = op->opcode == HMLC_OP_conv && hmlc_conv_is_window(op);
    return window ? HMLC_FORM_WINDOW : HMLC_FORM_CONTRACTION;
}

/* The form of the kernel that `op` is the anchor of; -1: rows, loops, or outside. */
static int64_t form_of(const hmlc_op *op)
{
    switch (op->opcode) {
    case HMLC_OP_matmul:
        return hmlc_right_is_constant(hmlc_op_operand(op, 1)) ? HMLC_FORM_CONTRACTION
                                                              : HMLC_FORM_PORTABLE;
    case HMLC_OP_matmul_packed:
    case HMLC_OP_pack_panels:
        return HMLC_FORM_CONTRACTION;
    case HMLC_OP_conv:
    case HMLC_OP_conv_transpose:
        return form_of_conv(op);
    case HMLC_OP_max_pool:
    case HMLC_OP_avg_pool:
        return op->result_count == 1 && is_channels_last(op) ? HMLC_FORM_WINDOW
                                                             : HMLC_FORM_PORTABLE;
    case HMLC_OP_lstm_cells:
    case HMLC_OP_gru_cells:
    case HMLC_OP_rnn_cells:
        return HMLC_FORM_RECURRENT;
    case HMLC_OP_lstm:
    case HMLC_OP_gru:
    case HMLC_OP_rnn:
    case HMLC_OP_batch_norm:
        return HMLC_FORM_PORTABLE;
    case HMLC_OP_pad:
        return hmlc_op_int(op, HMLC_ATTR_pad_mode) == HMLC_PAD_CONSTANT ? -1 : HMLC_FORM_PORTABLE;
    default:
        return hmlc_op_has(op, HMLC_TRAIT_IRREGULAR) ? HMLC_FORM_PORTABLE : -1;
    }
}

/* An elementwise op over the anchor's shape, all of whose operands lie in the group or broadcast.
 */
static bool fits_epilogue(hmlc_form_state *state, hmlc_form_group *group, const hmlc_form_op *node)
{
    const hmlc_op *op = node->op;
    hmlc_dims *dims = state->module->dims;
    if (node->group != NULL || !hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) ||
        !hmlc_type_same_shape(dims, op->results[0]->type, group->full)) {
        return false;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        if (value != NULL && !hmlc_form_broadcasts_to(dims, value->type, group->full)) {
            return false;
        }
    }
    return true;
}

/* The fitting consumer of any member that stands first in the region's list. */
static hmlc_form_op *next_candidate(hmlc_form_state *state, hmlc_form_group *group, uint32_t after)
{
    hmlc_form_op *best = NULL;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *member = &group->members[i];
        if (member->copied) {
            continue;
        }
        for (const hmlc_use *use = member->node->op->results[0]->uses; use; use = use->next) {
            hmlc_form_op *node = use->op->parent == state->region ? use->op->note : NULL;
            if (node != NULL && node->position > after &&
                (best == NULL || node->position < best->position) &&
                fits_epilogue(state, group, node)) {
                best = node;
            }
        }
    }
    return best;
}

/* The op's entry, where it lies in this region and in no kernel yet; else NULL. */
static hmlc_form_op *free_node(const hmlc_form_state *state, const hmlc_op *op)
{
    hmlc_form_op *node = op != NULL && op->parent == state->region ? op->note : NULL;
    return node != NULL && node->group == NULL ? node : NULL;
}

static void drop_to(hmlc_form_group *group, uint32_t count)
{
    while (group->member_count > count) {
        hmlc_form_group_drop_last(group);
    }
}

/* What is stored behind the member added last would have four bytes an element, and one before. */
static bool widens(const hmlc_form_group *group, uint32_t kept)
{
    const hmlc_op *before = group->members[kept - 1].node->op;
    const hmlc_op *now = group->members[group->member_count - 1].node->op;
    return hmlc_op_sums_bytes(group->anchor) &&
           hmlc_dtype_bits(before->results[0]->type->dtype) == 8 &&
           now->results[0]->type->dtype == HMLC_DTYPE_i32;
}

/* Adds elementwise consumers in list order and keeps the longest run that leaves one result. */
static void grow_epilogue(hmlc_form_state *state, hmlc_form_group *group)
{
    uint32_t kept = group->member_count;
    uint32_t after = group->last;
    hmlc_form_op *node = next_candidate(state, group, after);
    while (node != NULL && hmlc_form_group_add(group, node, false)) {
        after = node->position;
        if (!hmlc_form_group_fits(group)) {
            break;
        }
        if (hmlc_form_group_results(group) == 1 && !widens(group, kept)) {
            kept = group->member_count;
        }
        node = next_candidate(state, group, after);
    }
    drop_to(group, kept);
}

enum { MOST_SIDE = 6 };

/* The ops, cheap and with constants alone, between stored bytes and a value; 0: not so. */
static uint32_t side_chain(hmlc_form_state *state, const hmlc_form_group *group,
                           const hmlc_value *value, hmlc_form_op **nodes)
{
    for (uint32_t count = 0; count < MOST_SIDE;) {
        const hmlc_op *op = value->producer;
        hmlc_form_op *node = free_node(state, op);
        if (node == NULL || !hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) ||
            hmlc_op_has_cost(op, HMLC_COST_ONCE) || hmlc_op_has_cost(op, HMLC_COST_LONG) ||
            !hmlc_type_same_shape(state->module->dims, value->type, group->full)) {
            return 0;
        }
        nodes[count++] = node;
        value = NULL;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *operand = op->operands[k].value;
            if (operand != NULL && hmlc_value_constant(operand) == NULL) {
                if (value != NULL) {
                    return 0;
                }
                value = operand;
            }
        }
        if (value == NULL) {
            return 0;
        }
        if (op->opcode == HMLC_OP_cast && hmlc_dtype_bits(value->type->dtype) == 8) {
            return count;
        }
    }
    return 0;
}

/* Behind sums of bytes, what is added is read as the bytes that it was made of. */
static void grow_sides(hmlc_form_state *state, hmlc_form_group *group)
{
    hmlc_form_op *nodes[MOST_SIDE];
    for (uint32_t i = 1; hmlc_op_sums_bytes(group->anchor) && i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; !group->members[i].copied && k < op->operand_count; k++) {
            const hmlc_value *value = op->operands[k].value;
            bool outside = value != NULL && value->producer != NULL &&
                           hmlc_form_group_find(group, value->producer) == NULL;
            uint32_t kept = group->member_count;
            uint32_t count = outside ? side_chain(state, group, value, nodes) : 0;
            bool added = true;
            for (uint32_t n = 0; n < count && added; n++) {
                added = hmlc_form_group_add(group, nodes[n], true);
            }
            while (group->member_count > kept && (!added || !hmlc_form_group_fits(group))) {
                hmlc_form_group_drop_last(group);
            }
        }
    }
}

/* The result can be stored through views[0 .. count): rows of it stay contiguous. */
static bool stores_through(hmlc_form_state *state, hmlc_form_op *const *views, uint32_t count,
                           const hmlc_type *stored)
{
    hmlc_dims *dims = state->module->dims;
    hmlc_access access, inverted;
    hmlc_access_of_type(dims, views[count - 1]->op->results[0]->type, &access);
    for (uint32_t i = count; i-- > 0;) {
        if (!hmlc_access_invert(dims, views[i]->op, &access, &inverted)) {
            return false;
        }
        access = inverted;
    }
    return stored->rank > 0 && hmlc_dim_is(access.strides[stored->rank - 1], 1);
}

static void grow_views(hmlc_form_state *state, hmlc_form_group *group)
{
    enum { MAX_VIEWS = 8 };
    hmlc_form_op *views[MAX_VIEWS];
    uint32_t count = 0;
    const hmlc_value *value = state->ops[group->last].op->results[0];
    const hmlc_type *stored = value->type;
    while (count < MAX_VIEWS && hmlc_value_has_one_use(value)) {
        const hmlc_op *op = value->uses->op;
        hmlc_form_op *node = op->parent == state->region ? op->note : NULL;
        bool view = op->opcode == HMLC_OP_reshape || op->opcode == HMLC_OP_transpose;
        if (node == NULL || !view || node->group != NULL) {
            break;
        }
        views[count++] = node;
        value = op->results[0];
    }
    /* Reshapes at the end of the chain cost nothing outside. */
    while (count > 0 && (views[count - 1]->op->opcode != HMLC_OP_transpose ||
                         !stores_through(state, views, count, stored))) {
        count--;
    }
    for (uint32_t i = 0; i < count && hmlc_form_group_add(group, views[i], false); i++) {
    }
}

/*
 * Products and packing read any affine view. A convolution reads channels that lie behind each
 * other, or so few (an image's, planar) that it may as well walk along the width; bytes are added
 * up in groups of channels, which do lie behind each other.
 */
static bool takes_views(const hmlc_form_state *state, const hmlc_op *op)
{
    enum { FEW_CHANNELS = 4 };
    if (op->opcode != HMLC_OP_conv) {
        return op->opcode != HMLC_OP_conv_transpose;
    }
    hmlc_form_views views;
    hmlc_form_chain(state, hmlc_op_operand(op, 0), &views);
    int32_t last = views.access.rank - 1;
    int64_t channels = 0;
    bool few = hmlc_dim_is_constant(views.access.dims[last], &channels) &&
               channels <= FEW_CHANNELS && !hmlc_op_sums_bytes(op);
    /* Where a group's channels begin is known when the code is made, or they are dense. */
    bool found = hmlc_op_int(op, HMLC_ATTR_groups) == 1 ||
                 hmlc_dim_is_constant(views.access.strides[last], NULL);
    return hmlc_dim_is(views.access.strides[last], 1) || (few && found);
}

/*
 * Whatever else is packed from the same memory is packed along: keys and values of one projection.
 * All of it follows from that memory alone, so no path leads out of the group and back.
 */
static void grow_packs(hmlc_form_state *state, hmlc_form_group *group, const hmlc_form_op *first)
{
    hmlc_form_views views;
    const hmlc_value *memory = hmlc_form_chain(state, hmlc_op_operand(first->op, 0), &views);
    uint32_t count = 1;
    for (uint32_t i = first->position + 1;
         i < state->op_count && count < state->family->kernel_results; i++) {
        hmlc_form_op *node = &state->ops[i];
        if (node->op->opcode == HMLC_OP_pack_panels && node->epoch == first->epoch &&
            hmlc_form_chain(state, hmlc_op_operand(node->op, 0), &views) == memory) {
            count += hmlc_form_group_add(group, node, false) ? 1 : 0;
            hmlc_form_group_add_chain(state, group, hmlc_op_operand(node->op, 0));
        }
    }
}

/* What widens a stored right-hand side comes along, each reader's own. */
static void grow_right(hmlc_form_state *state, hmlc_form_group *group, const hmlc_op *anchor)
{
    hmlc_form_op *node = hmlc_form_node(state, hmlc_right_unpacking(anchor));
    if (node != NULL && hmlc_right_is_constant(hmlc_op_operand(anchor, 1))) {
        hmlc_form_group_add(group, node, true);
    }
}

/* Few rows are little more than a reading of keys and values, for which the packing takes longer
 * than what is saved. */
static bool pays_as_attention(const hmlc_type *scores)
{
    enum { FEW_ROWS = 8 };
    return hmlc_dim_hint(scores->dims[scores->rank - 2]) >= FEW_ROWS;
}

/* Adds ops that nobody outside the group needs, all of them or none. */
static bool add_all(hmlc_form_state *state, hmlc_form_group *group, const hmlc_op *const *ops,
                    uint32_t count)
{
    uint32_t before = group->member_count;
    bool added = true;
    for (uint32_t k = 0; k < count && added; k++) {
        hmlc_form_op *node = free_node(state, ops[k]);
        added = ops[k] == NULL || (node != NULL && hmlc_form_group_add(group, node, false));
    }
    added = added && hmlc_form_group_fits(group) && hmlc_form_group_results(group) == 1;
    if (!added) {
        drop_to(group, before);
    }
    return added;
}

/*
 * A product whose result, as its epilogue leaves it, goes into a softmax that weights another
 * product takes both along (hmlc/attention.h), and the other's epilogue.
 */
static void grow_attention(hmlc_form_state *state, hmlc_form_group *group)
{
    const hmlc_value *scores = state->ops[group->last].op->results[0];
    hmlc_attention found;
    if (group->anchor->opcode != HMLC_OP_matmul_packed || !hmlc_value_has_one_use(scores) ||
        scores->uses->op->opcode != HMLC_OP_softmax || group->full->dtype != HMLC_DTYPE_f32 ||
        !hmlc_attention_of_softmax(state->module->dims, scores->uses->op, &found) ||
        !pays_as_attention(group->full)) {
        return;
    }
    const hmlc_op *ops[] = {found.softmax, found.is_nan, found.select, found.values};
    if (!add_all(state, group, ops, sizeof ops / sizeof ops[0])) {
        return;
    }
    group->form = HMLC_FORM_ATTENTION;
    group->full = found.values->results[0]->type;
    grow_epilogue(state, group);
}

static hmlc_status form_anchor(hmlc_form_state *state, hmlc_form_op *node, int64_t form)
{
    hmlc_form_group *group = hmlc_form_group_create(state, form);
    HMLC_TRY_MEMORY(group);
    group->anchor = node->op;
    group->full = node->op->results[0]->type;
    hmlc_form_group_add(group, node, false);
    if (form == HMLC_FORM_CONTRACTION && takes_views(state, node->op)) {
        hmlc_form_group_add_chain(state, group, hmlc_op_operand(node->op, 0));
    }
    if (form == HMLC_FORM_CONTRACTION) {
        grow_right(state, group, node->op);
    }
    bool fuses = form == HMLC_FORM_CONTRACTION || form == HMLC_FORM_WINDOW;
    if (node->op->opcode == HMLC_OP_pack_panels) {
        grow_packs(state, group, node);
    } else if (fuses) {
        grow_epilogue(state, group);
        grow_sides(state, group);
        if (form == HMLC_FORM_CONTRACTION) {
            grow_attention(state, group);
            grow_views(state, group);
        }
    }
    hmlc_form_group_finish(state, group);
    return HMLC_OK;
}

hmlc_status hmlc_form_anchors(hmlc_form_state *state)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_form_op *node = &state->ops[i];
        int64_t form = form_of(node->op);
        if (form >= 0 && node->group == NULL) {
            HMLC_TRY(form_anchor(state, node, form));
        }
    }
    return HMLC_OK;
}
