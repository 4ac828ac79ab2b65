/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel formation, second phase: reductions and rowwise ops. A group has one shape F and one set
 * of axes; it takes in elementwise producers and consumers over F or the reduced shape, and further
 * reductions over the same axes.
 */
#include "form.h"

static bool is_row_op(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE);
}

/* F with the reduced dims kept as 1. */
static bool has_kept_shape(hmlc_form_state *state, const hmlc_form_group *group,
                           const hmlc_type *type)
{
    uint32_t mask = hmlc_op_axes_mask(group->rows);
    if (type->rank != group->full->rank) {
        return false;
    }
    for (int32_t i = 0; i < type->rank; i++) {
        bool reduced = (mask >> i) & 1;
        if (reduced
                ? !hmlc_dim_is(type->dims[i], 1)
                : !hmlc_dim_known_equal(state->module->dims, type->dims[i], group->full->dims[i])) {
            return false;
        }
    }
    return true;
}

/* F without the reduced dims. */
static bool has_dropped_shape(hmlc_form_state *state, const hmlc_form_group *group,
                              const hmlc_type *type)
{
    uint32_t mask = hmlc_op_axes_mask(group->rows);
    int32_t k = 0;
    for (int32_t i = 0; i < group->full->rank; i++) {
        if ((mask >> i) & 1) {
            continue;
        }
        if (k == type->rank ||
            !hmlc_dim_known_equal(state->module->dims, type->dims[k], group->full->dims[i])) {
            return false;
        }
        k++;
    }
    return k == type->rank;
}

typedef enum row_domain { ROW_NONE, ROW_FULL, ROW_KEPT, ROW_DROPPED } row_domain;

static row_domain domain_of(hmlc_form_state *state, const hmlc_form_group *group,
                            const hmlc_type *type)
{
    if (type->kind != HMLC_KIND_TENSOR) {
        return ROW_NONE;
    }
    if (hmlc_type_same_shape(state->module->dims, type, group->full)) {
        return ROW_FULL;
    }
    if (has_kept_shape(state, group, type)) {
        return ROW_KEPT;
    }
    return has_dropped_shape(state, group, type) ? ROW_DROPPED : ROW_NONE;
}

/*
 * Where a value made in the group stands: dropped dims are told apart by who made it, since with
 * equal dims [5, 5] reduced to [5] would also broadcast, along the wrong axis.
 */
static row_domain domain_of_member(hmlc_form_state *state, const hmlc_form_group *group,
                                   const hmlc_op *op)
{
    if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION)) {
        return hmlc_op_int(op, HMLC_ATTR_keep_dims) != 0 ? ROW_KEPT : ROW_DROPPED;
    }
    return domain_of(state, group, op->results[0]->type);
}

static bool operands_fit(hmlc_form_state *state, hmlc_form_group *group, const hmlc_op *op,
                         row_domain domain)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        if (value == NULL) {
            continue;
        }
        if (!hmlc_form_broadcasts_to(state->module->dims, value->type, op->results[0]->type)) {
            return false;
        }
        const hmlc_form_member *member = hmlc_form_group_find(group, value->producer);
        if (member == NULL || member->copied) {
            continue;
        }
        row_domain made = domain_of_member(state, group, member->node->op);
        if (made != domain && !(made == ROW_KEPT && domain == ROW_FULL)) {
            return false;
        }
    }
    return true;
}

static bool fits_as_consumer(hmlc_form_state *state, hmlc_form_group *group,
                             const hmlc_form_op *node)
{
    const hmlc_op *op = node->op;
    if (node->group != NULL || op->result_count != 1 || node->tried == group->number) {
        return false;
    }
    if (is_row_op(op)) {
        const hmlc_form_member *source =
            hmlc_form_group_find(group, hmlc_op_operand(op, 0)->producer);
        return source != NULL && hmlc_op_axes_mask(op) == hmlc_op_axes_mask(group->rows) &&
               domain_of_member(state, group, source->node->op) == ROW_FULL &&
               (hmlc_op_has(op, HMLC_TRAIT_REDUCTION) || operands_fit(state, group, op, ROW_FULL));
    }
    row_domain domain = domain_of(state, group, op->results[0]->type);
    return hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) && domain != ROW_NONE &&
           operands_fit(state, group, op, domain);
}

static hmlc_form_op *next_consumer(hmlc_form_state *state, hmlc_form_group *group)
{
    hmlc_form_op *best = NULL;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *member = &group->members[i];
        if (member->copied) {
            continue;
        }
        for (const hmlc_use *use = member->node->op->results[0]->uses; use; use = use->next) {
            hmlc_form_op *node = use->op->parent == state->region ? use->op->note : NULL;
            if (node != NULL && (best == NULL || node->position < best->position) &&
                fits_as_consumer(state, group, node)) {
                best = node;
            }
        }
    }
    return best;
}

static bool within_limits(hmlc_form_group *group)
{
    return hmlc_form_group_fits(group) &&
           hmlc_form_group_results(group) <= group->family->kernel_results;
}

static bool add_within_limits(hmlc_form_group *group, hmlc_form_op *node, bool copied)
{
    if (!hmlc_form_group_add(group, node, copied)) {
        return false;
    }
    if (within_limits(group)) {
        return true;
    }
    hmlc_form_group_drop_last(group);
    return false;
}

static bool grow_down(hmlc_form_state *state, hmlc_form_group *group)
{
    bool grown = false;
    hmlc_form_op *node = next_consumer(state, group);
    while (node != NULL) {
        node->tried = group->number;
        if (!hmlc_form_reaches_consumer(state, group, node)) {
            grown |= add_within_limits(group, node, false);
        }
        node = next_consumer(state, group);
    }
    return grown;
}

static bool single_pass(const hmlc_form_group *group)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        rows += is_row_op(group->members[i].node->op) ? 1 : 0;
    }
    return rows == 1 && hmlc_op_has(group->rows, HMLC_TRAIT_REDUCTION);
}

static bool fits_as_producer(hmlc_form_state *state, hmlc_form_group *group,
                             const hmlc_form_op *node)
{
    const hmlc_op *op = node->op;
    if (node->group != NULL || !hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) ||
        (hmlc_op_has_cost(op, HMLC_COST_ONCE) && !single_pass(group))) {
        return false;
    }
    row_domain domain = domain_of(state, group, op->results[0]->type);
    return (domain == ROW_FULL || domain == ROW_KEPT) && operands_fit(state, group, op, domain);
}

/* It reads what only a loop kernel can make, and would fuse with that: a gather, a concat. */
static bool belongs_to_loop(const hmlc_form_state *state, const hmlc_form_op *node)
{
    for (uint32_t i = 0; i < node->op->operand_count; i++) {
        const hmlc_value *value = node->op->operands[i].value;
        const hmlc_op *producer = value != NULL ? value->producer : NULL;
        if (producer != NULL && producer->parent == state->region &&
            hmlc_op_has(producer, HMLC_TRAIT_INDEXED | HMLC_TRAIT_MOVEMENT) &&
            hmlc_value_has_one_use(value)) {
            return true;
        }
    }
    return false;
}

/* Whether `node` joined, as its own or a copy. */
static bool take_producer(hmlc_form_state *state, hmlc_form_group *group, hmlc_form_op *node)
{
    if (!fits_as_producer(state, group, node) || belongs_to_loop(state, node)) {
        return false;
    }
    if (hmlc_form_group_has_all_uses(group, node)) {
        return add_within_limits(group, node, false);
    }
    if (hmlc_form_is_copyable(state, node)) {
        return add_within_limits(group, node, true);
    }
    /* A value that others read too is stored on the way, once. */
    return !hmlc_op_has_cost(node->op, HMLC_COST_ONCE) &&
           !hmlc_form_producer_escapes(state, group, node) && add_within_limits(group, node, false);
}

static bool grow_up(hmlc_form_state *state, hmlc_form_group *group)
{
    bool grown = false;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *value = op->operands[k].value;
            if (value == NULL || value->producer == NULL ||
                value->producer->parent != state->region ||
                hmlc_form_group_find(group, value->producer) != NULL) {
                continue;
            }
            grown |= take_producer(state, group, value->producer->note);
        }
    }
    return grown;
}

/* Arguments seen through views: the views join as copies unless too many others want the same one.
 */
static void take_views(hmlc_form_state *state, hmlc_form_group *group)
{
    uint32_t count = group->member_count;
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            hmlc_value *value = op->operands[k].value;
            if (value == NULL || hmlc_form_group_find(group, value->producer) != NULL) {
                continue;
            }
            hmlc_form_group_add_chain(state, group, value);
        }
    }
}

static hmlc_status form_row_group(hmlc_form_state *state, hmlc_form_op *node)
{
    hmlc_form_group *group = hmlc_form_group_create(state, HMLC_FORM_LOOP);
    HMLC_TRY_MEMORY(group);
    group->rows = node->op;
    group->full = hmlc_op_operand(node->op, 0)->type;
    hmlc_form_group_add(group, node, false);
    bool grown = true;
    while (grown) {
        grown = grow_up(state, group);
        grown |= grow_down(state, group);
    }
    take_views(state, group);
    hmlc_form_group_finish(state, group);
    return HMLC_OK;
}

hmlc_status hmlc_form_rows(hmlc_form_state *state)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_form_op *node = &state->ops[i];
        if (node->group == NULL && is_row_op(node->op)) {
            HMLC_TRY(form_row_group(state, node));
        }
    }
    return HMLC_OK;
}
