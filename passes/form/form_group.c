/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel formation: building a group, and the searches that keep the graph of groups free of
 * cycles. */
#include <string.h>

#include "form.h"

hmlc_form_group *hmlc_form_group_create(hmlc_form_state *state, int64_t form)
{
    enum { FIRST_CAPACITY = 4 };
    hmlc_form_group *group = HMLC_NEW(state->scratch, hmlc_form_group);
    hmlc_form_member *members = HMLC_NEW_ARRAY(state->scratch, hmlc_form_member, FIRST_CAPACITY);
    if (group != NULL && members != NULL) {
        group->arena = state->scratch;
        group->family = state->family;
        group->members = members;
        group->member_capacity = FIRST_CAPACITY;
        group->form = form;
        group->number = ++state->group_count;
        group->first = UINT32_MAX;
        group->next = state->groups;
        state->groups = group;
    }
    return members != NULL ? group : NULL;
}

static bool has_room(hmlc_form_group *group)
{
    if (group->member_count < group->member_capacity) {
        return true;
    }
    if (group->member_count == HMLC_FORM_MAX_MEMBERS) {
        return false;
    }
    uint32_t capacity = group->member_capacity * 2;
    hmlc_form_member *larger = HMLC_NEW_ARRAY(group->arena, hmlc_form_member, capacity);
    if (larger == NULL) {
        return false;
    }
    memcpy(larger, group->members, group->member_count * sizeof *larger);
    group->members = larger;
    group->member_capacity = capacity;
    return true;
}

bool hmlc_form_group_add(hmlc_form_group *group, hmlc_form_op *node, bool copied)
{
    if (!has_room(group)) {
        return false;
    }
    group->members[group->member_count++] = (hmlc_form_member){.node = node, .copied = copied};
    if (!copied) {
        node->group = group;
        group->first = node->position < group->first ? node->position : group->first;
        group->last = node->position > group->last ? node->position : group->last;
    }
    return true;
}

void hmlc_form_group_drop_last(hmlc_form_group *group)
{
    hmlc_form_member *last = &group->members[--group->member_count];
    if (!last->copied) {
        last->node->group = NULL;
    }
    group->first = UINT32_MAX;
    group->last = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *member = &group->members[i];
        uint32_t position = member->node->position;
        if (!member->copied) {
            group->first = position < group->first ? position : group->first;
            group->last = position > group->last ? position : group->last;
        }
    }
}

hmlc_form_member *hmlc_form_group_find(hmlc_form_group *group, const hmlc_op *op)
{
    for (uint32_t i = 0; op != NULL && i < group->member_count; i++) {
        if (group->members[i].node->op == op) {
            return &group->members[i];
        }
    }
    return NULL;
}

bool hmlc_form_group_reads(hmlc_form_group *group, const hmlc_use *use)
{
    return use->value != NULL && hmlc_form_group_find(group, use->value->producer) == NULL &&
           !hmlc_form_is_inline_constant(use);
}

bool hmlc_form_group_fits(hmlc_form_group *group)
{
    const hmlc_value *found[HMLC_FORM_MAX_OPERANDS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            uint32_t known = 0;
            while (known < count && found[known] != op->operands[k].value) {
                known++;
            }
            if (known < count || !hmlc_form_group_reads(group, &op->operands[k])) {
                continue;
            }
            if (count == group->family->kernel_arguments || count == HMLC_FORM_MAX_OPERANDS) {
                return false;
            }
            found[count++] = op->operands[k].value;
        }
    }
    return true;
}

/* A copied user counts as outside: the op that it was copied from may be needed there, too. */
static bool value_used_outside(hmlc_form_group *group, const hmlc_value *value)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        const hmlc_form_member *user = hmlc_form_group_find(group, use->op);
        if (user == NULL || user->copied) {
            return true;
        }
    }
    return false;
}

bool hmlc_form_group_has_all_uses(hmlc_form_group *group, const hmlc_form_op *node)
{
    if (node->required) {
        return false;
    }
    for (uint32_t i = 0; i < node->op->result_count; i++) {
        if (value_used_outside(group, node->op->results[i])) {
            return false;
        }
    }
    return true;
}

uint32_t hmlc_form_group_results(hmlc_form_group *group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *member = &group->members[i];
        if (!member->copied) {
            count += hmlc_form_group_has_all_uses(group, member->node) ? 0 : 1;
        }
    }
    return count;
}

/*
 * A bounded search over ops, in which a finished group counts as one node. Paths run from lower to
 * higher positions, except through a group with several results, a bridge, which may be entered at
 * a late member and left at an early one. So a search down ends at the target's last member, or at
 * the last one of the bridges that lead from there on; a search up likewise.
 */
enum { SEARCH_LIMIT = 256 };

typedef struct form_search {
    hmlc_form_state *state;
    hmlc_form_group *target;
    bool down;
    uint32_t end; /* no path from behind this position leads back */
    hmlc_form_op *stack[SEARCH_LIMIT];
    uint32_t depth, visited;
    bool found; /* or given up */
} form_search;

static uint32_t search_end(const hmlc_form_state *state, const hmlc_form_group *target, bool down)
{
    uint32_t end = down ? target->last : target->first;
    bool moved = true;
    while (moved) {
        moved = false;
        for (const hmlc_form_group *bridge = state->bridges; bridge; bridge = bridge->next_bridge) {
            if (bridge->first <= end && bridge->last >= end) {
                uint32_t next = down ? bridge->last : bridge->first;
                moved |= next != end;
                end = next;
            }
        }
    }
    return end;
}

static void search_begin(form_search *search, hmlc_form_state *state, hmlc_form_group *target,
                         bool down)
{
    search->state = state;
    search->target = target;
    search->down = down;
    search->end = search_end(state, target, down);
    search->depth = 0;
    search->visited = 0;
    search->found = false;
    state->stamp++;
}

static void search_push(form_search *search, hmlc_form_op *node)
{
    if (node == NULL || node->stamp == search->state->stamp) {
        return;
    }
    uint32_t first = node->group != NULL ? node->group->first : node->position;
    uint32_t last = node->group != NULL ? node->group->last : node->position;
    if (search->down ? first > search->end : last < search->end) {
        return;
    }
    node->stamp = search->state->stamp;
    if (node->group == search->target || search->visited == SEARCH_LIMIT) {
        search->found = true;
        return;
    }
    search->visited++;
    search->stack[search->depth++] = node;
}

/* The ops that a step of the search starts from: the node, or all of its group, once. */
static uint32_t search_expand(form_search *search, hmlc_form_op *node, hmlc_form_op **ops)
{
    hmlc_form_group *group = node->group;
    if (group == NULL) {
        ops[0] = node;
        return 1;
    }
    if (group->stamp == search->state->stamp) {
        return 0;
    }
    group->stamp = search->state->stamp;
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        if (!group->members[i].copied) {
            ops[count++] = group->members[i].node;
        }
    }
    return count;
}

static void search_up(form_search *search, const hmlc_op *op)
{
    if (op->region_count > 0) {
        search->found = true;
        return;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        if (value != NULL && value->producer != NULL) {
            search_push(search, hmlc_form_node(search->state, value->producer));
        }
    }
}

static void search_down(form_search *search, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        for (const hmlc_use *use = op->results[i]->uses; use != NULL; use = use->next) {
            search_push(search, hmlc_form_node(search->state, use->op));
        }
    }
}

static bool search_run(form_search *search, void (*step)(form_search *, const hmlc_op *))
{
    while (search->depth > 0 && !search->found) {
        hmlc_form_op *ops[HMLC_FORM_MAX_MEMBERS];
        uint32_t count = search_expand(search, search->stack[--search->depth], ops);
        for (uint32_t i = 0; i < count && !search->found; i++) {
            step(search, ops[i]->op);
        }
    }
    return search->found;
}

/* Groups with several results stay between two neighbouring bind_dims or region ops. */
static bool same_epoch(const hmlc_form_state *state, const hmlc_form_group *group,
                       const hmlc_form_op *node)
{
    return state->ops[group->first].epoch == node->epoch &&
           state->ops[group->last].epoch == node->epoch;
}

bool hmlc_form_reaches_consumer(hmlc_form_state *state, hmlc_form_group *group,
                                const hmlc_form_op *node)
{
    if (!same_epoch(state, group, node)) {
        return true;
    }
    form_search search;
    search_begin(&search, state, group, false);
    for (uint32_t i = 0; i < node->op->operand_count; i++) {
        const hmlc_value *value = node->op->operands[i].value;
        hmlc_form_op *producer = value != NULL && value->producer != NULL
                                     ? hmlc_form_node(state, value->producer)
                                     : NULL;
        if (producer != NULL && producer->group != group) {
            search_push(&search, producer);
        }
    }
    return search_run(&search, search_up);
}

bool hmlc_form_producer_escapes(hmlc_form_state *state, hmlc_form_group *group,
                                const hmlc_form_op *node)
{
    if (!same_epoch(state, group, node)) {
        return true;
    }
    form_search search;
    search_begin(&search, state, group, true);
    for (uint32_t i = 0; i < node->op->result_count; i++) {
        for (const hmlc_use *use = node->op->results[i]->uses; use != NULL; use = use->next) {
            hmlc_form_op *user = hmlc_form_node(state, use->op);
            if (user != NULL && user->group != group) {
                search_push(&search, user);
            }
        }
    }
    return search_run(&search, search_down);
}

static void mark_required(hmlc_form_state *state, const hmlc_value *value)
{
    hmlc_form_op *node = value->producer != NULL ? hmlc_form_node(state, value->producer) : NULL;
    if (node != NULL) {
        node->required = true;
    }
}

void hmlc_form_group_finish(hmlc_form_state *state, hmlc_form_group *group)
{
    for (uint32_t i = 1; i < group->member_count; i++) {
        hmlc_form_member moved = group->members[i];
        uint32_t k = i;
        for (; k > 0 && group->members[k - 1].node->position > moved.node->position; k--) {
            group->members[k] = group->members[k - 1];
        }
        group->members[k] = moved;
    }
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            if (hmlc_form_group_reads(group, &op->operands[k])) {
                mark_required(state, op->operands[k].value);
            }
        }
    }
    if (hmlc_form_group_results(group) > 1) {
        group->next_bridge = state->bridges;
        state->bridges = group;
    }
}

bool hmlc_form_group_add_chain(hmlc_form_state *state, hmlc_form_group *group, hmlc_value *value)
{
    hmlc_form_views views;
    hmlc_form_chain(state, value, &views);
    uint32_t before = group->member_count;
    if (before + views.count > HMLC_FORM_MAX_MEMBERS) {
        return false;
    }
    for (uint32_t i = 0; i < views.count; i++) {
        if (hmlc_form_group_find(group, views.ops[i]) == NULL) {
            hmlc_form_group_add(group, views.ops[i]->note, true);
        }
    }
    return true;
}
